"""One message that nothing mends is dropped, shown before, and no other."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from inventory_cli.errors import NotFound
from inventory_cli.redrive.queues import OnFailureQueue
from support.failures import RECORD, Functions, Queues, aside, failed_batch
from support.terminal import Terminal


def _ids(terminal: Terminal, function: str) -> list[str]:
    (queue,) = terminal.run("redrive", "list", "--function", function, "--json").json
    return [message["id"] for message in queue["messages"]]


def test_one_message_is_dropped_and_can_be_kept_whole(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    for number in range(12):
        queues.put("settler", str(number), ERROR_CODE="TooMany")
    dropped = _ids(terminal, "settler")[10]
    result = terminal.run("redrive", "drop", dropped, "--function", "settler", "--yes", "--json")
    assert (result.exit_code, f"Dropped {dropped}" in result.err) == (0, True)
    told = {"function": "settler", "id": dropped, "body": "10", "attributes": {"ERROR_CODE": "TooMany"}}
    assert told.items() <= result.json.items()
    (left,) = terminal.run("redrive", "list", "--function", "settler", "--json").json
    assert [message["payload"] for message in left["messages"]] == [*range(10), 11]
    assert functions.given == []


def test_nothing_is_dropped_without_a_yes(terminal: Terminal, queues: Queues) -> None:
    queues.put("settler", aside())
    (name,) = _ids(terminal, "settler")
    drop = ("redrive", "drop", name, "--function", "settler")
    refused = terminal.run(*drop, typed="n\n")
    assert refused.exit_code == 1
    for text in ("MODIFY hold_id=hold_1", "KeyError: 'lines'", name):
        assert text in refused.out
    asked = terminal.run(*drop, "--json")
    assert (asked.exit_code, asked.out) == (2, "")
    assert len(queues.bodies("settler")) == 1
    assert terminal.run(*drop, typed="y\n").exit_code == 0
    assert queues.bodies("settler") == []


def test_an_unknown_message_is_not_dropped_nor_is_any_other(terminal: Terminal, queues: Queues) -> None:
    queues.put("settler", aside())
    (name,) = _ids(terminal, "settler")
    for function, message in (("settler", "5f0c"), ("sweeper", name)):
        result = terminal.run("redrive", "drop", message, "--function", function, "--yes")
        assert result.exit_code == 4
        assert f"The {function}'s queue has no message {message}" in result.err
    assert terminal.run("redrive", "drop", name, "--yes").exit_code == 2
    assert len(queues.bodies("settler")) == 1


def test_a_message_that_was_found_is_hidden_and_no_other(queues: Queues) -> None:
    queue = OnFailureQueue("settler", queues.urls["settler"], "the-settler", boto3.client("sqs"))
    for body in ("a", "b", "c"):
        queues.put("settler", body)
    assert queue.find(queue.look(3)[1].id).body == "b"
    assert queues.bodies("settler") == ["a", "c"]


@pytest.mark.timeout(20)  # it would never end
def test_looking_for_a_message_ends_where_only_those_come_that_were_seen(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory_cli.redrive.queues._WORK_SECONDS", 0)
    queues.put("settler", aside())
    queue = OnFailureQueue("settler", queues.urls["settler"], "the-settler", boto3.client("sqs"))
    with pytest.raises(NotFound):
        queue.find("5f0c")


def test_a_message_that_is_no_longer_in_hand_is_not_called_dropped(
    terminal: Terminal, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "MessageNotInflight", "Message": "m"}}, "ChangeMessageVisibility")

    queues.put("settler", aside())
    (name,) = _ids(terminal, "settler")
    monkeypatch.setattr(OnFailureQueue, "hide_again", refuse)
    result = terminal.run("redrive", "drop", name, "--function", "settler", "--yes")
    assert (result.exit_code, "Dropped" in result.err) == (1, False)
    assert len(queues.bodies("settler")) == 1


@pytest.mark.parametrize(
    ("queue", "found", "left"), [("archiver", [RECORD], 1), ("archiver", None, 0), ("settler", [RECORD], 0)]
)
def test_positions_of_the_archiver_stay_while_the_stream_has_their_events(
    terminal: Terminal,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    queue: str,
    found: list[dict[str, Any]] | None,
    left: int,
) -> None:
    if found:
        monkeypatch.setattr("inventory_cli.redrive.streams.records_at", lambda *_: found)
    queues.put(queue, failed_batch())
    (name,) = _ids(terminal, queue)
    result = terminal.run("redrive", "drop", name, "--function", queue, "--yes")
    assert (result.exit_code, len(queues.bodies(queue))) == (left, left)
    assert ("the archive has a hole" in " ".join(result.err.split())) == bool(left)
