import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventory.api.bodies import body_of
from inventory.api.requests import request_from
from inventory.api.text import is_readable
from inventory.domain.errors import InvalidRequest
from support.gateway import FORM, JSON, event_for

LISTS = frozenset({"lines"})


def read(body: str | bytes, content_type: str | None = JSON) -> tuple[Mapping[str, Any], bool]:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return body_of(request_from(event_for("POST", "/", headers=headers, body=body), "id"), lists=LISTS)


def refusal(body: str | bytes, content_type: str | None = JSON) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as raised:
        read(body, content_type)
    return raised.value


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "application/JSON; charset=utf-8",
        f"  {JSON} ;charset=UTF8",
        f"{JSON}; charset=US-ASCII",
        f'{JSON}; charset="utf-8"',
        JSON + ";",
    ],
)
def test_json_is_read_with_its_types(content_type: str) -> None:
    assert read('{"a": 1, "b": [true, "é"]}', content_type) == ({"a": 1, "b": [True, "é"]}, True)


def test_a_number_of_as_many_digits_as_may_be_is_read_as_it_is() -> None:
    assert read('{"a": ' + "9" * 20 + "}") == ({"a": 10**20 - 1}, True)


def test_where_a_type_is_told_twice_the_last_one_counts() -> None:
    event = event_for("POST", "/", headers={}, body="a=1")
    event["multiValueHeaders"] = {"content-type": ["text/plain"], "Content-Type": [JSON, FORM]}
    assert body_of(request_from(event, "id"), lists=LISTS) == ({"a": "1"}, False)


def test_another_parameter_of_the_type_is_no_charset() -> None:
    assert read('{"a": 1}', f"{JSON}; x-charset=latin-1; boundary=charset") == ({"a": 1}, True)


def test_a_form_is_read_as_text() -> None:
    assert read("lines[0][item]=A%20B&n=1&e=", FORM) == ({"lines": [{"item": "A B"}], "n": "1", "e": ""}, False)


def test_base64_bodies_are_decoded() -> None:
    assert read('{"a": "é"}'.encode()) == ({"a": "é"}, True)


@pytest.mark.parametrize("content_type", [None, JSON, FORM, "text/plain"])
@pytest.mark.parametrize("body", ["", "  \n"])
def test_an_empty_body_carries_nothing_whatever_its_type(body: str, content_type: str | None) -> None:
    assert read(body, content_type) == ({}, True)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "not valid JSON"),
        ('{"a": 1} x', "not valid JSON"),
        ("{'a': 1}", "not valid JSON"),
        ("\ufeff{}", "not valid JSON"),
        ('{"a": "\x01"}', "not valid JSON: Invalid control character at character 7."),
        ("[1]", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('{"a": 1, "a": 1}', "names 'a' twice"),
        ('{"lines": [{"b": 1, "b": 2}]}', "names 'b' twice"),
        ('{"a": NaN}', "contains NaN"),
        ('{"a": Infinity}', "contains Infinity"),
        ('{"a": -Infinity}', "contains -Infinity"),
        ('{"a": ' + "9" * 21 + "}", "more than 20 digits"),
        ('{"a": ' + "9" * 5_000 + "}", "more than 20 digits"),
        ('{"a": [[[1]]]}', "nested more than 3 deep"),
        ('{"a": ' + "[" * 200_000, "nested more than 3 deep"),
    ],
)
def test_json_that_is_malformed_is_refused_and_says_why(body: str, says: str) -> None:
    error = refusal(body)
    assert (error.code, error.param) == ("body_invalid", None)
    assert says in error.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"a": "x\\u0000y"}', "a"),
        ('{"a": "\\ud800"}', "a"),
        ('{"a": "\\u0085"}', "a"),
        ('{"metadata": {"k\\u0007": "v"}}', "metadata[k?]"),
        ('{"lines": [{"item": "\\u001b[2J"}]}', "lines[0][item]"),
        ('{"a": "\ufffd"}', "a"),
        ('{"a": null}', "a"),
        ('{"lines": [null]}', "lines[0]"),
    ],
)
def test_text_that_cannot_be_kept_and_nulls_are_blamed_on_their_field(body: str, param: str) -> None:
    error = refusal(body)
    assert (error.code, error.param) == ("parameter_invalid", param)


def test_control_characters_in_a_form_are_refused() -> None:
    assert refusal("a=x%00", FORM).param == "a"


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', b"\xff\xfe", '{"a": "x"}'.encode("utf-16"), '{"a": "\ud800"}'])
def test_what_is_not_utf_8_is_refused(body: str | bytes) -> None:
    assert refusal(body).message == "The body is not valid UTF-8."


def test_percent_encoded_bytes_that_are_not_utf_8_are_refused() -> None:
    assert refusal("a=%ff", FORM).message == "The body is not valid UTF-8."


def test_a_form_of_too_many_fields_is_refused() -> None:
    assert len(read("&".join(f"a{number}=1" for number in range(1_000)), FORM)[0]) == 1_000
    assert "1000 fields" in refusal("&".join(["a=1"] * 1_001), FORM).message


@pytest.mark.parametrize("content_type", [None, "text/plain", "multipart/form-data; boundary=x", "", ";;", "json"])
def test_other_content_types_are_refused(content_type: str | None) -> None:
    assert refusal("{}", content_type).code == "content_type_unsupported"


@pytest.mark.parametrize("body", ['{"item": "A"}', ' [{"item": "A"}]', "{", "[0]=1"])
def test_json_that_is_sent_as_a_form_is_told_its_content_type(body: str) -> None:
    """So curl sends it, unless told otherwise."""
    error = refusal(body, FORM)
    assert (error.code, error.message) == (
        "content_type_unsupported",
        f"The Content-Type is '{FORM}', and the body looks like JSON: say '{JSON}'.",
    )


@pytest.mark.parametrize("charset", ["latin-1", '"UTF-16"', "no-such-charset"])
def test_other_charsets_are_refused(charset: str) -> None:
    assert refusal("{}", f"{JSON}; charset={charset}").code == "content_type_unsupported"


@pytest.mark.parametrize("encoding", ["gzip", "br", "Deflate"])
def test_a_compressed_body_is_refused_by_the_name_of_its_encoding(encoding: str) -> None:
    event = event_for("POST", "/", headers={"Content-Type": JSON, "Content-Encoding": encoding}, body="{}")
    with pytest.raises(InvalidRequest, match=encoding) as refused:
        body_of(request_from(event, "invocation"), lists=LISTS)
    assert refused.value.code == "content_type_unsupported"


@pytest.mark.parametrize("encoding", ["identity", "Identity", " identity ", ""])
def test_a_body_may_say_that_it_is_not_compressed(encoding: str) -> None:
    event = event_for("POST", "/", headers={"Content-Type": JSON, "Content-Encoding": encoding}, body='{"a": 1}')
    assert body_of(request_from(event, "invocation"), lists=LISTS) == ({"a": 1}, True)


def test_a_body_may_have_as_many_bytes_as_the_limit_and_no_more() -> None:
    text = json.dumps({"a": ""})
    fits = text.replace('""', '"' + "x" * (262_144 - len(text)) + '"')
    assert read(fits)[1]
    assert refusal(fits + " ").code == "body_too_large"
    assert refusal(fits.replace("xx", "é") + " ").code == "body_too_large", "bytes are counted, not characters"
    assert refusal((fits + " ").encode()).code == "body_too_large"


def test_broken_base64_is_refused() -> None:
    event = event_for("POST", "/", headers={"Content-Type": JSON}, body="{}") | {"isBase64Encoded": True}
    with pytest.raises(InvalidRequest, match="base64"):
        body_of(request_from(event, "id"), lists=LISTS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read_or_refuse(body: str | bytes, content_type: str) -> Mapping[str, Any] | InvalidRequest:
    try:
        return read(body, content_type)[0]
    except InvalidRequest as error:
        return error


@given(json_values)
def test_any_json_is_read_as_what_it_is_or_refused(value: object) -> None:
    result = read_or_refuse(json.dumps(value), JSON)
    if isinstance(result, InvalidRequest):
        assert result.code in {"body_invalid", "parameter_invalid"}
        assert is_readable(result.message)
    else:
        assert result == value


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")), st.sampled_from([JSON, FORM]))
@example(b"[]=1", FORM)
@example(b"lines=1&lines[0]=2", FORM)
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str) -> None:
    result = read_or_refuse(body, content_type)
    if isinstance(result, InvalidRequest):
        assert is_readable(result.message)
        assert is_readable(result.param or "")
    else:
        assert all(is_readable(name) for name in result)


@given(st.text(alphabet=st.characters(codec="utf-8") | st.characters(categories=["Cs"])), st.text(max_size=40))
def test_any_text_and_any_content_type_are_read_or_refused(body: str, content_type: str) -> None:
    result = read_or_refuse(body, content_type)
    if isinstance(result, InvalidRequest):
        assert result.code in {"body_invalid", "parameter_invalid", "content_type_unsupported"}
    else:
        assert result == {} or content_type.strip()
