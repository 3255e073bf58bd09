"""A conditional write to one record, as the database port takes it; alone or as a part of a transaction."""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from inventory.storage.codec import encode
from inventory.storage.tables import Key

Kind = Literal["Put", "Update", "ConditionCheck"]


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional write.

    Attributes:
        kind: Put, Update or ConditionCheck, as DynamoDB names them.
        key: The table and the key of the record.
        condition: A condition expression. Every ``#name`` in it stands for the attribute of that name.
        about: What the writer calls this record when it reads the reasons of a cancelled transaction.
        record: For a Put, the whole record but its key.
        update: An update expression, for an Update.
        values: The expressions' ``:values``, without the colon.
        names: Attribute names that an expression cannot spell (``#w`` for a warehouse called ``a-b.c``).
    """

    kind: Kind
    key: Key
    condition: str
    about: Hashable
    record: Mapping[str, Any] = field(default_factory=dict)
    update: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """The arguments of put_item, update_item, or of an entry of transact_write_items."""
        request: dict[str, Any] = {
            "TableName": self.key.table,
            "ConditionExpression": self.condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if self.kind == "Put":
            request["Item"] = encode({**self.key.key, **self.record})
        else:
            request["Key"] = encode(self.key.key)
        if self.kind == "Update":
            request["UpdateExpression"] = self.update
        names = {**spelled(self.condition + " " + self.update), **self.names}
        if names:
            request["ExpressionAttributeNames"] = names
        if self.values:
            request["ExpressionAttributeValues"] = {f":{name}": value for name, value in encode(self.values).items()}
        return request


@lru_cache(maxsize=256)
def spelled(expression: str) -> dict[str, str]:
    """The attribute names of an expression, each ``#name`` standing for the attribute called so."""
    return {f"#{name}": name for name in re.findall(r"#(\w+)", expression)}
