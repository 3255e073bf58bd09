"""A shop whose history has a hole, or whose tables were restored: what an opening is for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.domain.events import Source
from inventory.history.fold import EventsDiffer
from inventory.history.layout import stamp_of
from inventory.history.plan import Mode
from support.tape import StreamRecord, Tape
from support.trade import trade
from support.workflow import History, Incomplete
from support.world import World


class Shop:
    """A shop with its history: the first spell of trade is sealed."""

    def __init__(self, folder: Path) -> None:
        self.world = World(seed=61)
        self.tape = Tape(self.world)
        self.history = History(folder / "bucket", self.tape)
        self.archived = 0
        self.trade(61)
        self.archive()
        self.sealed = self.seal()

    def trade(self, seed: int, steps: int = 25) -> None:
        trade(self.world, steps, seed=seed)

    def archive(self) -> None:
        """What the streams told since the last time."""
        self.history.archive(self.tape.records[self.archived :])
        self.archived = len(self.tape.records)

    def lose(self) -> list[tuple[Source, StreamRecord]]:
        """The streams forget what nobody archived."""
        lost = self.tape.records[self.archived :]
        self.archived = len(self.tape.records)
        return lost

    def pass_s(self, seconds: int) -> None:
        self.world.clock.now_ms += seconds * 1000

    def seal(self, mode: Mode = Mode.INCREMENT) -> int:
        """The snapshot of now; gives its instant."""
        as_of_ms = self.world.clock.now_ms // 1000 * 1000 + 1000
        self.pass_s(90)
        self.history.snapshot(as_of_ms, mode=mode)
        return as_of_ms

    def open(self, before: Callable[[str], None] = lambda state: None) -> int:
        """Opens the history anew, and lets the time that it takes go by."""
        words = self.history.open(before=before)
        self.world.clock.now_ms = max(self.world.clock.now_ms, self.history.now_ms)
        return int(words["as_of_ms"])

    def lost(self) -> list[dict[str, Any]]:
        return self.history.rows("opened/*/lost-*.parquet")

    def stock(self, as_of_ms: int) -> dict[tuple[str, str], tuple[int, int]]:
        rows = self.history.rows(f"snapshots/as_of={stamp_of(as_of_ms)}/*.parquet")
        return {(row["item_id"], row["warehouse_id"]): (row["available"], row["held"]) for row in rows}

    def live_stock(self) -> dict[tuple[str, str], tuple[int, int]]:
        told: dict[tuple[str, str], tuple[int, int]] = {}
        for record in self.world.records(self.world.tables.stock):
            if "available" in record:
                name = record["item_id"], record["warehouse_id"]
                available, held = told.get(name, (0, 0))
                told[name] = (available + record["available"], held + record["held"])
        return told


def revisions(lost: list[tuple[Source, StreamRecord]]) -> set[tuple[str, int]]:
    told = set()
    for _, record in lost:
        image = record["dynamodb"]["NewImage"]
        key = next(image[name]["S"] for name in ("stock_id", "hold_id", "adjustment_id") if name in image)
        told.add((key, int(image["rev"]["N"])))
    return told


def a_hole(shop: Shop) -> list[tuple[Source, StreamRecord]]:
    """Trade that is archived, trade that is lost, trade that is archived again."""
    shop.trade(62, 10)
    shop.archive()
    shop.trade(63)
    lost = shop.lose()
    shop.trade(64, 10)
    shop.archive()
    shop.pass_s(300)
    return lost


def restore(shop: Shop, kept: dict[str, list[Any]]) -> None:
    """The tables as they were, as a restored table has it: no stream tells of it."""
    client = shop.world.database.client
    for source, table in shop.tape.tables.items():
        key = {"stock": "stock_id", "holds": "hold_id", "adjustments": "adjustment_id"}[source]
        before = len(shop.tape.records)
        for item in list(shop.world.database.items(table)):
            client.delete_item(TableName=table, Key={key: item[key]})
        for item in kept[table]:
            client.put_item(TableName=table, Item=item)
        del shop.tape.records[before:]
        shop.world.database.stream(table).drain()


def restored_and_opened(shop: Shop) -> tuple[int, int, int]:
    """Tables restored to a time before the last snapshot; gives that one's instant, the opening's, the next's."""
    shop.trade(80, 20)
    kept = {table: list(shop.world.database.items(table)) for table in shop.tape.tables.values()}
    shop.trade(81, 25)
    shop.archive()
    sealed = shop.seal()
    shop.trade(82, 20)
    shop.archive()
    restore(shop, kept)
    shop.pass_s(600)
    shop.trade(83, 20)
    shop.archive()
    shop.pass_s(300)
    with pytest.raises((Incomplete, EventsDiffer)):
        shop.seal()
    opened = shop.open()
    assert shop.stock(opened) == shop.live_stock()
    shop.trade(84)
    shop.archive()
    first = shop.seal()
    assert shop.stock(first) == shop.live_stock()
    return sealed, opened, first
