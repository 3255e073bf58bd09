"""What queries of several proofs say alike."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROWS_AT_ONCE: Final = 1_000
#: An event is called by the key of its record and the record's revision; the last is still a text.
KEY: Final = "regexp_extract(event_id, '^(.*)@', 1)"
REV: Final = "regexp_extract(event_id, '@([0-9]+)$', 1)"
#: The instant in an archived line's `text`, milliseconds since 1970.
AT: Final = "(text->>'$.at')::BIGINT"
#: A directory's warehouses, or the changes of some, as a map of JSON texts; none where it is nothing of the kind.
ENTRIES: Final = (
    "CASE WHEN json_valid({0}) AND json_type({0}) = 'OBJECT' THEN {0}::JSON::MAP(VARCHAR, JSON) "
    "ELSE MAP {{}}::MAP(VARCHAR, JSON) END"
)


def bucket_sql(name: str, buckets: int) -> str:
    """SQL for the bucket of an item or of a hold; `name` is SQL for what it is called."""
    return f"('0x' || sha256({name})[1:8])::UBIGINT % {buckets}"


def count(database: "DuckDBPyConnection", query: str, values: Sequence[object] | Mapping[str, object] = ()) -> int:
    """The one number that a query gives."""
    number: int
    (number,) = database.execute(query, values).fetchone() or (0,)
    return number


def each_row(answer: "DuckDBPyConnection") -> Iterator[tuple[Any, ...]]:
    """An answer's rows, of which there may be as many as somebody wrote; few are in memory at once.

    Until the last of them was taken, nothing else may be asked on the connection.
    """
    while some := answer.fetchmany(_ROWS_AT_ONCE):
        yield from some
