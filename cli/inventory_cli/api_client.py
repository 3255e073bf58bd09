"""The HTTP API, called so that a lost answer does no harm: each POST has an Idempotency-Key, and is tried again."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import httpx

from inventory_cli.errors import ApiError, CliError, Unreachable
from inventory_cli.target import Api

TRIES_MAX: Final = 4
PAUSE_SECONDS_MAX: Final = 20.0
PAGE_SIZE_MAX: Final = 100
_FIRST_PAUSE_SECONDS: Final = 0.5
_NOT_THIS_API: Final = "{} answers, but not as this API does. Is the URL right?"

Query = Mapping[str, str | int | None]


class Reply(NamedTuple):
    """An answer.

    Attributes:
        body: The object in it.
        replayed: Whether an earlier request with the same Idempotency-Key had already done it. Of `tries` more than
            one, that may have been an earlier try, whose answer was lost.
        tries: How often it was sent.
    """

    body: dict[str, Any]
    replayed: bool
    tries: int


class ApiClient:
    """Calls an API. Safe to use from several threads.

    Args:
        api: Where, and with which key.
        timeout_s: How long one try may take.
        transport: Instead of the network.
        pause: Waits for some seconds.
        tell: Is told why something is tried again.
        connections: How many requests may be under way at once.
    """

    def __init__(
        self,
        api: Api,
        *,
        timeout_s: float = 15,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = lambda _: None,
        connections: int = 64,
    ) -> None:
        self._http = httpx.Client(
            base_url=api.url,
            headers={"Authorization": f"Bearer {api.key}", "User-Agent": "inventory-cli/1"},
            timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            transport=transport,
        )
        self._timeout_s = timeout_s
        self._pause = pause
        self._tell = tell

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        """Reads.

        Raises:
            ApiError: The API said no.
            Unreachable: Nobody answered, in several tries.
        """
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        return self._send("GET", path, params=asked, headers={}).body

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None) -> Reply:
        """Changes something, once, however often it is sent. Fields that are None are left out.

        Raises:
            ApiError: The API said no.
            Unreachable: Nobody answered, in several tries; the message has the key to try again with.
        """
        key = idempotency_key or str(uuid.uuid4())
        content = {name: value for name, value in (body or {}).items() if value is not None}
        try:
            return self._send("POST", path, json=content, headers={"Idempotency-Key": key})
        except (Unreachable, ApiError) as error:
            if isinstance(error, Unreachable) or error.status >= httpx.codes.INTERNAL_SERVER_ERROR:
                error.details["idempotency_key"] = key
            raise

    def pages(self, path: str, query: Query, *, limit: int) -> tuple[list[dict[str, Any]], bool]:
        """Up to `limit` entries of a list, by as many calls as that needs, and whether there are more.

        Raises:
            ApiError, Unreachable: As for `get`.
        """
        found: list[dict[str, Any]] = []
        has_more = True
        while has_more and len(found) < limit:
            size = min(PAGE_SIZE_MAX, limit - len(found))
            after = found[-1]["id"] if found else None
            page = self.get(path, {**query, "limit": size, "starting_after": after})
            found.extend(page["data"])
            has_more = page["has_more"] and bool(page["data"])
        return found, has_more

    def _send(self, method: str, path: str, **request: Any) -> Reply:
        for tries, pause_s in enumerate(_pauses(), start=1):
            try:
                answer = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                why: CliError = self._unreachable(error)
                wait_s = pause_s
            except httpx.DecodingError as error:
                raise CliError(_NOT_THIS_API.format(error.request.url)) from None
            else:
                if answer.is_success:
                    return Reply(_object_in(answer), answer.headers.get("Idempotent-Replayed") == "true", tries)
                why = _error_in(answer)
                wait_s = _wait_s(answer, pause_s)
                if not _may_succeed_later(answer):
                    raise why
            if pause_s is None or wait_s is None or wait_s > PAUSE_SECONDS_MAX:
                raise why
            self._tell(f"{why.message.rstrip('.')}: trying again in {wait_s:.1f} s")
            self._pause(wait_s)
        raise AssertionError("the last pause is None")

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        place = self._http.base_url
        if isinstance(error, httpx.TimeoutException):
            return Unreachable(f"{place} did not answer within {self._timeout_s:g} s.")
        return Unreachable(f"{place} cannot be reached ({error}).")


def _pauses() -> Iterator[float | None]:
    """How long to wait after each try; None after the last. Jittered, so that many who failed together part."""
    for again in range(TRIES_MAX - 1):
        yield _FIRST_PAUSE_SECONDS * 2**again * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries
    yield None


def _may_succeed_later(answer: httpx.Response) -> bool:
    said = answer.headers.get("Stripe-Should-Retry")
    if said in ("true", "false"):
        return bool(said == "true")
    return answer.status_code in (httpx.codes.CONFLICT, httpx.codes.TOO_MANY_REQUESTS) or answer.is_server_error


def _wait_s(answer: httpx.Response, otherwise: float | None) -> float | None:
    """What Retry-After asks for, if that is longer than our own pause."""
    said = answer.headers.get("Retry-After", "")
    return max(float(said), otherwise) if said.isdecimal() and otherwise is not None else otherwise


def _object_in(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "object" not in body:  # which all of the API's answers have
        raise CliError(_NOT_THIS_API.format(answer.url))
    return body


def _error_in(answer: httpx.Response) -> ApiError:
    try:
        error = answer.json()["error"]
        if isinstance(error, dict) and isinstance(error.get("code"), str):
            return ApiError(answer.status_code, error)
    except (ValueError, KeyError, TypeError):
        pass
    said = " ".join(answer.text.split())[:120] or "nothing"
    message = f"{_NOT_THIS_API.format(answer.url)} It says: {said}"
    return ApiError(answer.status_code, {"message": message})
