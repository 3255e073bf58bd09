"""`inventory audit`: run, list and show."""

from typing import Annotated, Any

import typer

from inventory_cli import render
from inventory_cli.errors import CliError, WrongUse
from inventory_cli.options import AtMost, IdempotencyKey, Limit, Wait
from inventory_cli.session import Session, session_of
from inventory_cli.waiting import wait_for

app = typer.Typer(no_args_is_help=True, help="Check a snapshot against the live tables and the archive.")

AuditId = Annotated[str, typer.Argument(metavar="AUDIT_ID", help="audit_…", show_default=False)]
_URL = "/v1/audits"


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
    """Begin an audit of a snapshot. With --wait the exit code is 1 where it found anything wrong.

    For example:

        inventory audit run --wait

        inventory audit run --snapshot snap_0198… --wait --json
    """
    session = session_of(context)
    reply = session.api.post(_URL, {"snapshot": snapshot}, idempotency_key=idempotency_key)
    if reply.replayed and idempotency_key:
        session.output.note("Replayed: this was asked for before, by a request with the same Idempotency-Key.")
    _show(session, _waited(session, reply.body, at_most) if wait else reply.body)


@app.command("list")
def list_audits(context: typer.Context, limit: Limit = 20) -> None:
    """List the complete audits, newest first."""
    session = session_of(context)
    found, has_more = session.api.pages(_URL, {}, limit=limit)
    data = {"object": "list", "has_more": has_more, "data": found}
    session.output.show(data, render.audits(found) if found else "No audits yet.")
    if has_more:
        session.output.note(f"There are more than {limit}: see --limit.")


@app.command()
def show(context: typer.Context, audit_id: AuditId, wait: Wait = False, at_most: AtMost = 1800) -> None:
    """Show an audit, also one that is under way or has failed."""
    session = session_of(context)
    audit = session.api.get(_path(audit_id))
    _show(session, _waited(session, audit, at_most) if wait else audit)


def _path(audit_id: str) -> str:
    if not audit_id.isascii() or not audit_id.replace("_", "").isalnum():
        raise WrongUse(f"{audit_id!r} is no id of an audit: it begins with audit_.")
    return f"{_URL}/{audit_id}"


def _waited(session: Session, audit: dict[str, Any], at_most_s: float) -> dict[str, Any]:
    if audit["status"] != "pending":
        return audit
    return wait_for(session, _path(audit["id"]), "the audit", at_most_s=at_most_s)


def _show(session: Session, audit: dict[str, Any]) -> None:
    session.output.show(audit, render.audit(audit))
    if audit["status"] == "failed":
        raise CliError(f"The audit failed: {audit['error']['message']}", details={"code": audit["error"]["code"]})
    if audit["discrepancies"]:
        raise CliError(
            f"{audit['discrepancies']} discrepancies: `inventory query discrepancies` shows each with its evidence."
        )
