"""Anything in any order: buyers, extensions, counts, moves, settlers, projectors, sweepers, wrong clocks and bad lines.

After every single call all invariants are judged (`support.watched`). Beside the service runs a model of one page:
what was answered, added up. In the end, when the faults stop, both must agree and everything must have settled.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from inventory.domain.adjustments import Adjustment, Transfer
from inventory.domain.drawing import Want
from inventory.domain.errors import Conflict, InventoryError, Overloaded
from inventory.domain.heat import Thresholds
from inventory.domain.holds import Hold, Status, Take
from inventory.pipeline.projector import project_batch
from inventory.pipeline.settler import settle_batch
from inventory.protocol.core import Answer, Core
from inventory.protocol.rebalance import merge_cold
from inventory.protocol.sweep import sweep
from support.watched import Watched
from support.wire import READS, TRANSACTIONS, WRITES, Fault, conflicting, in_progress, throttling, unreachable

T = TypeVar("T")
StreamRecord = dict[str, Any]

ITEMS = ("A", "B")
WAREHOUSES = ("W1", "W2")
SKEWS_MS = (0, 0, 2_000, -2_000, 60_000)

#: A few sales are a rush here, and a few seconds an hour.
EAGER = Thresholds(
    hops_per_change=0.01,
    changes_per_shard=1,
    tries_per_shard=1,
    tries=1,
    units_per_shard=1,
    leveled_mean=1,
    cold_after_ms=3_000,
)

ACTORS = (
    *("buy a few", "buy all", "execute", "release", "extend", "settle", "project", "sweep", "receive", "remove"),
    *("count", "transfer", "transfer back", "level", "split", "merge", "merge cold"),
)

items = st.sampled_from(ITEMS)
warehouses = st.sampled_from(WAREHOUSES)
quantities = st.integers(1, 6)
instances = st.integers(0, len(SKEWS_MS) - 1)
wants = st.builds(Want, items, st.sampled_from([*WAREHOUSES, None]), quantities)
picks = st.integers(0, 10_000)
batches = st.lists(picks, max_size=30)
faults = st.one_of(
    st.tuples(
        st.sampled_from([conflicting(), conflicting(1), throttling, unreachable]),
        st.sampled_from([TRANSACTIONS, WRITES]),
    ),
    st.tuples(st.just(in_progress), st.just(TRANSACTIONS)),
    st.tuples(st.sampled_from([throttling, unreachable]), st.just(READS)),
)
soon = st.integers(1, 6)


def _settle(core: Core, records: list[StreamRecord], set_aside: Any) -> int:
    return settle_batch(core, records, set_aside, until_ms=core.clock.now() + 50_000)


class Model:
    """What the service has answered, added up."""

    def __init__(self) -> None:
        self.holds: dict[str, Hold] = {}
        self.records: dict[str, Adjustment | Transfer] = {}

    def on_hand(self, item: str) -> int:
        """Units of an item once everything has settled."""
        came = sum(
            record.quantity
            for record in self.records.values()
            if isinstance(record, Adjustment) and record.item == item
        )
        sold = sum(hold.executed(line) for hold in self.holds.values() for line in hold.lines if line.item == item)
        return came - sold


class Inventory(RuleBasedStateMachine):
    """The machine. Every request has a key, so that it can be asked again when its answer was lost."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Watched(open_slices=2)
        self.cores = [replace(self.world.instance(skew_ms=skew_ms), thresholds=EAGER) for skew_ms in SKEWS_MS]
        self.model = Model()
        self.keys = 0
        self.asked: list[Callable[[], None]] = []
        self.told: dict[str, list[StreamRecord]] = {self.world.tables.holds: [], self.world.tables.stock: []}

    @initialize(stock=st.lists(st.tuples(items, warehouses, st.integers(1, 12), st.integers(1, 4)), max_size=3))
    def open_shop(self, stock: list[tuple[str, str, int, int]]) -> None:
        for item, warehouse, quantity, shards in stock:
            self.adjust(item, warehouse, quantity, 0)
            self.split(item, warehouse, shards, 0)

    # What callers ask for.

    @rule(wants=st.lists(wants, min_size=1, max_size=3), seconds=st.sampled_from([1, 3, 30, 900]), core=instances)
    def place(self, wants: list[Want], seconds: int, core: int) -> None:
        key = self._key()

        def note(hold: Hold) -> None:
            held = Counter[str]()
            for line in hold.lines:
                held[line.item] += line.quantity
            wanted = Counter[str]()
            for want in wants:
                wanted[want.item] += want.quantity
            assert held == wanted
            self.model.holds.setdefault(hold.id, hold)

        self._ask(core, lambda at: self.world.place_all(*wants, key=key, expires_in_s=seconds, core=at), note)

    @precondition(lambda self: self.model.holds)
    @rule(pick=picks, parts=st.none() | st.lists(st.integers(0, 6), min_size=3, max_size=3), core=instances)
    def execute(self, pick: int, parts: list[int] | None, core: int) -> None:
        hold, key = self._hold(pick), self._key()
        takes = (
            None
            if parts is None
            else [
                Take(line.item, line.warehouse, min(part, line.quantity))
                for line, part in zip(hold.lines, parts, strict=False)
            ]
        )
        self._ask(core, lambda at: self.world.execute(hold, takes, key=key, core=at), self._note_end)

    @precondition(lambda self: self.model.holds)
    @rule(pick=picks, core=instances)
    def release(self, pick: int, core: int) -> None:
        hold, key = self._hold(pick), self._key()
        self._ask(core, lambda at: self.world.release(hold, key=key, core=at), self._note_end)

    @precondition(lambda self: self.model.holds)
    @rule(pick=picks, seconds=st.none() | st.sampled_from([1, 5, 60]), core=instances)
    def extend(self, pick: int, seconds: int | None, core: int) -> None:
        hold, key = self._hold(pick), self._key()

        def note(extended: Hold) -> None:
            assert extended.expires_at == self.world.hold(hold.id).expires_at

        change = {"note": key}
        self._ask(core, lambda at: self.world.extend(hold, seconds, change, key=key, core=at), note)

    @rule(item=items, warehouse=warehouses, quantity=st.integers(-4, 12).filter(bool), core=instances)
    def adjust(self, item: str, warehouse: str, quantity: int, core: int) -> None:
        key = self._key()
        self._ask(core, lambda at: self.world.adjust(item, quantity, warehouse, key=key, core=at), self._note_record)

    @rule(item=items, warehouse=warehouses, counted=st.integers(0, 20), core=instances)
    def count(self, item: str, warehouse: str, counted: int, core: int) -> None:
        key = self._key()
        self._ask(core, lambda at: self.world.count(item, counted, warehouse, key=key, core=at), self._note_record)

    @rule(item=items, source=st.sampled_from([0, 1]), quantity=quantities, core=instances)
    def transfer(self, item: str, source: int, quantity: int, core: int) -> None:
        key, ends = self._key(), (WAREHOUSES[source], WAREHOUSES[1 - source])
        self._ask(core, lambda at: self.world.transfer(item, quantity, *ends, key=key, core=at), self._note_record)

    @rule(item=items, warehouse=warehouses, shards=st.integers(1, 4), core=instances)
    def split(self, item: str, warehouse: str, shards: int, core: int) -> None:
        key = self._key()
        self._ask(core, lambda at: self.world.split(item, shards, warehouse, key=key, core=at), lambda _stock: None)

    @precondition(lambda self: self.asked)
    @rule(pick=picks)
    def ask_again(self, pick: int) -> None:
        """A duplicate of an earlier request finds what that one did, and changes nothing."""
        self.world.wire.calm()
        self.asked[pick % len(self.asked)]()

    # What happens by itself.

    @rule(batch=batches, core=instances)
    def settle(self, batch: list[int], core: int) -> None:
        self._consume(self.world.tables.holds, batch, self.cores[core], _settle)

    @rule(batch=batches, core=instances)
    def project(self, batch: list[int], core: int) -> None:
        self._consume(self.world.tables.stock, batch, self.cores[core], project_batch)

    @rule(core=instances, milliseconds=st.sampled_from([5, 40, 60_000]))
    def sweep(self, core: int, milliseconds: int) -> None:
        now_ms = self.cores[core].clock.now()
        self._try(lambda: sweep(self.cores[core], until_ms=now_ms + milliseconds))

    @rule(core=instances)
    def merge_cold(self, core: int) -> None:
        now_ms = self.cores[core].clock.now()
        self._try(lambda: merge_cold(self.cores[core], until_ms=now_ms + 60_000))

    @rule(item=items, warehouse=warehouses, many=st.integers(2, 8), seed=picks, core=instances)
    def rush(self, item: str, warehouse: str, many: int, seed: int, core: int) -> None:
        """Sales that the projector hears of at once: it splits the item, or levels it, if it thinks it should."""
        for _ in range(many):
            self.place([Want(item, warehouse, 1)], 3, (core + seed) % len(SKEWS_MS))
        self.project(list(range(40)), core)

    @rule(milliseconds=st.sampled_from([20, 100, 350, 999, 1_500, 4_000, 61_000]))
    def wait(self, milliseconds: int) -> None:
        self.world.clock.now_ms += milliseconds

    # What goes wrong, or gets in between.

    @rule(fault=faults, nth=soon, times=st.sampled_from([1, 1, 2, 30]))
    def refuse(self, fault: tuple[Fault, frozenset[str]], nth: int, times: int) -> None:
        self.world.wire.refuse(*fault, nth, times)

    @rule(line=st.sampled_from([TRANSACTIONS, WRITES]), nth=soon)
    def lose(self, line: frozenset[str], nth: int) -> None:
        self.world.wire.lose(line, nth)

    @rule(nth=soon)
    def leave_in_doubt(self, nth: int) -> None:
        self.world.wire.mangle(in_progress, TRANSACTIONS, nth)

    @rule(pick=picks, times=st.integers(1, 3))
    def leave_unread(self, pick: int, times: int) -> None:
        left = [pick + number for number in range(times)]
        self.world.database.unprocessed = lambda _table, _key: bool(left) and left.pop() % 3 == 0

    @rule(
        actors=st.tuples(st.sampled_from(ACTORS), st.sampled_from(ACTORS)),
        cores=st.tuples(instances, instances),
        line=st.sampled_from([READS, TRANSACTIONS, WRITES]),
        nth=soon,
        pick=picks,
    )
    def two_at_once(
        self, actors: tuple[str, str], cores: tuple[int, int], line: frozenset[str], nth: int, pick: int
    ) -> None:
        """One actor works on a warehouse's stock; between two of its calls another does the same."""
        item, warehouse = ITEMS[pick % 2], WAREHOUSES[pick // 2 % 2]
        if pick % 3 == 0:  # the first of the actor's reads of this shard comes later than those of the others
            left, last = [True], f"{item}#{warehouse}#{pick // 12 % 3}"
            self.world.database.unprocessed = lambda _table, key: (
                key.get("stock_id", {}).get("S") == last and bool(left) and left.pop()
            )
        self.world.wire.meanwhile(lambda: self._act(actors[1], item, warehouse, pick // 8, cores[1]), line, nth)
        self._act(actors[0], item, warehouse, pick // 4, cores[0])

    @precondition(lambda self: any(shard.available for shard in self.world.shards()))
    @rule(pick=picks, nth=st.integers(1, 5), narrow=st.booleans(), core=instances)
    def stock_moves_under_a_buyer(self, pick: int, nth: int, *, narrow: bool, core: int) -> None:
        """Somebody wants all there is, and while it is looked for, all of one shard goes to another one."""
        givers = [shard for shard in self.world.shards() if shard.available]
        giver = givers[pick % len(givers)]
        item, warehouse, number = giver.key
        covered = self.world.directories()[item].shard_keys(warehouse if narrow else None)
        taker = covered[pick // 7 % len(covered)]
        left, last = [True], f"{item}#{warehouse}#{number}"
        self.world.database.unprocessed = lambda _table, key: (
            key.get("stock_id", {}).get("S") == last and bool(left) and left.pop()
        )

        def move() -> None:
            if taker.warehouse == warehouse and taker != giver.key:
                self._try(lambda: self.world.move(item, number, taker.number, giver.available, warehouse))
            elif taker.warehouse != warehouse:
                self.transfer(item, WAREHOUSES.index(warehouse), giver.available, 0)

        self.world.wire.meanwhile(move, READS, nth)
        self._buy_all(item, warehouse if narrow else None, core)

    @rule(
        actors=st.tuples(
            st.sampled_from(["receive", "remove", "count", "transfer", "level", "merge"]),
            st.sampled_from(["merge", "merge", "merge cold", "split", "level", "count", "settle", "buy a few"]),
        ),
        nth=st.sampled_from([1, 1, 1, 2, 3]),
        pick=picks,
    )
    def shards_change_under_stock(self, actors: tuple[str, str], nth: int, pick: int) -> None:
        """Stock comes or goes, and between the looking and the writing others change where it is counted."""
        item, warehouse = ITEMS[pick % 2], WAREHOUSES[pick // 2 % 2]
        self.world.wire.meanwhile(lambda: self._act(actors[1], item, warehouse, pick // 8, 0), TRANSACTIONS, nth)
        self._act(actors[0], item, warehouse, pick // 4, 1)

    def _act(self, actor: str, item: str, warehouse: str, pick: int, core: int) -> None:
        source, many = WAREHOUSES.index(warehouse), 1 + pick % 5
        actions: dict[str, Callable[[], object]] = {
            "buy a few": lambda: self.place([Want(item, None, many)], 3, core),
            "buy all": lambda: self._buy_all(item, [warehouse, None][pick % 2], core),
            "execute": lambda: self.model.holds and self.execute(2 * pick, None, core),
            "release": lambda: self.model.holds and self.release(2 * pick, core),
            "extend": lambda: self.model.holds and self.extend(2 * pick, 60, core),
            "settle": lambda: self.settle(list(range(100)), core),
            "project": lambda: self.project(list(range(100)), core),
            "sweep": lambda: self.sweep(core, 60_000),
            "receive": lambda: self.adjust(item, warehouse, many, core),
            "remove": lambda: self.adjust(item, warehouse, -many, core),
            "count": lambda: self.count(item, warehouse, self._on_hand(item, warehouse) + pick % 4, core),
            "transfer": lambda: self.transfer(item, source, many, core),
            "transfer back": lambda: self.transfer(item, 1 - source, many, core),
            "level": lambda: self._try(lambda: self.world.level(item, many, warehouse)),
            "split": lambda: self.split(item, warehouse, 2 + pick % 3, core),
            "merge": lambda: self.split(item, warehouse, 1, core),
            "merge cold": lambda: self.merge_cold(core),
        }
        assert actions.keys() == set(ACTORS)
        actions[actor]()

    def _buy_all(self, item: str, warehouse: str | None, core: int) -> None:
        """Somebody wants every unit that there is, and the instance has no idea where they are."""
        there = [shard for shard in self.world.shards(item) if warehouse in (None, shard.key.warehouse)]
        self.cores[core].hints.remember(item, warehouse, {})
        self.place([Want(item, warehouse, max(1, sum(shard.available for shard in there)))], 3, core)

    def _on_hand(self, item: str, warehouse: str) -> int:
        return sum(shard.on_hand for shard in self.world.shards(item) if shard.key.warehouse == warehouse)

    # How the machine asks and notes.

    def _ask(self, core: int, request: Callable[[Core], Answer[T]], note: Callable[[T], None]) -> None:
        try:
            answer = request(self.cores[core])
        except (Overloaded, Conflict):
            # Perhaps it was done, perhaps not: whoever asks again under the same key learns which.
            with self.world.wire.undisturbed():
                found = self._try(lambda: request(self.world.core))
            if found is None:
                return
            answer = found
        except InventoryError:
            return
        note(answer.value)
        self._remember(request, answer)

    def _remember(self, request: Callable[[Core], Answer[T]], first: Answer[T]) -> None:
        def again() -> None:
            before = len(self.world.history.calls)
            found = self._try(lambda: request(self.world.core))
            assert found is not None
            assert found.replayed
            if isinstance(found.value, Hold) and isinstance(first.value, Hold):
                assert found.value.id == first.value.id
            if isinstance(found.value, Adjustment | Transfer):
                assert found.value == first.value
            written = self.world.history.calls[before:]
            moved = [event.after for call in written for event in call.events if event.after]
            assert all(record["cause"]["type"] == "move" for record in moved), "a replay changed something"

        self.asked.append(again)

    def _try(self, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except InventoryError:
            return None

    def _key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    def _hold(self, pick: int) -> Hold:
        """Any hold; by an even number one that has not ended, if there is one."""
        known = list(self.model.holds.values())
        active = [hold for hold in known if hold.status is Status.ACTIVE]
        return active[pick // 2 % len(active)] if active and pick % 2 == 0 else known[pick % len(known)]

    def _note_end(self, ended: Hold) -> None:
        known = self.model.holds[ended.id]
        assert known.status in (Status.ACTIVE, ended.status)
        self.model.holds[ended.id] = replace(ended, settlement=None)

    def _note_record(self, record: Adjustment | Transfer) -> None:
        assert self.model.records.setdefault(record.id, record) == record

    def _consume(
        self, table: str, batch: list[int], core: Core, consumer: Callable[[Core, list[StreamRecord], Any], int]
    ) -> None:
        """Gives any records told so far, in any order, any of them twice or not at all."""
        told = self.told[table]
        told += self.world.database.stream(table).drain()
        if told:
            chosen = [told[-1 - pick % len(told)] for pick in batch]
            self._try(lambda: consumer(core, chosen, self.world._set_aside))

    # The end.

    def teardown(self) -> None:
        self.world.wire.calm()
        self.world.database.unprocessed = lambda _table, _key: False
        self.told[self.world.tables.stock] += self.world.database.stream(self.world.tables.stock).drain()
        project_batch(self.world.core, self.told[self.world.tables.stock], self.world._set_aside)
        self.world.finish()
        self.world.check_the_end()
        assert self.world.set_aside == []
        ended = {hold.id: hold for hold in self.world.holds()}
        assert ended.keys() == self.model.holds.keys()
        for hold in self.model.holds.values():
            assert ended[hold.id].status is (Status.EXPIRED if hold.status is Status.ACTIVE else hold.status)
        for item in ITEMS:
            assert (self.world.available(item), self.world.held(item)) == (self.model.on_hand(item), 0)
