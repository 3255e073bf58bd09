"""The codec converts as boto3's own converters do, only sooner."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from inventory.storage.codec import decode, encode

_SCALARS = st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text() | st.binary()
_VALUES = st.recursive(
    _SCALARS | st.sets(st.text(min_size=1), min_size=1),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
    max_leaves=12,
)


@given(_VALUES)
def test_values_are_encoded_as_boto3_does(value: Any) -> None:
    expected = {} if value is None else {"a": TypeSerializer().serialize(value)}
    assert encode({"a": value}) == expected


@given(_VALUES)
def test_what_was_encoded_is_decoded_as_boto3_does_with_whole_numbers(value: Any) -> None:
    stored = {"a": TypeSerializer().serialize(value)}
    assert decode(stored) == {"a": TypeDeserializer().deserialize(stored["a"])}


@pytest.mark.parametrize("value", [1.5, 10**40, Decimal("NaN")])
def test_what_boto3_refuses_is_refused(value: Any) -> None:
    with pytest.raises(Exception, match=r"Float|Inexact|Rounded|NaN"):
        TypeSerializer().serialize(value)
    with pytest.raises(Exception, match=r"Float|Inexact|Rounded|NaN"):
        encode({"a": value})


@pytest.mark.parametrize("stored", [{}, {"X": "1"}])
def test_what_is_no_value_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        decode({"a": stored})


def test_a_number_that_is_not_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        decode({"a": {"N": "1.5"}})
