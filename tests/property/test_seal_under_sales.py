"""Snapshots while sales go on: each is taken, is right, and still never has a hole."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.domain.events import Event, Source
from inventory.history.layout import stamp_of
from support.reference import Expected
from support.tape import Tape
from support.trade import trade, trade_on
from support.workflow import History, Incomplete
from support.world import World


class Busy:
    """A world that sells before every state of the workflow, and an archiver that is always a little behind.

    Attributes:
        as_of_ms: An instant a grace ago, with sales before and after.
        lost: The place on the tape of a record that the archiver never brings.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.world = World(seed=seed)
        self.tape = Tape(self.world)
        self.history = History(folder, self.tape, buckets=self._draw.randint(1, 2))
        self.lost: int | None = None
        self._archived = 0
        trade(self.world, 40, seed)
        self.as_of_ms = self._next_instant()

    def sell(self, state: str) -> None:
        """What goes on before a state."""
        if state == "WaitForArchive":
            self.world.clock.pass_s(1)
        elif self._draw.random() < 0.3:
            self.remove_a_settled_hold({hold.id for hold in self.world.holds() if hold.settlement is not None})
        trade_on(self.world, self._draw.randint(0, 12), self._draw)
        self.archive(behind=self._draw.randint(0, 25))

    def archive(self, behind: int = 0) -> None:
        """Archives all but the last so many records of the tape."""
        until = max(self._archived, len(self.tape.records) - behind)
        told = [self.tape.records[place] for place in range(self._archived, until) if place != self.lost]
        self.history.archive(told, batch=self._draw.randint(5, 60))
        self._archived = until
        self.history.now_ms = self.world.clock.now_ms

    def snapshot(self, before: Callable[[str], None] | None = None, *, attempts: int = 4) -> None:
        """Takes one while the world is busy, and looks whether it is right."""
        self.history.now_ms = self.world.clock.now_ms
        self.history.snapshot(self.as_of_ms, attempts=attempts, before=before or self.sell)
        as_of = f"as_of={stamp_of(self.as_of_ms)}"
        Expected({source: self._events(source) for source in Source}, self.as_of_ms).check_snapshot(
            self.history.rows(f"snapshots/{as_of}/*.parquet"), self.history.rows(f"holds/{as_of}/*.parquet")
        )

    def pass_on(self) -> None:
        """Goes on to a later instant."""
        self.as_of_ms = self._next_instant()

    def remove_a_settled_hold(self, among: set[str]) -> None:
        """As the table does when a settled hold's time is over."""
        if among:
            key = {"hold_id": {"S": self._draw.choice(sorted(among))}}
            self.world.database.client.delete_item(TableName=self.world.tables.holds, Key=key)

    def _events(self, source: Source) -> list[Event]:
        """Without the removals of settled holds, which take nothing back."""
        return [event for event in self.tape.events(source) if event["type"] != "hold_removed"]

    def _next_instant(self) -> int:
        trade_on(self.world, 25, self._draw)
        as_of_ms = -(-self.world.clock.now_ms // 1000) * 1000
        self.world.clock.pass_s(30)
        trade_on(self.world, 25, self._draw)
        self.world.clock.pass_s(31)
        return as_of_ms


@pytest.mark.parametrize("seed", range(4))
def test_snapshots_are_taken_and_right_whatever_is_sold_between_the_steps(tmp_path: Path, seed: int) -> None:
    busy = Busy(tmp_path, seed)
    for _ in range(3):
        busy.snapshot()
        readings = {key.split("/")[2] for key in busy.history.objects.contents("partials/live/")}
        assert len([name for name in readings if name.startswith(stamp_of(busy.as_of_ms))]) == 1
        busy.pass_on()


@pytest.mark.parametrize("seed", range(6))
def test_an_event_that_is_really_missing_still_fails_whatever_is_sold_meanwhile(tmp_path: Path, seed: int) -> None:
    busy = Busy(tmp_path, seed)
    sources = [source for source, _ in busy.tape.records]
    events = {source: iter(busy.tape.events(source)) for source in Source}
    told = [next(events[source]) for source in sources]
    until = [place for place, event in enumerate(told) if event["at"] <= busy.as_of_ms]
    busy.lost = random.Random(seed).choice(until)  # noqa: S311 - repeatable, not secret
    key = told[busy.lost]["event_id"].split("@")[0]
    with pytest.raises(Incomplete) as failed:
        busy.snapshot(attempts=2)
    assert key in str(failed.value)
    assert busy.history.visible() == {}


def test_what_is_sold_between_reading_and_listing_does_not_hold_the_seal_up(tmp_path: Path) -> None:
    """All of it is archived at once here: then the first attempt seals, however much was sold since the reading."""
    busy = Busy(tmp_path / "bucket", 3)
    entered: list[str] = []

    def sell(state: str) -> None:
        entered.append(state)
        trade_on(busy.world, 20, random.Random(len(entered)))  # noqa: S311 - repeatable, not secret
        if state == "Plan":
            busy.archive()

    busy.archive(behind=10_000)
    busy.snapshot(sell)
    assert entered.count("Plan") == 1
    assert entered.index("Scan") < entered.index("Plan")


def test_reading_after_the_listing_would_hold_the_seal_up(tmp_path: Path) -> None:
    """So that the test above can fail."""
    busy = Busy(tmp_path / "bucket", 3)
    busy.archive()
    words = busy.history.begin(busy.as_of_ms)
    planned = busy.history.reduced(words)
    trade_on(busy.world, 60, random.Random(3))  # noqa: S311 - repeatable, not secret
    busy.history.scan(words)
    assert not busy.history.seal(planned)["complete"]


def test_an_expired_record_of_a_hold_settled_long_ago_does_not_hold_the_seal_up(tmp_path: Path) -> None:
    busy = Busy(tmp_path / "bucket", 5)
    busy.archive()
    busy.snapshot(lambda state: None)
    unsettled = {row["hold_id"] for row in busy.history.rows("state/*/holds-*.parquet")}
    then = {hold.id for hold in busy.world.holds() if hold.at <= busy.as_of_ms}
    busy.pass_on()
    busy.remove_a_settled_hold(then - unsettled)
    busy.archive()
    busy.snapshot(lambda state: None)
