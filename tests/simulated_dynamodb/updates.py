"""Update expressions: what SET, REMOVE, ADD and DELETE make of an item, and their grammar."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from .errors import Refused, invalid
from .expressions import Parsed, Parser, PathOperand, ValueOperand, Values
from .paths import Path, check_distinct, value_at, with_value
from .values import Item, Value, add, subtract, united, without

_SETS = "SS NS BS"


@dataclass(frozen=True, slots=True)
class IfNotExists:
    """`if_not_exists(path, operand)`."""

    path: Path
    otherwise: "Operand"

    def resolve(self, item: Item, values: Values) -> Value | None:
        value = value_at(item, self.path)
        return self.otherwise.resolve(item, values) if value is None else value


Operand: TypeAlias = PathOperand | ValueOperand | IfNotExists


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`operand + operand` or `operand - operand`, exact."""

    calculate: Callable[[Value, Value], Value]
    left: Operand
    right: Operand

    def resolve(self, item: Item, values: Values) -> Value:
        left, right = self.left.resolve(item, values), self.right.resolve(item, values)
        if left is None or right is None:
            raise _no_such_attribute()
        return self.calculate(left, right)


@dataclass(frozen=True, slots=True)
class Update:
    """All that one update expression does. Every clause reads the item as it was before."""

    assignments: tuple[tuple[Path, Operand | Arithmetic], ...]
    removals: tuple[Path, ...]
    additions: tuple[tuple[Path, ValueOperand], ...]
    deletions: tuple[tuple[Path, ValueOperand], ...]

    @property
    def paths(self) -> list[Path]:
        """Everywhere that it writes."""
        return [path for path, _ in (*self.assignments, *self.additions, *self.deletions)] + list(self.removals)

    def applied(self, item: Item, values: Values) -> Item:
        """The item after the update.

        Raises:
            Refused: It doesn't fit this item: a path or operand isn't there, or has another type.
        """
        updated = dict(item)
        for path, operand in self.assignments:
            value = operand.resolve(item, values)
            if value is None:
                raise _no_such_attribute()
            if len(path) == 1:  # the copy above is all that it takes
                updated[path[0]] = value  # type: ignore[index]
            else:
                updated = with_value(updated, path, value)
        for path in self.removals:
            updated = with_value(updated, path, None)
        for path, added in self.additions:
            updated = with_value(updated, path, _sum(value_at(item, path), added.resolve(item, values)))
        for path, deleted in self.deletions:
            before = value_at(item, path)
            if before is not None:
                updated = with_value(updated, path, _difference(before, deleted.resolve(item, values)))
        return updated


def _sum(before: Value | None, added: Value) -> Value:
    if before is None:
        return added
    if before.keys() != added.keys():
        raise _wrong_type()
    return add(before, added) if "N" in added else united(before, added)


def _difference(before: Value, deleted: Value) -> Value | None:
    if before.keys() != deleted.keys():
        raise _wrong_type()
    return without(before, deleted)


def _no_such_attribute() -> Refused:
    return invalid("The provided expression refers to an attribute that does not exist in the item")


def _wrong_type() -> Refused:
    return invalid("An operand in the update expression has an incorrect data type")


@lru_cache(maxsize=4096)
def parse_update(clause: str, text: str, names: tuple[tuple[str, str], ...]) -> Parsed[Update]:
    """Reads an update.

    Raises:
        Refused: It isn't one, names what isn't defined, or writes to one place twice.
    """
    parser = _UpdateParser(clause, text, dict(names))
    update = parser.update()
    check_distinct(update.paths, clause)
    return parser.parsed(update)


class _UpdateParser(Parser):
    def update(self) -> Update:
        assignments: list[tuple[Path, Operand | Arithmetic]] = []
        removals: list[Path] = []
        additions: list[tuple[Path, ValueOperand]] = []
        deletions: list[tuple[Path, ValueOperand]] = []
        sections: dict[str, Callable[[], None]] = {
            "SET": lambda: assignments.append(self._assignment()),
            "REMOVE": lambda: removals.append(self.path()),
            "ADD": lambda: additions.append(self._change("ADD", f"N {_SETS}")),
            "DELETE": lambda: deletions.append(self._change("DELETE", _SETS)),
        }
        seen: set[str] = set()
        while self.position + 1 < len(self.tokens):
            section = self.token.upper()
            if not self.takes(*sections):
                raise self.syntax_error()
            if section in seen:
                raise self.error(f'The "{section}" section can only be used once in an update expression;')
            seen.add(section)
            sections[section]()
            while self.takes(","):
                sections[section]()
        # From a list's end backwards, so that each index still means what it did before the update.
        removals.sort(key=lambda path: path[-1] if isinstance(path[-1], int) else -1, reverse=True)
        return Update(tuple(assignments), tuple(removals), tuple(additions), tuple(deletions))

    def _assignment(self) -> tuple[Path, Operand | Arithmetic]:
        path = self.path()
        self.expect("=")
        left = self._set_operand()
        for symbol, calculate in (("+", add), ("-", subtract)):
            if self.takes(symbol):
                right = self._set_operand()
                self.allow(left, symbol, "N")
                self.allow(right, symbol, "N")
                return path, Arithmetic(calculate, left, right)
        return path, left

    def _set_operand(self) -> Operand:
        if self.tokens[self.position + 1 : self.position + 2] != ["("]:
            return self.operand()
        if self.token != "if_not_exists":
            raise self.error(f"Invalid function name; function: {self.token}")
        self.take()
        self.expect("(")
        path = self.path()
        self.expect(",")
        otherwise = self._set_operand()
        self.expect(")")
        return IfNotExists(path, otherwise)

    def _change(self, section: str, kinds: str) -> tuple[Path, ValueOperand]:
        path, operand = self.path(), self.operand()
        if not isinstance(operand, ValueOperand):
            raise self.syntax_error()
        self.allow(operand, section, kinds)
        return path, operand
