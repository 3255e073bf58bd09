"""`inventory history`: every movement of one item, with its cause and who did it."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.text import Text

from inventory_cli import render
from inventory_cli.aws import explained
from inventory_cli.history.queries import query_called, run
from inventory_cli.options import Item
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
) -> None:
    """Show every movement of an item up to the latest snapshot: when, where, how many, why, and who did it.

    For example:

        inventory history espresso-cup

        inventory history espresso-cup --warehouse berlin --since '2026-11-22 18:00:00' --json
    """
    session = session_of(context)
    asked = {"item": item, "warehouse": warehouse, "since": since, "until": until}
    sql = query_called("movements").filled({name: value for name, value in asked.items() if value is not None})
    with explained():
        answer = run(
            session.stack.aws.athena,
            sql,
            database=session.stack.output("HistoryDatabase"),
            workgroup=session.stack.output("HistoryWorkgroup"),
            pause=session.world.pause,
        )
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    table = render.grid("when (UTC)!", "warehouse", "available>", "held>", "left>", "cause", "by")
    for row in rows:
        table.add_row(
            (row["happened_at"] or "")[:21],
            f"{row['warehouse_id']} #{row['shard']}",
            _signed(row["available_change"]),
            _signed(row["held_change"]),
            row["available_after"] or "-",
            _cause(row),
            row["actor"] or "",
        )
    session.output.show(rows, table if rows else f"Nothing moved of {item}, up to the latest snapshot.")


def _cause(row: Mapping[str, str | None]) -> Text:
    more = " · ".join(part for part in (row["reason"], row["reference"]) if part)
    return Text.assemble(row["cause"] or "", f" {row['cause_id'] or ''}", (f"\n{more}" if more else "", "dim"))


def _signed(number: str | None) -> Text:
    value = int(number or 0)
    return Text(f"{value:+,}" if value else "", style="red" if value < 0 else "green")
