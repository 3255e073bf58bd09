"""Commands as they are typed, and the requests that come of them."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from support.terminal import NOW, Terminal, audit, hold, snapshot, stock

HOLD_ID = hold()["id"]
ADJUSTED = {"id": "adj_1", "object": "adjustment", "item": "cup", "warehouse": "berlin", "quantity": -3, "reason": "r"}
MOVED = {"id": "trf_1", "object": "transfer", "item": "cup", "from": "berlin", "to": "lyon", "quantity": 20}


def _sent(terminal: Terminal) -> tuple[str, dict[str, Any]]:
    request = terminal.requests[-1]
    return request.url.path.removeprefix("/prod"), json.loads(request.content)


def _adjusted(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ADJUSTED)


def test_a_hold_is_placed_as_it_was_written(terminal: Terminal) -> None:
    terminal.answers(httpx.Response(200, json=hold()))
    result = terminal.run(
        "hold", "place", "cup@berlin:2", "saucer", "--expires-in", "600", "--metadata", "cart=c=1", "--metadata", "a=b"
    )
    lines = [{"item": "cup", "warehouse": "berlin", "quantity": 2}, {"item": "saucer", "quantity": 1}]
    assert _sent(terminal) == (
        "/v1/holds",
        {"lines": lines, "expires_in": 600, "metadata": {"cart": "c=1", "a": "b"}},
    )
    assert HOLD_ID in result.out
    assert "expires in 10 min" in result.out


def test_what_is_not_said_is_not_sent(terminal: Terminal) -> None:
    terminal.answers(httpx.Response(200, json=hold()))
    terminal.run("hold", "place", "cup")
    assert _sent(terminal)[1] == {"lines": [{"item": "cup", "quantity": 1}]}


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (("execute", HOLD_ID), "/execute", {}),
        (
            ("execute", HOLD_ID, "cup@berlin:1"),
            "/execute",
            {"lines": [{"item": "cup", "warehouse": "berlin", "quantity": 1}]},
        ),
        (("release", HOLD_ID), "/release", {}),
        (("extend", HOLD_ID, "--expires-in", "60"), "", {"expires_in": 60}),
        (("extend", HOLD_ID, "--metadata", "step="), "", {"metadata": {"step": ""}}),
    ],
)
def test_a_hold_is_changed(terminal: Terminal, arguments: tuple[str, ...], path: str, body: dict[str, Any]) -> None:
    terminal.answers(httpx.Response(200, json=hold("executed")))
    assert terminal.run("hold", *arguments).exit_code == 0
    assert _sent(terminal) == (f"/v1/holds/{HOLD_ID}{path}", body)


@pytest.mark.parametrize(
    ("arguments", "before"),
    [
        (("hold", "place", "cup"), hold()),
        (("adjust", "cup", "berlin", "-3", "--reason", "r"), ADJUSTED),
        (("transfer", "cup", "berlin", "lyon", "20"), MOVED),
        (("split", "cup", "berlin", "16"), stock("cup")),
        (("snapshot", "create"), snapshot()),
        (("audit", "run"), audit()),
    ],
)
def test_a_replay_is_told_to_who_gave_the_key(
    terminal: Terminal, arguments: tuple[str, ...], before: dict[str, Any]
) -> None:
    replay = httpx.Response(200, json=before, headers={"Idempotent-Replayed": "true"})
    terminal.answers(replay, replay)
    assert "Replayed" in terminal.run(*arguments, "--idempotency-key", "cart-1").err
    assert "Replayed" not in terminal.run(*arguments).err


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("-3", "--reason", "damaged"), {"quantity": -3, "reason": "damaged"}),
        (("+100", "--reason", "received"), {"quantity": 100, "reason": "received"}),
        (("--reason", "counted", "--count", "0"), {"count": 0, "reason": "counted"}),
        (
            ("1", "--reason", "returned", "--reference", "hold_1"),
            {"quantity": 1, "reason": "returned", "reference": "hold_1"},
        ),
    ],
)
def test_an_adjustment_says_what_changed_and_why(
    terminal: Terminal, arguments: tuple[str, ...], body: dict[str, Any]
) -> None:
    terminal.api(_adjusted)
    assert terminal.run("adjust", "cup", "berlin", *arguments).exit_code == 0
    assert _sent(terminal) == ("/v1/adjustments", {"item": "cup", "warehouse": "berlin"} | body)


def test_a_transfer_and_a_split(terminal: Terminal) -> None:
    terminal.answers(httpx.Response(200, json=MOVED), httpx.Response(200, json=stock("cup")))
    assert "20 of cup from berlin to lyon" in terminal.run("transfer", "cup", "berlin", "lyon", "20").out
    assert _sent(terminal) == ("/v1/transfers", {"item": "cup", "from": "berlin", "to": "lyon", "quantity": 20})
    terminal.run("split", "cup", "berlin", "16")
    assert _sent(terminal) == ("/v1/stock/cup/split", {"warehouse": "berlin", "shards": 16})


@pytest.mark.parametrize(
    "arguments",
    [
        ("adjust", "cup", "berlin", "--reason", "r"),
        ("adjust", "cup", "berlin", "5", "--count", "5", "--reason", "r"),
        ("adjust", "cup", "berlin", "five", "--reason", "r"),
        ("adjust", "cup", "berlin", "5"),
        ("hold", "place", "cup:two"),
        ("hold", "place", "cup@:2"),
        ("hold", "place", "cup", "--metadata", "nothing"),
        ("hold", "extend", HOLD_ID),
        ("hold", "execute", HOLD_ID, "cup:1"),
        ("hold", "show", "../stock/cup"),
        ("hold", "show", "hold_é"),
        ("hold", "show", "hold_²"),
        ("hold", "show", ""),
        ("stock",),
        ("stock", "--warehouse", "berlin"),
        ("stock", ".."),
        ("stock", ""),
        ("split", ".", "berlin", "16"),
        ("stock", "cup", "--at", "yesterday"),
        ("stock", "cup", "--at", "99999999999999999999"),
        ("stock", "cup", "--at", "100000000000000000"),
        ("stock", "cup", "--at", "9" * 5000),
        ("stock", "cup", "--at", "2026-11-22 18:00:00.5"),
        ("stock", "cup", "--at", "1", "--consistent"),
        ("stock", "cup", "--at", "1", "--watch"),
        ("stock", "--warehouse", "berlin", "--in-stock", "--at", "1"),
        ("stock", "cup", "--warehouse", "berlin", "--in-stock"),
        ("sell", "cup"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    terminal.answers()
    result = terminal.run(*arguments)
    assert (result.exit_code, terminal.requests) == (2, [])
    assert result.err


def test_one_item_is_read_by_itself_several_in_one_call(terminal: Terminal) -> None:
    both = {"object": "list", "has_more": False, "data": [stock("cup"), stock("saucer")]}
    terminal.answers(httpx.Response(200, json=stock("cup")), httpx.Response(200, json=both))
    assert terminal.run("stock", "cup", "--json").json == stock("cup")
    assert terminal.run("stock", "cup", "saucer", "--json").json == both
    assert terminal.requests[-1].url.params["items"] == "cup,saucer"


def test_more_items_than_one_call_may_have_are_read_by_several(terminal: Terminal) -> None:
    def found(request: httpx.Request) -> httpx.Response:
        data = [stock(item) for item in request.url.params["items"].split(",")]
        return httpx.Response(200, json={"object": "list", "has_more": False, "data": data})

    terminal.api(found)
    items = [f"item-{number}" for number in range(201)]
    result = terminal.run("stock", *items, "--json")
    assert [each["item"] for each in result.json["data"]] == items
    assert [len(request.url.params["items"].split(",")) for request in terminal.requests] == [100, 100, 1]


@pytest.mark.parametrize(
    ("item", "path"), [("a/b", "a%2Fb"), ("../holds", "..%2Fholds"), ("a?b#c", "a%3Fb%23c"), ("tassé", "tass%C3%A9")]
)
def test_an_item_is_one_segment_of_the_path_whatever_is_typed(terminal: Terminal, item: str, path: str) -> None:
    terminal.api(lambda _: httpx.Response(200, json=stock(item)))
    terminal.run("stock", item)
    terminal.run("split", item, "berlin", "16")
    sent = [request.url.raw_path.decode() for request in terminal.requests]
    assert sent == [f"/prod/v1/stock/{path}", f"/prod/v1/stock/{path}/split"]


def test_what_follows_two_dashes_is_never_an_option(terminal: Terminal) -> None:
    terminal.api(lambda request: httpx.Response(200, json=stock(request.url.path.rpartition("/")[2])))
    for item in ("--json", "--url=x", "--key"):
        result = terminal.run("stock", "--json", "--", item)
        assert (result.exit_code, result.json["item"]) == (0, item)
        assert terminal.requests[-1].url == f"https://api.test/prod/v1/stock/{quote(item, safe='')}"
    terminal.api(_adjusted)
    assert terminal.run("adjust", "--reason", "r", "--", "cup", "berlin", "-3").exit_code == 0
    assert _sent(terminal) == ("/v1/adjustments", {"item": "cup", "warehouse": "berlin", "quantity": -3, "reason": "r"})


def test_what_a_warehouse_has_is_told_once(terminal: Terminal) -> None:
    cups = {"object": "list", "has_more": False, "data": [stock("cup", 5, 1)]}
    none = {"object": "list", "has_more": False, "data": []}
    terminal.answers(httpx.Response(200, json=cups), httpx.Response(200, json=none))
    header, _, row = terminal.run("stock", "--warehouse", "berlin", "--in-stock").out.splitlines()
    assert (header.split(), row.split()) == (["item", "available", "held", "on", "hand"], ["cup", "5", "1", "6"])
    assert "berlin has nothing available." in terminal.run("stock", "--warehouse", "berlin", "--in-stock").out


def test_a_consistent_reading_is_one_call_for_each_item(terminal: Terminal) -> None:
    terminal.answers(httpx.Response(200, json=stock("cup")), httpx.Response(200, json=stock("saucer")))
    terminal.run("stock", "cup", "saucer", "--consistent")
    assert [str(request.url.query, "ascii") for request in terminal.requests] == ["consistent=true"] * 2


@pytest.mark.parametrize(
    "instant", ["1795370400", "2026-11-22 18:00:00", "20261122T180000Z", "2026-11-22T19:00:00+01:00"]
)
def test_the_past_is_asked_for_by_one_instant_however_it_is_written(terminal: Terminal, instant: str) -> None:
    terminal.answers(httpx.Response(200, json=stock("cup")), httpx.Response(200, json=stock("saucer")))
    told = terminal.run("stock", "cup", "saucer", "--at", instant, "--json").json
    assert [each["item"] for each in told["data"]] == ["cup", "saucer"]
    assert [str(request.url.query, "ascii") for request in terminal.requests] == ["at=1795370400"] * 2


def test_unknown_items_are_named_beside_those_that_are_known(terminal: Terminal) -> None:
    terminal.answers(httpx.Response(200, json={"object": "list", "has_more": False, "data": [stock("cup")]}))
    result = terminal.run("stock", "cup", "cpu")
    assert result.exit_code == 4
    assert "5 available" in result.out
    assert "Unknown: cpu." in result.err


def test_a_watched_item_is_a_line_of_json_each_time(terminal: Terminal) -> None:
    terminal.answers(
        httpx.Response(200, json=stock("cup", 5)),
        httpx.Response(200, json=stock("cup", 4)),
        KeyboardInterrupt(),
    )
    result = terminal.run("stock", "cup", "--watch", "--json")
    assert [json.loads(line)["available"] for line in result.out.splitlines()] == [5, 4]
    assert result.exit_code == 130
    assert terminal.pauses == [1, 1]


def test_active_holds_are_listed_whole(terminal: Terminal) -> None:
    terminal.answers(httpx.Response(200, json={"object": "list", "has_more": False, "data": [hold()]}))
    assert HOLD_ID in terminal.run("hold", "list").out
    assert hold()["expires_at"] == NOW + 600


@pytest.mark.parametrize(
    "command", [(), ("stock",), ("hold",), ("hold", "place"), ("adjust",), ("keys", "create"), ("redrive", "run")]
)
def test_every_command_has_help(terminal: Terminal, command: tuple[str, ...]) -> None:
    result = terminal.run(*command, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.out


def test_help_tells_the_exit_codes(terminal: Terminal) -> None:
    assert "3 not enough stock" in terminal.run("--help").out
