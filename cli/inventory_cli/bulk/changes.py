"""A file of changes: each line an adjustment, with the key under which it is carried out once."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from inventory_cli.errors import WrongUse
from inventory_cli.lines import whole

LINES_MAX: Final = 500_000
#: `error` is what `--rejected` adds: such a file can be corrected, and loaded as it is.
COLUMNS: Final = ("item", "warehouse", "quantity", "count", "reason", "reference", "error")
_SAID: Final = COLUMNS[:-1]
_REQUIRED: Final = ("item", "warehouse")
_WRONG_SHOWN_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Change:
    """One line.

    Attributes:
        line: Its number in the file; the header is 1.
        item, warehouse: What changes.
        quantity: Units to add, or to take away; or None.
        count: Or the units on the shelf.
        reason, reference: Why.
    """

    line: int
    item: str
    warehouse: str
    quantity: int | None
    count: int | None
    reason: str
    reference: str | None

    @property
    def body(self) -> dict[str, Any]:
        """The request's body."""
        return {name: getattr(self, name) for name in _SAID}

    @property
    def said(self) -> tuple[str | int | None, ...]:
        """All that the line says, wherever it stands."""
        return tuple(self.body.values())


class Keyed(NamedTuple):
    """A change with its Idempotency-Key."""

    change: Change
    key: str


def read_changes(file: Path, *, batch: str, reason: str | None, reference: str | None) -> list[Keyed]:
    """Reads a CSV file whole, before anything of it is sent.

    A line's key comes of the batch and of what the line says. So lines may be corrected, moved, added and put into a
    file of their own between two runs, and what was done is not done twice. Two lines that say the same would be one:
    they are refused, and are most often a mistake.

    Args:
        file: In UTF-8, with a header.
        batch: What the whole of it is called.
        reason: For lines without one of their own.
        reference: Likewise.

    Raises:
        WrongUse: It is no such file; the first lines that are wrong are named.
    """
    changes: list[Change] = []
    wrong: list[str] = []
    for line, row in _rows(file):
        if len(changes) + len(wrong) >= LINES_MAX:
            raise WrongUse(f"{file} has more than {LINES_MAX:,} lines: cut it into several files.")
        try:
            changes.append(_change(line, row, reason, reference))
        except WrongUse as error:
            wrong.append(f"line {line}: {error.message}")
    wrong += _said_twice(changes)
    if wrong:
        more = [f"and {len(wrong) - _WRONG_SHOWN_MAX:,} more"] if len(wrong) > _WRONG_SHOWN_MAX else []
        raise WrongUse(
            "\n  ".join([f"Nothing was sent, as {file} has to be corrected:", *wrong[:_WRONG_SHOWN_MAX], *more])
        )
    if not changes:
        raise WrongUse(f"{file} has no lines below its header.")
    return [Keyed(change, _key(batch, change)) for change in changes]


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str | None, Any]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            _check_header(file, reader.fieldnames or ())
            for row in reader:
                yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise WrongUse(f"{file} is no CSV file in UTF-8: {error}.") from error


def _check_header(file: Path, names: Iterable[str]) -> None:
    names = list(names)
    for name, times in Counter(names).items():
        if name not in COLUMNS:
            raise WrongUse(f"{file} has a column {name!r}: its first line names columns out of {', '.join(COLUMNS)}.")
        if times > 1:
            raise WrongUse(f"{file} has two columns {name!r}.")
    if missing := [name for name in _REQUIRED if name not in names]:
        raise WrongUse(f"{file} has no column {missing[0]!r}: its first line names them.")
    if not {"quantity", "count"}.intersection(names):
        raise WrongUse(f"{file} needs a column 'quantity' (units to add or take away), or 'count' (on the shelf).")


def _change(line: int, row: Mapping[str | None, Any], reason: str | None, reference: str | None) -> Change:
    if None in row or None in row.values():  # so DictReader tells of more, and of fewer, than the header has
        raise WrongUse("it has not as many values as the header.")
    for name in _REQUIRED:
        if not row[name]:
            raise WrongUse(f"it has no {name}.")
    quantity, count = row.get("quantity") or None, row.get("count") or None
    if (quantity is None) == (count is None):
        raise WrongUse("it needs either a quantity or a count.")
    why = row.get("reason") or reason
    if not why:
        raise WrongUse("it has no reason, and no --reason says one for all.")
    return Change(
        line=line,
        item=row["item"],
        warehouse=row["warehouse"],
        quantity=None if quantity is None else whole(quantity, "quantity"),
        count=None if count is None else whole(count, "count"),
        reason=why,
        reference=row.get("reference") or reference,
    )


def _said_twice(changes: Iterable[Change]) -> Iterator[str]:
    """Lines that say what another said before; and second counts of a place, as one of them must be wrong."""
    said: dict[tuple[Any, ...], int] = {}
    for change in changes:
        counted = change.count is not None
        content = (change.item, change.warehouse) if counted else change.said
        before = said.setdefault(content, change.line)
        if before != change.line and counted:
            yield f"line {change.line}: {change.item} in {change.warehouse} is counted in line {before} already."
        elif before != change.line:
            yield f"line {change.line}: line {before} says the same. If both are meant, give each its own reference."


def _key(batch: str, change: Change) -> str:
    content = json.dumps([batch, *change.said]).encode()
    return f"load_{hashlib.sha256(content).hexdigest()}"
