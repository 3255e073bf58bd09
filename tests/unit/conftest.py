"""The world of these tests: every call is judged by every invariant, and in the end everything must settle."""

from collections.abc import Iterator

import pytest

from support.watched import Watched


@pytest.fixture
def world() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    if watched.ends_well:
        watched.finish()
        watched.check_the_end()
