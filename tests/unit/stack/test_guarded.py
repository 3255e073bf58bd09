"""The emulator obeys programs; a web page, which may reach it without its user's knowledge, it does not."""

import asyncio
from typing import Any

import pytest

from stack.guarded import guarded

HOST = (b"host", b"127.0.0.1:4566")


def answered(kind: str, *headers: tuple[bytes, bytes]) -> list[dict[str, Any]]:
    """What is sent to who sends these headers, where the emulator itself says "done"."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def emulator(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "done"})

    asyncio.run(guarded(emulator)({"type": kind, "headers": headers}, None, send))  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize(
    "headers",
    [
        [HOST],
        [],
        [(b"host", b"localhost:4566")],
        [(b"host", b"[::1]:4566")],
        [(b"host", b"[::1]")],
        [(b"host", b"127.0.0.1")],
        [(b"host", b"a1.execute-api.us-east-1.amazonaws.com")],
        [(b"host", b"a1.execute-api.localhost:4566")],
        [HOST, (b"authorization", b"AWS4-HMAC-SHA256 Credential=test/x"), (b"content-type", b"text/plain")],
        [HOST, (b"sec-fetch-site", b"none")],
        [HOST, (b"user-agent", b"Mozilla/5.0"), (b"sec-fetch-site", b"none")],
        [HOST, (b"user-agent", b"Boto3/1.40 md/Botocore#1.40")],
    ],
)
def test_a_program_and_a_user_who_types_the_address_are_served(headers: list[tuple[bytes, bytes]]) -> None:
    assert answered("http", *headers) == [{"type": "done"}]


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, (b"origin", b"https://evil.example")],
        [HOST, (b"Origin", b"null")],
        [HOST, (b"origin", b"http://127.0.0.1:4566")],
        [HOST, (b"sec-fetch-site", b"cross-site")],
        [HOST, (b"referer", b"https://evil.example/")],
        [HOST, (b"user-agent", b"Mozilla/5.0 (of a browser that says no more)")],
        [HOST, (b"Sec-Fetch-Site", b"same-site")],
        [HOST, (b"sec-fetch-site", b"same-origin")],
        [(b"host", b"evil.example:4566")],
        [(b"host", b"evil.example")],
        [(b"host", b"127.0.0.1.evil.example:4566")],
        [(b"host", b"evillocalhost")],
        [(b"host", b"")],
        [(b"host", b"192.168.0.7:4566")],
        [HOST, (b"host", b"evil.example")],
    ],
)
def test_a_page_is_refused_whatever_it_asks_for(headers: list[tuple[bytes, bytes]]) -> None:
    start, body = answered("http", *headers)
    assert (start["status"], dict(start["headers"])[b"content-length"]) == (403, str(len(body["body"])).encode())
    assert b"access-control-allow-origin" not in dict(start["headers"])
    assert answered("websocket", *headers) == [{"type": "websocket.close"}]


def test_the_emulators_own_start_and_end_are_its_own() -> None:
    assert answered("lifespan") == [{"type": "done"}]
