import itertools
import json
from typing import Any

import boto3
import pytest

from inventory_cli.redrive.giving import AT_ONCE
from inventory_cli.redrive.queues import OnFailureQueue
from support.failures import FIRST, LAST, RECORD, Clock, Functions, Queues, aside, failed_batch
from support.template import table_definitions
from support.terminal import Terminal


def _outcomes(terminal: Terminal, *arguments: str) -> dict[str, int]:
    result = terminal.run("redrive", "run", "--yes", "--json", *arguments)
    outcomes = [given["outcome"] for given in result.json]
    return {outcome: outcomes.count(outcome) for outcome in outcomes} | {"exit": result.exit_code}


def test_looking_tells_what_and_why_and_changes_nothing(terminal: Terminal, queues: Queues) -> None:
    queues.put("settler", aside())
    queues.put("settler", failed_batch())
    queues.put("settler", "hello")
    queues.put("sweeper", {}, ERROR_CODE="AWS.Scheduler.InternalServerError", ERROR_MESSAGE="down")
    failed = {
        "requestContext": {"condition": "EventAgeExceeded"},
        "requestPayload": {},
        "responsePayload": {"errorMessage": "slow"},
    }
    queues.put("sweeper", failed)
    for _ in range(2):
        shown = terminal.run("redrive", "list").out
        for text in (
            "MODIFY hold_id=hold_1",
            "KeyError: 'lines'",
            "3 records of Holds",
            f"from {FIRST} to {LAST}",
            "hello",
        ):
            assert text in shown
        assert "RetryAttemptsExhausted after 11 tries (Unhandled)" in shown
        assert "AWS.Scheduler.InternalServerError: down" in shown
        assert "EventAgeExceeded (slow)" in shown
    _, _, settler, sweeper = terminal.run("redrive", "list", "--json").json
    assert (settler["waiting"], sweeper["waiting"]) == (3, 2)
    assert [message["kind"] for message in settler["messages"]] == ["set_aside", "positions", "unknown"]
    assert settler["messages"][0]["record"] == RECORD


def test_what_is_handled_is_deleted(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    queues.put("settler", aside())
    assert _outcomes(terminal) == {"handled": 1, "exit": 0}
    assert functions.given == [("the-settler", {"Records": [RECORD], "redrive": True})]
    assert queues.bodies("settler") == []


def test_what_fails_again_is_kept_and_the_rest_is_not(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    queues.put("settler", aside(eventID="bad"))
    queues.put("settler", aside(eventID="good"))
    functions.fails = lambda _, event: "no lines" if event["Records"][0]["eventID"] == "bad" else None
    assert _outcomes(terminal) == {"failed": 1, "handled": 1, "exit": 1}
    (left,) = queues.bodies("settler")
    assert json.loads(left)["record"]["eventID"] == "bad"
    assert "no lines" in terminal.run("redrive", "run", "--yes").out


def test_in_a_run_that_outlasts_the_hiding_each_message_is_given_once(
    terminal: Terminal, queues: Queues, functions: Functions, clock: Clock
) -> None:
    for number in range(6):
        queues.put("settler", aside(eventID=str(number)))

    def fails(_name: str, _event: dict[str, Any]) -> str:
        clock.passes(140)
        return "no lines"

    functions.fails = fails
    assert _outcomes(terminal) == {"failed": 6, "exit": 1}
    given = sorted(event["Records"][0]["eventID"] for _, event in functions.given)
    assert given == [str(number) for number in range(6)]
    assert len(queues.bodies("settler")) == 6


def test_a_message_stays_hidden_while_its_records_are_given_call_by_call(
    terminal: Terminal, queues: Queues, functions: Functions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put("settler", failed_batch())
    monkeypatch.setattr("inventory_cli.redrive.giving.records_at", lambda *_: [RECORD] * 200)
    seen_by_others: list[str] = []

    def slow(_name: str, _event: dict[str, Any]) -> None:
        clock.passes(140)
        seen_by_others.extend(queues.bodies("settler"))

    functions.fails = slow
    assert _outcomes(terminal) == {"handled": 1, "exit": 0}
    assert (len(functions.given), seen_by_others) == (4, [])


def test_how_far_a_long_run_of_positions_has_come_is_noted_now_and_then_where_no_bar_is_seen(
    terminal: Terminal, queues: Queues, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put("settler", failed_batch())
    monkeypatch.setattr("inventory_cli.redrive.giving.records_at", lambda *_: [RECORD] * 200)
    for seconds, notes in ((14, ["150 of 200 records of a message are given"]), (1, [])):
        functions.fails = lambda *_, seconds=seconds: terminal.pauses.append(seconds)
        result = terminal.run("redrive", "run", "--yes")
        assert (result.exit_code, [line for line in result.err.splitlines() if "records" in line]) == (
            0,
            [f"settler: {note}" for note in notes],
        )
        queues.put("settler", failed_batch())


def test_a_message_that_waited_for_others_is_hidden_while_its_records_are_fetched(
    terminal: Terminal, queues: Queues, functions: Functions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put("settler", aside())
    queues.put("settler", aside())
    queues.put("settler", failed_batch())
    seen_by_others: list[str] = []

    def fetched_slowly(*_: object) -> list[dict[str, Any]]:
        clock.passes(200)
        seen_by_others.extend(queues.bodies("settler"))
        return [RECORD]

    monkeypatch.setattr("inventory_cli.redrive.giving.records_at", fetched_slowly)
    functions.fails = lambda _name, event: clock.passes(75) if "redrive" in event else None
    assert _outcomes(terminal) == {"handled": 3, "exit": 0}
    assert seen_by_others == []


def test_a_message_that_is_gone_meanwhile_does_not_hinder_the_report(
    terminal: Terminal, queues: Queues, functions: Functions
) -> None:
    queues.put("settler", aside())

    def fails(_name: str, _event: dict[str, Any]) -> str:
        queues.empty("settler")
        return "no lines"

    functions.fails = fails
    assert _outcomes(terminal) == {"failed": 1, "exit": 1}


def test_messages_are_put_back_whatever_became_of_the_others(queues: Queues) -> None:
    queue = OnFailureQueue("settler", queues.urls["settler"], "the-settler", boto3.client("sqs"))
    for number in range(12):
        queues.put("settler", str(number))
    messages = list(itertools.islice(queue.take(), 12))
    queue.delete(messages[0])
    queue.put_back(messages)
    assert queues.bodies("settler") == [str(number) for number in range(1, 11)]


def test_what_was_given_is_told_where_the_rest_cannot_be_had(
    terminal: Terminal, queues: Queues, functions: Functions
) -> None:
    for number in range(AT_ONCE + 1):
        queues.put("settler", aside(eventID=str(number)))

    def fails(_name: str, _event: dict[str, Any]) -> str:
        queues.abolish("settler")
        return "no lines"

    functions.fails = fails
    result = terminal.run("redrive", "run", "--yes", "--json")
    assert ([given["outcome"] for given in result.json], result.exit_code) == (["failed"] * AT_ONCE, 1)
    assert "AWS refused ReceiveMessage" in result.err


def test_no_more_than_asked_for_is_given_back(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    for number in range(3):
        queues.put("settler", aside(eventID=str(number)))
    assert _outcomes(terminal, "--max", "2") == {"handled": 2, "exit": 0}
    assert len(queues.bodies("settler")) == 1


def test_nothing_is_given_back_without_a_yes(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    queues.put("settler", aside())
    assert terminal.run("redrive", "run", typed="n\n").exit_code == 1
    assert terminal.run("redrive", "run", "--json").exit_code == 2
    assert functions.given == []
    assert terminal.run("redrive", "run", typed="y\n").exit_code == 0
    assert len(functions.given) == 1


def test_events_that_are_alike_are_given_once(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    for _ in range(3):
        queues.put("sweeper", {}, ERROR_CODE="TooMany", ERROR_MESSAGE="down")
    assert _outcomes(terminal, "--function", "sweeper") == {"handled": 3, "exit": 0}
    assert functions.given == [("the-sweeper", {})]


def test_a_message_of_nobody_known_is_kept(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    queues.put("settler", "hello")
    assert _outcomes(terminal) == {"unknown": 1, "exit": 1}
    assert (queues.bodies("settler"), functions.given) == (["hello"], [])


def test_records_are_fetched_by_their_positions(terminal: Terminal, queues: Queues, functions: Functions) -> None:
    dynamodb, streams = boto3.client("dynamodb"), boto3.client("dynamodbstreams")
    definition = table_definitions()["HOLDS_TABLE"]
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    arn = dynamodb.create_table(**definition | {"StreamSpecification": view})["TableDescription"]["LatestStreamArn"]
    for number in range(5):
        dynamodb.put_item(TableName=definition["TableName"], Item={"hold_id": {"S": f"hold_{number}"}})
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start: dict[str, Any] = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    records = streams.get_records(ShardIterator=streams.get_shard_iterator(**start)["ShardIterator"])["Records"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    where = {"streamArn": arn, "shardId": shard["ShardId"]}
    queues.put("settler", failed_batch(startSequenceNumber=numbers[1], endSequenceNumber=numbers[3], **where))

    assert _outcomes(terminal) == {"handled": 1, "exit": 0}
    ((_, event),) = functions.given
    assert "redrive" not in event
    keys = [record["dynamodb"]["Keys"]["hold_id"]["S"] for record in event["Records"]]
    assert keys == ["hold_1", "hold_2", "hold_3"]
    assert {record["eventSourceARN"] for record in event["Records"]} == {arn}


def test_what_was_passed_on_is_fetched_from_the_collecting_stream(
    terminal: Terminal, queues: Queues, functions: Functions
) -> None:
    kinesis: Any = boto3.client("kinesis")
    kinesis.create_stream(StreamName="collecting", ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName="collecting")["StreamDescriptionSummary"]["StreamARN"]
    told = [
        kinesis.put_record(StreamName="collecting", PartitionKey=f"A#W1#{number}", Data=f"{number}".encode())
        for number in range(5)
    ]
    batch = failed_batch()
    where = {"streamArn": arn, "shardId": told[0]["ShardId"]}
    first, last = (told[number]["SequenceNumber"] for number in (1, 3))
    positions = batch.pop("DDBStreamBatchInfo") | where | {"startSequenceNumber": first, "endSequenceNumber": last}
    queues.put("collector", batch | {"KinesisBatchInfo": positions})
    assert "3 records of collecting" in terminal.run("redrive", "list").out

    assert _outcomes(terminal) == {"handled": 1, "exit": 0}
    ((name, event),) = functions.given
    assert name == "the-collector"
    assert [record["kinesis"]["partitionKey"] for record in event["Records"]] == ["A#W1#1", "A#W1#2", "A#W1#3"]
    assert [record["kinesis"]["data"] for record in event["Records"]] == ["MQ==", "Mg==", "Mw=="]
    assert (event["Records"][0]["eventSourceARN"], queues.bodies("collector")) == (arn, [])


def test_records_that_are_gone_are_said_to_be_and_dropped_on_demand_only(
    terminal: Terminal, queues: Queues, functions: Functions
) -> None:
    queues.put("settler", failed_batch())
    result = terminal.run("redrive", "run", "--yes")
    assert result.exit_code == 0
    assert "trimmed" in result.out
    assert "the sweeper settles" in result.err
    assert len(queues.bodies("settler")) == 1
    assert _outcomes(terminal, "--drop-trimmed") == {"dropped": 1, "exit": 0}
    assert (queues.bodies("settler"), functions.given) == ([], [])


def test_trimmed_messages_of_the_archiver_tell_of_a_hole_and_are_not_dropped_with_the_others(
    terminal: Terminal, queues: Queues, functions: Functions
) -> None:
    queues.put("archiver", failed_batch())
    result = terminal.run("redrive", "run", "--yes", "--drop-trimmed")
    assert "trimmed" in result.out
    assert "lost events" in " ".join(result.err.split())
    assert "the sweeper settles" not in result.err
    assert len(queues.bodies("archiver")) == 1
    assert _outcomes(terminal, "--function", "archiver") == {"trimmed": 1, "exit": 0}
    assert _outcomes(terminal, "--function", "archiver", "--drop-trimmed") == {"dropped": 1, "exit": 0}
    assert (queues.bodies("archiver"), functions.given) == ([], [])


def test_the_help_names_every_function_with_a_queue(terminal: Terminal) -> None:
    told = terminal.run("redrive", "--help").out
    for name in ("settler", "collector", "projector", "archiver", "sweeper"):
        assert name in told


def test_a_function_without_a_queue_is_told_from_those_that_have_one(terminal: Terminal, queues: Queues) -> None:
    result = terminal.run("redrive", "list", "--function", "stock")
    assert result.exit_code == 2
    assert "There are: archiver, collector, settler, sweeper." in result.err
    assert "Nothing to give back." in terminal.run("redrive", "run").out
