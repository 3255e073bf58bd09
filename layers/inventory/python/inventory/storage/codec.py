"""Between Python values and DynamoDB's attribute values, by boto3's own converters; numbers are whole here.

boto3 asks up to eleven questions of each value before it converts it. What records are made of is known by its type
alone, and the rest is left to boto3: the outcome is the same (`tests/unit/storage/test_codec.py`).
"""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

Record = dict[str, Any]
Attributes = Mapping[str, Any]


_PLAIN = 10**15  # a whole number nearer to zero is written as Python writes it


class _Serializer(TypeSerializer):
    def serialize(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return {"S": value}
        if kind is int and -_PLAIN < value < _PLAIN:
            return {"N": str(value)}
        if kind is dict:
            return {"M": {name: self.serialize(member) for name, member in value.items()}}
        if kind is list:
            return {"L": [self.serialize(element) for element in value]}
        return super().serialize(value)


class _WholeNumbers(TypeDeserializer):
    def deserialize(self, value: Any) -> Any:
        for kind, content in value.items():  # there is one
            if kind == "S":
                return content
            if kind == "N":
                return int(content)
            if kind == "M":
                return {name: self.deserialize(member) for name, member in content.items()}
            if kind == "L":
                return [self.deserialize(element) for element in content]
            break
        return super().deserialize(value)

    def _deserialize_n(self, value: str) -> int:  # every number that the service stores is an integer
        return int(value)


_serializer = _Serializer()
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
