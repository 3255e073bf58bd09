"""A bench fails for what is news: a bound missed, or met against what is known; and says what it did not measure."""

import io

import pytest
from bench.figures import Figure, KnownMiss, Section, Verdict, show
from rich.console import Console

SLOW = KnownMiss("it is far", worst=0.2)
MANY = KnownMiss("they try", worst=15)


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("a", 5), Verdict.SHOWN),
        (Figure("a", None), Verdict.NOT_MEASURED),
        (Figure("a", None, "×", 3), Verdict.NOT_MEASURED),
        (Figure("a", 3, "×", 3), Verdict.MET),
        (Figure("a", 3, "×", 3, at_least=True), Verdict.MET),
        (Figure("a", 3.1, "×", 3), Verdict.MISSED),
        (Figure("a", 2.9, "×", 3, at_least=True), Verdict.MISSED),
        (Figure("a", 3.7, "×", 3, timed=True), Verdict.NOISE),
        (Figure("a", 3.8, "×", 3, timed=True), Verdict.MISSED),
        (Figure("a", 2.4, "×", 3, at_least=True, timed=True), Verdict.NOISE),
        (Figure("a", 2.3, "×", 3, at_least=True, timed=True), Verdict.MISSED),
        (Figure("a", 0.33, "×", 0.4, at_least=True, timed=True, known=SLOW), Verdict.KNOWN),
        (Figure("a", 0.2, "×", 0.4, at_least=True, timed=True, known=SLOW), Verdict.KNOWN),
        (Figure("a", 0.19, "×", 0.4, at_least=True, timed=True, known=SLOW), Verdict.MISSED),
        (Figure("a", 0.4, "×", 0.4, at_least=True, timed=True, known=SLOW), Verdict.STALE),
        (Figure("a", 11, "×", 2.5, known=MANY), Verdict.KNOWN),
        (Figure("a", 15.1, "×", 2.5, known=MANY), Verdict.MISSED),
        (Figure("a", 2.5, "×", 2.5, known=MANY), Verdict.STALE),
    ],
)
def test_a_verdict(figure: Figure, verdict: Verdict) -> None:
    assert figure.verdict is verdict


def told(*figures: Figure) -> tuple[bool, str]:
    screen = io.StringIO()
    good = show([Section("some", "taken so", figures)], Console(file=screen, width=200))
    return good, screen.getvalue()


def test_a_known_miss_is_shown_with_its_reason_and_fails_nothing() -> None:
    good, shown = told(Figure("a", 0.3, "×", 0.4, at_least=True, note="of two", known=SLOW), Figure("b", None, "×", 3))
    assert good
    assert "✗" in shown
    assert "of two; known: it is far" in shown
    assert shown.endswith("0 missed, 1 more as known, 0 out of date, 1 not measured\n")


@pytest.mark.parametrize(
    ("value", "remark"),
    [(0.1, "known, but it was ≥ 0.2 ×: it is far"), (0.5, "met, so this is out of date: it is far")],
)
def test_a_known_miss_that_grew_or_went_away_fails_and_says_so(value: float, remark: str) -> None:
    good, shown = told(Figure("a", value, "×", 0.4, at_least=True, known=SLOW))
    assert not good
    assert remark in shown
