"""One deployed stack for all tests here. After each, every invariant is checked, in the tables and in the streams."""

import time
from collections.abc import Iterator
from functools import partial

import pytest

from stack.state import Stack
from support.shop import Body, Shop, done, line, new_prefix, wait_until
from support.stack import Operator, deployed_stack
from support.stream_invariants import StreamWatch
from support.table_invariants import broken_invariants, read_tables

#: Tests that read the whole archive, which grows with each test. The last of them leaves a forged event behind, which
#: later snapshots would have in them.
_FIRST = (
    "test_audits.py", "test_past.py", "test_snapshots.py", "test_snapshot_workflow.py", "test_command.py",
    "test_audit_workflow.py",
)  # fmt: skip
#: What takes a minute to come true: the minute passes while the others run.
_LAST = ("test_a_minute_later.py",)
_SETTLE_S_MAX = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Stable: the others keep their order.
    order = {name: number for number, name in enumerate((*_FIRST, "", *_LAST))}
    items.sort(key=lambda item: order.get(item.path.name, len(_FIRST)))
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("stack"))  # they stop parts of the one stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with deployed_stack() as deployed:
        yield deployed


@pytest.fixture(scope="session")
def operator(stack: Stack) -> Operator:
    return Operator(stack)


@pytest.fixture(scope="session")
def streams(operator: Operator) -> StreamWatch:
    return StreamWatch(operator)


@pytest.fixture(scope="session", autouse=True)
def abandoned(stack: Stack, operator: Operator, streams: StreamWatch) -> Body:
    """A released hold that the settler was never told of: its event passed by unseen."""
    shop = Shop(stack.api_url, stack.api_key, new_prefix())
    item = shop.item("cup")
    for patience_s in (0.2, 1, 5, 15):  # the emulator serves all streams in turn, and waits for functions that start
        shop.receive(item, 10)
        hold, follower = done(shop.place(line(item))), done(shop.place(line(item)))
        with operator.passing_by("SettlerFunction"):
            done(shop.release(hold))
            time.sleep(patience_s)  # nothing tells when a record has gone by
        done(shop.release(follower))
        wait_until(partial(_is_settled, shop, follower), 60, "the settler hears again")
        if not _is_settled(shop, hold):
            return hold
        item = shop.item(f"cup{patience_s}")
    raise AssertionError("no record went by unseen")


@pytest.fixture(scope="session", autouse=True)
def revoked(stack: Stack, operator: Operator) -> Shop:
    """A caller who was let in, and whose key was revoked then."""
    text, key = operator.make_key()
    caller = Shop(stack.api_url, text, new_prefix())
    done(caller.get("/v1/holds"))
    operator.revoke(key)
    return caller


@pytest.fixture
def shop(stack: Stack, operator: Operator, streams: StreamWatch) -> Iterator[Shop]:
    """A caller who may do everything, with items of their own. What they leave behind must keep the invariants."""
    shop = Shop(stack.api_url, stack.api_key, new_prefix())
    yield shop
    _check(shop, operator, streams)


@pytest.fixture(scope="module")
def store(stack: Stack, operator: Operator, streams: StreamWatch) -> Iterator[Shop]:
    """A caller with 10 units of one item, `item("cup")`, for all tests of a module that change nothing of it."""
    store = Shop(stack.api_url, stack.api_key, new_prefix())
    store.receive(store.item("cup"), 10)
    yield store
    assert store.counters(store.item("cup")) == (10, 0)
    _check(store, operator, streams)


def _check(shop: Shop, operator: Operator, streams: StreamWatch) -> None:
    shop.http.close()
    wait_until(lambda: not read_tables(operator, shop.prefix).unsettled, _SETTLE_S_MAX, "everything_settles")
    assert broken_invariants(read_tables(operator, shop.prefix)) == []
    assert streams.advance() == []


def _is_settled(shop: Shop, hold: Body) -> bool:
    return bool(shop.hold(hold)["settled"])
