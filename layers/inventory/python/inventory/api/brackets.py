"""Bracket notation, as payment gateways' clients write it: ``lines[0][item]=A``, ``metadata[k]=v``, ``items[]=A``."""

import re
from collections.abc import Iterable, Set
from typing import Any, Final

from inventory.api.text import shown
from inventory.domain.errors import InvalidRequest

DEPTH_MAX: Final = 3
_INDEX_DIGITS_MAX: Final = 4
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_INDEX = re.compile(rf"0|[1-9][0-9]{{0,{_INDEX_DIGITS_MAX - 1}}}", re.ASCII)

Tree = dict[str, Any]


def bracketed(location: Iterable[str | int]) -> str:
    """The name of a field, as a message can carry it: ``lines[0][item]`` for ``("lines", 0, "item")``."""
    first, *rest = location
    return shown(str(first) + "".join(f"[{part}]" for part in rest))


def tree_from(pairs: Iterable[tuple[str, str]], *, lists: Set[str]) -> Tree:
    """Names and values as nested objects; the values stay text.

    Args:
        pairs: Names in bracket notation, and values.
        lists: The fields that are lists. They may also be written as a repeated plain name or with ``[]``.

    Raises:
        InvalidRequest: A name is malformed or too deep, two names contradict each other, or a list has a gap.
    """
    tree: Tree = {}
    for name, value in pairs:
        field, *path = _parts(name)
        if field not in lists:
            _insert(tree, [field, *path], value, name)
            continue
        entries = tree.setdefault(field, {})
        position, *rest = path or [""]
        if position == "" and not rest:
            position = str(len(entries))
        elif not _INDEX.fullmatch(position):
            raise _invalid(name, f"an entry of the list '{field}' is named by its number, from 0 on")
        _insert(entries, [position, *rest], value, name)
    for field in lists & tree.keys():
        tree[field] = _as_list(field, tree[field])
    return tree


def _parts(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise _invalid(name, "its brackets are malformed")
    parts = [match[1], *_PART.findall(match[2])]
    if len(parts) > DEPTH_MAX:
        raise _invalid(name, f"it is nested more than {DEPTH_MAX} deep")
    return parts


def _insert(tree: Tree, path: list[str], value: str, name: str) -> None:
    *parents, leaf = path
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise _invalid(name, "it is given both as a value and as an object")
    if "" in path:
        raise _invalid(name, "only a list can have empty brackets")
    if leaf in tree:
        both = isinstance(tree[leaf], dict)
        raise _invalid(name, "it is given both as a value and as an object" if both else "it is given more than once")
    tree[leaf] = value


def _as_list(field: str, entries: Tree) -> list[Any]:
    gap = next((number for number in range(len(entries)) if str(number) not in entries), None)
    if gap is not None:
        raise _invalid(bracketed([field, gap]), "it is missing: the entries of a list are numbered from 0 without gaps")
    return [entries[str(number)] for number in range(len(entries))]


def _invalid(name: str, why: str) -> InvalidRequest:
    param = shown(name)
    return InvalidRequest("parameter_invalid", f"The parameter '{param}' cannot be read: {why}.", param=param)
