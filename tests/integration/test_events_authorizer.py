"""The authorizer's sample events, played to its own module."""

from typing import Any

import pytest

from inventory.domain.keys import ApiKey, Scope, key_hash
from support.functions import SAMPLES, Functions

_STAGE = "arn:aws:execute-api:us-east-1:000000000000:sample/local/*/*"


def _key(*, revoked: int | None = None) -> ApiKey:
    text = SAMPLES["authorizer/known-key"].load()["authorizationToken"].removeprefix("Bearer ")
    scopes = (Scope.STOCK_READ, Scope.HOLDS_WRITE)
    return ApiKey(key_hash(text), "key_sample", "acct_sample", scopes, "sample", created=1, revoked=revoked)


def _ask(functions: Functions, event: str) -> dict[str, Any]:
    policy: dict[str, Any] = functions.play(f"authorizer/{event}")
    return policy


def _effect(policy: dict[str, Any]) -> tuple[str, str]:
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    return statement["Effect"], statement["Resource"]


def test_a_known_key_is_let_in_to_the_whole_stage_with_its_scopes(functions: Functions) -> None:
    functions.put_key(_key())
    policy = _ask(functions, "known-key")
    assert _effect(policy) == ("Allow", _STAGE)
    assert policy["principalId"] == "key_sample"
    assert policy["context"] == {"account": "acct_sample", "actor": "key_sample", "scopes": "holds:write stock:read"}


def test_a_revoked_key_is_denied(functions: Functions) -> None:
    functions.put_key(_key(revoked=2))
    assert _effect(_ask(functions, "known-key")) == ("Deny", _STAGE)


@pytest.mark.parametrize("event", ["unknown-key", "malformed-key", "no-bearer"])
def test_whatever_else_is_sent_is_denied(functions: Functions, event: str) -> None:
    functions.put_key(_key())
    policy = _ask(functions, event)
    assert _effect(policy) == ("Deny", _STAGE)
    assert policy["context"] == {}


def test_where_keys_cannot_be_read_it_neither_lets_in_nor_raises(functions: Functions) -> None:
    def down(operation: str, _request: dict[str, Any]) -> None:
        raise ConnectionError(operation)

    functions.put_key(_key())
    functions.database.before_call = down
    assert "policyDocument" not in _ask(functions, "known-key"), "the gateway answers 503 and keeps nothing"


@pytest.mark.parametrize("event", [event for event in SAMPLES if event.startswith("authorizer/")])
def test_no_key_is_logged(functions: Functions, event: str, caplog: pytest.LogCaptureFixture) -> None:
    functions.play(event)
    (record,) = caplog.records
    assert record.getMessage() == "authorization"
    assert SAMPLES[event].load()["authorizationToken"].split()[-1] not in str(vars(record))
