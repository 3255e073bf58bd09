"""`inventory snapshot`: create, list and show."""

import json
from typing import Annotated

import typer

from inventory_cli import render
from inventory_cli.aws import explained
from inventory_cli.errors import WrongUse
from inventory_cli.instants import unix_seconds
from inventory_cli.options import AtMost, IdempotencyKey, Limit, Wait
from inventory_cli.runs import Runs
from inventory_cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="What was where at an instant, sealed: take snapshots, look at them.")

SnapshotId = Annotated[str, typer.Argument(metavar="SNAPSHOT_ID", help="snap_…", show_default=False)]
_SNAPSHOTS = Runs("/v1/snapshots", "snapshot", "snap_", render.snapshot, render.snapshots)


@app.command()
def create(
    context: typer.Context,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="'2026-11-22 18:00:00' (UTC), or Unix seconds. Default: the latest possible.",
            show_default=False,
        ),
    ] = None,
    wait: Wait = False,
    at_most: AtMost = 1800,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Take the snapshot of an instant. One that is there, or under way, is the answer; one that failed begins anew.

    For example:

        inventory snapshot create --wait

        inventory snapshot create --as-of '2026-11-22 18:00:00'
    """
    body = {"as_of": None if as_of is None else unix_seconds(as_of)}
    _SNAPSHOTS.begin(session_of(context), body, idempotency_key, at_most_s=at_most if wait else None)


@app.command("open")
def open_history(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why it cannot go on: signed, and kept for ever.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Open the history anew where it cannot go on: after a hole in the archive, or with restored tables.

    What is live now becomes the beginning; what is lost between the last snapshot and now is named, record by record,
    and never proved again. docs/runbook.md says when, and what to do before. With the operator's AWS credentials.

    For example:

        inventory snapshot open --reason 'INC-77: the archiver was down from 20 to 22 November'
    """
    session = session_of(context)
    if not reason.strip():
        raise WrongUse("A reason is needed: whoever audits this history will read it.")
    with explained():
        actor = session.aws.identity
        if not yes:
            typer.confirm(f"Open the history of {session.stack.name} anew, as {actor}?", abort=True, err=True)
        words = {"as_of_ms": None, "align_ms": 1000, "mode": "opening", "reason": reason.strip(), "actor": actor}
        started = session.aws.machines.start_execution(
            stateMachineArn=session.stack.output("SnapshotMachine"), input=json.dumps(words)
        )
    data = {"object": "opening", "execution": started["executionArn"], "reason": reason.strip(), "actor": actor}
    session.output.show(
        data, f"Under way: {started['executionArn']}. `inventory snapshot list` shows it when it is done."
    )


@app.command("list")
def list_snapshots(context: typer.Context, limit: Limit = 20) -> None:
    """List the complete snapshots, the latest instant first."""
    _SNAPSHOTS.list(session_of(context), limit)


@app.command()
def show(context: typer.Context, snapshot_id: SnapshotId, wait: Wait = False, at_most: AtMost = 1800) -> None:
    """Show a snapshot, also one that is under way or has failed."""
    _SNAPSHOTS.show(session_of(context), snapshot_id, at_most_s=at_most if wait else None)
