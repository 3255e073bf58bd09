"""How the API is called: what is sent again and when, what is told of a refusal, and lists of many pages."""

import httpx
import pytest

from support.terminal import Terminal, error, hold, stock

OK = httpx.Response(200, json=hold())


def _place(terminal: Terminal, *arguments: str) -> tuple[int, str]:
    result = terminal.run("hold", "place", "cup:2", *arguments)
    return result.exit_code, result.err


def test_a_request_without_an_answer_is_sent_again_with_the_same_key(terminal: Terminal) -> None:
    terminal.answers(httpx.ReadTimeout("slow"), httpx.ConnectError("refused"), OK)
    assert _place(terminal)[0] == 0
    keys = {request.headers["Idempotency-Key"] for request in terminal.requests}
    assert (len(terminal.requests), len(keys)) == (3, 1)
    assert terminal.pauses[0] < terminal.pauses[1]


def test_two_requests_have_two_keys(terminal: Terminal) -> None:
    terminal.answers(OK, OK)
    _place(terminal)
    _place(terminal)
    assert len({request.headers["Idempotency-Key"] for request in terminal.requests}) == 2


def test_tries_are_bounded_and_the_key_to_go_on_with_is_told(terminal: Terminal) -> None:
    terminal.api(lambda _: error(503, "overloaded", "No answer in time.", Stripe_Should_Retry="true"))
    code, said = _place(terminal, "--idempotency-key", "cart-1")
    assert (code, len(terminal.requests)) == (5, 4)
    assert "idempotency key cart-1" in said


def test_the_key_to_go_on_with_is_told_too_where_nobody_answers(terminal: Terminal) -> None:
    terminal.answers(*[httpx.ConnectError("refused")] * 4)
    code, said = _place(terminal, "--idempotency-key", "cart-1")
    assert (code, len(terminal.requests)) == (5, 4)
    assert "idempotency key cart-1" in said


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        (httpx.Response(502, text="<html>Bad Gateway</html>"), 2),
        (httpx.Response(500), 2),
        (error(500, "internal", "m", Stripe_Should_Retry="false"), 1),
        (error(500, "internal", "m", Stripe_Should_Retry="true"), 2),
        (error(409, "lock_timeout", "m"), 2),
        (error(429, "rate_limit", "m"), 2),
        (error(400, "parameter_invalid", "m"), 1),
    ],
)
def test_the_api_says_whether_to_try_again(terminal: Terminal, answer: httpx.Response, tries: int) -> None:
    terminal.answers(answer, OK)
    _place(terminal)
    assert len(terminal.requests) == tries


def test_a_pause_that_is_asked_for_is_made(terminal: Terminal) -> None:
    terminal.answers(error(429, "rate_limit", "m", Retry_After="7"), OK)
    assert _place(terminal)[0] == 0
    assert terminal.pauses == [7]


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "²"])
def test_a_pause_is_never_shorter_than_it_would_be_unasked(terminal: Terminal, said: str) -> None:
    terminal.answers(httpx.Response(429, json={}, headers=[(b"Retry-After", said.encode("latin-1"))]), OK)
    assert _place(terminal)[0] == 0
    (pause,) = terminal.pauses
    assert 0.3 < pause < 0.7


def test_a_pause_that_is_too_long_is_the_users_to_make(terminal: Terminal) -> None:
    terminal.answers(error(429, "rate_limit", "m", Retry_After="600"))
    assert _place(terminal)[0] == 5
    assert terminal.pauses == []


@pytest.mark.parametrize(("status", "code"), [(400, 1), (401, 1), (402, 3), (403, 1), (404, 4), (405, 1)])
def test_each_kind_of_refusal_has_its_exit_code(terminal: Terminal, status: int, code: int) -> None:
    terminal.answers(error(status, "some_code", "Not enough of item 'cup'."))
    exit_code, said = _place(terminal)
    assert exit_code == code
    assert "Not enough of item 'cup'." in said
    assert "some_code" in said
    assert "req_1" in said


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_what_may_go_better_later_says_so_once_the_tries_are_over(terminal: Terminal, status: int) -> None:
    terminal.api(lambda _: error(status, "some_code", "Too busy."))
    assert _place(terminal)[0] == 5
    assert len(terminal.requests) == 4


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(404, text="<xml/>"), 1),
        (httpx.Response(200, text="hello"), 1),
        (httpx.Response(200, json=["hello"]), 1),
        (httpx.Response(200, json={"hello": "world"}), 1),
        (httpx.Response(400, json={"error": "no"}), 1),
        (httpx.Response(400, json={"error": None}), 1),
        (httpx.Response(400, json=["error"]), 1),
        (httpx.Response(404, json={"message": "no"}), 1),
        (httpx.Response(404, json={"error": {"code": 404, "message": "Not here.", "status": "NOT_FOUND"}}), 1),
        (httpx.Response(402, json={"message": "no"}), 1),
    ],
)
def test_somebody_elses_answer_is_called_that(terminal: Terminal, answer: httpx.Response, code: int) -> None:
    terminal.answers(answer)
    exit_code, said = _place(terminal)
    assert exit_code == code
    assert "Is the URL right?" in said


@pytest.mark.parametrize("status", [429, 502, 503])
def test_somebody_else_who_is_too_busy_says_to_try_later(terminal: Terminal, status: int) -> None:
    terminal.api(lambda _: httpx.Response(status, json={"message": "no"}))
    exit_code, said = _place(terminal)
    assert exit_code == 5
    assert "Is the URL right?" in said


def test_an_answer_that_cannot_be_decoded_is_somebody_elses_too(terminal: Terminal) -> None:
    garbled = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not compressed"))
    terminal.api(lambda _: garbled)
    code, said = _place(terminal)
    assert (code, len(terminal.requests)) == (1, 1)
    assert "answers, but not as this API does" in said


def test_errors_are_json_where_a_script_reads(terminal: Terminal) -> None:
    terminal.answers(error(402, "insufficient_stock", "Not enough."))
    result = terminal.run("hold", "place", "cup", "--json")
    assert (result.exit_code, result.out) == (3, "")
    assert '"code": "insufficient_stock"' in result.err


def test_a_list_is_read_page_by_page_up_to_the_limit(terminal: Terminal) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        size, after = int(request.url.params["limit"]), request.url.params.get("starting_after", "0")
        items = [stock(str(int(after) + 1 + number)) for number in range(size)]
        return httpx.Response(200, json={"object": "list", "has_more": True, "data": items})

    terminal.api(page)
    result = terminal.run("stock", "--warehouse", "berlin", "--in-stock", "--limit", "150", "--json")
    assert [item["item"] for item in result.json["data"]] == [str(number) for number in range(1, 151)]
    assert result.json["has_more"] is True
    assert [request.url.params["limit"] for request in terminal.requests] == ["100", "50"]


def test_a_page_of_nothing_is_the_last_one_whatever_it_says(terminal: Terminal) -> None:
    more = {"object": "list", "has_more": True}
    first = httpx.Response(200, json=more | {"data": [stock("cup")]})
    terminal.answers(first, httpx.Response(200, json=more | {"data": []}))
    result = terminal.run("stock", "--warehouse", "berlin", "--in-stock", "--json")
    assert ([item["item"] for item in result.json["data"]], result.json["has_more"]) == (["cup"], False)
    assert [request.url.params.get("starting_after") for request in terminal.requests] == [None, "cup"]
