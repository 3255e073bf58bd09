"""The events of the function that reads the past, played to its own module, and through the stock function."""

from pathlib import Path

import pytest

from inventory.protocol.resolve import execute
from support.functions import SAMPLES, Functions
from support.tape import Tape
from support.workflow import History
from support.world import World

CUP = "espresso-cup"
AT_S = 1_798_761_600
PLACED = [["berlin", 8, 2, 1], ["lyon", 5, 0, 1]]


@pytest.fixture(autouse=True)
def history(functions: Functions, tmp_path: Path) -> None:
    """15 cups and a hold of 2 before the instant, the sale a minute after it; then a snapshot."""
    assert SAMPLES["stock-at/known-item"].load() == {"item": CUP, "at_ms": AT_S * 1000}
    world = World()
    tape = Tape(world)
    world.clock.now_ms = (AT_S - 60) * 1000
    world.receive(CUP, 10, "berlin")
    world.receive(CUP, 5, "lyon")
    hold = world.place(CUP, 2, "berlin").value
    world.clock.pass_s(120)
    execute(world.core, hold.id, None, by=world.by())
    world.flow()
    history = History(tmp_path / "bucket", tape)
    history.archive()
    history.snapshot((AT_S + 120) * 1000)
    functions.shelf.objects |= history.objects.contents("")


def test_the_function_tells_what_there_was(functions: Functions) -> None:
    assert functions.play("stock-at/known-item") == {"warehouses": PLACED}


def test_a_refusal_is_an_answer(functions: Functions) -> None:
    assert functions.play("stock-at/unknown-item") == {"refusal": "missing"}
    assert functions.play("stock-at/not-sealed") == {
        "refusal": "not_sealed",
        "latest_s": AT_S + 120,
        "lost_until_s": None,
    }


def test_the_stock_function_asks_it(functions: Functions) -> None:
    stock = functions.request("read-stock-at").body
    assert stock["as_of"] == AT_S
    assert (stock["available"], stock["held"], stock["on_hand"], stock["in_stock"]) == (13, 2, 15, True)
    assert [list(each.values()) for each in stock["warehouses"]] == [["berlin", 8, 2, 10, 1], ["lyon", 5, 0, 5, 1]]


def test_the_stock_function_names_the_latest_instant_that_is_known(functions: Functions) -> None:
    refused = functions.request("read-stock-at-not-sealed")
    assert (refused.status, refused.code) == (400, "instant_not_sealed")
    assert str(AT_S + 120) in refused.error["message"]
