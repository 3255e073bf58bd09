"""`inventory load`: what is in a file, what is sent of it, and what a second run does."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_cli.bulk import changes as reading
from inventory_cli.bulk import sending
from inventory_cli.bulk.changes import Change, Keyed
from inventory_cli.bulk.sending import waves
from support.terminal import Result, Terminal, error

DELIVERY = """item,warehouse,quantity,count,reason,reference
cup,berlin,+100,,,
saucer,berlin,-3,,damaged,INC-7
spoon,lyon,,97,,
"""


def _file(terminal: Terminal, content: str, name: str = "delivery.csv") -> str:
    file = terminal.folder / name
    file.write_bytes(content.encode())
    return str(file)


def _load(terminal: Terminal, content: str, *options: str, batch: str = "PO-77") -> Result:
    return terminal.run("load", _file(terminal, content), "--batch", batch, "--reason", "received", *options)


def _takes_all(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"id": "adj_1", "object": "adjustment"})


def _bodies(terminal: Terminal) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in terminal.requests]


def _keys(terminal: Terminal) -> dict[str, str]:
    """The Idempotency-Key of each item's request, the last one where there were several."""
    return {
        body["item"]: request.headers["Idempotency-Key"]
        for request, body in zip(terminal.requests, _bodies(terminal), strict=True)
    }


def test_each_line_is_an_adjustment(terminal: Terminal) -> None:
    terminal.api(_takes_all)
    result = _load(terminal, DELIVERY, "--reference", "PO-77", "--at-once", "1")
    assert _bodies(terminal) == [
        {"item": "cup", "warehouse": "berlin", "quantity": 100, "reason": "received", "reference": "PO-77"},
        {"item": "saucer", "warehouse": "berlin", "quantity": -3, "reason": "damaged", "reference": "INC-7"},
        {"item": "spoon", "warehouse": "lyon", "count": 97, "reason": "received", "reference": "PO-77"},
    ]
    assert {request.url.path for request in terminal.requests} == {"/prod/v1/adjustments"}
    assert len(set(_keys(terminal).values())) == 3
    assert result.exit_code == 0
    assert "3 of 3 lines done; 0 refused." in result.out


@pytest.mark.parametrize("at_once", ["1", "8", "64"])
def test_all_lines_are_sent_however_many_at_once(terminal: Terminal, at_once: str) -> None:
    terminal.api(_takes_all)
    lines = [f"item-{number},berlin,1" for number in range(300)]
    result = _load(terminal, "\n".join(["item,warehouse,quantity", *lines]), "--at-once", at_once)
    assert sorted(body["item"] for body in _bodies(terminal)) == sorted(line.split(",")[0] for line in lines)
    assert "300 of 300 lines done" in result.out


def test_a_place_is_changed_by_one_line_at_a_time(terminal: Terminal) -> None:
    """Else a loss could come before the receipt that makes it possible."""
    under_way: set[str] = set()

    def handler(request: httpx.Request) -> httpx.Response:
        assert not under_way, "another line of this place is still under way"
        under_way.add("line")
        time.sleep(0.01)
        under_way.remove("line")
        return _takes_all(request)

    terminal.api(handler)
    lines = [f"cup,berlin,+{number},PO-{number}" for number in range(1, 9)]
    assert _load(terminal, "\n".join(["item,warehouse,quantity,reference", *lines]), "--at-once", "8").exit_code == 0
    assert [body["quantity"] for body in _bodies(terminal)] == list(range(1, 9))


def test_a_second_run_has_the_same_keys_wherever_a_line_has_moved(terminal: Terminal) -> None:
    terminal.api(_takes_all)
    header, cup, saucer, spoon = DELIVERY.splitlines()
    _load(terminal, DELIVERY)
    before = _keys(terminal)
    _load(terminal, f"{header}\n{spoon}\nfork,lyon,1,,,\n{saucer}\n{cup}")
    after = _keys(terminal)
    assert {item: after[item] for item in before} == before


@pytest.mark.parametrize("changed", [("+100", "+10"), ("+100,", ",7"), (",,,\n", ",,returned,\n")])
def test_a_line_with_another_number_is_no_other_line(terminal: Terminal, changed: tuple[str, str]) -> None:
    """It is done or not: the API refuses its key for another request, and nothing is booked twice."""
    terminal.api(_takes_all)
    _load(terminal, DELIVERY)
    before = _keys(terminal)
    _load(terminal, DELIVERY.replace(*changed, 1))
    assert _keys(terminal)["cup"] == before["cup"]
    assert _bodies(terminal)[0] != _bodies(terminal)[3]


def test_other_words_for_all_lines_make_no_other_lines(terminal: Terminal) -> None:
    terminal.api(_takes_all)
    _load(terminal, DELIVERY)
    before = _keys(terminal)
    assert (
        terminal.run(
            "load", _file(terminal, DELIVERY), "--batch", "PO-77", "--reason", "found", "--reference", "PO-77"
        ).exit_code
        == 0
    )
    assert _keys(terminal) == before


def test_another_batch_is_carried_out_although_its_lines_are_the_same(terminal: Terminal) -> None:
    terminal.api(_takes_all)
    _load(terminal, DELIVERY, batch="monday")
    before = _keys(terminal)
    _load(terminal, DELIVERY, batch="tuesday")
    assert not set(before.values()) & set(_keys(terminal).values())


def test_what_an_earlier_run_did_is_told(terminal: Terminal) -> None:
    terminal.api(
        lambda _: httpx.Response(
            200, json={"id": "adj_1", "object": "adjustment"}, headers={"Idempotent-Replayed": "true"}
        )
    )
    assert "3 of 3 lines done, 3 of them by an earlier run; 0 refused." in _load(terminal, DELIVERY).out
    assert _load(terminal, DELIVERY, "--json").json["replayed"] == 3


def test_a_line_that_this_run_had_to_send_twice_is_not_told_as_an_earlier_runs(terminal: Terminal) -> None:
    """Its first try may have done it, and its answer was lost."""
    replayed = httpx.Response(
        200, json={"id": "adj_1", "object": "adjustment"}, headers={"Idempotent-Replayed": "true"}
    )
    for lost in (httpx.ReadTimeout("slow"), error(503, "overloaded", "No answer in time.")):
        terminal.answers(lost, replayed, _takes_all(httpx.Request("POST", "/")), replayed)
        result = _load(terminal, DELIVERY, "--at-once", "1", "--json")
        assert (result.json["done"], result.json["replayed"]) == (3, 1)


def _refuses(item: str) -> Any:
    def handler(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["item"] == item:
            return error(402, "insufficient_stock", "Not enough =stock.")
        return _takes_all(request)

    return handler


def test_a_refused_line_stops_no_other_and_can_be_loaded_again(terminal: Terminal) -> None:
    terminal.api(_refuses("saucer"))
    refused = terminal.folder / "refused.csv"
    result = _load(terminal, DELIVERY, "--rejected", str(refused))
    key = _keys(terminal)["saucer"]
    assert result.exit_code == 1
    assert "2 of 3 lines done; 1 refused." in result.out
    assert "Not enough =stock." in result.out
    assert "1 of 3 lines were refused; the others are done" in " ".join(result.err.split())
    assert refused.read_text() == (
        "item,warehouse,quantity,count,reason,reference,error\nsaucer,berlin,-3,,damaged,INC-7,Not enough =stock.\n"
    )
    refused.write_text(refused.read_text().replace("-3", "-2"))
    terminal.api(_takes_all)
    again = terminal.run("load", str(refused), "--batch", "PO-77")
    assert again.exit_code == 0
    assert _bodies(terminal)[-1]["quantity"] == -2
    assert _keys(terminal)["saucer"] == key, "the same request, which was refused, and so may be carried out now"


def test_a_line_that_was_done_with_another_number_is_told_so(terminal: Terminal) -> None:
    terminal.api(lambda _: error(400, "idempotency_key_mismatch", "Use a new key."))
    result = _load(terminal, DELIVERY)
    assert "An earlier run did it, as it said then." in result.out
    assert "Use a new key" not in result.out


def test_a_script_is_told_of_each_refusal(terminal: Terminal) -> None:
    terminal.api(_refuses("saucer"))
    loaded = _load(terminal, DELIVERY, "--json").json
    (refused,) = loaded.pop("rejected")
    assert loaded == {"object": "load", "batch": "PO-77", "lines": 3, "done": 2, "replayed": 0, "left": 0}
    assert (refused["line"], refused["item"], refused["quantity"]) == (3, "saucer", -3)
    assert refused["error"]["code"] == "insufficient_stock"


def test_many_refusals_are_not_all_shown(terminal: Terminal) -> None:
    terminal.api(lambda _: error(400, "parameter_invalid", "No."))
    lines = [f"item-{number},berlin,1" for number in range(30)]
    result = _load(terminal, "\n".join(["item,warehouse,quantity", *lines]))
    assert "… and 10 more: --rejected FILE.csv writes all of them." in result.out
    assert "item-19" in result.out
    assert "item-20" not in result.out


def test_a_load_that_nobody_answers_stops_and_says_how_to_go_on(terminal: Terminal) -> None:
    refused = httpx.ConnectError("refused")
    terminal.answers(httpx.Response(200, json={"id": "adj_1", "object": "adjustment"}), *[refused] * 4)
    result = _load(terminal, DELIVERY, "--at-once", "1")
    assert result.exit_code == 5
    assert "1 of 3 lines done" in result.out
    assert "2 lines are left." in result.err
    assert "(refused). Run the same command again" in " ".join(result.err.split())
    assert "idempotency key" not in result.err
    assert [body["item"] for body in _bodies(terminal)] == ["cup", *["saucer"] * 4], "no other line is tried"


@pytest.mark.parametrize(("status", "exit_code"), [(401, 1), (403, 1), (429, 5), (503, 5)])
def test_what_is_not_about_a_line_stops_the_load(terminal: Terminal, status: int, exit_code: int) -> None:
    terminal.api(lambda _: error(status, "some_code", "No.", stripe_should_retry="false"))
    result = _load(terminal, DELIVERY, "--at-once", "1", "--json")
    assert result.exit_code == exit_code
    assert len(terminal.requests) == 1
    assert result.json["left"] == 3
    assert result.json["rejected"] == []


def test_an_answer_of_somebody_else_stops_the_load(terminal: Terminal) -> None:
    terminal.api(lambda _: httpx.Response(404, text="<html>nothing here</html>"))
    result = _load(terminal, DELIVERY, "--at-once", "1", "--json")
    assert len(terminal.requests) == 1
    assert (result.json["left"], result.json["rejected"]) == (3, [])
    assert "Is the URL right?" in result.err


def test_lines_that_were_refused_before_are_not_written_over(terminal: Terminal) -> None:
    refused = terminal.folder / "refused.csv"
    refused.write_text("item,warehouse,quantity,error\nsaucer,berlin,-2,corrected by now\n")
    result = _load(terminal, DELIVERY, "--rejected", str(refused))
    assert result.exit_code == 2
    assert "is not empty" in result.err
    assert "corrected by now" in refused.read_text()


def test_nothing_refused_leaves_room_for_the_next_run(terminal: Terminal) -> None:
    terminal.api(_takes_all)
    refused = terminal.folder / "refused.csv"
    for _ in range(2):
        assert _load(terminal, DELIVERY, "--rejected", str(refused)).exit_code == 0
        assert not refused.exists()


def test_an_empty_file_for_what_is_refused_stays_where_it_was_there_before(terminal: Terminal) -> None:
    terminal.api(_takes_all)
    refused = terminal.folder / "refused.csv"
    refused.touch()
    assert _load(terminal, DELIVERY, "--rejected", str(refused)).exit_code == 0
    assert refused.read_bytes() == b""


def test_a_load_that_stops_before_any_refusal_leaves_no_file(terminal: Terminal) -> None:
    terminal.answers(*[httpx.ConnectError("refused")] * 4)
    refused = terminal.folder / "refused.csv"
    result = _load(terminal, DELIVERY, "--at-once", "1", "--rejected", str(refused))
    assert (result.exit_code, refused.exists()) == (5, False)


def test_refused_lines_keep_their_own_words_and_are_loaded_with_the_same_options(terminal: Terminal) -> None:
    terminal.api(_refuses("cup"))
    refused = terminal.folder / "refused.csv"
    _load(terminal, DELIVERY, "--reference", "PO-77", "--rejected", str(refused))
    key = _keys(terminal)["cup"]
    assert "cup,berlin,+100,,,,Not enough" in refused.read_text()
    terminal.api(_takes_all)
    terminal.run("load", str(refused), "--batch", "PO-77", "--reason", "received", "--reference", "PO-77")
    assert _keys(terminal)["cup"] == key


def test_who_runs_a_stopped_load_again_is_told_of_the_file_that_is_there_now(terminal: Terminal) -> None:
    refused, down = error(402, "insufficient_stock", "No."), httpx.ConnectError("refused")
    terminal.answers(refused, *[down] * 4)
    result = _load(terminal, DELIVERY, "--at-once", "1", "--rejected", str(terminal.folder / "refused.csv"))
    assert result.exit_code == 5
    assert "with another file for --rejected" in " ".join(result.err.split())


def test_a_check_sends_nothing(terminal: Terminal) -> None:
    result = _load(terminal, DELIVERY, "--check")
    assert "3 lines, 3 items, 2 warehouses, 100 added, 3 taken away, 1 counts. Nothing was sent." in result.out
    assert _load(terminal, DELIVERY, "--check", "--json").json["taken_away"] == 3


def test_a_file_as_spreadsheets_write_it_is_read(terminal: Terminal) -> None:
    terminal.api(_takes_all)
    content = '\ufeffitem,warehouse,quantity\r\n"cup, small",berlin,"5"\r\n'
    assert _load(terminal, content).exit_code == 0
    assert _bodies(terminal)[0]["item"] == "cup, small"


HEADER = "item,warehouse,quantity,count,reason,reference\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no column 'item'"),
        ("item,quantity\ncup,1\n", "has no column 'warehouse'"),
        ("item,warehouse\ncup,berlin\n", "needs a column 'quantity'"),
        ("item,warehouse,quantity,colour\n", "has a column 'colour'"),
        ("item,warehouse,quantity,quantity\n", "has two columns 'quantity'"),
        (HEADER, "has no lines below its header"),
        (HEADER + "cup,berlin,1\n", "line 2: it has not as many values as the header"),
        (HEADER + "cup,berlin,1,,,,,\n", "line 2: it has not as many values as the header"),
        (HEADER + ",berlin,1,,,\n", "line 2: it has no item"),
        (HEADER + "cup,,1,,,\n", "line 2: it has no warehouse"),
        (HEADER + "cup,berlin,,,,\n", "line 2: it needs either a quantity or a count"),
        (HEADER + "cup,berlin,1,1,,\n", "line 2: it needs either a quantity or a count"),
        (HEADER + "cup,berlin,1.5,,,\n", "line 2: '1.5' in 'quantity' is no whole number"),
        (HEADER + f"cup,berlin,{'9' * 5000},,,\n", "line 2: A number in 'quantity' has 5,000 digits"),
        (HEADER + "cup,berlin,1,,,\ncup,berlin,1,,,\n", "line 3: line 2 is about cup in berlin, too"),
        (HEADER + "cup,berlin,,1,,R\ncup,berlin,2,,found,R\n", "line 3: line 2 is about cup in berlin, too"),
        (HEADER + "cup,berlin,,1,,R\ncup,berlin,,2,,S\n", "line 3: cup in berlin is counted in line 2 already"),
        (HEADER + f"cup,berlin,{'x' * 1000},,,\n", f"line 2: '{'x' * 40}' in 'quantity' is no whole number"),
        (HEADER + '"cup,berlin,1,,,\n', "is no CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_wrong_sends_nothing(terminal: Terminal, content: str, said: str) -> None:
    result = _load(terminal, content)
    assert result.exit_code == 2
    assert said in " ".join(result.err.split())


def test_bytes_that_are_no_text_send_nothing(terminal: Terminal) -> None:
    file = terminal.folder / "x.csv"
    file.write_bytes(b"item,warehouse,quantity\n\xff,berlin,1\n")
    result = terminal.run("load", str(file), "--batch", "b", "--reason", "r")
    assert (result.exit_code, "is no CSV file in UTF-8" in " ".join(result.err.split())) == (2, True)


def test_a_line_without_a_reason_sends_nothing(terminal: Terminal) -> None:
    result = terminal.run("load", _file(terminal, DELIVERY), "--batch", "PO-77")
    assert result.exit_code == 2
    assert "line 2: it has no reason, and no --reason says one for all." in " ".join(result.err.split())


def test_the_first_wrong_lines_are_named_and_the_others_counted(terminal: Terminal) -> None:
    result = _load(terminal, HEADER + "cup,berlin,x,,,\n" * 12)
    assert "line 11: " in result.err
    assert "line 12: " not in result.err
    assert "and 2 more" in result.err


def test_a_file_has_a_limit(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINES_MAX", 2)
    result = _load(terminal, DELIVERY)
    assert result.exit_code == 2
    assert "has more than 2 lines" in " ".join(result.err.split())


def test_refused_lines_that_cannot_be_written_are_known_before_anything_is_sent(terminal: Terminal) -> None:
    result = _load(terminal, DELIVERY, "--rejected", str(terminal.folder / "nowhere" / "refused.csv"))
    assert result.exit_code == 1
    assert "cannot be written" in result.err


def test_refused_lines_never_take_the_place_of_the_file(terminal: Terminal) -> None:
    result = _load(terminal, DELIVERY, "--rejected", str(terminal.folder / "delivery.csv"))
    assert result.exit_code == 2
    assert (terminal.folder / "delivery.csv").read_text() == DELIVERY


def test_a_batch_has_a_name(terminal: Terminal) -> None:
    assert _load(terminal, DELIVERY, batch=" ").exit_code == 2


def _keyed(line: int, item: str, warehouse: str) -> Keyed:
    return Keyed(Change(line, item, warehouse, 1, None, "r", None, {}), str(line))


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy")), max_size=60), st.integers(1, 7))
def test_what_happens_to_one_place_keeps_its_order(places: list[tuple[str, str]], most: int) -> None:
    lines = [_keyed(line, *place) for line, place in enumerate(places)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "_WAVE_MAX", most)
        cut = list(waves(lines))
    assert [keyed for wave in cut for keyed in wave] == lines
    for wave in cut:
        of = [(keyed.change.item, keyed.change.warehouse) for keyed in wave]
        assert 1 <= len(wave) <= most
        assert len(set(of)) == len(of)


def test_there_is_no_load_of_nothing(tmp_path: Path) -> None:
    assert Terminal(tmp_path).run("load", str(tmp_path / "none.csv"), "--batch", "b").exit_code == 2
