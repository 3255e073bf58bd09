"""What each code of an error means and what to do about it: docs/errors.md, to which `doc_url` leads."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from inventory.domain.limits import AUDITS_AT_ONCE_MAX, BODY_BYTES_MAX, SNAPSHOTS_AT_ONCE_MAX


class Code(NamedTuple):
    """What a code means.

    Attributes:
        status: The HTTP status that it comes with.
        meaning: What it says, and what to do about it, in Markdown.
    """

    status: int
    meaning: str


CODES: Final[Mapping[str, Code]] = {
    "parameter_missing": Code(400, "A required parameter is missing: `param` names it. Add it."),
    "parameter_invalid": Code(
        400,
        "A parameter has a value that is not allowed: `param` names it, `message` says why.",
    ),
    "parameter_unknown": Code(400, "There is no such parameter: `param` names it. Check the spelling."),
    "body_invalid": Code(400, "The body is not what its Content-Type says, or is malformed: `message` says where."),
    "body_too_large": Code(400, f"The body has more than {BODY_BYTES_MAX:,} bytes. Send less at a time."),
    "content_type_unsupported": Code(
        400,
        "Send JSON or a form, in UTF-8, not compressed, and say which in Content-Type.",
    ),
    "hold_already_executed": Code(
        400,
        "Another request has executed the hold: it cannot be released or executed again. To undo the "
        "sale, book a return: an adjustment with `reason=returned`.",
    ),
    "hold_already_released": Code(
        400,
        "Another request has released the hold: its stock may be gone. Place a new hold.",
    ),
    "hold_expired": Code(
        400,
        "The hold's time is over: its stock may be gone. Place a new hold. Only a release is still carried out until "
        "the hold is swept, up to a minute later, or another call is refused with this code.",
    ),
    "count_below_held": Code(
        400,
        "The count is lower than the number of held units. Units of an executed hold count as held until "
        "the hold is `settled`, usually a second later: count again then. Or release other holds, and "
        "count again.",
    ),
    "instant_too_recent": Code(
        400,
        "Writes of this instant may still be under way: `message` names the latest possible instant.",
    ),
    "snapshot_required": Code(400, "There is no snapshot to audit yet. Take one first."),
    "snapshot_not_complete": Code(400, "Only a complete snapshot can be audited. Wait for it, or ask for it again."),
    "instant_not_sealed": Code(
        400,
        "The past is known up to the latest snapshot: `message` says which instant that is. Ask for that"
        " instant, or try again after the next snapshot. If it says that an instant is lost, its stock can "
        "never be known again.",
    ),
    "snapshot_needed": Code(
        400,
        "Too much happened between the instant and the snapshot before it. Make a snapshot of exactly this "
        "instant with `POST /v1/snapshots`, then ask again.",
    ),
    "idempotency_key_mismatch": Code(
        400, "The Idempotency-Key was used with other parameters. Use a new key for a new request."
    ),
    "api_key_missing": Code(401, "Send your key in the header `Authorization: Bearer <key>`."),
    "api_key_invalid": Code(401, "The key is malformed, unknown or revoked. Ask for a new one."),
    "scope_missing": Code(403, "The key may not do this: `message` names the scope that it lacks. Use another key."),
    "insufficient_stock": Code(
        402,
        "There is not enough stock: `item`, `warehouse`, `wanted` and `available` say of what. Nothing was "
        "held. Ask for less, or try again later.",
    ),
    "resource_missing": Code(404, "There is nothing under this id or path."),
    "method_not_allowed": Code(405, "The path is right, the method is not: the header `Allow` says which are."),
    "idempotency_key_in_use": Code(
        409,
        "Reserved, not used: a repeated request gets the first one's answer, even while that is under way.",
    ),
    "lock_timeout": Code(
        409,
        "Others changed the same stock or record for too long, or what lies in many places could not all be read in "
        "time. Nothing was held, sold or booked: try again, and name a warehouse if the item is in many. A split or "
        "merge that stopped halfway has only moved units between shards, and continues from there; a merge also "
        "waits for the holds on the shards that it would give up.",
    ),
    "request_too_large": Code(
        413,
        "The request is larger than the gateway accepts (10 MB). Send less at a time. AWS's gateway answers it with a "
        "body of its own, in which there is no code.",
    ),
    "request_blocked": Code(403, "The firewall refused this request."),
    "rate_limit": Code(
        429,
        f"Too many requests, or {SNAPSHOTS_AT_ONCE_MAX} snapshots or {AUDITS_AT_ONCE_MAX} audits that were asked for "
        "are still under way: `message` says which. Slow down, and try again.",
    ),
    "internal": Code(500, "A defect of the service. It is logged under the `request_id`."),
    "overloaded": Code(
        503,
        "A part of the service did not answer in time, or is overloaded. While it is overloaded, no new "
        "holds are placed for a moment, so that existing ones can be executed and settled. Try again; use an "
        "Idempotency-Key, so that nothing can happen twice. An answer that the gateway made itself says to "
        "retry whatever was asked: without a key, check first whether it happened.",
    ),
}
