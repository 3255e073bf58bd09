"""The consumer behind the settler: settles what was passed on of each counter shard, all of it together."""

import base64
from collections.abc import Iterator, Sequence

from inventory.adapters.collecting import holds_in
from inventory.domain.clock import Milliseconds
from inventory.domain.holds import Hold
from inventory.pipeline.settler import settle_told
from inventory.pipeline.stream import SetAside, StreamRecord, put_aside
from inventory.protocol.core import Core


def settle_collected(
    core: Core, records: Sequence[StreamRecord], set_aside: SetAside, *, until_ms: Milliseconds
) -> int:
    """Settles the holds of a batch of the collecting stream and gives their number.

    Raises:
        Conflict, Overloaded: Some could not be settled by `until_ms`; the batch must be given again. What was
            settled is counted, and what never can be is set aside, all the same.
    """
    return settle_told(core, list(_told(records, set_aside)), set_aside, until_ms=until_ms)


def _told(records: Sequence[StreamRecord], set_aside: SetAside) -> Iterator[tuple[StreamRecord, Hold]]:
    """The holds of each record. Poison is set aside."""
    for record in records:
        try:
            holds = holds_in(base64.b64decode(record["kinesis"]["data"], validate=True))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            put_aside(record, f"{type(error).__name__}: {error}", set_aside)
            continue
        yield from ((record, hold) for hold in holds)
