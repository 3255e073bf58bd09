"""Between Python values and DynamoDB's attribute values, by boto3's own converters; numbers are whole here."""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

Record = dict[str, Any]
Attributes = Mapping[str, Any]


class _WholeNumbers(TypeDeserializer):
    def _deserialize_n(self, value: str) -> int:  # every number that the service stores is an integer
        return int(value)


_serializer = TypeSerializer()
_deserializer = _WholeNumbers()


def encode(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as attribute values; attributes that are None are left out."""
    return {name: _serializer.serialize(value) for name, value in record.items() if value is not None}


def decode(attributes: Attributes) -> Record:
    """Attribute values as a record.

    Raises:
        ValueError: A number that is not whole, which no writer of this service makes.
    """
    return {name: _deserializer.deserialize(value) for name, value in attributes.items()}
