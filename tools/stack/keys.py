"""The local stack's API key: all scopes, written straight into its table, and kept while it works."""

import time

import httpx

from inventory.domain.keys import ALL_SCOPES
from inventory_cli.key_store import KeyStore
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
    _, text = KeyStore(aws.dynamodb, table).create(name, "acct_local", ALL_SCOPES, time.time_ns() // 1_000_000)
    return text
