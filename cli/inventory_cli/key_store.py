"""The table of API keys, as an operator needs it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from inventory.domain.keys import KEY, RANDOM_BYTES, ApiKey, Scope, key_hash, key_text
from inventory.storage.codec import decode, encode
from inventory.storage.key_records import key_from, key_record
from inventory_cli.errors import CliError, NotFound

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class KeyStore:
    """Makes, lists and revokes keys. Nobody can read a key's text from it, only its hash."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, name: str, account: str, scopes: Sequence[Scope], now_ms: int) -> tuple[ApiKey, str]:
        """A new key, and its text, which is known now and never again."""
        text = key_text(secrets.token_bytes(RANDOM_BYTES))
        key = ApiKey(key_hash(text), f"{KEY}_{uuid.uuid4().hex}", account, tuple(scopes), name, now_ms)
        self._client.put_item(
            TableName=self._table, Item=encode(key_record(key)), ConditionExpression="attribute_not_exists(key_hash)"
        )
        return key, text

    def all(self) -> list[ApiKey]:
        """All keys, the oldest first; reads the whole table, which has one record for each."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        keys = [key_from(decode(record)) for page in pages for record in page["Items"]]
        return sorted(keys, key=lambda key: (key.created, key.id))

    def revoke(self, key_id: str, now_ms: int) -> ApiKey:
        """Revokes a key, once: the time of the first revocation stays.

        Raises:
            NotFound: There is no key with this id.
            CliError: It was revoked before, or removed meanwhile.
        """
        found = next((key for key in self.all() if key.id == key_id), None)
        if found is None:
            raise NotFound(f"There is no key {key_id}. `inventory keys list` shows all.")
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=encode({"key_hash": found.key_hash}),
                UpdateExpression="SET revoked = :now",
                ConditionExpression="key_id = :id AND attribute_not_exists(revoked)",
                ExpressionAttributeValues=encode({":now": now_ms, ":id": key_id}),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            raise CliError(f"The key {key_id} was revoked before.") from None
        return key_from(decode(answer["Attributes"]))
