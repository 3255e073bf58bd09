"""Extend: a new time, counted from now, and new metadata for an active hold."""

from collections.abc import Mapping
from dataclasses import replace

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import InvalidRequest, Missing
from inventory.domain.holds import Hold, Status
from inventory.domain.ids import HOLD, Requester, is_object_id
from inventory.domain.limits import METADATA_KEYS_MAX
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Answer, Core
from inventory.protocol.holds_view import get_hold
from inventory.protocol.resolve import ENDED, expire
from inventory.storage.codec import Record
from inventory.storage.hold_records import extend_hold, hold_from
from inventory.storage.request_records import made_before, put_request


def extend(
    core: Core, hold_id: str, *, expires_in_s: int | None, metadata: Mapping[str, str] | None, by: Requester
) -> Answer[Hold]:
    """Changes an active hold. Metadata is merged key by key, an empty value removes its key.

    Raises:
        Missing: No such hold.
        InvalidRequest: It has ended, its time is over, or the merged metadata has too many keys.
        IdempotencyKeyMismatch: The key changed this hold with other parameters.
        Conflict, Overloaded: Nothing is known to have changed; try again.
    """
    if not is_object_id(HOLD, hold_id):
        raise Missing("hold", hold_id)
    attempts = Attempts(core.pause, by.token)
    while True:
        attempts.begin()
        hold, replayed = _read(core, hold_id, by)
        if replayed:  # a batch is no snapshot: its hold may be older than its request
            return Answer(get_hold(core, hold_id), replayed=True)
        at = core.clock.stamp(hold.at, attempts.seen_at)
        if hold.status is Status.ACTIVE and hold.expires_at <= at and expire(core, hold_id) is None:
            continue  # an earlier try of this request, or another, gave it more time just now
        if hold.status_at(at) is not Status.ACTIVE:
            return _ended(core, hold, at, by)
        merged = _merged(hold.metadata, metadata or {})
        expires_at = hold.expires_at if expires_in_s is None else at + expires_in_s * 1000
        write = extend_hold(core.tables, hold, expires_at, merged, at)
        # Keyed or not, one transaction: an answer lost on the way back is then recognised by the client's token.
        writes = [write, put_request(core.tables, by, hold_id, at)] if by.keyed else [write]
        if attempts.transact(core.database, writes) is None:
            changed = replace(hold, expires_at=expires_at, metadata=merged, rev=hold.rev + 1, at=at)
            return Answer(changed, replayed=False)


def _ended(core: Core, hold: Hold, at: Milliseconds, by: Requester) -> Answer[Hold]:
    """A hold that has ended for good; before that, this request may have changed it: a batch is no snapshot.

    Raises:
        InvalidRequest: It has not.
        IdempotencyKeyMismatch: The key changed this hold with other parameters.
    """
    if by.keyed and made_before(core.database.get(core.tables.request(by.token)), by):
        return Answer(get_hold(core, hold.id), replayed=True)
    raise InvalidRequest(*ENDED[hold.status_at(at)])


def _read(core: Core, hold_id: str, by: Requester) -> tuple[Hold, bool]:
    """The hold, and whether this request has changed it already."""
    keys = [core.tables.hold(hold_id)] + ([core.tables.request(by.token)] if by.keyed else [])
    hold: Hold | None = None
    request: Record | None = None
    for record in core.database.batch_get(keys):
        if "hold_id" in record:
            hold = hold_from(record)
        else:
            request = record
    if hold is None:
        raise Missing("hold", hold_id)
    return hold, made_before(request, by)


def _merged(known: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    merged = {key: value for key, value in {**known, **changes}.items() if value or key not in changes}
    if len(merged) > METADATA_KEYS_MAX:
        raise InvalidRequest(
            "parameter_invalid",
            f"Metadata can have {METADATA_KEYS_MAX} keys; this change would make it {len(merged)}.",
            param="metadata",
        )
    return merged
