"""Which instants are in a hole, and in which stretch of time between two: to the millisecond."""

import duckdb
import pytest

from inventory.proof.spans import Span, tell_holes

HOLES = [Span(10, 20), Span(30, 40)]


@pytest.mark.parametrize(
    ("at_ms", "is_in_hole", "stretch"),
    [(10, False, 0), (11, True, 0), (20, True, 0), (21, False, 1), (30, False, 1), (31, True, 1), (41, False, 2)],
)
def test_a_hole_ends_with_its_instant_and_the_stretch_after_it_begins_with_the_next(
    at_ms: int, stretch: int, *, is_in_hole: bool
) -> None:
    with duckdb.connect() as database:
        tell_holes(database, HOLES)
        told = database.execute("SELECT in_hole($at), stretch_of($at)", {"at": at_ms}).fetchone()
    assert told == (is_in_hole, stretch)


def test_where_nothing_was_opened_there_is_one_stretch_without_a_hole() -> None:
    with duckdb.connect() as database:
        tell_holes(database, HOLES)
        tell_holes(database, [])
        assert database.execute("SELECT in_hole(15), stretch_of(45)").fetchone() == (False, 0)
