import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.api.authorizer import Authorizer
from inventory.domain.errors import Overloaded
from inventory.domain.keys import ALL_SCOPES, ApiKey, Scope, is_key_text, key_hash, key_text
from inventory.storage.codec import decode, encode
from inventory.storage.database import Database
from inventory.storage.key_records import find_key, key_record
from simulated_dynamodb import SimulatedDynamoDB
from support.template import table_definitions
from support.world import START_MS

API = "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod"
TEXT = key_text(bytes(range(32)))
KEY = ApiKey(key_hash(TEXT), "key_1", "acct_1", (Scope.STOCK_READ, Scope.HOLDS_WRITE), "shop", START_MS)
REVOKED_TEXT = key_text(bytes(32))
REVOKED = ApiKey(key_hash(REVOKED_TEXT), "key_2", "acct_1", ALL_SCOPES, "old shop", START_MS, revoked=START_MS)


@pytest.fixture
def authorizer() -> Authorizer:
    definition = table_definitions()["API_KEYS_TABLE"]
    table = definition["TableName"]
    database = Database(SimulatedDynamoDB([definition]).client, lambda: START_MS, lambda _: None)
    for key in (KEY, REVOKED):
        database._client.put_item(TableName=table, Item=encode(key_record(key)))
    return Authorizer(lambda hashed: find_key(database, table, hashed))


def question(token: object, arn: object = f"{API}/POST/v1/holds") -> dict[str, object]:
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": arn}


def effect(answer: dict[str, object]) -> tuple[str, str]:
    document = answer["policyDocument"]
    assert isinstance(document, dict)
    (statement,) = document["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    return statement["Effect"], statement["Resource"]


@pytest.mark.parametrize("token", [f"Bearer {TEXT}", f"bearer {TEXT}", f"BEARER   {TEXT} "])
def test_a_key_is_let_into_the_whole_stage_and_its_owner_named(authorizer: Authorizer, token: str) -> None:
    answer = authorizer(question(token), None)
    assert effect(answer) == ("Allow", f"{API}/*/*")
    assert answer["principalId"] == "key_1"
    assert answer["context"] == {"account": "acct_1", "actor": "key_1", "scopes": "holds:write stock:read"}


@pytest.mark.parametrize(
    "token",
    [
        f"Bearer {REVOKED_TEXT}",
        f"Bearer {key_text(b'x' * 32)}",
        "Bearer inv_short",
        f"Basic {TEXT}",
        f"Bearer{TEXT}",
        TEXT,
        "Bearer",
        "",
        None,
        7,
        f"Bearer {TEXT} {TEXT}",
        "Bearer inv_" + "ä" * 43,
    ],
)
def test_anything_else_is_denied_for_the_whole_stage(authorizer: Authorizer, token: object) -> None:
    assert effect(authorizer(question(token), None)) == ("Deny", f"{API}/*/*")


@pytest.mark.parametrize(
    ("text", "actor", "outcome"),
    [(REVOKED_TEXT, "key_2", "revoked"), (key_text(b"x" * 32), "nobody", "unknown"), ("inv_no", "nobody", "malformed")],
)
def test_who_is_denied_is_told_as_far_as_it_is_known(
    authorizer: Authorizer, output: Callable[[], str], text: str, actor: str, outcome: str
) -> None:
    answer = authorizer(question(f"Bearer {text}"), None)
    assert (answer["principalId"], answer["context"]) == (actor, {})
    line = json.loads(output())
    assert (line["actor"], line["outcome"]) == (actor, outcome)


def test_a_malformed_key_costs_no_read() -> None:
    def find(_: str) -> ApiKey | None:
        raise AssertionError("looked")

    assert effect(Authorizer(find)(question("Bearer inv_no"), None))[0] == "Deny"


@pytest.mark.parametrize("error", [Overloaded("slow"), KeyError("account"), RuntimeError("boom")])
def test_where_keys_cannot_be_read_the_answer_has_no_policy_to_keep(
    output: Callable[[], str], error: Exception
) -> None:
    def find(_: str) -> ApiKey | None:
        raise error

    assert "policyDocument" not in Authorizer(find)(question(f"Bearer {TEXT}"), None)
    line, counted = map(json.loads, output().splitlines())
    assert (line["level"], line["outcome"], counted["UnverifiedKeys"]) == ("ERROR", "unverified", [1.0])


def test_neither_key_nor_hash_is_ever_logged(authorizer: Authorizer, output: Callable[[], str]) -> None:
    for text in (TEXT, REVOKED_TEXT, key_text(b"y" * 32)):
        authorizer(question(f"Bearer {text}"), None)
    lines = output()
    assert [json.loads(line)["outcome"] for line in lines.splitlines()] == ["allowed", "revoked", "unknown"]
    assert TEXT not in lines
    assert KEY.key_hash not in lines


@pytest.mark.parametrize("arn", [None, "", "nonsense", 5])
def test_a_question_about_no_stage_is_answered_for_all(authorizer: Authorizer, arn: object) -> None:
    assert effect(authorizer(question("x", arn), None)) == ("Deny", "*")


@given(
    st.dictionaries(st.sampled_from(["authorizationToken", "methodArn", "type"]), st.none() | st.text() | st.integers())
)
def test_it_never_raises(event: dict[str, object]) -> None:
    assert effect(Authorizer(lambda _: None)(event, None))[0] == "Deny"


def test_a_key_has_256_random_bits_in_safe_letters() -> None:
    assert is_key_text(TEXT)
    assert TEXT.startswith("inv_")
    assert key_text(b"\xff" * 32) != key_text(b"\xfe" * 32)
    with pytest.raises(ValueError, match="32 random bytes"):
        key_text(b"short")


def test_a_hash_is_sha_256_of_the_text() -> None:
    assert key_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("key", [KEY, REVOKED])
def test_a_key_survives_its_record(key: ApiKey) -> None:
    stored = encode(key_record(key))
    database = Database(_Holding(stored), lambda: START_MS, lambda _: None)
    assert find_key(database, "Keys", key.key_hash) == key
    assert TEXT not in json.dumps(stored)


def test_scopes_of_a_later_version_are_left_out() -> None:
    record = encode({**key_record(KEY), "scopes": ["stock:read", "returns:write"]})
    found = find_key(Database(_Holding(record), lambda: START_MS, lambda _: None), "Keys", KEY.key_hash)
    assert found is not None
    assert found.scopes == (Scope.STOCK_READ,)
    assert decode(record)["scopes"] == ["stock:read", "returns:write"]


class _Holding:
    """A client that has one record."""

    def __init__(self, record: dict[str, object]) -> None:
        self._record = record

    def get_item(self, **_: object) -> dict[str, object]:
        return {"Item": self._record}
