"""Document paths (`warehouses.main.shards`, `lines[0]`): to read by, to write by and to project by.

Nothing is changed in place: a write copies the containers on its path and shares the rest.
"""

from collections.abc import Sequence
from typing import TypeAlias

from .errors import invalid
from .values import Item, Value

Path: TypeAlias = tuple[str | int, ...]


def value_at(item: Item, path: Path) -> Value | None:
    """What stands at the path, or None."""
    value = item.get(path[0])  # type: ignore[arg-type]
    if len(path) == 1:
        return value
    for part in path[1:]:
        if value is None:
            return None
        value = _member(value, part)
    return value


def _member(holder: Value, part: str | int) -> Value | None:
    if isinstance(part, str):
        return holder["M"].get(part) if "M" in holder else None
    elements = holder.get("L", ())
    return elements[part] if part < len(elements) else None


def with_value(item: Item, path: Path, value: Value | None) -> Item:
    """The item with `value` at the path, or with nothing there if None. Past a list's end, a value is appended.

    Raises:
        Refused: What should hold the last part isn't there, or isn't a map or a list.
    """
    if len(path) > 1:
        return _with({"M": item}, path, value)["M"]  # type: ignore[no-any-return]
    if value is None:
        return {name: kept for name, kept in item.items() if name != path[0]}
    return {**item, str(path[0]): value}


def _with(holder: Value, path: Path, value: Value | None) -> Value:
    part, rest = path[0], path[1:]
    if rest:
        member = _member(holder, part)
        if member is None:
            raise _no_such_path()
        value = _with(member, rest, value)
    if isinstance(part, str):
        return {"M": _with_member(holder, part, value)}
    return {"L": _with_element(holder, part, value)}


def _with_member(holder: Value, name: str, value: Value | None) -> dict[str, Value]:
    if "M" not in holder:
        raise _no_such_path()
    members = dict(holder["M"])
    if value is None:
        members.pop(name, None)
    else:
        members[name] = value
    return members


def _with_element(holder: Value, index: int, value: Value | None) -> list[Value]:
    if "L" not in holder:
        raise _no_such_path()
    elements: list[Value] = list(holder["L"])
    elements[index : index + 1] = [] if value is None else [value]
    return elements


def projected(item: Item, paths: Sequence[Path]) -> Item:
    """Only what stands at the paths, inside the containers that lead there; a list keeps only what was asked for."""
    found = _projection({"M": item}, paths)
    return found["M"] if found else {}


def _projection(holder: Value, paths: Sequence[Path]) -> Value | None:
    rests: dict[str | int, list[Path]] = {}
    for path in paths:
        rests.setdefault(path[0], []).append(path[1:])
    found = {}
    for part, inner in rests.items():
        member = _member(holder, part)
        if member is not None and inner[0]:
            member = _projection(member, inner)
        if member is not None:
            found[part] = member
    if not found:
        return None
    return {"M": found} if "M" in holder else {"L": [found[index] for index in sorted(found)]}


def check_distinct(paths: Sequence[Path], clause: str) -> None:
    """Refuses two paths of which one is, or lies within, the other."""
    for position, one in enumerate(paths):
        for other in paths[position + 1 :]:
            shared = min(len(one), len(other))
            if one[:shared] == other[:shared]:
                raise invalid(
                    f"Invalid {clause}: Two document paths overlap with each other; must remove or rewrite one of "
                    f"these paths; path one: {_listed(one)}, path two: {_listed(other)}"
                )


def _listed(path: Path) -> str:
    return f"[{', '.join(part if isinstance(part, str) else f'[{part}]' for part in path)}]"


def _no_such_path() -> Exception:
    return invalid("The document path provided in the update expression is invalid for update")
