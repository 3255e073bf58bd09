"""The form of an archived line (docs/events.md): what has another is no event, whatever a cast would make of it.

A parser that takes the first of two equal keys and one that takes the last would read two histories, and a field that
no event has would hide what somebody wrote there. So each object has its own fields alone, each once, of its own type.
What the ledger keeps as JSON is compared with it as text, and not looked into here.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

#: The year 9999: beyond it no instant has a name.
_AT_MAX_MS: Final = 253_402_300_799_999
_ID: Final = "[A-Za-z0-9._-]{1,64}"
_TEXT: Final = ("VARCHAR",)
_NUMBER: Final = ("UBIGINT", "BIGINT")
_OBJECT: Final = ("OBJECT",)
_LIST: Final = ("ARRAY",)

Fields = dict[str, tuple[str, ...]]


def _all(names: tuple[str, ...], types: tuple[str, ...]) -> Fields:
    return dict.fromkeys(names, types)


_EVERY: Final[Fields] = {"v": _NUMBER, "event_id": _TEXT, "type": _TEXT, "at": _NUMBER, "other": _OBJECT, "by": _TEXT}
_CAUSE: Final[Fields] = _all(("type", "id", "actor", "reason", "reference"), _TEXT) | {"hops": _NUMBER}
_STOCK: Final[Fields] = _EVERY | {"before": ("OBJECT", "NULL"), "after": _OBJECT, "cause": _OBJECT}
_COUNTS: Final[Fields] = _all(("available", "held", "inflow"), _NUMBER)
_SETS: Final[Fields] = _EVERY | {"set": _OBJECT, "unset": _LIST}
_HOLD: Final[Fields] = (
    _all(("status", "actor", "fingerprint", "open", "settlement"), _TEXT)
    | _all(("created", "expires_at", "ttl"), _NUMBER)
    | {"lines": _LIST, "metadata": _OBJECT, "resolution": _OBJECT}
)
_ADJUSTMENT: Final[Fields] = (
    _all(("item", "warehouse", "from", "to", "reason", "reference", "actor", "fingerprint"), _TEXT)
    | _all(("quantity", "count"), _NUMBER)
    | {"metadata": _OBJECT}
)


class _Kind(NamedTuple):
    """Events of one kind of record.

    Attributes:
        source: The folder of the archive.
        key: What the record's key looks like.
        types: What its events are called.
        objects: The fields of the line, and of the objects in it that are not kept as JSON.
    """

    source: str
    key: str
    types: str
    objects: Mapping[str, Fields]


_KINDS: Final = (
    _Kind(
        "stock",
        f"{_ID}#{_ID}#(0|[1-9][0-9]{{0,8}})",
        "shard_(changed|removed)",
        {"$": _STOCK, "$.cause": _CAUSE, "$.before": _COUNTS, "$.after": _COUNTS},
    ),
    _Kind("stock", f"{_ID}#[*]", "directory_(changed|removed)", {"$": _STOCK, "$.cause": _CAUSE}),
    _Kind(
        "holds",
        "hold_[0-9a-f]{32}",
        "hold_(placed|extended|executed|released|expired|settled|removed)",
        {"$": _SETS | {"settled": ("BOOLEAN",)}, "$.set": _HOLD},
    ),
    _Kind("holds", "hold_[0-9a-f]{32}", "hold_altered", {"$": _SETS, "$.set": _HOLD | {"due": _TEXT}}),
    _Kind(
        "adjustments",
        "(adj|trf)_[0-9a-f]{32}",
        "(adjustment_(made|altered|removed)|transfer_made)",
        {"$": _SETS, "$.set": _ADJUSTMENT},
    ),
)
_OBJECTS: Final = tuple(dict.fromkeys(path for kind in _KINDS for path in kind.objects))
_FIELDS: Final = tuple(
    dict.fromkeys(f"{path}.{name}" for kind in _KINDS for path, fields in kind.objects.items() for name in fields)
)
#: Those whose text is looked at, too.
_READ: Final = tuple(
    dict.fromkeys(
        f"{path}.{name}"
        for kind in _KINDS
        for path, fields in kind.objects.items()
        for name, types in fields.items()
        if types == _NUMBER or f"{path}.{name}" in ("$.type", "$.event_id")
    )
)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


#: What is asked of the column `json`: it is parsed once for each.
LOOKED_AT: Final = (
    f"json_type(json, [{_quoted(_FIELDS)}]) AS types, json_extract_string(json, [{_quoted(_READ)}]) AS texts, "
    f"json_keys(json, [{_quoted(_OBJECTS)}]) AS keys"
)


def _conditions(kind: _Kind) -> Iterator[str]:
    def text(name: str, path: str = "$") -> str:
        return f"texts[{_READ.index(f'{path}.{name}') + 1}]"

    yield f"starts_with(path, 'archive/{kind.source}/')"
    yield f"regexp_full_match({text('type')}, '{kind.types}')"
    yield f"regexp_full_match({text('event_id')}, '{kind.key}@[1-9][0-9]{{0,17}}')"
    yield f"{text('v')} = '1'"
    yield f"TRY_CAST({text('at')} AS BIGINT) BETWEEN 1 AND {_AT_MAX_MS}"
    for path, fields in kind.objects.items():
        keys = f"keys[{_OBJECTS.index(path) + 1}]"
        own = f"list_has_all([{_quoted(tuple(fields))}], {keys})"
        yield f"coalesce({own} AND len({keys}) = len(list_distinct({keys})), true)"
        for name, types in fields.items():
            place = _FIELDS.index(f"{path}.{name}") + 1
            yield f"coalesce(types[{place}] IN ({_quoted(types)}), true)"
            if types == _NUMBER:
                number = "INTEGER" if name == "hops" else "BIGINT"
                yield f"({text(name, path)} IS NULL OR TRY_CAST({text(name, path)} AS {number}) IS NOT NULL)"


#: Whether a line is an event, of what `LOOKED_AT` gives, and `path`, the object's.
IS_EVENT: Final = "(" + " OR ".join(f"({' AND '.join(_conditions(kind))})" for kind in _KINDS) + ")"
