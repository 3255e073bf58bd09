"""A history that cannot go on is opened anew: what is lost is named and signed, and all after it is proved again."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inventory.audit.signatures import rsa_signer
from inventory.audit.verify import Proof, verify
from inventory.domain.errors import InstantNotSealed
from inventory.domain.events import EventsDiffer, Source
from inventory.history.layout import stamp_of
from inventory.history.manifest import fingerprint_of, read_manifest
from inventory.history.past import Past
from inventory.history.plan import InstantLost, Mode, NotAnOpening
from inventory.storage.codec import encode
from support.audits import Audits
from support.sealed import rewrite_parquet
from support.tape import StreamRecord, Tape
from support.terminal import Terminal
from support.trade import trade
from support.workflow import History, Incomplete
from support.world import World

pytestmark = pytest.mark.timeout(300)


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


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def revisions(lost: list[tuple[Source, StreamRecord]]) -> set[tuple[str, int]]:
    told = set()
    for _, record in lost:
        image = record["dynamodb"]["NewImage"]
        key = next(image[name]["S"] for name in ("stock_id", "hold_id", "adjustment_id") if name in image)
        told.add((key, int(image["rev"]["N"])))
    return told


def missing(rows: list[dict[str, Any]]) -> set[tuple[str, int]]:
    return {
        (row["record_key"], rev)
        for row in rows
        if row["what"] == "missing"
        for rev in range(row["from_rev"], row["until_rev"] + 1)
    }


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


def test_a_history_with_a_hole_goes_on_from_an_opening_that_names_each_revision_that_is_lost(shop: Shop) -> None:
    lost = a_hole(shop)
    with pytest.raises(Incomplete):
        shop.seal()
    opened = shop.open()
    head = shop.history.head()
    assert head.body["opening"]["reason"] == "the archiver was down"
    assert head.body["opening"]["actor"] == "operator"
    assert head.body["opening"]["after"]["as_of_ms"] == shop.sealed
    assert head.body["ledger_from_ms"] is None
    rows = shop.lost()
    assert missing(rows) == revisions(lost)
    assert {row["what"] for row in rows} == {"missing"}
    assert head.body["opening"]["lost_revisions"] == len(revisions(lost))
    assert shop.stock(opened) == shop.live_stock()
    for row in shop.history.rows(f"snapshots/as_of={stamp_of(opened)}/*.parquet"):
        assert row["on_hand"] == row["adjusted"] - row["executed"]
        assert row["held"] == row["holding"]


def test_what_changed_since_the_last_proof_is_told_for_each_item_and_warehouse(shop: Shop) -> None:
    before = shop.stock(shop.sealed)
    a_hole(shop)
    after = shop.stock(shop.open())
    told = {(row["item_id"], row["warehouse_id"]): row for row in shop.history.rows("opened/*/changed-items-*.parquet")}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert told.keys() == changed
    for name in changed:
        was, now = before.get(name, (0, 0)), after.get(name, (0, 0))
        assert (told[name]["available_before"], told[name]["held_before"]) == was
        assert (told[name]["available_after"], told[name]["held_after"]) == now
        assert told[name]["on_hand_change"] == sum(now) - sum(was)


def test_after_an_opening_snapshots_go_on_and_a_rebuild_from_it_makes_the_same_bytes(shop: Shop) -> None:
    a_hole(shop)
    opened = shop.open()
    shop.trade(65)
    shop.archive()
    first = shop.seal()
    assert shop.stock(first) == shop.live_stock()
    assert shop.history.head().body["ledger_from_ms"] == opened
    shop.trade(66)
    shop.archive()
    second = shop.seal()
    assert shop.stock(second) == shop.live_stock()
    for instant in (first, second):
        assert shop.history.snapshot(instant, mode=Mode.REBUILD)["outcome"] == "existed"
    assert shop.history.snapshot(opened, mode=Mode.REBUILD)["done"]
    assert shop.history.snapshot(shop.sealed, mode=Mode.REBUILD)["outcome"] == "existed"


def test_sales_while_the_tables_are_read_are_in_the_opening_up_to_its_instant(shop: Shop) -> None:
    a_hole(shop)
    seeds = iter(range(100, 200))

    def sell(state: str) -> None:
        shop.world.clock.now_ms = max(shop.world.clock.now_ms, shop.history.now_ms)
        if state in ("Read", "Scan", "Open", "Map"):
            shop.trade(next(seeds), 5)
            shop.archive()
        elif state == "WaitAfterReading":
            shop.pass_s(30)

    opened = shop.open(before=sell)
    shop.archive()
    shop.pass_s(120)
    after = shop.seal()
    assert shop.stock(after) == shop.live_stock()
    for instant in (opened, after):
        for row in shop.history.rows(f"snapshots/as_of={stamp_of(instant)}/*.parquet"):
            assert row["held"] == row["holding"]
            assert row["on_hand"] == row["adjusted"] - row["executed"]


def test_what_the_archiver_brings_late_is_waited_for_and_not_told_as_lost(shop: Shop) -> None:
    a_hole(shop)

    def bring_late(state: str) -> None:
        if state == "Open":
            shop.trade(70, 20)

    with pytest.raises(Incomplete):
        shop.open(before=bring_late)
    shop.archive()
    shop.open()
    late = revisions(shop.tape.records[-1:])
    assert not late & missing(shop.lost())


def test_a_bucket_without_any_snapshot_is_opened_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "first")
    shop.trade(71)
    shop.lose()
    shop.pass_s(300)
    shop.history = History(tmp_path / "second", shop.tape)
    opened = shop.open()
    assert shop.history.head().body["opening"]["after"] is None
    assert shop.history.head().number == 1
    assert shop.stock(opened) == shop.live_stock()
    shop.trade(72)
    shop.archive()
    assert shop.stock(shop.seal()) == shop.live_stock()


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


def test_tables_restored_to_an_earlier_time_go_on_from_an_opening(shop: Shop) -> None:
    """Before and after the last snapshot: revisions are given out again that were archived already, and sealed."""
    sealed, _, first = restored_and_opened(shop)
    assert {"given_again", "gone"} <= {row["what"] for row in shop.lost()}
    opening = read_manifest(shop.history.objects, 3).body["opening"]
    assert opening["after"]["as_of_ms"] == sealed
    assert shop.history.snapshot(first, mode=Mode.REBUILD)["outcome"] == "existed"


@pytest.mark.parametrize(("reason", "actor"), [("", "operator"), ("why", ""), ("  ", "operator")])
def test_nobody_opens_a_history_without_saying_who_and_why(shop: Shop, reason: str, actor: str) -> None:
    with pytest.raises(NotAnOpening):
        shop.history.open(reason, actor)


def test_no_mode_but_its_own_opens_a_history(shop: Shop) -> None:
    shop.pass_s(300)
    shop.history.now_ms = shop.world.clock.now_ms
    with pytest.raises(NotAnOpening):
        shop.history.workshop.run({"step": "begin", "as_of_ms": None, "mode": "opening", "opening": None})
    opening = shop.history.workshop.run({"step": "open", "reason": "why", "actor": "who"})
    with pytest.raises(NotAnOpening):
        shop.history.workshop.run({"step": "begin", "as_of_ms": None, "mode": "increment", "opening": opening})


def test_no_snapshot_is_made_of_a_time_that_was_given_up(shop: Shop) -> None:
    a_hole(shop)
    opened = shop.open()
    for instant in (shop.sealed + 1000, opened - 1000):
        with pytest.raises(InstantLost):
            shop.history.snapshot(instant)


def test_nothing_is_opened_before_an_instant_that_another_has_sealed_meanwhile(shop: Shop) -> None:
    shop.trade(62, 10)
    shop.archive()

    def seal_a_later_one(state: str) -> None:
        if state == "Plan":
            shop.history.snapshot(shop.history.now_ms // 1000 * 1000)

    shop.pass_s(300)
    with pytest.raises(NotAnOpening):
        shop.open(before=seal_a_later_one)
    assert "opening" not in shop.history.head().body


def test_a_write_that_was_under_way_when_the_reading_began_is_in_the_opening(shop: Shop) -> None:
    """It was stamped some seconds before, and takes effect when its record has been read."""
    a_hole(shop)

    def write_late(state: str) -> None:
        if state == "WaitAfterReading":
            shop.world.clock.now_ms -= 5_000
            shop.world.receive("cup", 7, "berlin")
            shop.world.clock.now_ms += 5_000
            shop.archive()

    before = shop.live_stock()["cup", "berlin"]
    opened = shop.open(before=write_late)
    assert shop.stock(opened)["cup", "berlin"] == (before[0] + 7, before[1])


def test_a_changed_record_is_no_reason_to_read_it_twice(shop: Shop) -> None:
    """A record that is damaged in a table is in the opening as the table has it: that is what is opened."""
    a_hole(shop)
    table = shop.tape.tables[Source.STOCK]
    shard = next(each for each in shop.world.records(table) if "available" in each)
    shop.world.database.client.put_item(TableName=table, Item=encode(shard | {"available": 12_345}))
    del shop.tape.records[-1:]
    shop.world.database.stream(table).drain()
    opened = shop.open()
    assert shop.stock(opened)[shard["item_id"], shard["warehouse_id"]][0] >= 12_345


class Opened(NamedTuple):
    """A history that was opened after a hole, and sealed once more: for those who only look."""

    shop: Shop
    lost: list[tuple[Source, StreamRecord]]
    before: dict[tuple[str, str], tuple[int, int]]
    opened: int
    first: int


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    shop = Shop(tmp_path_factory.mktemp("day"))
    before = shop.live_stock()
    lost = a_hole(shop)
    opened = shop.open()
    shop.trade(65, 15)
    shop.archive()
    return Opened(shop, lost, before, opened, shop.seal())


@pytest.fixture
def folder(day: Opened, tmp_path: Path) -> Path:
    """A copy of its bucket, to do what one likes with."""
    return Path(shutil.copytree(day.shop.history.objects.root, tmp_path / "copy"))


def proof_of(shop: Shop, folder: Path | None = None, **how: Any) -> Proof:
    trusted = {fingerprint_of(shop.history.signer.public_key_der)}
    return verify(folder or shop.history.objects.root, trusted, rsa_signer, **how)


def findings(proof: Proof) -> list[tuple[str, Any]]:
    return [(check.name, found) for check in proof.checks for found in check.findings]


def test_verification_tells_the_hole_and_proves_everything_on_both_sides_of_it(day: Opened) -> None:
    proof = proof_of(day.shop, every=True)
    assert findings(proof) == []
    [opening] = proof.openings
    assert opening.hole == (day.shop.sealed, day.opened)
    looked_at = {check.name: check.looked_at for check in proof.checks}
    assert looked_at["openings"] > len(day.shop.lost())


@pytest.mark.parametrize("depth", ["increment", None])
@pytest.mark.parametrize("which", ["sealed", "opened", "first"])
def test_audits_prove_everything_on_both_sides_of_the_hole(day: Opened, which: str, depth: str | None) -> None:
    instant = {"sealed": day.shop.sealed, "opened": day.opened, "first": day.first}[which]
    audits = Audits(day.shop.history)
    result = audits.run(instant, depth=depth)
    assert audits.findings(instant) == []
    assert (result["since_ms"], result["discrepancies"]) == (0 if which == "sealed" else day.opened, 0)
    assert ("live_stock" in {each["name"] for each in result["checks"]}) == (which != "sealed")


def test_proofs_hold_on_both_sides_of_a_restored_table(shop: Shop) -> None:
    sealed, opened, first = restored_and_opened(shop)
    assert findings(proof_of(shop, every=True)) == []
    audits = Audits(shop.history)
    for instant in (sealed, opened, first):
        audits.run(instant, depth="increment")
        assert audits.findings(instant) == []


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("lost-items", "SELECT * FROM told WHERE NOT contains(record_key, '#')"),
        ("lost-items", "SELECT * REPLACE (from_rev - 1 AS from_rev) FROM told"),
        ("changed-items", "SELECT * REPLACE (on_hand_change + 1 AS on_hand_change) FROM told"),
        ("changed-items", "SELECT * FROM told WHERE false"),
    ],
)
def test_an_opening_that_does_not_name_what_is_lost_is_found(day: Opened, folder: Path, file: str, damage: str) -> None:
    for path in (folder / "opened").rglob(f"{file}-*.parquet"):
        rewrite_parquet(path, damage)
    assert {check for check, _ in findings(proof_of(day.shop, folder))} == {"openings", "sealed_files"}


def test_an_event_that_is_said_to_be_missing_and_is_there_is_found(day: Opened, folder: Path) -> None:
    History(folder, day.shop.tape).archive(day.lost[:1])
    [(check, found)] = findings(proof_of(day.shop, folder))
    assert check == "openings"
    [(key, rev)] = revisions(day.lost[:1])
    assert found.record == f"{key}@{rev}"


def test_stock_of_a_time_that_was_given_up_is_refused(day: Opened, tmp_path: Path) -> None:
    past = Past(day.shop.history.objects)
    for instant in (day.shop.sealed + 1000, day.opened - 1000):
        with pytest.raises(InstantNotSealed, match="lost"):
            past.stock_of("cup", instant, tmp_path)


@pytest.mark.parametrize("which", ["sealed", "opened", "first"])
def test_stock_of_a_time_on_either_side_is_told(day: Opened, tmp_path: Path, which: str) -> None:
    instant = {"sealed": day.shop.sealed, "opened": day.opened, "first": day.first}[which]
    told = Past(day.shop.history.objects).stock_of("cup", instant, tmp_path)
    then = [held for (item, _), held in day.shop.stock(instant).items() if item == "cup"]
    assert (told.available, told.held) == tuple(map(sum, zip(*then, strict=True)))
    if which == "sealed":
        assert day.shop.stock(instant) == day.before


def test_nothing_is_told_between_an_opening_that_is_the_latest_and_the_snapshot_before(
    shop: Shop, tmp_path: Path
) -> None:
    a_hole(shop)
    opened = shop.open()
    with pytest.raises(InstantNotSealed, match="lost"):
        Past(shop.history.objects).stock_of("cup", opened - 1000, tmp_path)


def test_the_command_tells_an_opening_and_finds_nothing_wrong(day: Opened, tmp_path: Path) -> None:
    key = fingerprint_of(day.shop.history.signer.public_key_der)
    asked = ("verify", "--directory", str(day.shop.history.objects.root), "--key-fingerprint", key)
    result = Terminal(tmp_path).run(*asked)
    assert result.exit_code == 0
    for told in ("opened the history anew", "the archiver was down", "operator", "Nothing is wrong."):
        assert told in " ".join(result.out.split())
    [opening] = Terminal(tmp_path).run(*asked, "--json").json["openings"]
    assert (opening["since_ms"], opening["as_of_ms"]) == (day.shop.sealed, day.opened)
    assert opening["lost_revisions"] == len(revisions(day.lost))
