"""No write is sent later than its instant allows, whatever waits botocore's own repetitions are given."""

from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from inventory import wiring
from inventory.domain.errors import Overloaded
from inventory.settings import Settings
from inventory.storage.tables import Key
from inventory.storage.writes import Write

DATE = "Tue, 01 Dec 2026 01:03:08 GMT"


class _Failing:
    """A DynamoDB that fails after a while, and says when to come again."""

    def __init__(self, *, takes_ms: int, again_after_ms: int) -> None:
        self.now_ms = 0
        self.sends_ms: list[int] = []
        self._takes_ms = takes_ms
        self._headers = HTTPHeaders.from_dict({"date": DATE, "x-amz-retry-after": str(again_after_ms)})

    def answer(self, request: Any, **_: object) -> Any:
        """What the wire would."""
        self.sends_ms.append(self.now_ms)
        self.now_ms += self._takes_ms
        answer: Any = AWSResponse(request.url, 500, self._headers, None)
        answer._content = b"{}"  # what it has read of the line
        return answer

    def pass_s(self, seconds: float) -> None:
        """Time passes."""
        self.now_ms += round(seconds * 1000)


def _sends_ms(monkeypatch: pytest.MonkeyPatch, *, takes_ms: int, again_after_ms: int) -> list[int]:
    failing = _Failing(takes_ms=takes_ms, again_after_ms=again_after_ms)
    clock = SimpleNamespace(time_ns=lambda: failing.now_ms * 1_000_000, monotonic_ns=lambda: 0, sleep=failing.pass_s)
    monkeypatch.setattr(wiring, "time", clock)
    monkeypatch.setattr(botocore.endpoint, "time", clock)
    client: Any = boto3.client("dynamodb", config=wiring.CLIENT_CONFIG)
    client.meta.events.register("before-send.dynamodb", failing.answer)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    database = wiring.core_from(Settings()).database
    for _ in range(2):  # each call has its own time
        failing.sends_ms.clear()
        began_ms = failing.now_ms
        with pytest.raises(Overloaded):
            database.write(Write("Put", Key("HoldsTable", {"hold_id": "h"}), "attribute_not_exists(#hold_id)", "h"))
    return [sent_ms - began_ms for sent_ms in failing.sends_ms]


def test_a_write_is_sent_again_as_often_as_the_client_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(_sends_ms(monkeypatch, takes_ms=1_900, again_after_ms=0)) == 3


def test_but_not_when_its_instant_is_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _sends_ms(monkeypatch, takes_ms=1_900, again_after_ms=5_000) == [0, 6_900]
