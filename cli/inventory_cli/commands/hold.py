"""`inventory hold`: place, show, list, extend, execute and release."""

from typing import Annotated, Any

import typer

from inventory_cli import render
from inventory_cli.errors import WrongUse
from inventory_cli.lines import line_from, metadata_from
from inventory_cli.options import IdempotencyKey, Limit, Metadata
from inventory_cli.paths import object_path
from inventory_cli.session import Session, session_of

app = typer.Typer(no_args_is_help=True, help="Reserve stock for a purchase: place a hold, then execute or release it.")

HoldId = Annotated[str, typer.Argument(metavar="HOLD_ID", help="hold_…", show_default=False)]
ExpiresIn = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="SECONDS", help="Seconds from now; 900 for a new hold, 604800 at most.", show_default=False
    ),
]
_LINE = "ITEM[@WAREHOUSE][:QUANTITY]"


@app.command()
def place(
    context: typer.Context,
    lines: Annotated[list[str], typer.Argument(metavar=_LINE, help="What to hold.", show_default=False)],
    expires_in: ExpiresIn = None,
    metadata: Metadata = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Place a hold: all lines, or none. It expires after 15 minutes, unless --expires-in says otherwise.

    Without a warehouse a line is taken from any that has it; without a quantity it is 1.

    For example:

        inventory hold place espresso-cup:2

        inventory hold place espresso-cup@berlin:2 saucer:2 --expires-in 600 --metadata cart=c_1042
    """
    body = {
        "lines": [line_from(line) for line in lines],
        "expires_in": expires_in,
        "metadata": metadata_from(metadata),
    }
    _change(session_of(context), "/v1/holds", body, idempotency_key)


@app.command()
def show(context: typer.Context, hold_id: HoldId) -> None:
    """Show a hold."""
    session = session_of(context)
    _show(session, session.api.get(_path(hold_id)))


@app.command("list")
def list_holds(context: typer.Context, limit: Limit = 20) -> None:
    """List the active holds, soonest to expire first.

    A hold that is extended meanwhile moves in the list: it may stand there
    twice, or not at all. Who extends what is listed reads all of it before,
    by a --limit that is large enough.
    """
    session = session_of(context)
    session.list("/v1/holds", {}, limit, lambda found: render.holds(found, session.world.now()), "No active holds.")


@app.command()
def extend(
    context: typer.Context,
    hold_id: HoldId,
    expires_in: ExpiresIn = None,
    metadata: Metadata = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Give an active hold more (or less) time, or other metadata; an empty value (NAME=) removes a name."""
    body = {"expires_in": expires_in, "metadata": metadata_from(metadata)}
    if body["expires_in"] is None and body["metadata"] is None:
        raise WrongUse("Say what to change: --expires-in, --metadata, or both.")
    _change(session_of(context), _path(hold_id), body, idempotency_key)


@app.command()
def execute(
    context: typer.Context,
    hold_id: HoldId,
    lines: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ITEM@WAREHOUSE:QUANTITY",
            help="What to take of it; a line left out goes back. Default: all of it.",
            show_default=False,
        ),
    ] = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Take what a hold reserved: the sale is done.

    For example:

        inventory hold execute hold_5f0c…

        inventory hold execute hold_5f0c… espresso-cup@berlin:1
    """
    taken = [line_from(line) for line in lines or []]
    if any("warehouse" not in line for line in taken):
        raise WrongUse("What is taken of a hold lies in one of its warehouses: write ITEM@WAREHOUSE:QUANTITY.")
    _change(session_of(context), f"{_path(hold_id)}/execute", {"lines": taken or None}, idempotency_key)


@app.command()
def release(context: typer.Context, hold_id: HoldId, idempotency_key: IdempotencyKey = None) -> None:
    """Give back what a hold reserved."""
    _change(session_of(context), f"{_path(hold_id)}/release", {}, idempotency_key)


def _path(hold_id: str) -> str:
    return object_path("/v1/holds", hold_id, "a hold: it begins with hold_")


def _change(session: Session, path: str, body: dict[str, Any], idempotency_key: str | None) -> None:
    _show(session, session.change(path, body, idempotency_key))


def _show(session: Session, held: dict[str, Any]) -> None:
    session.output.show(held, render.hold(held, session.world.now()))
