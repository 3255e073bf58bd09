"""Runs the emulator for programs alone: what a browser sends is refused. Run by the emulator's own Python.

The emulator takes whoever names the key `test` for the owner of all that it runs, and checks no signature of theirs. A
web page may send such a request to this machine: any page that is open could have code of its own run here, as the
user who looks at it. A browser says where a request comes from, and no page can keep it from that.
"""

from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Any, Final

Headers = Iterable[tuple[bytes, bytes]]
App = Callable[[dict[str, Any], Any, Callable[[dict[str, Any]], Awaitable[None]]], Awaitable[None]]

# Names that are this machine's, or AWS's: nobody else can have one lead here.
_OWN_DOMAINS: Final = (".localhost", ".amazonaws.com")
_SAID: Final = b"This emulator takes no requests of web pages.\n"


def comes_from_a_page(headers: Headers) -> bool:
    """Whether a request was sent by a web page.

    Args:
        headers: Its names and values, as ASGI gives them.
    """
    is_browser = was_typed = False
    for raw_name, raw_value in headers:
        name, value = raw_name.lower(), raw_value.decode("latin-1").strip().lower()
        if name in {b"origin", b"referer"}:
            return True
        if name == b"sec-fetch-site":
            if value != "none":
                return True
            was_typed = True  # by its user, as an address
        is_browser = is_browser or (name == b"user-agent" and value.startswith("mozilla/"))
        # A page of https://evil.example may have that name lead here, and is of one origin with the emulator then.
        if name == b"host" and not _is_own(value):
            return True
    return is_browser and not was_typed  # old ones do not say so


def guarded(app: App) -> App:
    """An ASGI application that refuses what comes from a web page."""

    async def guard(scope: dict[str, Any], receive: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        if scope["type"] == "lifespan" or not comes_from_a_page(scope["headers"]):
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(_SAID)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": _SAID})

    return guard


def _is_own(host: str) -> bool:
    """Whether a Host names this machine, or AWS."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return f".{name}".endswith(_OWN_DOMAINS)


def main() -> None:
    """What the emulator's own program does, behind the guard."""
    from ministack import app as emulator

    emulator.app = guarded(emulator.app)
    emulator.main()


if __name__ == "__main__":
    main()
