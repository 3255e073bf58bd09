"""The local stack's API key: all scopes, written straight into its table, and kept while it works."""

import secrets
import time
import uuid

import httpx

from inventory.domain.keys import ALL_SCOPES, KEY, RANDOM_BYTES, ApiKey, key_hash, key_text
from inventory.storage.codec import encode
from inventory.storage.key_records import key_record
from stack.aws import Aws
from stack.console import StackError

_START_SECONDS_MAX = 60


def accepted(api_url: str, key: str) -> bool:
    """Whether the API lets this key in. Waits while functions start, which takes long on a busy machine.

    Raises:
        StackError: The API fails for too long; the message has what it says.
    """
    deadline = time.monotonic() + _START_SECONDS_MAX
    while True:
        answer = httpx.get(f"{api_url}/v1/stock", headers={"Authorization": f"Bearer {key}"}, timeout=30)
        if not answer.is_server_error:
            return answer.status_code != httpx.codes.UNAUTHORIZED
        if time.monotonic() > deadline:
            raise StackError(f"The API answers {answer.status_code}: {answer.text}\nSee `make logs`.")
        time.sleep(0.5)


def create(aws: Aws, table: str, *, name: str) -> str:
    """Makes a key with every scope and returns its text, which is stored nowhere but hashed."""
    text = key_text(secrets.token_bytes(RANDOM_BYTES))
    key = ApiKey(
        key_hash=key_hash(text),
        id=f"{KEY}_{uuid.uuid4().hex}",
        account="acct_local",
        scopes=ALL_SCOPES,
        name=name,
        created=time.time_ns() // 1_000_000,
    )
    aws.dynamodb.put_item(TableName=table, Item=encode(key_record(key)))
    return text
