"""docs/operations.md knows every parameter of the template, with its default, and everything that is counted."""

import re
from pathlib import Path

from inventory.metric import Metric
from support.template import load_template

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")


def _rows(title: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in row.strip("| ").split(" | ")] for row in section.splitlines() if row.startswith("| `")
    ]


def _names(cell: str) -> list[str]:
    return re.findall(r"`([A-Za-z]+)`", cell)


def test_every_parameter_stands_there_with_its_default() -> None:
    parameters = load_template()["Parameters"]
    told = {name: cells for cells in _rows("Parameters") for name in _names(cells[0])}
    assert told.keys() == parameters.keys()
    for name, cells in told.items():
        default = parameters[name]["Default"]
        if isinstance(default, int) and "GB" not in cells[1]:
            assert f"{default:,}" in re.findall(r"[0-9][0-9,]*[0-9]|[0-9]", cells[1]), name
        elif isinstance(default, str) and cells[1].isupper():
            assert default in cells[1], name


def test_everything_that_is_counted_stands_there() -> None:
    told = [name for cells in _rows("Metrics") for name in _names(cells[0])]
    assert sorted(told) == sorted(metric.value for metric in Metric)
