from pathlib import Path

import pytest

from support.bureau import Bureau
from support.world import World


@pytest.fixture
def bureau(tmp_path: Path) -> Bureau:
    return Bureau(World(), tmp_path)
