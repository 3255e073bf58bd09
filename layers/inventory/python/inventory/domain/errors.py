"""What can go wrong, by name. The HTTP edge gives each family its status; nothing here knows HTTP."""


class InventoryError(Exception):
    """An answer that is not the one asked for.

    Attributes:
        code: The stable, machine-readable name, as listed in the API reference.
        message: One sentence for a person.
        param: The request field that is to blame, in bracket notation (``lines[0][item]``), or None.
    """

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class InvalidRequest(InventoryError):
    """The request can never succeed as it stands."""


class InstantNotSealed(InvalidRequest):
    """No snapshot has proved yet that all of this instant is known; or none can any more, for its past is lost.

    Attributes:
        latest_s: The latest instant of which it is proved, Unix seconds; None where there is none.
        lost_until_s: Where what was then is lost: the first instant of which it is proved again.
    """

    def __init__(self, latest_s: int | None, *, lost_until_s: int | None = None) -> None:
        known = "There is none yet" if latest_s is None else f"The latest is {latest_s}"
        if lost_until_s is not None:
            known = f"After {latest_s} it is lost, and known again from {lost_until_s} on"
        super().__init__("instant_not_sealed", f"The past is known up to the latest snapshot. {known}.", param="at")
        self.latest_s = latest_s
        self.lost_until_s = lost_until_s


class SnapshotNeeded(InvalidRequest):
    """More happened between the instant and the snapshot before it than one request can add up."""

    def __init__(self, item: str) -> None:
        super().__init__(
            "snapshot_needed",
            f"Too much happened to '{item}' between this instant and the snapshot before it to be added up at once. "
            "Make a snapshot of this very instant with POST /v1/snapshots, then ask again.",
            param="at",
        )


class IdempotencyKeyMismatch(InventoryError):
    """The idempotency key was used before with other parameters."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_mismatch",
            "This Idempotency-Key was already used with other parameters. Use a new key for a new request.",
        )


class Missing(InventoryError):
    """There is no such thing: a hold, an item, a snapshot, a path."""

    def __init__(self, kind: str, identifier: str, *, param: str | None = "id") -> None:
        super().__init__("resource_missing", f"No such {kind}: '{identifier}'.", param=param)


class InsufficientStock(InventoryError):
    """Valid, but there is not enough.

    Attributes:
        item: The item that is short.
        warehouse: The warehouse asked for, or None where any would do.
        wanted: Units asked for.
        available: Units that were there at an instant at most one second ago.
    """

    def __init__(self, item: str, warehouse: str | None, wanted: int, available: int) -> None:
        place = f" in warehouse '{warehouse}'" if warehouse else ""
        super().__init__(
            "insufficient_stock",
            f"Not enough of item '{item}'{place}: wanted {wanted}, available {available}.",
        )
        self.item = item
        self.warehouse = warehouse
        self.wanted = wanted
        self.available = available


class Conflict(InventoryError):
    """Others were faster for too long. No unit is lost, and the same request may be sent again.

    What was split, merged or moved between shards so far stands.
    """

    def __init__(self, message: str) -> None:
        super().__init__("lock_timeout", message)


class TooManyAtOnce(InventoryError):
    """As much of it is under way as may be; nothing was changed, the same request may be sent again later."""

    def __init__(self, message: str) -> None:
        super().__init__("rate_limit", message)


class Overloaded(InventoryError):
    """A dependency did not answer in time; the outcome may be unknown, the same request may be sent again."""

    def __init__(self, message: str) -> None:
        super().__init__("overloaded", message)


class ClocksApart(Overloaded):
    """Clocks are too far apart to write: this try changed nothing."""


class ClockSkewed(ClocksApart):
    """This instance's clock cannot be trusted, so it does not write."""


class RecordAhead(ClocksApart):
    """A record was written by a clock far ahead of this one, so that nothing is written over it for now."""


class InvariantBroken(Exception):
    """What is stored contradicts itself: a defect, never mended in silence. The function fails; its alarm tells."""
