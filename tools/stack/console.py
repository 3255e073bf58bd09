"""What a person sees: one line per step, with how long it took, and one clear line when something is wrong."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

console = Console(highlight=False)


class StackError(Exception):
    """Something a person has to know or do; the message says what."""


@contextmanager
def step(what: str) -> Iterator[None]:
    """Shows ``what`` while it runs, then how long it took."""
    started = time.monotonic()
    try:
        with console.status(f"{what} …"):
            yield
    except BaseException:
        console.print(f"[red]✗[/] {what}")
        raise
    console.print(f"[green]✓[/] {what} [dim]{time.monotonic() - started:.1f} s[/]")


def skipped(what: str) -> None:
    """Says that nothing had to be done."""
    console.print(f"[green]✓[/] {what} [dim]unchanged[/]")
