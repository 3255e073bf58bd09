"""On-failure queues of this process, the messages that come there, and the functions that take them back."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

RECORD = {"eventID": "e1", "eventName": "MODIFY", "dynamodb": {"Keys": {"hold_id": {"S": "hold_1"}}, "NewImage": {}}}
FIRST, LAST = "100000000000000000000", "300000000000000000000"
Handle = Callable[[str, dict[str, Any]], str | None]


class Functions:
    """Lambda: notes what it is given, and fails where a test says so."""

    def __init__(self) -> None:
        self.given: list[tuple[str, dict[str, Any]]] = []
        self.fails: Handle = lambda _name, _event: None

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        event = json.loads(Payload)
        self.given.append((FunctionName, event))
        if why := self.fails(FunctionName, event):
            said = json.dumps({"errorType": "StillPoison", "errorMessage": why}).encode()
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(said)}
        return {"StatusCode": 200, "Payload": io.BytesIO(b"{}")}


class Queues:
    """The settler's, the collector's, the archiver's and the sweeper's on-failure queues."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs")
        self.urls = {
            name: self._sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in ("settler", "collector", "archiver", "sweeper")
        }

    def put(self, queue: str, body: Any, **attributes: str) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        said: dict[str, Any] = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        }
        self._sqs.send_message(QueueUrl=self.urls[queue], MessageBody=text, MessageAttributes=said)

    def bodies(self, queue: str) -> list[str]:
        """What can be received now."""
        answer = self._sqs.receive_message(QueueUrl=self.urls[queue], MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in answer.get("Messages", [])]

    def empty(self, queue: str) -> None:
        self._sqs.purge_queue(QueueUrl=self.urls[queue])

    def abolish(self, queue: str) -> None:
        self._sqs.delete_queue(QueueUrl=self.urls[queue])


class Clock:
    """The queues' clock: it goes on when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._passed_s = 0.0
        monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda: (time.time() + self._passed_s) * 1000)

    def passes(self, seconds: float) -> None:
        self._passed_s += seconds


def aside(why: str = "KeyError: 'lines'", **changes: Any) -> dict[str, Any]:
    return {"why": why, "record": RECORD | changes}


def failed_batch(**positions: Any) -> dict[str, Any]:
    """What AWS puts on the queue for a batch of a stream that failed too often."""
    return {
        "version": "1.0",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "requestContext": {
            "requestId": "r1",
            "functionArn": "arn:aws:lambda:us-east-1:1:function:the-settler",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 11,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000",
            "startSequenceNumber": FIRST,
            "endSequenceNumber": LAST,
            "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00Z",
            "approximateArrivalOfLastRecord": "2026-01-01T00:00:00Z",
            "batchSize": 3,
            "streamArn": "arn:aws:dynamodb:us-east-1:1:table/Holds/stream/2026",
        }
        | positions,
    }
