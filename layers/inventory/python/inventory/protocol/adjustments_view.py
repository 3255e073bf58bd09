"""Looking at adjustments and transfers, each by its id."""

from inventory.domain.adjustments import Adjustment, Transfer
from inventory.domain.errors import Missing
from inventory.domain.ids import ADJUSTMENT, TRANSFER, is_object_id
from inventory.protocol.core import Core
from inventory.storage.adjustment_records import adjustment_from, transfer_from
from inventory.storage.codec import Record


def get_adjustment(core: Core, identifier: str) -> Adjustment:
    """The adjustment as it was made.

    Raises:
        Missing: No such adjustment.
        Overloaded: The database did not answer.
    """
    return adjustment_from(_get(core, ADJUSTMENT, "adjustment", identifier))


def get_transfer(core: Core, identifier: str) -> Transfer:
    """The transfer as it was made.

    Raises:
        Missing: No such transfer.
        Overloaded: The database did not answer.
    """
    return transfer_from(_get(core, TRANSFER, "transfer", identifier))


def _get(core: Core, prefix: str, kind: str, identifier: str) -> Record:
    record = core.database.get(core.tables.adjustment(identifier)) if is_object_id(prefix, identifier) else None
    if record is None:
        raise Missing(kind, identifier)
    return record
