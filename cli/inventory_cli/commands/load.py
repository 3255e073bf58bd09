"""`inventory load`: a delivery, a stocktake, or the whole stock of a shop that moves in."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inventory_cli import render
from inventory_cli.bulk.changes import COLUMNS, Keyed, read_changes
from inventory_cli.bulk.sending import Loaded, send
from inventory_cli.errors import CliError, WrongUse
from inventory_cli.options import Reference
from inventory_cli.session import Session, session_of

_SHOWN_MAX: Final = 20


def load(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv", exists=True, dir_okay=False, readable=True, help="In UTF-8.", show_default=False
        ),
    ],
    batch: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What this load is called: a delivery, a stocktake. Its lines are carried out once under this name.",
            show_default=False,
        ),
    ],
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="For lines without a reason of their own.", show_default=False)
    ] = None,
    reference: Reference = None,
    check: Annotated[bool, typer.Option("--check", help="Read the file, say what it has, and send nothing.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="How many lines are under way at a time.")] = 8,
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            dir_okay=False,
            help="Write the lines that are refused here, with why. Correct them, and load that file: with the same "
            "--batch, --reason and --reference.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Carry out many adjustments from a CSV file: a delivery, a stocktake, or all stock on the first day.

    Its first line names its columns: item, warehouse, and quantity (units to add or take away) or count (units on the
    shelf, held ones included); reason and reference where lines have their own.

    It is read whole before anything is sent. Run it again with the same options after an interruption, or with lines
    added, or refused ones corrected: what is done is not done twice. A line is known by its item, warehouse and own
    reference: if it is done, it is refused with another number. Another load needs another --batch, even if its lines
    are the same.

    Exit code 1 where lines were refused; 5 where some are left, as nobody answered: run it again.

    For example:

        inventory load delivery.csv --batch PO-77 --reason received --reference PO-77

        inventory load stocktake.csv --batch stocktake-11 --reason counted --rejected refused.csv
    """
    session = session_of(context)
    if not batch.strip():
        raise WrongUse("--batch needs a name.")
    if rejected is not None and rejected.resolve() == file.resolve():
        raise WrongUse("--rejected is the file itself.")
    changes = read_changes(file, batch=batch, reason=reason, reference=reference)
    if check:
        session.output.show(_contents(changes), _in_words(_contents(changes)))
        return
    loaded = Loaded(len(changes))
    with _rejected_written(rejected, loaded):
        try:
            _send(session, changes, loaded, at_once)
        finally:
            session.output.show(_data(batch, loaded), *_view(loaded))
    _end(loaded, written=rejected is not None and bool(loaded.rejected))


def _send(session: Session, changes: list[Keyed], loaded: Loaded, at_once: int) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=session.output.notes, transient=True) as progress:
        task = progress.add_task("loading", total=len(changes))
        for _ in send(session.api, changes, loaded, at_once=at_once):
            progress.advance(task)


def _end(loaded: Loaded, *, written: bool) -> None:
    """Raises where something is not done, with the exit code that says whether to run it again.

    Args:
        loaded: How far it came.
        written: Whether refused lines are in a file now.
    """
    if stopped := loaded.stopped:
        aside = ", with another file for --rejected" if written else ""
        stopped.message = (
            f"{loaded.left:,} lines are left. {stopped.message.rstrip('. ')}. "
            f"Run the same command again when that is over{aside}: what is done is not done twice."
        )
        stopped.details.pop("idempotency_key", None)  # it is one line's
        raise stopped
    if loaded.rejected:
        raise CliError(f"{len(loaded.rejected):,} of {loaded.lines:,} lines were refused; the others are done.")


def _contents(changes: list[Keyed]) -> dict[str, Any]:
    each = [keyed.change for keyed in changes]
    return {
        "lines": len(each),
        "items": len({change.item for change in each}),
        "warehouses": len({change.warehouse for change in each}),
        "added": sum(change.quantity for change in each if change.quantity and change.quantity > 0),
        "taken_away": -sum(change.quantity for change in each if change.quantity and change.quantity < 0),
        "counts": sum(change.count is not None for change in each),
    }


def _in_words(contents: dict[str, Any]) -> str:
    has = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in contents.items())
    return f"{has}. Nothing was sent."


def _data(batch: str, loaded: Loaded) -> dict[str, Any]:
    return {
        "object": "load",
        "batch": batch,
        "lines": loaded.lines,
        "done": loaded.done,
        "replayed": loaded.replayed,
        "left": loaded.left,
        "rejected": [
            {"line": change.line, **change.body, "error": error.details | {"message": error.message}}
            for change, error in loaded.rejected
        ],
    }


def _view(loaded: Loaded) -> list[RenderableType]:
    before = f", {loaded.replayed:,} of them by an earlier run" if loaded.replayed else ""
    said = f"{loaded.done:,} of {loaded.lines:,} lines done{before}; {len(loaded.rejected):,} refused."
    if not loaded.rejected:
        return [said]
    table = render.grid("line>", "item!", "warehouse!", "why")
    for change, error in loaded.rejected[:_SHOWN_MAX]:
        table.add_row(f"{change.line:,}", change.item, change.warehouse, error.message)
    more = len(loaded.rejected) - _SHOWN_MAX
    return [table, *([f"… and {more:,} more: --rejected FILE.csv writes all of them."] if more > 0 else []), said]


@contextmanager
def _rejected_written(file: Path | None, loaded: Loaded) -> Iterator[None]:
    """Writes what is refused to the file, however the load ends. Where nothing is, the file is as it was before.

    Raises:
        CliError: It cannot be written, or is not empty: seen before anything is sent.
    """
    if file is None:
        yield
        return
    was_there = file.exists()
    _see_that_it_is_free(file)
    try:
        yield
    finally:
        if loaded.rejected:
            _write_rejected(file, loaded)
        elif not was_there:
            file.unlink(missing_ok=True)


def _see_that_it_is_free(file: Path) -> None:
    """What lies there may be an earlier run's lines, and corrected by now."""
    with _written(file, "a") as text:
        if text.tell():
            raise WrongUse(f"{file} is not empty: name another file for what is refused.")


def _write_rejected(file: Path, loaded: Loaded) -> None:
    with _written(file, "w") as text:
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**change.own, "error": error.message} for change, error in loaded.rejected)


@contextmanager
def _written(file: Path, mode: str) -> Iterator[IO[str]]:
    try:
        with file.open(mode, encoding="utf-8", newline="") as text:
            yield text
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror}.") from error
