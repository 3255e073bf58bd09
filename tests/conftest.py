"""What holds for every test: its folder is its marker, and no test can reach a real AWS account."""

import os
from pathlib import Path

import pytest

from support.garbage import collect_in_the_end, collect_rarely
from support.searching import load_profile

# Set before any test module is imported, because a client may be made at import.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    if _name != "AWS_CA_BUNDLE":
        del os.environ[_name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

_TESTS = Path(__file__).parent

load_profile()


def pytest_collection_finish() -> None:
    collect_rarely()


def pytest_unconfigure() -> None:
    collect_in_the_end()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = {line.split(":")[0] for line in config.getini("markers")}
    for item in items:
        folder = item.path.relative_to(_TESTS).parts[0]
        if folder in known:
            item.add_marker(folder)
