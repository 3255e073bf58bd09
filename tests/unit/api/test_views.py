import pytest

from inventory.api.views import hold_view, stock_view
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.holds import Draw, Hold, Line, Status

MADE_MS = 1_800_000_000_900


def hold(status: Status, *, executed: int | None = None, settlement: str | None = None) -> Hold:
    line = Line("A", "W", 5, (Draw(0, 3), Draw(4, 2)), executed)
    return Hold("hold_1", status, (line,), MADE_MS, MADE_MS + 1_000, 1, MADE_MS, "key_1", "f", {}, None, settlement)


@pytest.mark.parametrize(
    ("status", "executed", "now_ms", "shown", "taken"),
    [
        (Status.ACTIVE, None, MADE_MS + 999, "active", 0),
        (Status.ACTIVE, None, MADE_MS + 1_000, "expired", 0),
        (Status.EXECUTED, None, MADE_MS + 5_000, "executed", 5),
        (Status.EXECUTED, 2, MADE_MS, "executed", 2),
        (Status.EXECUTED, 0, MADE_MS, "executed", 0),
        (Status.RELEASED, None, MADE_MS + 5_000, "released", 0),
        (Status.EXPIRED, None, MADE_MS + 5_000, "expired", 0),
    ],
)
def test_a_hold_shows_how_it_stands_now_and_what_was_taken(
    status: Status, executed: int | None, now_ms: int, shown: str, taken: int
) -> None:
    view = hold_view(hold(status, executed=executed), now_ms)
    assert (view["status"], view["lines"]) == (
        shown,
        [{"item": "A", "warehouse": "W", "quantity": 5, "executed": taken}],
    )


def test_times_are_whole_unix_seconds() -> None:
    view = hold_view(hold(Status.ACTIVE), MADE_MS)
    assert (view["created"], view["expires_at"]) == (1_800_000_000, 1_800_000_001)


@pytest.mark.parametrize(("settlement", "settled"), [(None, False), ("stl_1", True)])
def test_a_hold_shows_whether_the_counters_know(settlement: str | None, settled: bool) -> None:  # noqa: FBT001
    assert hold_view(hold(Status.EXECUTED, settlement=settlement), MADE_MS)["settled"] is settled


def test_stock_adds_its_warehouses_up() -> None:
    view = stock_view(ItemStock("A", (WarehouseStock("V", 0, 2, 1), WarehouseStock("W", 3, 4, 16)), MADE_MS))
    assert (view["available"], view["held"], view["on_hand"], view["in_stock"]) == (3, 6, 9, True)
    assert view["warehouses"][1] == {"warehouse": "W", "available": 3, "held": 4, "on_hand": 7, "shards": 16}


def test_an_item_that_is_all_held_is_not_in_stock() -> None:
    assert stock_view(ItemStock("A", (WarehouseStock("V", 0, 2, 1),), MADE_MS))["in_stock"] is False
