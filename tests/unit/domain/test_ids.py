"""Identifiers: a retry finds its own, and nobody else's."""

import uuid
from dataclasses import replace

import pytest

from inventory.domain.ids import HOLD, Requester, digest, fingerprint, is_name, is_object_id

KEYED = Requester("acct", "key_1", "req_1", "f", "POST", "/v1/holds", "k")


class TestTokens:
    def test_every_try_of_a_keyed_request_has_one_token(self) -> None:
        assert replace(KEYED, invocation_id="req_2", actor="key_2").token == KEYED.token

    @pytest.mark.parametrize(
        "other",
        [{"account": "acct2"}, {"method": "PUT"}, {"path": "/v1/adjustments"}, {"idempotency_key": "l"}],
    )
    def test_another_account_method_path_or_key_has_another(self, other: dict[str, str]) -> None:
        assert replace(KEYED, **other).token != KEYED.token

    def test_without_a_key_the_request_s_own_id_counts(self) -> None:
        alone = replace(KEYED, idempotency_key=None)
        assert alone.token == replace(alone, path="/x").token
        assert alone.token != replace(alone, invocation_id="req_2").token
        assert not alone.keyed

    def test_parts_cannot_be_shifted_into_each_other(self) -> None:
        first, second = (replace(KEYED, path=path, idempotency_key=key) for path, key in (("/a", "bc"), ("/ab", "c")))
        assert first.token != second.token
        assert digest("a", "") != digest("", "a") != digest("a")


class TestObjectIds:
    def test_a_keyed_request_derives_its_object_s_id(self) -> None:
        first, again = (KEYED.object_id(HOLD, uuid.uuid4) for _ in range(2))
        assert first == again
        assert is_object_id(HOLD, first)
        assert KEYED.object_id("adj", uuid.uuid4)[4:] != first[5:]

    def test_without_a_key_it_is_random(self) -> None:
        alone = replace(KEYED, idempotency_key=None)
        assert alone.object_id(HOLD, uuid.uuid4) != alone.object_id(HOLD, uuid.uuid4)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "hold_",
            "hold_" + "0" * 31,
            "hold_" + "0" * 33,
            "hold_" + "g" * 32,
            "adj_" + "0" * 32,
            "hold_" + "0" * 32 + "\n",
        ],
    )
    def test_anything_else_is_no_id(self, text: str) -> None:
        assert not is_object_id(HOLD, text)


def test_a_fingerprint_does_not_depend_on_the_order_of_parameters() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"}) != fingerprint({"a": [1]})
    assert len(fingerprint(None)) == 32


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("A", True),
        ("a.b_c-9", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a#b", False),
        ("ä", False),
        ("a\n", False),
    ],
)
def test_names_are_short_and_plain(text: str, *, valid: bool) -> None:
    assert is_name(text) is valid
