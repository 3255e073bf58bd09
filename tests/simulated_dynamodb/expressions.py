"""What all expressions share: tokens, names and values, document paths, and the request that they stand in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path as File
from typing import Any, Generic, TypeAlias, TypeVar

from .errors import Refused, invalid
from .paths import Path, check_distinct, value_at
from .values import Item, Value, canonical

Values: TypeAlias = Mapping[str, Value]
Rule: TypeAlias = Callable[[Values], None]
Root = TypeVar("Root")
ParserRoot = TypeVar("ParserRoot")

_EXPRESSION_BYTES_MAX = 4096
RESERVED_WORDS = frozenset(File(__file__).with_name("reserved_words.txt").read_text().split())
_TOKEN = re.compile(r"\s*([#:]?\w+|<>|<=|>=|[=<>()\[\],.+-])", re.ASCII)
_END = "<EOF>"


@dataclass(frozen=True, slots=True)
class PathOperand:
    """A document path."""

    path: Path

    def resolve(self, item: Item, _values: Values) -> Value | None:
        return value_at(item, self.path)


@dataclass(frozen=True, slots=True)
class ValueOperand:
    """A `:value`."""

    name: str

    def resolve(self, _item: Item, values: Values) -> Value:
        return values[self.name]


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Root]):
    """An expression once read: what it means, the names and values it uses, and what any values must fulfil."""

    root: Root
    names: frozenset[str]
    values: frozenset[str]
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class Parser:
    """Reads one expression token by token; a subclass per clause knows the grammar."""

    clause: str
    text: str
    names: Mapping[str, str]
    tokens: list[str] = field(init=False)
    position: int = field(init=False, default=0)
    used_names: set[str] = field(init=False, default_factory=set)
    used_values: set[str] = field(init=False, default_factory=set)
    rules: list[Rule] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise self.error("The expression can not be empty;")
        if len(self.text) > _EXPRESSION_BYTES_MAX:
            raise self.error("Expression size has exceeded the maximum allowed size;")
        self.tokens = []
        end = 0
        while match := _TOKEN.match(self.text, end):
            self.tokens.append(match[1])
            end = match.end()
        rest = self.text[end:].strip()
        if rest:
            raise self.error(f'Syntax error; token: "{rest[0]}", near: "{rest[:10]}"')
        self.tokens.append(_END)

    def parsed(self, root: ParserRoot) -> Parsed[ParserRoot]:
        """The result, when everything was read."""
        if self.token != _END:
            raise self.syntax_error()
        return Parsed(root, frozenset(self.used_names), frozenset(self.used_values), tuple(self.rules))

    @property
    def token(self) -> str:
        return self.tokens[self.position]

    def take(self) -> str:
        """The token at hand; goes on to the next."""
        self.position += 1
        return self.tokens[self.position - 1]

    def takes(self, *wanted: str) -> bool:
        """Takes the token if it is one of these; keywords in either case."""
        if self.token.upper() not in wanted:
            return False
        self.position += 1
        return True

    def expect(self, wanted: str) -> None:
        if not self.takes(wanted):
            raise self.syntax_error()

    def path(self) -> Path:
        parts: list[str | int] = [self._name()]
        while True:
            if self.takes("."):
                parts.append(self._name())
            elif self.takes("["):
                if not self.token.isdigit():
                    raise self.syntax_error()
                parts.append(int(self.take()))
                self.expect("]")
            else:
                return tuple(parts)

    def _name(self) -> str:
        token = self.token
        if token.startswith("#"):
            if token not in self.names:
                raise self.error(
                    f"An expression attribute name used in the document path is not defined; attribute name: {token}"
                )
            self.used_names.add(token)
            self.position += 1
            return self.names[token]
        if not token[0].isalpha():
            raise self.syntax_error()
        if token.upper() in RESERVED_WORDS:
            raise self.error(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        self.position += 1
        return token

    def operand(self) -> PathOperand | ValueOperand:
        if not self.token.startswith(":"):
            return PathOperand(self.path())
        self.used_values.add(self.token)
        return ValueOperand(self.take())

    def allow(self, operand: object, operator: str, kinds: str) -> None:
        """From now on, a `:value` in this place must be of one of the types."""
        if isinstance(operand, ValueOperand):
            allowed, name = frozenset(kinds.split()), operand.name

            def rule(values: Values) -> None:
                [kind] = values[name]
                if kind not in allowed:
                    raise self.error(
                        "Incorrect operand type for operator or function; "
                        f"operator or function: {operator}, operand type: {kind}"
                    )

            self.rules.append(rule)

    def error(self, message: str) -> Refused:
        return invalid(f"Invalid {self.clause}: {message}")

    def syntax_error(self) -> Refused:
        near = " ".join(self.tokens[max(self.position - 1, 0) : self.position + 2])
        return self.error(f'Syntax error; token: "{self.token}", near: "{near}"')


@lru_cache(maxsize=4096)
def parse_projection(clause: str, text: str, names: tuple[tuple[str, str], ...]) -> Parsed[tuple[Path, ...]]:
    """Reads a list of paths, none within another."""
    parser = Parser(clause, text, dict(names))
    paths = [parser.path()]
    while parser.takes(","):
        paths.append(parser.path())
    check_distinct(paths, clause)
    return parser.parsed(tuple(paths))


Parse: TypeAlias = Callable[[str, str, tuple[tuple[str, str], ...]], Parsed[Root]]


class Clauses:
    """The expressions of one request. After the last is read, `finish` refuses names and values that none used."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request
        self._names = tuple(request.get("ExpressionAttributeNames", {}).items())
        self.values = {name: canonical(value) for name, value in request.get("ExpressionAttributeValues", {}).items()}
        self._used_names: frozenset[str] = frozenset()
        self._used_values: frozenset[str] = frozenset()
        self._read_any = False

    def read(self, clause: str, parse: Parse[Root]) -> Root | None:
        """What the clause means, or None if the request has no such clause.

        Raises:
            Refused: It can't be read, or uses a name or value that the request doesn't define.
        """
        text = self._request.get(clause)
        if text is None:
            return None
        parsed = parse(clause, text, self._names)
        for name in parsed.values:
            if name not in self.values:
                raise invalid(
                    f"Invalid {clause}: An expression attribute value used in expression is not defined; "
                    f"attribute value: {name}"
                )
        for rule in parsed.rules:
            rule(self.values)
        self._used_names |= parsed.names
        self._used_values |= parsed.values
        self._read_any = True
        return parsed.root

    def finish(self) -> None:
        """Refuses what no expression used, as AWS does."""
        self._check("ExpressionAttributeNames", "#", self._used_names)
        self._check("ExpressionAttributeValues", ":", self._used_values)

    def _check(self, parameter: str, mark: str, used: frozenset[str]) -> None:
        given = self._request.get(parameter)
        if given is None:
            return
        if not self._read_any:
            raise invalid(f"{parameter} can only be specified when using expressions")
        if not given:
            raise invalid(f"{parameter} must not be empty")
        for name in given:
            if not name.startswith(mark):
                raise invalid(f'{parameter} contains invalid key: Syntax error; key: "{name}"')
        if len(given) > len(used):
            unused = ", ".join(sorted(given.keys() - used))
            raise invalid(f"Value provided in {parameter} unused in expressions: keys: {{{unused}}}")
