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


class IdempotencyKeyMismatch(InventoryError):
    """The idempotency key was used before with other parameters."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_mismatch",
            "This Idempotency-Key was already used with other parameters. Use a new key for a new request.",
        )


class Missing(InventoryError):
    """No such hold, item, adjustment or transfer."""

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

    def __init__(
        self, item: str, warehouse: str | None, wanted: int, available: int, *, param: str | None = None
    ) -> None:
        place = f" in warehouse '{warehouse}'" if warehouse else ""
        super().__init__(
            "insufficient_stock",
            f"Not enough of item '{item}'{place}: wanted {wanted}, available {available}.",
            param=param,
        )
        self.item = item
        self.warehouse = warehouse
        self.wanted = wanted
        self.available = available


class Conflict(InventoryError):
    """Others were faster for too long; nothing was changed, the same request may be sent again."""

    def __init__(self, message: str, *, code: str = "lock_timeout") -> None:
        super().__init__(code, message)


class Overloaded(InventoryError):
    """A dependency did not answer in time; the outcome may be unknown, the same request may be sent again."""

    def __init__(self, message: str) -> None:
        super().__init__("overloaded", message)


class ClockSkewed(Overloaded):
    """This instance's clock cannot be trusted, so it does not write."""


class InvariantBroken(Exception):
    """The records contradict the protocol. Never repaired in silence: set aside, counted, alarmed."""
