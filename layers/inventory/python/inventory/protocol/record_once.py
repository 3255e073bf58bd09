"""Making a record of its own id exactly once, together with what it does to stock: adjustments and transfers."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import ClocksApart, Conflict, InsufficientStock, InvalidRequest
from inventory.domain.ids import Requester
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Answer, Core
from inventory.protocol.refuse import stands
from inventory.storage.codec import Record
from inventory.storage.writes import Write


class Recorded(Protocol):
    """An adjustment or a transfer."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the request that made it."""
        ...


R = TypeVar("R", bound=Recorded)

#: Looks at stock as it is now and gives the record and all writes of one try, to be stamped from `seen_at` on;
#: None where it changed something on the way and wants to look again.
Compose = Callable[[Milliseconds], tuple[R, Sequence[Write]] | None]


def record_once(
    core: Core, identifier: str, by: Requester, recorded_from: Callable[[Record], R], compose: Compose[R]
) -> Answer[R]:
    """Makes the transaction that `compose` gives, anew for each try; or finds that an earlier try has made it.

    Raises:
        IdempotencyKeyMismatch: The key made another record.
        InsufficientStock, InvalidRequest: As `compose` says, where no try may have been made.
        Conflict: Others were faster, try after try.
        Overloaded: The database refused or did not answer.
    """
    made = _made(core, identifier) if by.keyed else None
    if made is not None:
        return _recognised(recorded_from(made), by)
    attempts = Attempts(core.pause, identifier)
    try:
        return _recorded(core, identifier, by, recorded_from, compose, attempts)
    except (InsufficientStock, InvalidRequest, Conflict, ClocksApart) as gave_up:
        if not attempts.unknown:
            raise
        made = _made(core, identifier)
        if made is None:
            raise attempts.failure() from gave_up
        return _recognised(recorded_from(made), by)


def _recorded(
    core: Core,
    identifier: str,
    by: Requester,
    recorded_from: Callable[[Record], R],
    compose: Compose[R],
    attempts: Attempts,
) -> Answer[R]:
    while True:
        attempts.begin()
        try:
            composed = compose(attempts.seen_at)
        except (InsufficientStock, InvalidRequest) as refusal:
            # What is missing now may be what an earlier try of this same request took since the look above.
            made = _made(core, identifier)
            if made is not None:
                return _recognised(recorded_from(made), by)
            if isinstance(refusal, InsufficientStock) and not stands(core, refusal):
                continue  # that look took so long that the refusal's proof is too old
            raise
        if composed is None:
            continue
        recorded, writes = composed
        failed = attempts.transact(core.database, writes)
        if failed is None:
            return Answer(recorded, replayed=False)
        for reason in failed:
            if reason.write.about == identifier and reason.record is not None:
                return _recognised(recorded_from(reason.record), by)


def _made(core: Core, identifier: str) -> Record | None:
    return core.database.get(core.tables.adjustment(identifier))


def _recognised(recorded: R, by: Requester) -> Answer[R]:
    by.recognise(recorded.fingerprint)
    return Answer(recorded, replayed=by.keyed)
