"""Nothing is downloaded to be run that no lock names with its hash."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_builds_this_package_is_locked_as_an_auditor_builds_it() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    lines = (ROOT / "requirements" / "build.txt").read_text().splitlines()
    locked = {line.partition("==")[0] for line in lines if "==" in line}
    assert locked >= {*needed, "setuptools"}
