"""Following the logs: each line once, and no more is fetched or remembered the longer it takes."""

from stack.logs import Following, Line


def line(at_ms: int, message: str = "", group: str = "holds") -> Line:
    return Line(at_ms, group, message)


def test_each_line_is_shown_once_and_in_order() -> None:
    following = Following(0)
    assert following.new([line(9_000), line(7_000)]) == [line(7_000), line(9_000)]
    assert following.new([line(9_000), line(9_000, "another")]) == [line(9_000, "another")]
    assert following.new([line(9_000), line(9_000, "another")]) == []


def test_only_what_can_still_be_new_is_fetched_again() -> None:
    following = Following(1_000)
    following.new([line(60_000)])
    assert following.since_ms == 55_000
    following.new([])
    assert following.since_ms == 55_000
    following.new([line(56_000, "late", "settler")])
    assert following.since_ms == 55_000, "it never goes back"


def test_what_a_slower_function_wrote_meanwhile_is_not_missed() -> None:
    following = Following(0)
    following.new([line(60_000)])
    assert following.new([line(60_000), line(58_000, "late", "settler")]) == [line(58_000, "late", "settler")]


def test_what_is_remembered_does_not_grow() -> None:
    following = Following(0)
    for second in range(1_000):
        following.new([line(second * 1_000)])
    assert len(following._shown) <= 6
