"""What the README and docs/ show of the command can be typed: its commands, its options, and the file they load."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import typer

from inventory_cli.main import app
from support.terminal import Terminal

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_BLOCK: Final = re.compile(r"^ *```(?:bash|console)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
#: Where a line types it: at its beginning, behind an environment's path, or for another command to read.
_TYPED: Final = re.compile(r"(?:^ *(?:\$ )?|\$\()(?:\S*/bin/)?inventory (.*)")
_NAMED: Final = re.compile(r"`(?:\S*/bin/)?inventory ([^`\n-][^`\n]*)`")


def _shown() -> Iterator[tuple[str, str]]:
    """Each page's name, and what a line in a block of it types after `inventory`."""
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if typed := _TYPED.search(line):
                    yield page.name, typed[1]


def _named() -> Iterator[tuple[str, str]]:
    """The same of what a text names, where arguments may be left out."""
    for page in PAGES:
        for typed in _NAMED.findall(page.read_text(encoding="utf-8")):
            yield page.name, typed


def _words(typed: str) -> list[str]:
    """The line's words up to what the shell takes: a comment, a pipe, a redirection, the end of a substitution."""
    lexer = shlex.shlex(typed, posix=True, punctuation_chars="|>;&)")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if not set(word) - set("|>;&)"):
            break
        words.append(word)
    return words


@cache
def _root() -> Any:
    return typer.main.get_command(app)


def _meant(typed: str) -> tuple[Any, Any, list[str]]:
    """The command that a line means, its context, and what is left for it; the root's own options are its own.

    Raises:
        Exception: There is no such command; of the parser's own kind.
    """
    command = _root()
    context = command.make_context("inventory", _words(typed))
    rest = [*context._protected_args, *context.args]
    while hasattr(command, "resolve_command") and rest:
        name, command, rest = command.resolve_command(context, rest)
        context = context.__class__(command, parent=context, info_name=name)
    return command, context, rest


@pytest.mark.parametrize(("page", "typed"), sorted(set(_shown())))
def test_a_line_that_is_shown_can_be_typed(page: str, typed: str) -> None:
    command, context, rest = _meant(typed)
    given, too_many, _ = command.make_parser(context).parse_args(rest)
    assert too_many == []
    assert [each.name for each in command.params if each.required and given.get(each.name) in (None, ())] == []


@pytest.mark.parametrize(("page", "typed"), sorted(set(_named())))
def test_a_command_and_options_that_a_text_names_are_there(page: str, typed: str) -> None:
    command, _, rest = _meant(typed)
    known = {name for each in command.params for name in each.opts}
    assert {word.split("=")[0] for word in rest if word.startswith("--")} <= known


@pytest.mark.parametrize("typed", ["stocks cup", "load a.csv --batches x", "redrive give", "stock cup --at-once 3"])
def test_what_is_not_there_is_noticed(typed: str) -> None:
    with pytest.raises(Exception, match="No such"):
        test_a_line_that_is_shown_can_be_typed("", typed)


def test_the_file_that_is_shown_can_be_loaded_by_the_lines_below_it(terminal: Terminal) -> None:
    terminal.api(lambda _: httpx.Response(200, json={"id": "adj_1", "object": "adjustment"}))
    blocks = _BLOCK.findall((ROOT / "docs/cli.md").read_text(encoding="utf-8"))
    lines = next(block for block in blocks if block.startswith("$ cat delivery.csv\n")).splitlines()[1:]
    typed = [line for line in lines if line.startswith("$ inventory load delivery.csv")]
    file = terminal.folder / "delivery.csv"
    file.write_text("".join(f"{line}\n" for line in lines if not line.startswith("$ ")))
    for line in typed:
        result = terminal.run(*[str(file) if word == file.name else word for word in _words(line)[2:]])
        assert result.exit_code == 0, result.err
    assert (len(typed), len(terminal.requests)) == (2, 2), "the first only checks, and the second sends each line"
