"""A keyed request decides once what it asks for; sent again, it finds its own decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inventory.domain.ids import Requester
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Answer, Core
from inventory.storage.codec import Record
from inventory.storage.database import ConditionFailed
from inventory.storage.request_records import put_request

#: How long after it was decided a run may be unknown because it is only being started.
STARTING_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What is made for a request, settled before anything is started.

    Attributes:
        made: The id of the snapshot or audit.
        execution: The name of the execution that makes it; None where it is there already.
        input: The execution's input; records have it as `words`.
    """

    made: str
    execution: str | None
    input: Mapping[str, Any]


def decide_once(core: Core, by: Requester, decide: Callable[[], Decision]) -> Answer[Decision]:
    """Decides, and remembers it before anything is started, so that a retry starts nothing else.

    Args:
        core: What the use case works with.
        by: Who asks.
        decide: Looks at how things stand, and gives what is to be done.

    Raises:
        IdempotencyKeyMismatch: The key asked for something else before.
        Conflict: Others were on the same record, try after try.
        Overloaded: The database did not answer.
    """
    if not by.keyed:
        return Answer(decide(), replayed=False)
    known = core.database.get(core.tables.request(by.token))
    if known is not None:
        return _recognised(known, by)
    asked = decide()
    more: dict[str, Any] = {"words": dict(asked.input)}
    if asked.execution is not None:
        more["execution"] = asked.execution
    attempts = Attempts(core.pause, by.token)
    while True:
        attempts.begin()
        write = put_request(core.tables, by, asked.made, core.clock.stamp(attempts.seen_at), more)
        try:
            if attempts.write(core.database, write) is not None:
                return Answer(asked, replayed=False)
        except ConditionFailed as failure:
            if failure.record is not None:
                return _recognised(failure.record, by)


def _recognised(record: Record, by: Requester) -> Answer[Decision]:
    by.recognise(record["fingerprint"])
    return Answer(Decision(record["made"], record.get("execution"), record["words"]), replayed=True)
