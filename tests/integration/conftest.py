"""Each test has its own functions, over its own empty tables and bucket."""

import pytest

from support.functions import Functions


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(monkeypatch)
