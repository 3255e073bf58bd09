"""Transfer: from one warehouse to another in one transaction; the sum stays."""

import pytest

from inventory.domain.drawing import Want
from inventory.domain.errors import IdempotencyKeyMismatch, InsufficientStock, InvalidRequest, Overloaded
from inventory.protocol import flow
from inventory.protocol.adjustments_view import get_transfer
from inventory.protocol.transfer import transfer
from support.watched import Watched
from support.wire import BATCH_READS


def _by_warehouse(world: Watched) -> dict[str, int]:
    found: dict[str, int] = {}
    for shard in world.shards("A"):
        found[shard.key.warehouse] = found.get(shard.key.warehouse, 0) + shard.available
    return found


class TestMoving:
    def test_the_destination_may_be_new(self, world: Watched) -> None:
        world.receive("A", 5)
        made = world.transfer("A", 2).value
        assert _by_warehouse(world) == {"W1": 3, "W2": 2}
        assert get_transfer(world.core, made.id) == made
        assert (made.source, made.destination, made.quantity) == ("W1", "W2", 2)

    def test_the_destination_may_be_known(self, world: Watched) -> None:
        world.receive("A", 5)
        world.receive("A", 1, "W2")
        world.transfer("A", 2)
        assert _by_warehouse(world) == {"W1": 3, "W2": 3}

    def test_it_takes_from_many_shards_and_gives_to_the_emptiest(self, world: Watched) -> None:
        world.scatter("A", [2, 2, 2])
        world.scatter("A", [3, 1], "W2")
        world.transfer("A", 5)
        assert _by_warehouse(world) == {"W1": 1, "W2": 9}
        [gained] = [shard for shard in world.shards("A") if shard.key == ("A", "W2", 1)]
        assert gained.available == 6

    def test_from_more_shards_than_a_transaction_takes(self, world: Watched) -> None:
        world.scatter("A", [1] * 130)
        world.scatter("A", [1, 0], "W2")
        world.transfer("A", 130)
        assert _by_warehouse(world) == {"W1": 0, "W2": 131}

    def test_held_units_do_not_move(self, world: Watched) -> None:
        world.receive("A", 5)
        world.place("A", 4)
        with pytest.raises(InsufficientStock) as refusal:
            world.transfer("A", 2)
        assert (refusal.value.warehouse, refusal.value.available) == ("W1", 1)
        assert "W2" not in world.directories()["A"].warehouses

    def test_too_many_warehouses_are_refused(self, world: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(flow, "WAREHOUSES_PER_ITEM_MAX", 1)
        world.receive("A", 5)
        with pytest.raises(InvalidRequest):
            world.transfer("A", 2)

    def test_units_do_not_land_on_a_shard_given_up_meanwhile(self, world: Watched) -> None:
        world.receive("A", 5)
        world.scatter("A", [5, 0], "W2")
        world.wire.meanwhile(lambda: world.split("A", 1, "W2", core=world.instance()))
        world.transfer("A", 2)
        assert _by_warehouse(world) == {"W1": 3, "W2": 7}

    @pytest.mark.parametrize("read", range(1, 6))
    def test_a_buyer_of_any_warehouse_is_never_refused_for_a_move_between_them(self, world: Watched, read: int) -> None:
        world.receive("A", 5, "W2")
        world.receive("A", 1, "W1")
        world.core.hints.remember("A", None, {})
        other = world.instance()
        left = iter([True, False])  # the first pass reads W2 later than W1
        world.database.unprocessed = lambda _table, key: (
            key.get("stock_id", {}).get("S") == "A#W2#0" and next(left, False)
        )
        world.wire.meanwhile(lambda: world.transfer("A", 5, "W2", "W1", core=other), BATCH_READS, nth=read)
        assert sum(line.quantity for line in world.place_all(Want("A", None, 6)).value.lines) == 6


class TestRetries:
    def test_the_same_request_with_a_key_moves_once(self, world: Watched) -> None:
        world.receive("A", 5)
        first, again = (world.transfer("A", 5, key="k") for _ in range(2))
        assert (first.replayed, again.replayed, again.value) == (False, True, first.value)
        assert _by_warehouse(world) == {"W1": 0, "W2": 5}

    def test_the_same_key_with_other_parameters_is_a_mismatch(self, world: Watched) -> None:
        world.receive("A", 5)
        world.transfer("A", 2, key="k")
        with pytest.raises(IdempotencyKeyMismatch):
            world.transfer("A", 3, key="k")

    def test_a_lost_answer_is_found_by_the_retry(self, world: Watched) -> None:
        world.receive("A", 5)
        world.wire.lose()
        with pytest.raises(Overloaded):
            world.transfer("A", 5, key="k")
        assert world.transfer("A", 5, key="k").replayed
        assert _by_warehouse(world) == {"W1": 0, "W2": 5}


def test_a_transfer_says_by_what_it_was_asked_for(world: Watched) -> None:
    world.receive("A", 5)
    by = world.by(path="/v1/transfers")
    transfer(world.core, "A", "W1", "W2", 2, reference="truck-7", metadata={"who": "Ann"}, by=by)
    [record] = [each for each in world.records(world.tables.adjustments) if "to" in each]
    assert (record["reference"], record["metadata"]) == ("truck-7", {"who": "Ann"})
    causes = [each["cause"] for each in world.records(world.tables.stock) if each["cause"]["type"] == "transfer"]
    assert {cause["reference"] for cause in causes} == {"truck-7"}
