"""The deployed stack, as its operators reach it: tables, streams, queues, functions and their event sources."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from inventory.domain.ids import digest
from inventory.domain.keys import ALL_SCOPES, RANDOM_BYTES, ApiKey, Scope, key_hash, key_text
from inventory.storage.codec import Record, decode, encode
from inventory.storage.key_records import key_record
from stack import emulator
from stack import up as local
from stack.place import LOCAL_CREDENTIALS, ROOT, Place
from stack.state import Stack
from support.shop import wait_until

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

#: Apart from those of `make test-e2e`, which may run meanwhile; the port as the Makefile counts it.
_OWN_FOLDER = ROOT / ".local" / "pytest"
_OWN_PORT = int(os.environ.get("PORT", "4566")) + 11_000
#: An event source that is filtered by this passes every record by for good, as if it had been down for a day.
_NOTHING = '{"eventName": ["NEVER"]}'


@contextmanager
def deployed_stack() -> Iterator[Stack]:
    """The stack whose file INVENTORY_STACK names; without it, one of the tests' own, for as long as they run.

    It enforces the functions' roles, as that of `make test-e2e` does. One that is up already outlives these tests.
    A stack that is up for use (`make up`) is never taken by itself: these tests stop parts of it and poison others.
    """
    if named := os.environ.get("INVENTORY_STACK"):
        yield Stack.needed(Path(named).absolute())
        return
    place = Place(_OWN_FOLDER, _OWN_PORT)
    was_up = emulator.is_running(place)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AUTH", "true")
            stack = local.up(place)
        yield stack
    finally:
        if not was_up:
            local.down(place)


@dataclass
class Operator:
    """What an operator may do to a stack.

    Attributes:
        stack: The stack.
        account: Whose keys are made here.
        sweeps: How often the sweeper was asked to run.
        began_ms: When this was made, in milliseconds since 1970.
    """

    stack: Stack
    account: str = "acct_local"
    sweeps: int = 0
    began_ms: int = field(default_factory=lambda: round(time.time() * 1000))
    _mappings: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=self.stack.region,
        )

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """A client for the tables."""
        return self._session.client("dynamodb", endpoint_url=self.stack.aws_endpoint_url)

    @cached_property
    def streams(self) -> Any:
        """A client for the tables' streams."""
        session: Any = self._session
        return session.client("dynamodbstreams", endpoint_url=self.stack.aws_endpoint_url)

    @cached_property
    def functions(self) -> "LambdaClient":
        """A client for functions and event source mappings."""
        return self._session.client("lambda", endpoint_url=self.stack.aws_endpoint_url)

    @cached_property
    def sqs(self) -> "SQSClient":
        """A client for the queues."""
        return self._session.client("sqs", endpoint_url=self.stack.aws_endpoint_url)

    @cached_property
    def events(self) -> Any:
        """A client for buses and their rules."""
        session: Any = self._session
        return session.client("events", endpoint_url=self.stack.aws_endpoint_url)

    @cached_property
    def kinesis(self) -> "KinesisClient":
        """A client for the stream that the collector reads."""
        return self._session.client("kinesis", endpoint_url=self.stack.aws_endpoint_url)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """A client for the functions' logs."""
        return self._session.client("logs", endpoint_url=self.stack.aws_endpoint_url)

    @cached_property
    def apigateway(self) -> "APIGatewayClient":
        """A client for the gateway's settings."""
        return self._session.client("apigateway", endpoint_url=self.stack.aws_endpoint_url)

    def scan(self, table: str, prefix: str, path: str, names: dict[str, str]) -> Iterator[Record]:
        """All records of a table (by its logical id) whose attribute at the path begins with the prefix."""
        how: dict[str, Any] = {"TableName": self.stack.outputs[table], "ConsistentRead": True}
        if prefix:
            how |= {
                "FilterExpression": f"begins_with({path}, :prefix)",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": encode({":prefix": prefix}),
            }
        for page in self.dynamodb.get_paginator("scan").paginate(**how):
            yield from (decode(item) for item in page["Items"])

    def put(self, table: str, record: Record) -> None:
        """Puts a record straight into a table (by its logical id)."""
        self.dynamodb.put_item(TableName=self.stack.outputs[table], Item=encode(record))

    def delete(self, table: str, **key: str) -> None:
        """Deletes a record straight from a table (by its logical id)."""
        self.dynamodb.delete_item(TableName=self.stack.outputs[table], Key=encode(key))

    def make_key(self, *scopes: Scope) -> tuple[str, ApiKey]:
        """A new API key, with these scopes or (none given) all: its text, and what is kept of it."""
        text = key_text(secrets.token_bytes(RANDOM_BYTES))
        key = ApiKey(
            key_hash=key_hash(text),
            id=f"key_{digest(text)[:8].hex()}",
            account=self.account,
            scopes=scopes or ALL_SCOPES,
            name="a test's",
            created=round(time.time() * 1000),
        )
        self.put("ApiKeysTable", key_record(key))
        return text, key

    def revoke(self, key: ApiKey) -> None:
        """Revokes a key."""
        self.put("ApiKeysTable", {**key_record(key), "revoked": round(time.time() * 1000)})

    def sweep(self) -> Record:
        """Lets the sweeper run, as its schedule does, and gives what it says it did."""
        event = (ROOT / "events" / "schedule" / "sweep.json").read_bytes()
        self.sweeps += 1
        answer = self.functions.invoke(FunctionName=self.stack.outputs["SweeperFunction"], Payload=event)
        result: Record = json.loads(answer["Payload"].read())
        assert not answer.get("FunctionError"), result
        return result

    @contextmanager
    def stopped(self, *functions: str) -> Iterator[None]:
        """Stops what feeds these stream functions; their records wait meanwhile, as they do on AWS for 24 hours."""
        try:
            for function in functions:
                self._switch(function, on=False)
            yield
        finally:
            for function in functions:
                self._switch(function, on=True)

    @contextmanager
    def configured(self, function: str, **changes: str) -> Iterator[None]:
        """Lets a function run with other environment variables."""
        name, kept = self.stack.outputs[function], self._variables(function)
        try:
            self.functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": {**kept, **changes}}
            )
            yield
        finally:
            self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": kept})

    @contextmanager
    def failing(self, function: str) -> Iterator[None]:
        """Lets a stream function fail at whatever it is given, as if its tables were gone."""
        lost = {variable: "nowhere" for variable in self._variables(function) if variable.endswith("_TABLE")}
        with self.configured(function, **lost):
            yield

    def last_result(self, function: str) -> str:
        """How a stream function fared with its latest batch."""
        return self.functions.get_event_source_mapping(UUID=self._mapping(function))["LastProcessingResult"]

    @contextmanager
    def passing_by(self, function: str) -> Iterator[None]:
        """Lets a stream function's records go by unseen, for good."""
        mapping = self._mapping(function)
        kept = self.functions.get_event_source_mapping(UUID=mapping).get("FilterCriteria", {})
        try:
            self.functions.update_event_source_mapping(
                UUID=mapping, FilterCriteria={"Filters": [{"Pattern": _NOTHING}]}
            )
            yield
        finally:
            self.functions.update_event_source_mapping(UUID=mapping, FilterCriteria=kept)

    def logged(self, function: str) -> Iterator[Record]:
        """What a function (`sweeper`) has logged since this was made, oldest first; only lines that are JSON."""
        group = f"/inventory/{self.stack.stack_name}/{function}"
        for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=self.began_ms):
            for event in page["events"]:
                if event["message"].startswith("{"):
                    yield json.loads(event["message"])

    @contextmanager
    def listening(self, *whats: str) -> Iterator[Callable[[], Sequence[tuple[str, Record]]]]:
        """Hears what is announced on the stack's bus under these names; gives what tells all of it so far."""
        bus, name = self.stack.outputs["EventBus"], f"test-{secrets.token_hex(4)}"
        queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.events.put_rule(
            Name=name,
            EventBusName=bus,
            EventPattern=json.dumps({"source": ["inventory"], "detail-type": list(whats)}),
        )
        self.events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        heard: list[tuple[str, Record]] = []

        def told() -> Sequence[tuple[str, Record]]:
            while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                for message in messages:
                    event = json.loads(message["Body"])
                    heard.append((event["detail-type"], event["detail"]))
                    self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return heard

        try:
            yield told
        finally:
            self.events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
            self.events.delete_rule(Name=name, EventBusName=bus)
            self.sqs.delete_queue(QueueUrl=queue)

    def messages(self, queue: str, wanted: Callable[[Record], bool]) -> Sequence[Record]:
        """Takes the wanted messages off a queue (by its logical id); the others are seen again at once."""
        url = self.stack.outputs[queue]
        received = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30)
        found = []
        for message in received.get("Messages", []):
            body = json.loads(message["Body"])
            if wanted(body):
                found.append(body)
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            else:
                self.sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        return found

    def _variables(self, function: str) -> dict[str, str]:
        name = self.stack.outputs[function]
        return self.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def _mapping(self, function: str) -> str:
        if function not in self._mappings:
            name = self.stack.outputs[function]
            (mapping,) = self.functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            self._mappings[function] = mapping["UUID"]
        return self._mappings[function]

    def _switch(self, function: str, *, on: bool) -> None:
        mapping, state = self._mapping(function), "Enabled" if on else "Disabled"
        self.functions.update_event_source_mapping(UUID=mapping, Enabled=on)
        wait_until(
            lambda: self.functions.get_event_source_mapping(UUID=mapping)["State"] == state, 60, f"{function} {state}"
        )
