"""Condition, filter and key condition expressions: their meaning and their grammar."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeAlias

from .errors import invalid
from .expressions import Parsed, Parser, PathOperand, ValueOperand, Values
from .paths import Path, value_at
from .values import Item, Value, scalar

_ORDERS: dict[str, Callable[..., bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ORDERED = "S N B"
_TYPES = {"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"}
_FUNCTIONS = {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"}
_IN_MAX = 100


class Condition(Protocol):
    """Something that holds for an item or doesn't. A missing item is an empty one."""

    def holds(self, item: Item, values: Values) -> bool: ...


@dataclass(frozen=True, slots=True)
class Size:
    """`size(path)`: characters, bytes or elements; nothing for a number, boolean or null."""

    path: Path

    def resolve(self, item: Item, _values: Values) -> Value | None:
        [(kind, content)] = (value_at(item, self.path) or {"NULL": True}).items()
        return None if kind in {"N", "BOOL", "NULL"} else {"N": str(len(content))}


Operand: TypeAlias = PathOperand | ValueOperand | Size


def in_order(compare: str, left: Value | None, right: Value | None) -> bool:
    """Whether both are there, of one type that has an order, and stand in the order asked for."""
    if left is None or right is None:
        return False
    [kind] = left
    return kind in right and kind in {"S", "N", "B"} and _ORDERS[compare](scalar(left), scalar(right))


@dataclass(frozen=True, slots=True)
class Compare:
    """`=`, `<>` or one of the orders. A missing attribute equals nothing and is in no order."""

    operator: str
    left: Operand
    right: Operand

    def holds(self, item: Item, values: Values) -> bool:
        left, right = self.left.resolve(item, values), self.right.resolve(item, values)
        if self.operator == "=":
            return left is not None and left == right
        if self.operator == "<>":
            return left != right
        return in_order(self.operator, left, right)


@dataclass(frozen=True, slots=True)
class Between:
    """`operand BETWEEN low AND high`, both included."""

    operand: Operand
    low: Operand
    high: Operand

    def holds(self, item: Item, values: Values) -> bool:
        value = self.operand.resolve(item, values)
        return in_order("<=", self.low.resolve(item, values), value) and in_order(
            "<=", value, self.high.resolve(item, values)
        )


@dataclass(frozen=True, slots=True)
class In:
    """`operand IN (…)`."""

    operand: Operand
    options: tuple[Operand, ...]

    def holds(self, item: Item, values: Values) -> bool:
        value = self.operand.resolve(item, values)
        return value is not None and any(value == option.resolve(item, values) for option in self.options)


@dataclass(frozen=True, slots=True)
class Exists:
    """`attribute_exists(path)`; its opposite is a Not around it."""

    path: Path

    def holds(self, item: Item, _values: Values) -> bool:
        return value_at(item, self.path) is not None


@dataclass(frozen=True, slots=True)
class IsType:
    """`attribute_type(path, :type)`."""

    path: Path
    type: ValueOperand

    def holds(self, item: Item, values: Values) -> bool:
        return values[self.type.name]["S"] in (value_at(item, self.path) or ())


@dataclass(frozen=True, slots=True)
class BeginsWith:
    """`begins_with(path, prefix)` of a string or binary."""

    path: Path
    prefix: Operand

    def holds(self, item: Item, values: Values) -> bool:
        value, prefix = value_at(item, self.path), self.prefix.resolve(item, values)
        if value is None or prefix is None:
            return False
        return any(kind in value and kind in prefix and value[kind].startswith(prefix[kind]) for kind in ("S", "B"))


@dataclass(frozen=True, slots=True)
class Contains:
    """`contains(path, operand)`: part of a string or binary, or element of a set or list."""

    path: Path
    operand: Operand

    def holds(self, item: Item, values: Values) -> bool:
        holder, wanted = value_at(item, self.path), self.operand.resolve(item, values)
        if holder is None or wanted is None:
            return False
        [(kind, content)], [(wanted_kind, wanted_content)] = holder.items(), wanted.items()
        if kind == "L":
            return wanted in content
        return kind in {wanted_kind, f"{wanted_kind}S"} and kind not in {"N", "M", "NULL", "BOOL"} and (
            wanted_content in content
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT condition`."""

    condition: Condition

    def holds(self, item: Item, values: Values) -> bool:
        return not self.condition.holds(item, values)


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    conditions: tuple[Condition, ...]

    def holds(self, item: Item, values: Values) -> bool:
        return all([condition.holds(item, values) for condition in self.conditions])  # noqa: C419 - a generator is slower


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    conditions: tuple[Condition, ...]

    def holds(self, item: Item, values: Values) -> bool:
        return any(condition.holds(item, values) for condition in self.conditions)


@lru_cache(maxsize=4096)
def parse_condition(clause: str, text: str, names: tuple[tuple[str, str], ...]) -> Parsed[Condition]:
    """Reads a condition.

    Raises:
        Refused: It isn't one, or names what isn't defined.
    """
    parser = _ConditionParser(clause, text, dict(names))
    return parser.parsed(parser.disjunction())


class _ConditionParser(Parser):
    def disjunction(self) -> Condition:
        conditions = [self._conjunction()]
        while self.takes("OR"):
            conditions.append(self._conjunction())
        return conditions[0] if len(conditions) == 1 else Or(tuple(conditions))

    def _conjunction(self) -> Condition:
        conditions = [self._negation()]
        while self.takes("AND"):
            conditions.append(self._negation())
        return conditions[0] if len(conditions) == 1 else And(tuple(conditions))

    def _negation(self) -> Condition:
        return Not(self._negation()) if self.takes("NOT") else self._predicate()

    def _predicate(self) -> Condition:
        if self.takes("("):
            return self._parenthesised()
        if self._at_function() and self.token != "size":
            return self._function()
        left = self._comparand()
        if self.takes("BETWEEN"):
            return self._between(left)
        if self.takes("IN"):
            return self._in(left)
        compare = self.token
        if not self.takes("=", "<>", *_ORDERS):
            raise self.syntax_error()
        right = self._comparand()
        if left == right:
            raise self.error(
                "The first operand must be distinct from the remaining operands for this operator or function; "
                f"operator: {compare}"
            )
        if compare in _ORDERS:
            self.allow(left, compare, _ORDERED)
            self.allow(right, compare, _ORDERED)
        return Compare(compare, left, right)

    def _parenthesised(self) -> Condition:
        start = self.position
        condition = self.disjunction()
        self.expect(")")
        if self.tokens[start] == "(" and self._closing(start) == self.position - 2:
            raise self.error("The expression has redundant parentheses;")
        return condition

    def _closing(self, opening: int) -> int:
        """Where the parenthesis at `opening` closes."""
        depth = 0
        for position in range(opening, len(self.tokens)):
            depth += {"(": 1, ")": -1}.get(self.tokens[position], 0)
            if depth == 0:
                return position
        raise self.syntax_error()

    def _between(self, operand: Operand) -> Condition:
        low = self._comparand()
        self.expect("AND")
        high = self._comparand()
        for bound in (operand, low, high):
            self.allow(bound, "BETWEEN", _ORDERED)
        if isinstance(low, ValueOperand) and isinstance(high, ValueOperand):
            self._require_order(low.name, high.name)
        return Between(operand, low, high)

    def _require_order(self, low: str, high: str) -> None:
        def rule(values: Values) -> None:
            if not in_order("<=", values[low], values[high]):
                raise self.error(
                    "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
                    f"lower bound operand: {values[low]}, upper bound operand: {values[high]}"
                )

        self.rules.append(rule)

    def _in(self, operand: Operand) -> Condition:
        self.expect("(")
        options = [self._comparand()]
        while self.takes(","):
            options.append(self._comparand())
        self.expect(")")
        if len(options) > _IN_MAX:
            raise self.error(f"The number of operands for IN must be {_IN_MAX} at most; number: {len(options)}")
        return In(operand, tuple(options))

    def _comparand(self) -> Operand:
        if not self._at_function():
            return self.operand()
        if self.token != "size":
            raise self.error(f"The function is not allowed to be used this way; function: {self.token}")
        return Size(self._path_of("size", self._arguments(1)))

    def _at_function(self) -> bool:
        if self.tokens[self.position + 1 : self.position + 2] != ["("] or not self.token[0].isalpha():
            return False
        if self.token.upper() in {"NOT", "AND", "OR", "IN", "BETWEEN"}:
            raise self.syntax_error()
        if self.token not in _FUNCTIONS:
            raise self.error(f"Invalid function name; function: {self.token}")
        return True

    def _function(self) -> Condition:
        name = self.token
        if name in {"attribute_exists", "attribute_not_exists"}:
            exists = Exists(self._path_of(name, self._arguments(1)))
            return exists if name == "attribute_exists" else Not(exists)
        arguments = self._arguments(2)
        path, operand = self._path_of(name, arguments), arguments[1]
        if name == "contains":
            return Contains(path, operand)
        if name == "begins_with":
            self.allow(operand, name, "S B")
            return BeginsWith(path, operand)
        return self._is_type(path, operand)

    def _is_type(self, path: Path, operand: Operand) -> Condition:
        if not isinstance(operand, ValueOperand):
            raise self.syntax_error()
        self.allow(operand, "attribute_type", "S")
        name = operand.name

        def rule(values: Values) -> None:
            if values[name]["S"] not in _TYPES:
                raise self.error(f"Invalid attribute type name found; type: {values[name]['S']}")

        self.rules.append(rule)
        return IsType(path, operand)

    def _arguments(self, count: int) -> list[Operand]:
        name = self.take()
        self.expect("(")
        arguments = [self._comparand()]
        while self.takes(","):
            arguments.append(self._comparand())
        self.expect(")")
        if len(arguments) != count:
            raise self.error(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {name}, number of operands: {len(arguments)}"
            )
        return arguments

    def _path_of(self, function: str, arguments: list[Operand]) -> Path:
        first = arguments[0]
        if not isinstance(first, PathOperand):
            raise self.error(f"Operator or function requires a document path; operator or function: {function}")
        return first.path


def check_filter(condition: Condition | None, key_names: frozenset[str]) -> None:
    """Refuses a filter on key attributes: those belong into the key condition."""
    for path in _paths(condition):
        if path[0] in key_names:
            raise invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {path[0]}"
            )


def _paths(node: object) -> list[Path]:
    if isinstance(node, PathOperand | Size | Exists | IsType):
        return [node.path]
    if isinstance(node, Compare):
        return _paths(node.left) + _paths(node.right)
    if isinstance(node, And | Or):
        return [path for condition in node.conditions for path in _paths(condition)]
    if isinstance(node, Not):
        return _paths(node.condition)
    if isinstance(node, Between | In):
        return _paths(node.operand)
    return [node.path] if isinstance(node, BeginsWith | Contains) else []
