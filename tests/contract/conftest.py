"""One suite over every implementation of DynamoDB that the project uses.

DynamoDB Local takes part only if `DYNAMODB_LOCAL_ENDPOINT` says where it runs.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from contract import implementations
from contract.deviations import DEVIATIONS
from contract.world import World

_LOCAL_ENDPOINT = os.environ.get("DYNAMODB_LOCAL_ENDPOINT")
_IMPLEMENTATIONS = ["simulated", "moto", "emulator", *(["dynamodb-local"] if _LOCAL_ENDPOINT else [])]


@pytest.fixture(scope="session", params=_IMPLEMENTATIONS)
def make_world(request: pytest.FixtureRequest) -> Iterator[implementations.MakeWorld]:
    opened: dict[str, Callable[[], AbstractContextManager[implementations.MakeWorld]]] = {
        "simulated": lambda: nullcontext(implementations.simulated),
        "moto": implementations.moto,
        "emulator": implementations.emulator,
        "dynamodb-local": lambda: nullcontext(implementations.served(*implementations.clients(_LOCAL_ENDPOINT))),
    }
    with opened[request.param]() as make:
        yield make


@pytest.fixture
def world(make_world: implementations.MakeWorld) -> Iterator[World]:
    with make_world() as made:
        yield made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and "make_world" in item.fixturenames:
            implementation = str(item.callspec.params["make_world"])
            case = item.name.replace(f"[{implementation}]", "").replace(f"[{implementation}-", "[")
            for reason, tests in DEVIATIONS.get(implementation, {}).items():
                if case in tests:
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
