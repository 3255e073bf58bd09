"""The commands behind the Makefile's targets; `python -m stack --help` lists them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from botocore.exceptions import EndpointConnectionError, HTTPClientError

from stack import invoke, logs, remote
from stack import restored as restored_tables
from stack import up as local
from stack.console import StackError, console
from stack.place import ROOT, Place
from stack.state import Stack

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Folder = Annotated[Path, typer.Option(help="Where the local stack keeps its files.")]
Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="The emulator's port on 127.0.0.1.")]

_FOLDER = ROOT / ".local"
_PORT = 4566


@contextmanager
def _answering() -> Iterator[None]:
    """Says in one line that the local stack is gone, whichever call notices."""
    try:
        yield
    except (EndpointConnectionError, HTTPClientError, httpx.TransportError):
        raise StackError("The local stack does not answer: run `make up`.") from None


@app.command()
@_answering()
def up(folder: Folder = _FOLDER, port: Port = _PORT) -> None:
    """Starts the emulator, builds and deploys the stack: whatever of it is still to be done."""
    place = Place(folder.absolute(), port)
    stack = local.up(place)
    console.print(f"\n  [bold]url[/]  {stack.api_url}\n  [bold]key[/]  {stack.api_key}")
    console.print(f"  [dim]all of it: {os.path.relpath(place.stack_file)}[/]\n", soft_wrap=True)


@app.command()
def down(folder: Folder = _FOLDER) -> None:
    """Stops the local stack; its data is gone."""
    local.down(Place(folder.absolute(), _PORT))


@app.command("logs")
@_answering()
def show_logs(
    folder: Folder = _FOLDER,
    function: Annotated[str, typer.Option(help="One function: stock, holds, settler, …")] = "",
    minutes: Annotated[int, typer.Option(min=1, help="How far back.")] = 15,
    *,
    follow: Annotated[bool, typer.Option(help="Go on until Ctrl-C.")] = False,
) -> None:
    """Shows what the functions logged, oldest first."""
    stack = Stack.needed(folder.absolute() / "stack.json")
    logs.show(stack, function=function, minutes=minutes, follow=follow)


@app.command("invoke")
@_answering()
def invoke_function(function: str, event: Path, folder: Folder = _FOLDER) -> None:
    """Plays an event file against a deployed function, and shows its answer and its log."""
    invoke.play(Stack.needed(folder.absolute() / "stack.json"), function, event)


@app.command()
def deploy(
    environment: str,
    runtime: Annotated[str, typer.Option(help="python3.x instead of the template's.")] = "",
    architecture: Annotated[str, typer.Option(help="x86_64 or arm64 instead of the template's.")] = "",
) -> None:
    """Builds and deploys to an environment of samconfig.toml: staging, prod or localstack."""
    chosen = {"RuntimeVersion": runtime, "Architecture": architecture}
    remote.deploy(environment, {name: value for name, value in chosen.items() if value})


@app.command("copy-table")
def copy_table(
    live: str,
    restored: str,
    *,
    write: Annotated[bool, typer.Option(help="Do it; else only say what differs.")] = False,
) -> None:
    """Makes a stack's own table equal to a restored one, while nothing else writes (docs/runbook.md)."""
    of_stack, true = restored_tables.tables(live, restored)
    with restored_tables.refusals_told(f"The table {live}, or {restored},"):
        differences = restored_tables.compare(of_stack, true)
        console.print(f"{len(differences.surplus)} records to delete, {len(differences.other)} to write")
        if write:
            restored_tables.copy(of_stack, true, differences)
            console.print("done")


@app.command("project-anew")
def project_anew(stock: str, availability: str) -> None:
    """Makes Availability anew of the Stock table, while nothing else writes (docs/runbook.md)."""
    given, made = restored_tables.tables(stock, availability)
    with restored_tables.refusals_told(f"The table {stock}, or {availability},"):
        written = restored_tables.project_anew(given, made)
    console.print(f"{written} records written")


def main() -> None:
    """Runs the command; an error that a person can act on is one clear line."""
    try:
        app()
    except StackError as error:
        console.print("[red bold]error:[/]", end=" ")
        console.print(str(error), markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
