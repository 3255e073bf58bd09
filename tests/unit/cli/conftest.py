"""A terminal in an empty folder, and AWS in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from support.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield
