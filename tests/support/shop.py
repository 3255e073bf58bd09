"""The API as its callers use it, over HTTP; and goods that belong to one test alone."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

from support.gateway import Answer

T = TypeVar("T")
Body = dict[str, Any]

_TIMEOUT_S = 90  # an emulator starts one process for each concurrent request, all at once on few cores
#: Between two looks: at first this long, then a twentieth of the time that went by, as each look is work for the stack.
_POLL_S = 0.05
_POLL_S_MAX = 0.5
#: What a look takes at most on a machine with room to spare: one that takes longer tells how busy this one is.
_LOOK_S = 0.05
_SLOWNESS_MAX = 10.0


def line(item: str, quantity: int = 1, warehouse: str | None = None) -> Body:
    """One line of a hold; without a warehouse, any will do."""
    return {"item": item, "quantity": quantity} | ({} if warehouse is None else {"warehouse": warehouse})


def wait_until(condition: Callable[[], T], within_s: float, what: str) -> T:
    """Asks again and again until the condition's value is true, and gives that value.

    Where a look takes longer than `_LOOK_S`, the machine is busy, and what is waited for may be later by as much: ten
    times at most.

    Args:
        condition: What to ask.
        within_s: How long it may take on a machine with room to spare.
        what: What is waited for, for the message.

    Raises:
        AssertionError: It was not within the time; the message says what was waited for.
    """
    waited_s, began = 0.0, time.monotonic()
    while True:
        looked = time.monotonic()
        if value := condition():
            return value
        look_s = time.monotonic() - looked
        pause_s = min(max(_POLL_S, waited_s / 20), _POLL_S_MAX)
        waited_s += (look_s + pause_s) / min(max(1.0, look_s / _LOOK_S), _SLOWNESS_MAX)
        assert waited_s < within_s, f"not within {within_s} s, nor {time.monotonic() - began:.0f} s here: {what}"
        time.sleep(pause_s)


def at_once(requests: Iterable[Callable[[], T]], workers: int = 16) -> list[T]:
    """Sends requests as concurrently as the machine can, and gives their answers in the order of the requests."""
    with ThreadPoolExecutor(workers) as pool:
        return [future.result() for future in [pool.submit(request) for request in requests]]


class Shop:
    """A caller with a key. Items get the prefix, so that tests can share a stack and look at their own goods alone."""

    def __init__(self, api_url: str, api_key: str | None, prefix: str) -> None:
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self.http = httpx.Client(base_url=api_url, headers=headers, timeout=_TIMEOUT_S, limits=limits)
        self.prefix = prefix

    def item(self, name: str) -> str:
        """The id of an item of this test."""
        return f"{self.prefix}-{name}"

    def send(self, method: str, path: str, **how: Any) -> Answer:
        """Any request: `how` is httpx's. The answer is JSON, has the id of its request, and repeats no key."""
        response = self.http.request(method, path, **how)
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Request-Id"]
        return Answer(response.status_code, response.headers, response.json())

    def get(self, path: str, **query: Any) -> Answer:
        """A GET request."""
        return self.send("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> Answer:
        """A POST request with a JSON body, if any; its idempotency key gets the prefix too."""
        headers = {} if key is None else {"Idempotency-Key": f"{self.prefix}-{key}"}
        return self.send("POST", path, json=body, headers=headers)

    def receive(self, item: str, quantity: int, warehouse: str = "berlin") -> Body:
        """Stock arrives."""
        body = {"item": item, "warehouse": warehouse, "quantity": quantity, "reason": "received"}
        return done(self.post("/v1/adjustments", body))

    def place(self, *lines: Body, key: str | None = None, **more: Any) -> Answer:
        """Asks for a hold."""
        return self.post("/v1/holds", {"lines": list(lines), **more}, key=key)

    def execute(self, hold: Body, lines: Sequence[Body] | None = None, *, key: str | None = None) -> Answer:
        """Takes what a hold reserved, or only some of it."""
        return self.post(f"/v1/holds/{hold['id']}/execute", None if lines is None else {"lines": list(lines)}, key=key)

    def release(self, hold: Body, *, key: str | None = None) -> Answer:
        """Gives a hold back."""
        return self.post(f"/v1/holds/{hold['id']}/release", key=key)

    def extend(self, hold: Body, *, key: str | None = None, **changes: Any) -> Answer:
        """Changes an active hold."""
        return self.post(f"/v1/holds/{hold['id']}", changes, key=key)

    def split(self, item: str, shards: int, warehouse: str = "berlin") -> Answer:
        """Spreads an item's counters."""
        return self.post(f"/v1/stock/{item}/split", {"warehouse": warehouse, "shards": shards})

    def hold(self, hold: Body) -> Body:
        """The hold as it is now."""
        return done(self.get(f"/v1/holds/{hold['id']}"))

    def stock(self, item: str) -> Body:
        """The item's stock, read strongly."""
        return done(self.get(f"/v1/stock/{item}", consistent="true"))

    def counters(self, item: str) -> tuple[int, int]:
        """Units of the item that are available, and that are held, read strongly."""
        stock = self.stock(item)
        return stock["available"], stock["held"]

    def await_counters(self, item: str, available: int, held: int, within_s: float = 5) -> None:
        """Waits for settlement to bring the counters there: a second or so after the last resolution."""
        wait_until(
            lambda: self.counters(item) == (available, held),
            within_s,
            f"{item} at {available} available and {held} held, but it has {self.counters(item)}",
        )


def done(answer: Answer) -> Body:
    """The body of an answer that must be a success."""
    assert answer.status == 200, answer.body
    return answer.body


def new_prefix() -> str:
    """A prefix for items that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"
