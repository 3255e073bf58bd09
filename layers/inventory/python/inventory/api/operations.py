"""Operations: one entry of the API's table says all that the router and the reference need to know of one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple

from typing_extensions import TypeVar

from inventory.api.fields import NAME_RULE, P
from inventory.api.text import shown
from inventory.domain.errors import InvalidRequest, Missing
from inventory.domain.ids import NAME_PATTERN, Requester, id_pattern, is_name, is_object_id
from inventory.domain.keys import Scope
from inventory.protocol.core import Core

#: What an operation works with: the core, unless it says otherwise.
Context = TypeVar("Context", default=Core)


@dataclass(frozen=True, slots=True)
class PathParameter:
    """The variable part of a path.

    Attributes:
        name: What it is called.
        kind: What it names: hold, item, snapshot…
        prefix: What the ids of such objects begin with; None for an item, which callers name themselves.
    """

    name: str
    kind: str
    prefix: str | None = None

    @property
    def pattern(self) -> str:
        """What a possible value looks like, as a regular expression."""
        return NAME_PATTERN if self.prefix is None else id_pattern(self.prefix)

    def check(self, value: str) -> None:
        """Checks that there could be such an object.

        Raises:
            InvalidRequest: No item can be called so.
            Missing: No object of this kind can have this id.
        """
        if self.prefix is not None and not is_object_id(self.prefix, value):
            raise Missing(self.kind, shown(value), param=self.name)
        if self.prefix is None and not is_name(value):
            raise InvalidRequest(
                "parameter_invalid", f"The {self.kind} in the path is invalid. {NAME_RULE}.", param=self.name
            )


@dataclass(frozen=True, slots=True)
class Call(Generic[P]):
    """One call, checked.

    Attributes:
        parameters: What the body or the query carried.
        path: The variable parts of the path, by name.
        by: Who asks.
    """

    parameters: P
    path: Mapping[str, str]
    by: Requester


class Reply(NamedTuple):
    """What a call led to; `replayed` where an earlier request with the same key had done it already."""

    view: Mapping[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Operation(Generic[P, Context]):
    """One call of the API.

    Attributes:
        name: Its name in the reference and in the log.
        method: GET or POST.
        path: With the variable part in braces, if it has one.
        scope: What the key must be allowed to do.
        summary: One line for the reference.
        parameters: What the body (POST) or the query (GET) may carry.
        answer: The shape of the answer.
        run: Does it.
        path_parameter: The variable part of the path.
        errors: The statuses it can have besides those that every call can have.
        example: Parameters to show in the reference.
    """

    name: str
    method: str
    path: str
    scope: Scope
    summary: str
    parameters: type[P]
    answer: type
    run: Callable[[Context, Call[P]], Reply]
    path_parameter: PathParameter | None = None
    errors: tuple[int, ...] = ()
    example: Mapping[str, Any] | None = None


Operations = Sequence[Operation[Any, Context]]
