"""`inventory snapshot`: create, list and show."""

from typing import Annotated, Any

import typer

from inventory_cli import render
from inventory_cli.errors import CliError, WrongUse
from inventory_cli.instants import unix_seconds
from inventory_cli.options import AtMost, IdempotencyKey, Limit, Wait
from inventory_cli.session import Session, session_of
from inventory_cli.waiting import wait_for

app = typer.Typer(no_args_is_help=True, help="What was where at an instant, sealed: take snapshots, look at them.")

SnapshotId = Annotated[str, typer.Argument(metavar="SNAPSHOT_ID", help="snap_…", show_default=False)]
_URL = "/v1/snapshots"


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
    session = session_of(context)
    body = {"as_of": None if as_of is None else unix_seconds(as_of)}
    reply = session.api.post(_URL, body, idempotency_key=idempotency_key)
    if reply.replayed and idempotency_key:
        session.output.note("Replayed: this was asked for before, by a request with the same Idempotency-Key.")
    _show(session, _waited(session, reply.body, at_most) if wait else reply.body)


@app.command("list")
def list_snapshots(context: typer.Context, limit: Limit = 20) -> None:
    """List the complete snapshots, the latest instant first."""
    session = session_of(context)
    found, has_more = session.api.pages(_URL, {}, limit=limit)
    data = {"object": "list", "has_more": has_more, "data": found}
    session.output.show(data, render.snapshots(found) if found else "No snapshots yet.")
    if has_more:
        session.output.note(f"There are more than {limit}: see --limit.")


@app.command()
def show(context: typer.Context, snapshot_id: SnapshotId, wait: Wait = False, at_most: AtMost = 1800) -> None:
    """Show a snapshot, also one that is under way or has failed."""
    session = session_of(context)
    snapshot = session.api.get(_path(snapshot_id))
    _show(session, _waited(session, snapshot, at_most) if wait else snapshot)


def _path(snapshot_id: str) -> str:
    if not snapshot_id.isascii() or not snapshot_id.replace("_", "").isalnum():
        raise WrongUse(f"{snapshot_id!r} is no id of a snapshot: it begins with snap_.")
    return f"{_URL}/{snapshot_id}"


def _waited(session: Session, snapshot: dict[str, Any], at_most_s: float) -> dict[str, Any]:
    if snapshot["status"] != "pending":
        return snapshot
    return wait_for(session, _path(snapshot["id"]), "the snapshot", at_most_s=at_most_s)


def _show(session: Session, snapshot: dict[str, Any]) -> None:
    session.output.show(snapshot, render.snapshot(snapshot))
    if snapshot["status"] == "failed":
        raise CliError(
            f"The snapshot failed: {snapshot['error']['message']}", details={"code": snapshot["error"]["code"]}
        )
