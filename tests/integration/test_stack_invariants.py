"""What judges a deployed stack finds what it is for: records as the service makes them, one thing wrong in each."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from inventory.pipeline.stream import RecordChange, change_of
from inventory.storage.codec import Record
from support.functions import Functions
from support.stream_invariants import StreamJudge
from support.table_invariants import Tables, broken_invariants

_STORY = ("receive-stock", "transfer-stock", "place-hold", "execute-hold", "place-hold-by-form")


@pytest.fixture
def told(functions: Functions) -> list[RecordChange]:
    """What the streams tell of a delivery, a transfer, a settled sale and an active hold."""
    told: list[RecordChange] = []
    for event in _STORY:
        assert functions.request(event).status == 200
        functions.pass_s(1)
        for function, table in (("settler", "HoldsTable"), ("", "StockTable")):
            records = functions.database.stream(table).drain()
            told += map(change_of, records)
            if function:
                functions.invoke(function, {"Records": records})
    for table in ("HoldsTable", "StockTable"):
        told += map(change_of, functions.database.stream(table).drain())
    return told


@pytest.fixture
def tables(functions: Functions, told: list[RecordChange]) -> Tables:
    return Tables(*(deepcopy(functions.records(table)) for table in ("StockTable", "HoldsTable", "AdjustmentsTable")))


def _shard(tables: Tables) -> Record:
    return next(record for record in tables.stock if record.get("held"))


def _hold(tables: Tables, status: str) -> Record:
    return next(record for record in tables.holds if record["status"] == status)


def test_tables_as_the_service_makes_them_break_nothing(tables: Tables) -> None:
    assert broken_invariants(tables) == []
    assert tables.unsettled == []
    assert len(tables.stock) == 3
    assert len(tables.holds) == 2


_WRONG_TABLES: dict[str, Callable[[Tables], Any]] = {
    "never_oversold": lambda tables: _shard(tables).update(available=-1),
    "never_falsely_refused": lambda tables: _shard(tables).update(shard=7),
    "held_matches_holds": lambda tables: _shard(tables).update(held=1, available=_shard(tables)["available"] + 1),
    "stock_conserved": lambda tables: _shard(tables).update(available=_shard(tables)["available"] + 1),
    "settled_once": lambda tables: _hold(tables, "executed").update(open="0", due="0"),
}


@pytest.mark.parametrize("name", _WRONG_TABLES)
def test_tables_with_something_wrong_are_found_out(tables: Tables, name: str) -> None:
    _WRONG_TABLES[name](tables)
    assert name in {finding.partition(":")[0] for finding in broken_invariants(tables)}


def _judged(told: list[RecordChange]) -> set[str]:
    judge = StreamJudge()
    for change in told:
        assert change.after is not None
        judge.see(change.before, change.after)
    return {finding.partition(":")[0] for finding in judge.broken()}


def test_streams_as_the_service_makes_them_break_nothing(told: list[RecordChange]) -> None:
    assert _judged(told) == set()
    assert len(told) > len(_STORY)


def _settling(told: list[RecordChange]) -> RecordChange:
    return next(change for change in told if change.after and change.after.get("cause", {}).get("type") == "settlement")


def _ending(told: list[RecordChange], **different: object) -> RecordChange:
    change = next(change for change in told if change.after and change.after.get("status") == "executed")
    return RecordChange(change.before, {**(change.after or {}), **different})


_WRONG_STREAMS: dict[str, Callable[[list[RecordChange]], RecordChange]] = {
    "never_oversold": lambda told: RecordChange(None, {**(_settling(told).after or {}), "available": -1}),
    "gapless": lambda told: RecordChange(_settling(told).before, {**(_settling(told).after or {}), "rev": 99}),
    "atomic_instant": lambda told: RecordChange(None, {**(_settling(told).after or {}), "at": 2 * 10**12}),
    "settled_once": _settling,
    "resolved_once": lambda told: RecordChange(_ending(told).after, _ending(told, status="released").after),
    "expiry_exact": lambda told: _ending(told, at=(_ending(told).before or {})["expires_at"]),
}


@pytest.mark.parametrize("name", _WRONG_STREAMS)
def test_a_stream_with_something_wrong_is_found_out(told: list[RecordChange], name: str) -> None:
    assert name in _judged([*told, _WRONG_STREAMS[name](told)])
