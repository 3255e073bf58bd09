"""The form of an archived line (docs/events.md): a line of another form is no event, even if a cast would make it one.

A parser that takes the first of two equal keys and one that takes the last would read two histories, and a field that
no event has would hide what somebody wrote there. So each object has its own fields alone, each once, of its own type.
What the ledger keeps as JSON is compared with it as text, and not looked into here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

#: The year 9999: beyond it no instant has a name.
_AT_MAX_MS: Final = 253_402_300_799_999
_ID: Final = "[A-Za-z0-9._-]{1,64}"
_TEXT: Final = ("VARCHAR",)
_NUMBER: Final = ("UBIGINT", "BIGINT")
_OBJECT: Final = ("OBJECT",)
_LIST: Final = ("ARRAY",)

#: Instants are told in ticks of so many milliseconds.
_TICK_MS: Final = 100
#: Fields that say one of a few words.
_WORDS: Final = {"$.by": ("ttl", "someone"), "$.set.status": ("active", "executed", "released", "expired")}

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


class Form(NamedTuple):
    """How to tell the events of one folder of the archive, in SQL.

    Attributes:
        looked_at: What is asked of the column `json`: it is parsed once for each.
        is_event: Whether a line is an event, of what `looked_at` gives.
    """

    looked_at: str
    is_event: str


class _Looked(NamedTuple):
    """What is asked of a line: of these fields the type and the text, of these objects the names of their fields."""

    types: tuple[str, ...]
    texts: tuple[str, ...]
    keys: tuple[str, ...]

    def type_of(self, field: str) -> str:
        return f"types[{self.types.index(field) + 1}]"

    def text_of(self, field: str) -> str:
        return f"texts[{self.texts.index(field) + 1}]"

    def width_of(self, path: str) -> str:
        return f"coalesce(len(keys[{self.keys.index(path) + 1}]), 0)"


def _form(kinds: Sequence[_Kind]) -> Form:
    fields = {field: types for kind in kinds for field, types in _fields(kind).items()}
    looked = _Looked(
        types=tuple(fields),
        texts=tuple(
            field
            for field, types in fields.items()
            if types == _NUMBER or field in _WORDS or field in ("$.type", "$.event_id")
        ),
        keys=tuple(dict.fromkeys(path for kind in kinds for path in kind.objects)),
    )
    looked_at = (
        f"json_type(json, [{_quoted(looked.types)}]) AS types, json_extract_string(json, [{_quoted(looked.texts)}]) "
        f"AS texts, json_keys(json, [{_quoted(looked.keys)}]) AS keys"
    )
    return Form(looked_at, " OR ".join(f"({' AND '.join(_conditions(kind, looked))})" for kind in kinds))


def _fields(kind: _Kind) -> Fields:
    return {f"{path}.{name}": types for path, fields in kind.objects.items() for name, types in fields.items()}


def _conditions(kind: _Kind, looked: _Looked) -> Iterator[str]:
    own = _fields(kind)
    yield f"regexp_full_match({looked.text_of('$.type')}, '{kind.types}')"
    yield f"regexp_full_match({looked.text_of('$.event_id')}, '{kind.key}@[1-9][0-9]{{0,17}}')"
    yield f"{looked.text_of('$.v')} = '1'"
    yield f"TRY_CAST({looked.text_of('$.at')} AS BIGINT) BETWEEN 1 AND {_AT_MAX_MS}"
    yield f"TRY_CAST({looked.text_of('$.at')} AS BIGINT) % {_TICK_MS} = 0"
    # Objects that have as many fields as there are of those that they may have, have no other, and none twice.
    foreign = "".join(
        f" - ({looked.type_of(field)} IS NOT NULL)::INTEGER" for field in looked.types if field not in own
    )
    yield f"{' + '.join(map(looked.width_of, kind.objects))} = list_count(types){foreign}"
    for field, types in own.items():
        yield f"coalesce({looked.type_of(field)} IN ({_quoted(types)}), true)"
        if field in _WORDS:
            yield f"coalesce({looked.text_of(field)} IN ({_quoted(_WORDS[field])}), true)"
        if types == _NUMBER:
            text, number = looked.text_of(field), "INTEGER" if field.endswith(".hops") else "BIGINT"
            yield f"({text} IS NULL OR TRY_CAST({text} AS {number}) IS NOT NULL)"


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


#: By the name of the folder in the archive; in any other there is no event.
FORMS: Final = {
    source: _form([kind for kind in _KINDS if kind.source == source])
    for source in dict.fromkeys(kind.source for kind in _KINDS)
}
