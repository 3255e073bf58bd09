"""The functions' own modules in this process: simulated tables, a clock that tests turn, a queue that keeps."""

import importlib.util
import io
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import boto3
import pytest

from inventory import wiring
from inventory.api.application import Application
from inventory.domain.keys import ApiKey
from inventory.protocol.core import Core
from inventory.storage.codec import Record, decode, encode
from inventory.storage.key_records import key_record
from simulated_dynamodb import SimulatedDynamoDB
from simulated_dynamodb.errors import Refused
from support.bureau import MACHINES
from support.gateway import Answer
from support.kinesis import CollectedHolds
from support.rights import Denied, check_call, check_listing, check_object
from support.shelf import Shelf
from support.states import States
from support.template import table_definitions
from support.vault import Glue, Vault

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"


@dataclass(frozen=True)
class Context:
    """As much of Lambda's context as the functions use."""

    function_name: str
    aws_request_id: str = "invocation-1"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:sample"
    remaining_ms: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds before the function is stopped."""
        return self.remaining_ms


@dataclass
class Queue:
    """As much of a client for SQS as the functions use: it keeps what is sent."""

    messages: list[Record] = field(default_factory=list)

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - boto3's names
        """Keeps a message."""
        self.messages.append(json.loads(MessageBody))


@dataclass
class Bus:
    """As much of a client for EventBridge as the functions use: it keeps what is announced."""

    entries: list[Record] = field(default_factory=list)

    def put_events(self, *, Entries: list[Record]) -> Record:  # noqa: N803 - boto3's names
        """Keeps events."""
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(len(self.entries))} for _ in Entries]}


@dataclass
class Invoker:
    """As much of a client for Lambda as the functions use: it plays the function that is named, here and now."""

    functions: "Functions"

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Record:  # noqa: N803 - boto3's names
        """What the function answers."""
        answer = self.functions.invoke(FunctionName, json.loads(Payload))
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}


class Functions:
    """All functions over one set of tables and one bucket, each with its role's rights to them.

    Each is loaded when it is first played to, as after a cold start.

    Attributes:
        off_s: How far the functions' clocks are ahead of the tables'.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        definitions = table_definitions()
        self._started_s = time.time
        self._ahead_s = 0.0
        self.off_s = 0.0
        self._modules: dict[str, ModuleType] = {}
        self._loading = ""
        self.database = SimulatedDynamoDB(definitions.values(), now=self._now_s)
        self.queue = Queue()
        self.collected = CollectedHolds()
        self.shelf = Shelf()
        self.glue = Glue()
        self.bus = Bus()
        self.states = States(lambda: round(self._now_s() * 1000))
        for variable, definition in definitions.items():
            patch.setenv(variable, definition["TableName"])
        patch.setenv("POISON_QUEUE_URL", "https://sqs.invalid/poison")
        patch.setenv("COLLECTING_STREAM", "collecting")
        patch.setenv("OPEN_SLICES", "4")
        patch.setenv("HISTORY_BUCKET", "HistoryBucket")
        patch.setenv("SCRATCH_BUCKET", "ScratchBucket")
        patch.setenv("HISTORY_BUCKETS", "2")
        patch.setenv("SCAN_SEGMENTS", "1")
        patch.setenv("GLUE_DATABASE", "history")
        patch.setenv("SIGNING_KEY", "key")
        patch.setenv("EVENT_BUS", "bus")
        patch.setenv("STOCK_AT_FUNCTION", "stock_at")
        patch.setenv("SNAPSHOT_MACHINE", f"{MACHINES}snapshots")
        patch.setenv("AUDIT_MACHINE", f"{MACHINES}audits")
        clients = {
            "sqs": self.queue,
            "kinesis": self.collected,
            "stepfunctions": self.states,
            "lambda": Invoker(self),
            "kms": Vault(),
            "glue": self.glue,
            "events": self.bus,
        }

        def client(service: str, **_: object) -> Any:
            if service == "dynamodb":
                return self.database.client.restricted(partial(_check_rights, self._loading))
            if service == "s3":
                return self.shelf.restricted(partial(_check_object, self._loading))
            return clients[service]

        patch.setattr(boto3, "client", client)

        def now_ns() -> int:
            return round((self._now_s() + self.off_s) * 1e9)

        clock = SimpleNamespace(time_ns=now_ns, monotonic_ns=now_ns, sleep=self.pass_s)
        patch.setattr(wiring, "time", clock)

    def play(self, event: str) -> Any:
        """What the function that a sample event is for answers to it."""
        return self.invoke(SAMPLES[event].function, SAMPLES[event].load())

    def request(self, event: str) -> Answer:
        """The answer to a sample event of the gateway."""
        answer = self.play(f"apigateway/{event}")
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return Answer(answer["statusCode"], headers, json.loads(answer["body"]))

    def prepare(self, event: str) -> None:
        """Plays what has to come before a sample event; all of it must succeed."""
        for earlier in SAMPLES[event].after:
            answer = self.request(earlier)
            assert answer.status == 200, answer.body

    def after_all(self, event: str) -> Answer:
        """The answer to a sample event of the gateway, after all that has to come before it."""
        self.prepare(f"apigateway/{event}")
        return self.request(event)

    def invoke(self, function: str, event: Mapping[str, Any], *, remaining_ms: int = 120_000) -> Any:
        """What a function answers to an event, with so much time left."""
        return self._module(function).lambda_handler(event, Context(function, remaining_ms=remaining_ms))

    def freeze(self, function: str, seconds: float, *, off_s: float) -> None:
        """Freezes a function that has measured its clock and found it right; when it goes on, its clock is off."""
        _core(self._module(function)).clock.stamp()
        self.pass_s(seconds)
        self.off_s = off_s

    def pass_s(self, seconds: float) -> None:
        """Lets time pass."""
        self._ahead_s += seconds

    def stop_clock(self, at_s: float) -> None:
        """From this instant on time passes only when it is let."""
        self._started_s = lambda: at_s
        self._ahead_s = 0.0

    def flow(self, *, archived: bool = False) -> None:
        """Lets all streams flow until they are dry; the archiver reads them, too, if it is to."""
        readers = {"HoldsTable": ["settler"], "StockTable": ["projector"], "AdjustmentsTable": []}
        for table, functions in readers.items():
            if records := self.database.stream(table).drain():
                for function in [*functions, *(["archiver"] if archived else [])]:
                    self.invoke(function, {"Records": records})
        if passed_on := self.collected.drain():
            self.invoke("collector", {"Records": passed_on})
        if any(sum(self.database.stream(table).pending) for table in readers):
            self.flow(archived=archived)

    def put_key(self, key: ApiKey) -> None:
        """Stores an API key."""
        self.database.client.put_item(TableName="ApiKeysTable", Item=encode(key_record(key)))

    def records(self, table: str) -> list[Record]:
        """Everything in a table (by its logical id)."""
        return [decode(item) for item in self.database.items(table)]

    def counters(self, item: str = "espresso-cup") -> tuple[int, int]:
        """Units of an item that are available, and that are held, by its shards."""
        shards = [record for record in self.records("StockTable") if record["stock_id"].startswith(f"{item}#")]
        counted = [shard for shard in shards if "available" in shard]
        return sum(shard["available"] for shard in counted), sum(shard["held"] for shard in counted)

    def _module(self, function: str) -> ModuleType:
        if function not in self._modules:
            self._loading = function  # its clients are made meanwhile
            self._modules[function] = loaded(function)
        return self._modules[function]

    def _now_s(self) -> float:
        return self._started_s() + self._ahead_s


class Sample(NamedTuple):
    """A sample event, as its row in events/README.md describes it.

    Attributes:
        event: Its path below events/, without the ending.
        functions: The functions that it is for; where there are several, each is told it.
        after: The gateway's events that have to be played before.
    """

    event: str
    functions: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def function(self) -> str:
        """The function that it is for first."""
        return self.functions[0]

    def load(self) -> dict[str, Any]:
        """The event itself."""
        loaded: dict[str, Any] = json.loads((EVENTS / f"{self.event}.json").read_text())
        return loaded


def _described() -> Iterator[Sample]:
    for row in (EVENTS / "README.md").read_text().splitlines():
        if row.startswith("| `"):
            event, functions, after, _ = (cell.strip(" `") for cell in row.strip("| ").split(" | ", 3))
            yield Sample(event, _names(functions), _names(after))


def _names(cell: str) -> tuple[str, ...]:
    return tuple(name for name in cell.split(", ") if name)


SAMPLES: dict[str, Sample] = {described.event: described for described in _described()}


def _check_rights(function: str, operation: str, request: Mapping[str, Any]) -> None:
    try:
        check_call(function, operation, request)
    except Denied as denied:
        raise Refused("AccessDeniedException", str(denied)) from denied


def _check_object(function: str, action: str, bucket: str, key: str) -> None:
    if action == "ListBucket":
        check_listing(function, bucket)
    else:
        check_object(function, action, bucket, key)


def _core(module: ModuleType) -> Core:
    handler = module.lambda_handler
    context = handler._context if isinstance(handler, Application) else module
    core: Core = context if isinstance(context, Core) else context.core
    return core


def loaded(function: str) -> ModuleType:
    """A function's own module, new."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{function}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
