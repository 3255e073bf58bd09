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
#: What the API gets of a line.
_SENT: Final = COLUMNS[:-1]
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
        reason, reference: Why, by its own words or those for all lines.
        own: Its own words, by their columns.
    """

    line: int
    item: str
    warehouse: str
    quantity: int | None
    count: int | None
    reason: str
    reference: str | None
    own: Mapping[str, str]

    @property
    def body(self) -> dict[str, Any]:
        """The request's body."""
        return {name: getattr(self, name) for name in _SENT}

    @property
    def subject(self) -> tuple[str, str, str]:
        """What tells it from the other lines of its batch, wherever it stands."""
        return self.item, self.warehouse, self.own.get("reference", "")


class Keyed(NamedTuple):
    """A change with its Idempotency-Key."""

    change: Change
    key: str


def read_changes(file: Path, *, batch: str, reason: str | None, reference: str | None) -> list[Keyed]:
    """Reads a CSV file whole, before anything of it is sent.

    A line's key comes of the batch and of what the line is about: item, warehouse and its own reference, never how
    many. So a line that was refused may be corrected, and one that was done is not done again with another number: the
    API refuses that, as the key was used for another request. Two lines about the same would be one, and are refused.

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
    wrong += _told_twice(changes)
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
        own={name: row[name] for name in _SENT if row.get(name)},
    )


def _told_twice(changes: Iterable[Change]) -> Iterator[str]:
    """Lines that would be one; and second counts of a place, as one of them must be wrong."""
    told: dict[tuple[str, ...], int] = {}
    for change in changes:
        counted = None if change.count is None else told.setdefault((change.item, change.warehouse), change.line)
        if counted not in (None, change.line):
            yield f"line {change.line}: {change.item} in {change.warehouse} is counted in line {counted} already."
        elif (before := told.setdefault(change.subject, change.line)) != change.line:
            yield (
                f"line {change.line}: line {before} is about {change.item} in {change.warehouse}, too. "
                "If both are meant, give each a reference of its own."
            )


def _key(batch: str, change: Change) -> str:
    subject = json.dumps([batch, *change.subject]).encode()
    return f"load_{hashlib.sha256(subject).hexdigest()}"
