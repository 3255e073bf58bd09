"""`inventory history`: every movement of one item, with its cause and who did it."""

from typing import Annotated

import typer

from inventory_cli import render
from inventory_cli.history.asking import asked_of
from inventory_cli.history.queries import query_called
from inventory_cli.options import Item, Limit
from inventory_cli.session import session_of


def history(
    context: typer.Context,
    item: Item,
    warehouse: Annotated[str | None, typer.Option(metavar="WAREHOUSE", help="Only here.", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="From then on: '2026-11-22 18:00:00' (UTC).", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Up to here, likewise.", show_default=False)
    ] = None,
    limit: Limit = 1000,
) -> None:
    """Show every movement of an item up to the latest snapshot, earliest first: when, where, how many, why, and who.

    For example:

        inventory history espresso-cup

        inventory history espresso-cup --warehouse berlin --since '2026-11-22 18:00:00' --json
    """
    session = session_of(context)
    params = {"item": item, "warehouse": warehouse, "since": since, "until": until}
    sql = query_called("movements").filled({name: value for name, value in params.items() if value is not None})
    answer = asked_of(session, sql, rows_max=limit)
    rows = answer.records
    nothing = f"Nothing moved of {item}, up to the latest snapshot."
    session.output.show(rows, render.movements(rows) if rows else nothing)
    if answer.has_more:
        session.output.note(f"There are more than {limit}: see --limit and --since.")
