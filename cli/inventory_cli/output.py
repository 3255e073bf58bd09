"""What is shown: JSON for a script, on stdout alone; tables for a person; errors and progress on stderr.

Much of it others wrote: names, reasons, errors of a server, lines of an archive that is looked at because nobody trusts
it. None of it may act on the terminal: an object's name could clear the screen and say that nothing is wrong.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from inventory_cli.errors import CliError
from inventory_cli.harmless import escaped, harmless, harmless_text

# A pipe has no width of its own: wide enough that nothing is cut that `grep` looks for.
_PIPE_WIDTH: Final = 160


class Output:
    """Where a command's results go.

    Attributes:
        json: Whether a script reads them.
        console: For a person, on stdout.
        notes: For a person, on stderr, whoever reads stdout.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.json = as_json
        self.console = _console(sys.stdout.isatty(), stderr=False)
        self.notes = _console(sys.stderr.isatty(), stderr=True)

    def show(self, data: Any, *renderables: RenderableType) -> None:
        """Shows a result: the data as JSON, or what a person sees of it. A text keeps its lines, for who copies it."""
        if self.json:
            self.line(data, indent=2)
        else:
            for renderable in renderables:
                self.console.print(renderable, soft_wrap=isinstance(renderable, str))

    def line(self, data: Any, *, indent: int | None = None) -> None:
        """One JSON document; without indent on a line by itself."""
        text = json.dumps(data, indent=indent, ensure_ascii=False, default=str)
        sys.stdout.write(escaped(text) + "\n")
        sys.stdout.flush()

    def note(self, message: str) -> None:
        """Says something that is no result."""
        self.notes.print(Text(message, style="dim"))

    def error(self, error: CliError) -> None:
        """Says what went wrong."""
        if self.json:
            sys.stderr.write(json.dumps({"error": error.details | {"message": error.message}}, default=str) + "\n")
            return
        self.notes.print(Text.assemble(("error: ", "bold red"), error.message))
        if error.details:
            self.notes.print(Text(_in_words(error.details), style="dim"))


def _in_words(details: Mapping[str, Any]) -> str:
    return "  " + " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in details.items())


class _Console(Console):
    """A console on which a text that others wrote does nothing but stand there."""

    def render_str(self, text: str, **options: Any) -> Text:
        """As Rich does."""
        return harmless_text(super().render_str(harmless(text), **options))

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As Rich does; only what Rich itself says to the terminal stays."""
        shown = harmless_text(renderable) if isinstance(renderable, Text) else renderable
        for segment in super().render(shown, options):
            yield segment if segment.control else segment._replace(text=harmless(segment.text))


def _console(terminal: bool, *, stderr: bool) -> Console:
    """A console that shows data as it is: brackets and colons in it mean nothing."""
    return _Console(highlight=False, markup=False, emoji=False, stderr=stderr, width=_width(terminal))


def _width(terminal: bool) -> int | None:
    return None if terminal or "COLUMNS" in os.environ else _PIPE_WIDTH
