"""Stretches of time, and the holes between those of which something is proved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Span(NamedTuple):
    """What an audit looks at.

    Attributes:
        since_ms: Events with `at` after this, milliseconds since 1970; 0 for the first one.
        until_ms: And up to this.
    """

    since_ms: int
    until_ms: int


def tell_holes(database: "DuckDBPyConnection", holes: Sequence[Span]) -> None:
    """Makes the macros `in_hole` and `stretch_of` of an instant: stretches are numbered, a hole comes before each.

    On both sides of a hole a record's revisions may be the same: its table was restored to an earlier time. So an
    event is told by its id and its stretch.
    """
    in_hole = " OR ".join(f"(at_ms > {hole.since_ms} AND at_ms <= {hole.until_ms})" for hole in holes) or "false"
    stretch = " + ".join(f"(at_ms > {hole.until_ms})::INTEGER" for hole in holes) or "0"
    database.execute(f"CREATE OR REPLACE TEMP MACRO in_hole(at_ms) AS ({in_hole})")
    database.execute(f"CREATE OR REPLACE TEMP MACRO stretch_of(at_ms) AS ({stretch})")
