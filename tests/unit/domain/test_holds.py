"""Holds: what an execution may take, and what a settlement does to the counters."""

import pytest

from inventory.domain.errors import InvalidRequest
from inventory.domain.holds import Draw, Hold, Line, Status, Take, executed_by_line, settling_changes
from inventory.domain.stock import Change, ShardKey

LINES = (Line("A", "W1", 5, (Draw(0, 2), Draw(1, 3))), Line("B", "W1", 4, (Draw(0, 4),)))


def _hold(status: Status, lines: tuple[Line, ...] = LINES) -> Hold:
    return Hold("hold_1", status, lines, 0, 100, 1, 0, "key", "f")


def _shard(item: str, number: int) -> ShardKey:
    return ShardKey(item, "W1", number)


class TestSettling:
    @pytest.mark.parametrize("status", [Status.RELEASED, Status.EXPIRED])
    def test_what_was_not_executed_becomes_available_again(self, status: Status) -> None:
        assert settling_changes(_hold(status)) == [
            Change(_shard("A", 0), 2, -2),
            Change(_shard("A", 1), 3, -3),
            Change(_shard("B", 0), 4, -4),
        ]

    def test_what_was_executed_is_gone(self) -> None:
        changes = settling_changes(_hold(Status.EXECUTED))
        assert [(change.available, change.held) for change in changes] == [(0, -2), (0, -3), (0, -4)]

    def test_of_what_was_executed_in_part_the_rest_comes_back(self) -> None:
        lines = (Line("A", "W1", 5, LINES[0].drawn, executed=3), Line("B", "W1", 4, LINES[1].drawn, executed=0))
        changes = settling_changes(_hold(Status.EXECUTED, lines))
        assert [(change.available, change.held) for change in changes] == [(0, -2), (2, -3), (4, -4)]

    def test_draws_on_one_shard_are_added_up(self) -> None:
        lines = (Line("A", "W1", 3, (Draw(0, 1), Draw(0, 2)), executed=2),)
        assert settling_changes(_hold(Status.EXECUTED, lines)) == [Change(_shard("A", 0), 1, -3)]


class TestTakes:
    def test_each_line_in_the_order_of_the_record(self) -> None:
        takes = [Take("B", "W1", 4), Take("A", "W1", 1)]
        assert executed_by_line(_hold(Status.ACTIVE), takes) == [1, 4]

    def test_equal_takes_are_added_up(self) -> None:
        assert executed_by_line(_hold(Status.ACTIVE), [Take("A", "W1", 2), Take("A", "W1", 3)]) == [5, 0]

    def test_no_takes_take_nothing(self) -> None:
        assert executed_by_line(_hold(Status.ACTIVE), []) == [0, 0]

    @pytest.mark.parametrize(
        ("takes", "param"),
        [
            ([Take("A", "W1", 1), Take("A", "W2", 1)], "lines[1]"),
            ([Take("A", "W1", 6)], "lines[0][quantity]"),
            ([Take("A", "W1", 3), Take("A", "W1", 3)], "lines[1][quantity]"),
        ],
    )
    def test_the_take_that_does_not_fit_is_named(self, takes: list[Take], param: str) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            executed_by_line(_hold(Status.ACTIVE), takes)
        assert refusal.value.param == param


def test_a_hold_knows_its_shards() -> None:
    assert _hold(Status.ACTIVE).shard_keys() == {_shard("A", 0), _shard("A", 1), _shard("B", 0)}
