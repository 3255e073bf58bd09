"""What a service refuses has one meaning where its code says so; whatever else it refuses is raised as it is.

To take a refusal for "it is there already" or "it is not there" loses events, runs and findings without a word.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from inventory.adapters.catalogue import GlueCatalogue
from inventory.adapters.executions import StepFunctionsMachine
from inventory.adapters.objects import AlteredObject, NoSuchObject, S3Objects
from inventory.domain.errors import Overloaded

ARN = "arn:aws:states:us-east-1:1:stateMachine:m"
EMPTY = hashlib.sha256(b"").hexdigest()
TABLE = {"Table": {"StorageDescriptor": {"Location": "s3://history/ledger"}}}


def _refusing(code: str, **works: Any) -> Any:
    """A client for any service that refuses everything with this code, but for what works."""

    def refuse(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": code}}, "Ask")

    class Client(SimpleNamespace):
        def __getattr__(self, name: str) -> Callable[..., Any]:
            return (lambda **_: works[name]) if name in works else refuse

    return Client()


def _objects(code: str, **works: Any) -> S3Objects:
    return S3Objects(_refusing(code, **works), "history")


ASKED: list[Callable[[], object]] = [
    lambda: StepFunctionsMachine(_refusing("AccessDeniedException"), ARN).start("run", {}),
    lambda: StepFunctionsMachine(_refusing("AccessDeniedException"), ARN).find("run"),
    lambda: GlueCatalogue(_refusing("AccessDeniedException", get_table=TABLE), "db").register("ledger", "t"),
    lambda: _objects("AccessDenied").put_new("a", b""),
    lambda: _objects("AccessDenied").put("a", b""),
    lambda: _objects("AccessDenied").read("a"),
    lambda: _objects("AccessDenied").read_start("a", 8),
    lambda: _objects("AccessDenied").read_end("a", 8),
    lambda: _objects("AccessDenied").read_range("a", 0, 8),
    lambda: _objects("AccessDenied").download("a", Path("/nowhere")),
    lambda: _objects("AccessDenied").download("a", Path("/nowhere"), tag="t"),
    lambda: _objects("403").copy_new("a", "b", ""),
]


@pytest.mark.parametrize("ask", ASKED)
def test_what_may_not_be_done_is_an_error_and_never_an_answer(ask: Callable[[], object]) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|403"):
        ask()


def test_what_is_there_already_is_no_error() -> None:
    assert StepFunctionsMachine(_refusing("ExecutionAlreadyExists"), ARN).start("run", {}) is None
    assert StepFunctionsMachine(_refusing("ExecutionDoesNotExist"), ARN).find("run") is None
    assert _objects("PreconditionFailed").put_new("a", b"") is False
    GlueCatalogue(_refusing("AlreadyExistsException", get_table=TABLE), "db").register("ledger", "t")


@pytest.mark.parametrize("conflicts", range(5))
@pytest.mark.parametrize("found", [True, False])
def test_a_name_that_another_is_just_writing_is_asked_for_again_but_not_without_end(
    conflicts: int,
    found: bool,  # noqa: FBT001 - a case's
) -> None:
    coming = iter(["ConditionalRequestConflict"] * conflicts + ["PreconditionFailed"] * found)
    asked = []

    def put_object(**how: Any) -> None:
        asked.append(how)
        if code := next(coming, None):
            raise ClientError({"Error": {"Code": code}}, "PutObject")

    waited: list[float] = []
    objects = S3Objects(SimpleNamespace(put_object=put_object), "history", pause=waited.append)
    if conflicts < 3:
        assert objects.put_new("a", b"1") is not found
        assert len(asked) == conflicts + 1
    else:
        with pytest.raises(Overloaded):
            objects.put_new("a", b"1")
        assert len(asked) == 3
    assert all(how == {"Bucket": "history", "Key": "a", "Body": b"1", "IfNoneMatch": "*"} for how in asked)
    assert waited == [0, 0.1, 0.5][: len(asked)], "the other write takes a moment"


@pytest.mark.parametrize("code", ["NoSuchKey", "404"])
def test_what_is_not_there_is_named_by_either_of_the_codes_for_it(code: str) -> None:
    with pytest.raises(NoSuchObject, match="a"):
        _objects(code).read("a")


def test_a_copy_that_may_not_be_made_is_an_error() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        _copying("AccessDenied").copy_new("a", "b", EMPTY)
    with pytest.raises(AlteredObject, match="a"):
        _copying("PreconditionFailed").copy_new("a", "b", EMPTY)


def test_a_name_that_may_not_be_looked_at_is_not_taken_for_a_free_one() -> None:
    with pytest.raises(ClientError, match="403"):
        _copying("PreconditionFailed", head="403").copy_new("a", "b", EMPTY)


def _copying(code: str, *, head: str = "404") -> S3Objects:
    """A bucket where the new name is looked for in vain, the source is empty, and its copy is refused."""
    body = SimpleNamespace(iter_chunks=lambda _size: iter([b""]))
    client = _refusing(code, get_object={"Body": body, "ETag": "e"})
    client.head_object = _refusing(head).head_object
    return S3Objects(client, "history")
