"""A service that is not there has one name; a mistake of ours keeps its own."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from boto3.exceptions import Boto3Error, RetriesExceededError
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, IncompleteReadError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from urllib3.exceptions import ProtocolError

from inventory.adapters.aside import AsideQueue
from inventory.adapters.catalogue import GlueCatalogue
from inventory.adapters.executions import StepFunctionsMachine
from inventory.adapters.objects import S3Objects
from inventory.adapters.outages import outages_named, pages_named
from inventory.adapters.signing import KmsSigner, KmsVerifier
from inventory.domain.errors import Overloaded

ARN = "arn:aws:states:us-east-1:1:stateMachine:m"


def refusal(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Ask")


OUTAGES = [
    refusal("SlowDown", 503),
    refusal("ThrottlingException"),
    refusal("ProvisionedThroughputExceededException"),
    refusal("RequestThrottled", 403),
    refusal("OperationTimeoutException"),
    refusal("ExecutionLimitExceeded"),
    refusal("RequestTimeout"),
    refusal("InternalError", 500),
    refusal("502", 502),
    EndpointConnectionError(endpoint_url="x"),
    ReadTimeoutError(endpoint_url="x"),
    ProtocolError("broken off"),
    IncompleteReadError(actual_bytes=1, expected_bytes=2),
]


@pytest.mark.parametrize("error", OUTAGES, ids=str)
def test_an_outage_is_named_with_what_does_not_answer(error: Exception) -> None:
    with pytest.raises(Overloaded, match="The history") as named, outages_named("The history"):
        raise error
    assert named.value.__cause__ is error


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationException", "StateMachineDoesNotExist"])
def test_a_mistake_of_ours_keeps_its_name(code: str) -> None:
    with pytest.raises(ClientError, match=code), outages_named("The history"):
        raise refusal(code)


class Down:
    """A client for any service, down."""

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        def fail(*_args: Any, **_: Any) -> None:
            raise refusal("SlowDown", 503)

        return fail

    def get_paginator(self, _operation: str) -> Any:
        def paginate(**_: Any) -> Iterator[Any]:
            yield {}
            raise refusal("SlowDown", 503)

        return SimpleNamespace(paginate=paginate)


class DownSince(Down):
    """It went down when it had just said that there is no such object."""

    def head_object(self, **_: str) -> None:
        raise refusal("404", 404)


DOWN = S3Objects(Down(), "b")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: DOWN.read("a"),
        lambda: DOWN.read_start("a", 1),
        lambda: DOWN.read_end("a", 1),
        lambda: DOWN.read_range("a", 0, 1),
        lambda: DOWN.download("a", Path("a")),
        lambda: DOWN.download("a", Path("a"), tag="t"),
        lambda: DOWN.put("a", b""),
        lambda: DOWN.put_new("a", b""),
        lambda: DOWN.upload(Path(__file__), "a"),
        lambda: DOWN.copy_new("a", "b", ""),
        lambda: S3Objects(DownSince(), "b").copy_new("a", "b", ""),
        lambda: list(DOWN.list("a")),
        lambda: list(DOWN.folders("a/")),
        lambda: DOWN.page("a", after="", limit=1),
        lambda: DOWN.first("a"),
        lambda: AsideQueue(Down(), "https://sqs.invalid", lambda: 0).set_aside({}, "why"),
        lambda: KmsSigner(Down(), "key").sign(b""),
        lambda: KmsSigner(Down(), "key").public_key_der,
        lambda: KmsVerifier(Down(), ["key"]).fingerprints,
        lambda: KmsVerifier(Down(), ["key"]).has_signed("0" * 64, b"signed", b"a manifest"),
        lambda: GlueCatalogue(Down(), "history").register("ledger", "2026"),
        lambda: StepFunctionsMachine(Down(), ARN).start("a", {}),
        lambda: StepFunctionsMachine(Down(), ARN).find("a"),
    ],
)
def test_every_call_that_is_not_answered_is_named_so(ask: Callable[[], object]) -> None:
    with pytest.raises(Overloaded):
        ask()


@pytest.mark.parametrize(
    ("operation", "move"),
    [
        ("put_object", lambda objects, file: objects.upload(file, "a")),
        ("get_object", lambda objects, file: objects.download("a", file)),
        ("get_object", lambda objects, _: objects.read_range("a", 0, 1)),
    ],
)
def test_what_boto3_makes_of_an_outage_while_it_moves_a_file_is_named_too(
    operation: str, move: Callable[[S3Objects, Path], object], tmp_path: Path
) -> None:
    """It has names of its own for some, in which that of the service does not stand any more."""
    client = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
    objects = S3Objects(client, "b")
    (tmp_path / "file").write_bytes(b"content")
    with Stubber(client) as s3:
        s3.add_client_error(operation, "SlowDown", http_status_code=503)
        with pytest.raises(Overloaded):
            move(objects, tmp_path / "file")


def test_a_file_that_broke_off_again_and_again_is_an_outage(tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise RetriesExceededError(Boto3Error("broken off"))

    with pytest.raises(Overloaded):
        S3Objects(_broken_off(download_file=broken), "b").download("a", tmp_path / "copy")


def test_a_small_file_that_broke_off_is_asked_for_again(tmp_path: Path) -> None:
    def whole(_bucket: str, _key: str, file: str) -> None:
        Path(file).write_bytes(b"content")

    S3Objects(_broken_off(download_file=whole), "b").download("a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_one_of_a_given_tag_that_broke_off_is_asked_for_once_more_and_then_an_outage(tmp_path: Path) -> None:
    answers = [BytesIO(content) for content in (b"con", b"content", b"con", b"con")]
    given = iter(answers)

    def get_object(**asked: str) -> dict[str, object]:
        assert asked["IfMatch"] == "t"
        return {"Body": StreamingBody(next(given), 7), "ContentLength": 7}

    objects = S3Objects(SimpleNamespace(get_object=get_object), "b")
    objects.download("a", tmp_path / "copy", tag="t")
    assert (tmp_path / "copy").read_bytes() == b"content"
    with pytest.raises(Overloaded):
        objects.download("a", tmp_path / "copy", tag="t")
    assert next(given, None) is None
    assert all(answer.closed for answer in answers)


def _broken_off(**calls: object) -> SimpleNamespace:
    """A client for a bucket whose one object ends before its end."""

    def get_object(**_: str) -> dict[str, object]:
        return {"Body": StreamingBody(BytesIO(b"con"), 7), "ContentLength": 7}

    return SimpleNamespace(get_object=get_object, **calls)


def test_what_goes_wrong_with_a_page_is_no_outage() -> None:
    pages = pages_named("The history", [1, 2])
    assert next(pages) == 1
    with pytest.raises(ReadTimeoutError):
        pages.throw(ReadTimeoutError(endpoint_url="somewhere else"))  # type: ignore[attr-defined]


def test_an_object_that_breaks_off_while_it_is_read_is_an_outage() -> None:
    class Broken:
        def read(self) -> bytes:
            raise ProtocolError("broken off")

    client = SimpleNamespace(get_object=lambda **_: {"Body": Broken()})
    with pytest.raises(Overloaded):
        S3Objects(client, "b").read("a")
