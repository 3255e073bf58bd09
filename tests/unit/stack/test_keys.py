"""Whether the API lets a key in is known once its functions have started, and said where they do not."""

from collections.abc import Iterable
from types import SimpleNamespace

import httpx
import pytest

from stack import keys
from stack.console import StackError


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The API's answers by status, one after the other; the last one for ever. Time goes while they are waited for."""
    answers: list[int] = []
    clock = iter(range(1_000))

    def get(url: str, headers: dict[str, str], timeout: float) -> httpx.Response:
        assert headers["Authorization"] == "Bearer inv_key"
        return httpx.Response(answers.pop(0) if len(answers) > 1 else answers[0], text="said")

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setattr(keys, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: next(clock)))
    return answers


@pytest.mark.parametrize(
    ("told", "accepted"), [([200], True), ([400], True), ([401], False), ([503, 500, 401], False), ([502, 400], True)]
)
def test_a_key_is_refused_by_the_apis_own_word_alone(
    answers: list[int], told: Iterable[int], *, accepted: bool
) -> None:
    answers += told
    assert keys.accepted("http://api.test", "inv_key") is accepted


def test_an_api_that_fails_for_too_long_is_said_to(answers: list[int]) -> None:
    answers += [503]
    with pytest.raises(StackError, match="answers 503: said"):
        keys.accepted("http://api.test", "inv_key")
