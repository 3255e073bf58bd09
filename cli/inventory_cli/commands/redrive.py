"""`inventory redrive`: what the asynchronous functions could not do, and giving it back to them."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from inventory_cli import render
from inventory_cli.aws import explained
from inventory_cli.errors import CliError, WrongUse
from inventory_cli.redrive.giving import Given, Giver, Outcome
from inventory_cli.redrive.messages import Positions, as_data
from inventory_cli.redrive.queues import Message, OnFailureQueue, queues_of
from inventory_cli.redrive.streams import Streams, are_any_left
from inventory_cli.session import Session, session_of

app = typer.Typer(
    no_args_is_help=True,
    help="What settler, collector, projector, archiver and sweeper could not do: look into their on-failure "
    "queues (list), give it back to them once the cause is mended (run), or delete what nothing mends (drop). "
    "With the operator's AWS credentials.",
)

Function = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Only this function's: settler, collector, projector, archiver or sweeper.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
_STYLES = {Outcome.HANDLED: "green", Outcome.DROPPED: "yellow", Outcome.TRIMMED: "yellow"}
_WHEN_TRIMMED = (
    "Records that no stream has any more (after 24 hours) cannot be given back, and need not be: the sweeper settles "
    "resolved holds each minute, and the projection of an item heals with its next change. "
    "--drop-trimmed removes such messages."
)
_NOTE_SECONDS: Final = 30
_ARCHIVER = "archiver"
_WHEN_THE_ARCHIVE_IS_TRIMMED = (
    "Records for the archive that no stream has any more (after 24 hours) are lost events: the archive has a hole "
    "where they were, and no snapshot after it can be sealed. Their messages are the evidence of which they are. "
    "Follow docs/runbook.md, 'The archiver is behind, or was down'. Only `--function archiver --drop-trimmed` removes "
    "them."
)


@app.command("list")
def list_messages(
    context: typer.Context,
    function: Function = None,
    maximum: Annotated[int, typer.Option("--max", min=1, max=1000, help="At most so many of each queue.")] = 20,
) -> None:
    """Show what is in the on-failure queues: since when, what, and why. Nothing is changed."""
    session = session_of(context)
    shown: list[dict[str, Any]] = []
    parts: list[RenderableType] = []
    with explained():
        for queue in queues_of(session.stack, function):
            waiting, hidden = queue.counts()
            messages = queue.look(maximum) if waiting else []
            shown.append(_queue_data(queue, waiting, hidden, messages))
            parts.append(_queue_view(queue, waiting, hidden, messages, session.world.now()))
    session.output.show(shown, *parts)


@app.command()
def run(
    context: typer.Context,
    function: Function = None,
    maximum: Annotated[int, typer.Option("--max", min=1, help="Give back at most so many of each queue.")] = 1000,
    yes: Yes = False,
    drop_trimmed: Annotated[
        bool,
        typer.Option(
            "--drop-trimmed",
            help="Delete messages whose records no stream has any more; the archiver's only with --function archiver.",
        ),
    ] = False,
) -> None:
    """Give messages back to their function. What it handles is deleted; what fails again is kept.

    Giving a record back twice does no harm: every function takes the same record any number of times.
    Exit code 1 where something is left that failed.

    Where a message has only positions, their records are given together: one
    of them that nothing can be made of becomes a message of its own.

    For example:

        inventory redrive run --function settler --max 10

        inventory --stack inventory-prod redrive run --yes --json
    """
    session = session_of(context)
    with explained():
        waiting = {queue: min(queue.counts()[0], maximum) for queue in queues_of(session.stack, function)}
    waiting = {queue: count for queue, count in waiting.items() if count}
    if not waiting:
        session.output.show([], "Nothing to give back.")
        return
    what = ", ".join(f"{count} to the {queue.name}" for queue, count in waiting.items())
    if _asks(session, yes=yes):
        typer.confirm(f"Give back {what} of {session.stack.name}?", abort=True, err=True)
    given: list[tuple[str, Given]] = []
    try:
        for queue, count in waiting.items():
            _give(session, queue, count, given, drop=drop_trimmed and _may_drop(queue, function))
    finally:
        _report(session, given)
    if left := sum(each.outcome in (Outcome.FAILED, Outcome.UNKNOWN) for _, each in given):
        raise CliError(f"{left} of {len(given)} could not be handled and stay in their queue.")


@app.command()
def drop(
    context: typer.Context,
    message_id: Annotated[
        str, typer.Argument(metavar="MESSAGE_ID", help="Which: `redrive list` shows it.", show_default=False)
    ],
    function: Annotated[str, typer.Option(metavar="NAME", help="Whose queue it is in.", show_default=False)],
    yes: Yes = False,
) -> None:
    """Delete one message that can never be handled. It is shown before; with --json whole, so that it can be kept.

    Nothing brings it back. What may be dropped, and what must not, is in docs/runbook.md, 'Records contradict the
    protocol'.

    For example:

        inventory redrive drop 5f0c… --function settler

        inventory redrive drop 5f0c… --function settler --yes --json > 5f0c….json
    """
    session = session_of(context)
    asks = _asks(session, yes=yes)
    with explained():
        (queue,) = queues_of(session.stack, function)
        message = queue.find(message_id)
        try:
            _see_that_it_may_go(session, queue, message)
            whole = {"body": message.body, "attributes": message.attributes}
            data = {"function": queue.name} | _message_data(message) | whole
            session.output.show(data, _messages_view([message], session.world.now()))
            if asks:
                typer.confirm(f"Delete it from the {queue.name}'s queue of {session.stack.name}?", abort=True, err=True)
            queue.hide_again(message)  # what is no longer in hand is refused here; deleting would do nothing, unsaid
            queue.delete(message)
        finally:
            queue.put_back([message])  # unless it is deleted
    session.output.note(f"Dropped {message.id} of the {queue.name}.")


def _see_that_it_may_go(session: Session, queue: OnFailureQueue, message: Message) -> None:
    """What the archiver can still be given must not go.

    Raises:
        CliError: Its events are still in the stream, or may be.
    """
    content = message.content
    if queue.name != _ARCHIVER or not isinstance(content, Positions):
        return
    if are_any_left(_streams(session), content):
        raise CliError(
            "The stream still has events of it, and without them the archive has a hole: give them back by "
            "`inventory redrive run --function archiver`."
        )


def _streams(session: Session) -> Streams:
    aws, world = session.stack.aws, session.world
    return Streams(aws.streams, aws.kinesis, world.elapsed, world.pause)


def _may_drop(queue: OnFailureQueue, function: str | None) -> bool:
    """Whether trimmed messages may go: the archiver's tell of lost events, so only where it was named."""
    return queue.name != _ARCHIVER or function == _ARCHIVER


def _asks(session: Session, *, yes: bool) -> bool:
    if session.output.json and not yes:
        raise WrongUse("With --json nobody is asked: add --yes.")
    return not yes


def _give(session: Session, queue: OnFailureQueue, count: int, given: list[tuple[str, Given]], *, drop: bool) -> None:
    """Adds what became of each message to `given`, which is told also where the next cannot be had."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    notes = session.output.notes
    with (
        explained(),
        Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress,
    ):
        task = progress.add_task(queue.name, total=count)
        noted = _now_and_then(session)

        def tell(records: int, of: int) -> None:
            said = f"{queue.name}: {records:,} of {of:,} records of a message are given"
            progress.update(task, description=said)
            if not notes.is_terminal:
                noted(said)

        giver = Giver(queue, session.stack.aws.functions, _streams(session), drop_trimmed=drop, tell=tell)
        for each in giver.give(count):
            given.append((queue.name, each))
            progress.update(task, advance=1, description=queue.name)


def _now_and_then(session: Session) -> Callable[[str], None]:
    """Notes what it is told, unless it did a moment ago: for who sees no bar, and must not take silence for a halt."""
    last = session.world.elapsed()

    def note(message: str) -> None:
        nonlocal last
        if (now := session.world.elapsed()) - last >= _NOTE_SECONDS:
            last = now
            session.output.note(message)

    return note


def _report(session: Session, given: list[tuple[str, Given]]) -> None:
    data = [
        {"function": name, "id": each.message.id, "outcome": each.outcome.value, "why": each.why}
        | {"message": as_data(each.message.content)}
        for name, each in given
    ]
    table = render.grid("function", "outcome", "what")
    for name, each in given:
        content = Text(each.message.content.what)
        if each.why:
            content.append(f"\n{each.why}", style="dim")
        table.add_row(name, Text(each.outcome.value, style=_STYLES.get(each.outcome, "red")), content)
    outcomes = Counter(each.outcome for _, each in given)
    summary = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    session.output.show(data, table, Text(f"{summary or 'nothing was given back'}.", style="bold"))
    trimmed = {name for name, each in given if each.outcome is Outcome.TRIMMED}
    if trimmed - {_ARCHIVER}:
        session.output.note(_WHEN_TRIMMED)
    if _ARCHIVER in trimmed:
        session.output.note(_WHEN_THE_ARCHIVE_IS_TRIMMED)


def _queue_data(queue: OnFailureQueue, waiting: int, hidden: int, messages: list[Message]) -> dict[str, Any]:
    return {
        "function": queue.name,
        "waiting": waiting,
        "hidden": hidden,
        "messages": [_message_data(message) for message in messages],
    }


def _message_data(message: Message) -> dict[str, Any]:
    return {"id": message.id, "sent": message.sent_ms // 1000} | as_data(message.content)


def _queue_view(
    queue: OnFailureQueue, waiting: int, hidden: int, messages: list[Message], now: float
) -> RenderableType:
    style = "bold red" if waiting else "green"
    title = Text.assemble((queue.name, "bold"), "  ", (f"{waiting} waiting" if waiting else "empty", style))
    if hidden:
        title.append(f", {hidden} in someone's hands", style="dim")
    if not messages:
        return title
    table = _messages_view(messages, now)
    if waiting > len(messages):
        return Group(title, table, Text(f"  and {waiting - len(messages)} more: see --max", style="dim"))
    return Group(title, table)


def _messages_view(messages: list[Message], now: float) -> RenderableType:
    table = render.grid("age", "what, and why")
    for message in messages:
        content = message.content
        text = Text.assemble(content.what, ("\n" + content.why, "red"))
        if isinstance(content, Positions):
            text.append(
                "\nonly positions: the records are fetched from the stream, which has them for 24 hours", style="dim"
            )
        text.append(f"\n{message.id}", style="dim")
        table.add_row(render.span(now - message.sent_ms / 1000), text)
    return table
