"""One deployed stack for all tests here. After each, every invariant is checked, in the tables and in the streams."""

from collections.abc import Iterator

import pytest

from stack.state import Stack
from support.shop import Shop, new_prefix, wait_until
from support.stack import Operator, deployed_stack
from support.stream_invariants import StreamWatch
from support.table_invariants import broken_invariants, read_tables

#: Tests of what takes a minute to come true: the minute passes while the others run.
_LAST = "test_a_minute_later.py"
_SETTLE_S_MAX = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name == _LAST)  # stable: the others keep their order
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


@pytest.fixture
def shop(stack: Stack, operator: Operator, streams: StreamWatch) -> Iterator[Shop]:
    """A caller who may do everything, with items of their own. What they leave behind must keep the invariants."""
    shop = Shop(stack.api_url, stack.api_key, new_prefix())
    yield shop
    shop.http.close()
    wait_until(lambda: not read_tables(operator, shop.prefix).unsettled, _SETTLE_S_MAX, "everything_settles")
    assert broken_invariants(read_tables(operator, shop.prefix)) == []
    assert streams.advance() == []
