"""`inventory audit`: run, list and show."""

from typing import Annotated

import typer

from inventory_cli import render
from inventory_cli.errors import Discrepancies
from inventory_cli.options import AtMost, IdempotencyKey, Limit, Wait
from inventory_cli.runs import Json, Runs
from inventory_cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="Check a snapshot against the live tables and the archive.")

AuditId = Annotated[str, typer.Argument(metavar="AUDIT_ID", help="audit_…", show_default=False)]
_AUDITS = Runs("/v1/audits", "audit", "audit_", render.audit, render.audits)


@app.command()
def run(
    context: typer.Context,
    snapshot: Annotated[
        str | None,
        typer.Option(metavar="SNAPSHOT_ID", help="Default: the latest complete one.", show_default=False),
    ] = None,
    wait: Wait = False,
    at_most: AtMost = 1800,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Begin an audit of a snapshot. With --wait the exit code is 6 where it found anything wrong.

    For example:

        inventory audit run --wait

        inventory audit run --snapshot snap_0198… --wait --json
    """
    at_most_s = at_most if wait else None
    _judge(_AUDITS.begin(session_of(context), {"snapshot": snapshot}, idempotency_key, at_most_s=at_most_s))


@app.command("list")
def list_audits(context: typer.Context, limit: Limit = 20) -> None:
    """List the complete audits, newest first."""
    _AUDITS.list(session_of(context), limit)


@app.command()
def show(context: typer.Context, audit_id: AuditId, wait: Wait = False, at_most: AtMost = 1800) -> None:
    """Show an audit, also one that is under way or has failed."""
    _judge(_AUDITS.show(session_of(context), audit_id, at_most_s=at_most if wait else None))


def _judge(audit: Json) -> None:
    if audit["status"] == "complete" and audit["discrepancies"]:
        raise Discrepancies(
            f"{audit['discrepancies']} discrepancies: `inventory query discrepancies` shows each with its evidence."
        )
