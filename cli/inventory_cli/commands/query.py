"""`inventory query`: an auditor's questions, asked of Athena."""

import csv
import re
import sys
from typing import Annotated, Final

import typer

from inventory_cli import render
from inventory_cli.errors import WrongUse
from inventory_cli.harmless import harmless
from inventory_cli.history.asking import asked_of
from inventory_cli.history.queries import ROWS_MAX, all_queries, query_called
from inventory_cli.options import Limit
from inventory_cli.session import Session, session_of

# How a cell begins that a spreadsheet would calculate, unless it is a number (OWASP, "CSV Injection").
_FORMULA: Final = re.compile(r"(?![+-]?\d+(\.\d+)?(E-?\d+)?\Z)[=+\-@\t\n]")


def query(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which; without it, all.", show_default=False)
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What to ask differently; may be repeated.", show_default=False),
    ] = None,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Print CSV; a text that a spreadsheet would take for a formula gets a ' in front."),
    ] = False,
    limit: Limit = ROWS_MAX,
    show_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL instead of running it.")] = False,
) -> None:
    """Ask a question about the past, of Athena: what was where, every movement of an item, holds, shrinkage, sales.

    For example:

        inventory query

        inventory query movements --param item=espresso-cup --csv
    """
    session = session_of(context)
    if name is None:
        _list(session)
        return
    if as_csv and session.output.json:
        raise WrongUse("--csv or --json, not both.")
    sql = query_called(name).filled(dict(_pair(each) for each in param or []))
    if show_sql:
        session.output.show({"sql": sql}, sql)
        return
    answer = asked_of(session, sql, rows_max=limit)
    more = ", and there are more: see --limit" if answer.has_more else ""
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([answer.columns, *(map(_as_text, row) for row in answer.rows)])
        if more:
            session.output.note(f"{len(answer.rows):,} rows{more}")
        return
    table = render.grid(*answer.columns)
    for row in answer.rows:
        table.add_row(*(cell or "" for cell in row))
    session.output.show(answer.records, table)
    session.output.note(f"{len(answer.rows):,} rows{more}")


def _list(session: Session) -> None:
    queries = all_queries()
    table = render.grid("query!", "what, and what can be asked differently")
    for each in queries:
        parameters = "\n".join(f"  {p.name}={p.default!r}: {p.meaning}" for p in each.parameters)
        table.add_row(each.name, f"{each.title}\n{parameters}")
    data = [
        {"name": each.name, "title": each.title, "parameters": [p._asdict() for p in each.parameters]}
        for each in queries
    ]
    session.output.show(data, table)


def _as_text(cell: str | None) -> str | None:
    """A cell that says what it says, and is one: `csv` quotes no carriage return, which would end its row.

    Names of objects are anybody's choice, and what is printed may reach a terminal.
    """
    text = None if cell is None else harmless(cell.replace("\r", "\n"))
    return f"'{text}" if text and _FORMULA.match(text) else text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise WrongUse(f"A parameter is NAME=VALUE, unlike {text!r}.")
    return name, value
