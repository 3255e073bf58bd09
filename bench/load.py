"""A client of its own process: so many requests over so many connections, as fast as they are answered.

Reads one JSON object (the fields of `Load`) from standard input, writes one (those of `Outcome`) to standard output.
"""

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from itertools import islice, repeat
from urllib.parse import urlsplit

import urllib3
from bench.place import ROOT

_TIMEOUT_S = 60


@dataclass(frozen=True)
class Load:
    """What to send.

    Attributes:
        url: Where to.
        method: GET or POST.
        headers: With each request.
        body: With each request; empty for none.
        requests: How many, all connections together.
        connections: How many are under way at any time.
    """

    url: str
    method: str
    headers: dict[str, str]
    body: str
    requests: int
    connections: int


@dataclass
class Outcome:
    """What became of it. Times in seconds and milliseconds."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    p50_ms: float = 0.0
    p99_ms: float = 0.0

    @property
    def succeeded(self) -> int:
        """How many answers were a 200."""
        return self.statuses.get(200, 0)

    @property
    def per_second(self) -> float:
        """Successful answers a second."""
        return self.succeeded / self.seconds


def run(load: Load) -> Outcome:
    """Sends the load from a process of its own, so that the sender's work is the same whatever is measured."""
    sender = subprocess.run(
        [sys.executable, "-m", "bench.load"], cwd=ROOT, input=json.dumps(asdict(load)),
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    told = json.loads(sender.stdout)
    return Outcome(**{**told, "statuses": {int(status): count for status, count in told["statuses"].items()}})


def _send(load: Load) -> Outcome:
    pool = urllib3.connection_from_url(load.url, maxsize=load.connections, block=True, retries=False)
    path = urlsplit(load.url).path
    tickets = islice(repeat(None), load.requests)
    taking = threading.Lock()
    took: list[float] = []
    statuses: list[int] = []

    def connection() -> None:
        while True:
            with taking:
                if next(tickets, False) is False:
                    return
            started = time.perf_counter()
            answer = pool.request(load.method, path, headers=load.headers, body=load.body or None, timeout=_TIMEOUT_S)
            took.append(time.perf_counter() - started)
            statuses.append(answer.status)

    threads = [threading.Thread(target=connection) for _ in range(load.connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if not took:
        sys.exit(f"{load.url} gave no answer")
    took.sort()
    return Outcome(
        seconds=seconds,
        statuses={status: statuses.count(status) for status in set(statuses)},
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[len(took) * 99 // 100] * 1000,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_send(Load(**json.load(sys.stdin))))))
