"""What the viewer sees: scenes, calls with their answers, and expectations that hold or end the show."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from inventory_cli.api_client import ApiClient
from inventory_cli.errors import ApiError

_WIDTH_MAX: Final = 100
_REFUSED: Final = 400
_POLL_SECONDS: Final = 0.1
_LONG_ID: Final = re.compile(r"(hold_[0-9a-f]{8})[0-9a-f]{24}")
T = TypeVar("T")


class Unexpected(Exception):
    """An expectation did not hold; the message says which."""


@dataclass(frozen=True)
class Answer:
    """What a call led to: the body, or the object under `error` where it was refused."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


class Stage:
    """Shows a story scene by scene.

    Args:
        api: The API that the story is played against.
    """

    def __init__(self, api: ApiClient) -> None:
        self.api = api
        self.console = Console(highlight=False)
        self.console.width = min(self.console.width, _WIDTH_MAX)
        self._scenes = 0
        self._scene = 0

    def play(self, scenes: Sequence[Callable[[], None]]) -> None:
        """Plays one scene after the other.

        Raises:
            Unexpected: An expectation did not hold; what would come after it is not played.
        """
        self._scenes = len(scenes)
        self.console.print("\n[green]✓[/] is what was expected, and seen. Anything else ends the demo, and says why.")
        for scene in scenes:
            scene()

    def scene(self, title: str, says: str) -> None:
        """Begins a scene, and says what will be seen."""
        self._scene += 1
        self.console.print()
        self.console.print(Rule(f"[bold]{self._scene} of {self._scenes} · {title}", align="left", style="cyan"))
        self.console.print(says, style="dim")

    def post(self, path: str, body: dict[str, Any] | None = None, *, shown: str, key: str | None = None) -> Answer:
        """Calls the API and shows the call; a refusal is an answer too."""
        return self._call("POST", path, shown, lambda: self._posted(path, body, key))

    def get(self, path: str, query: dict[str, str] | None = None, *, shown: str = "") -> Answer:
        """Reads, and shows the call."""
        return self._call("GET", path, shown, lambda: Answer(200, self.api.get(path, query)))

    def expect(self, what: str, expected: Any, seen: Any) -> None:
        """Shows that something is as expected.

        Raises:
            Unexpected: It is not.
        """
        if seen != expected:
            self._line("[bold red]✗[/]", f"{what}: expected {expected}, but it is {seen}")
            raise Unexpected(f"{what}: expected {expected}, but it is {seen}")
        self._line("[bold green]✓[/]", f"{what}: [bold]{seen}[/]")

    def wait(self, what: str, expected: T, look: Callable[[], T], *, seconds_max: float = 30) -> None:
        """Looks again and again until something is as expected, and shows how long that took.

        Raises:
            Unexpected: It did not become so in time.
        """
        started = time.monotonic()
        with self.console.status(f"{what} …"):
            while (seen := look()) != expected and time.monotonic() - started < seconds_max:
                time.sleep(_POLL_SECONDS)
        took = time.monotonic() - started
        if seen != expected:
            self.expect(f"{what}, after {took:.0f} s", expected, seen)
        self._line("[bold green]✓[/]", f"{what}: [bold]{seen}[/] [dim]after {took:.1f} s[/]")

    def says(self, text: str) -> None:
        """Says something between calls."""
        self._line("·", text)

    def table(self, table: Table) -> None:
        """Shows a table."""
        self.console.print(Padding(table, (0, 0, 0, 2)))

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Shows that something is under way."""
        with self.console.status(f"{what} …"):
            yield

    def _posted(self, path: str, body: dict[str, Any] | None, key: str | None) -> Answer:
        reply = self.api.post(path, body, idempotency_key=key)
        return Answer(200, reply.body, reply.replayed)

    def _call(self, method: str, path: str, shown: str, send: Callable[[], Answer]) -> Answer:
        started = time.monotonic()
        try:
            answer = send()
        except ApiError as refusal:
            answer = Answer(refusal.status, refusal.error)
        took_ms = (time.monotonic() - started) * 1000
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True)
        style = "yellow" if answer.status >= _REFUSED else "green"
        row.add_row(
            Text.assemble((f"{method} ", "bold blue"), _LONG_ID.sub(r"\1…", path), "  ", (shown, "dim")),
            Text.assemble((str(answer.status), style), (f" {took_ms:5.0f} ms", "dim")),
        )
        self.console.print(Padding(row, (0, 0, 0, 2)))
        return answer

    def _line(self, mark: str, text: str) -> None:
        row = Table.grid(padding=(0, 1))
        row.add_column()
        row.add_column(overflow="fold")
        row.add_row(mark, text)
        self.console.print(Padding(row, (0, 0, 0, 2)))
