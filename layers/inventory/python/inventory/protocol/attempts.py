"""What a use case learns from each transaction that was cancelled, and how long it waits before the next."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

from inventory.domain.clock import Milliseconds
from inventory.domain.errors import Conflict, Overloaded
from inventory.domain.ids import rank
from inventory.domain.limits import ATTEMPTS_MAX, THROTTLED_MAX
from inventory.domain.stock import ShardKey
from inventory.storage.codec import Record
from inventory.storage.database import ConditionFailed, Contended, Database, Reason, Throttled, TransactionCancelled
from inventory.storage.writes import Write

_CONFLICT_PAUSE_S = 0.0005
_KEPT_PAUSE_S = 0.010  # about as long as another transaction keeps a record, with a call's way
_THROTTLED_PAUSE_S = 0.05
_PAUSE_MAX_S = 0.4


class Attempts:
    """The tries of one operation, bounded, each knowing what the earlier ones met.

    Args:
        pause: Waits for some seconds.
        seed: Jitters the waits.
        most: How many tries there are.
        gives_way: Whether to wait as long as a transaction keeps a record, because many compete for the same (placing).

    Attributes:
        seen_at: The latest `at` met on any record, for the next stamp.
        hops: How many tries failed.
        conflicts: How many of them met another transaction on the same record.
        was_throttled: Whether DynamoDB refused the last one for load.
        unknown: Whether a try may have been made after all: DynamoDB had it under way, or refused the client's own
            repetition of it.
        wait_s: How long to wait before the next try.
    """

    def __init__(
        self, pause: Callable[[float], None], seed: str, *, most: int = ATTEMPTS_MAX, gives_way: bool = False
    ) -> None:
        self.seen_at: Milliseconds = 0
        self.hops = 0
        self.conflicts = 0
        self.was_throttled = False
        self.unknown = False
        self.wait_s = 0.0
        self._pause = pause
        self._seed = seed
        self._most = most
        self._gives_way = gives_way
        self._begun = 0
        self._throttled = 0
        self._met: Counter[Hashable] = Counter()

    def begin(self) -> None:
        """Begins a try, after the wait that the failures call for.

        Raises:
            Conflict: All tries are used up, others were faster each time.
            Overloaded: The last one was throttled, and few more tries may be; or of one nobody knows what became of it.
        """
        if self._begun >= self._most or (self.was_throttled and self._throttled >= THROTTLED_MAX):
            raise self.failure()
        self._begun += 1
        if self.wait_s:
            self._pause(self.wait_s)
            self.wait_s = 0.0

    def failure(self) -> Conflict | Overloaded:
        """What to raise where no further try is made.

        It says that nothing was held, sold or booked only where that is certain. It speaks of no stock: extensions,
        snapshots and audits have their attempts, too.
        """
        if self.was_throttled:
            return Overloaded("The database refused for load. Try again in a moment.")
        if self.unknown:
            return Overloaded("The database did not say in time what became of it.")
        return Conflict("Others were faster, try after try. Nothing was held, sold or booked; try again.")

    def transact(self, database: Database, writes: Sequence[Write]) -> list[Reason] | None:
        """Tries a transaction.

        Returns:
            None where it was made; else the writes that stood in the way, with the records that they met. There are
            none where the transaction was refused as a whole.

        Raises:
            Overloaded: The database did not answer.
        """
        try:
            database.transact(writes)
        except TransactionCancelled as cancelled:
            self._learn(cancelled.failed)
            return cancelled.failed
        except Contended:
            self.unknown = True
            self.contended()
            return []
        except Throttled:
            self.unknown = True
            self.throttled()
            return []
        return None

    def write(self, database: Database, write: Write) -> Record | None:
        """Tries a single write: the record as it now is, or None where another try may do better.

        Raises:
            ConditionFailed: The condition did not hold, and the record that stood there has been noted.
            Overloaded: The database did not answer.
        """
        try:
            return database.write(write)
        except ConditionFailed as failure:
            self._saw(failure.record)
            raise
        except Contended as met:
            self.unknown = self.unknown or met.resent
            self.contended()
        except Throttled:
            self.unknown = True
            self.throttled()
        return None

    def contended(self) -> None:
        """Another was on a record that each try writes: a short wait, longer each time."""
        self._contended(self.conflicts + 1)

    def _contended(self, times: int) -> None:
        """Another was in the way: a short wait, longer each of the `times` that it was the same record.

        The next try on a hot item goes to another shard, so only the same record met again makes the wait longer. Of
        many buyers, those that give way wait as long as a transaction keeps a record, so that fewer tries are under
        way at once; and less each time, so that nobody waits for ever.
        """
        self.hops += 1
        self.conflicts += 1
        self.was_throttled = False
        if self._gives_way:
            self._wait(_KEPT_PAUSE_S / (1 + (self.conflicts - 1) / 2), times - 1)
        else:
            self._wait(_CONFLICT_PAUSE_S, times)

    def throttled(self) -> None:
        """DynamoDB refused for load: back off."""
        self.hops += 1
        self._throttled += 1
        self.was_throttled = True
        self._wait(_THROTTLED_PAUSE_S, self.hops)

    def _learn(self, failed: Sequence[Reason]) -> None:
        for reason in failed:
            if reason.condition_failed:
                self._saw(reason.record)
        shards = [reason.write.about for reason in failed if isinstance(reason.write.about, ShardKey)]
        self._met.update(each.write.about for each in failed if each.contended or each.throttled)
        if any(reason.throttled for reason in failed):
            self.throttled()
        elif any(reason.contended for reason in failed):
            self._contended(max((self._met[shard] for shard in shards), default=self.conflicts + 1))
        else:
            self.hops += 1

    def _saw(self, record: Record | None) -> None:
        if record is not None:
            self.seen_at = max(self.seen_at, record.get("at", 0))

    def _wait(self, base_s: float, times: int) -> None:
        jitter = 0.5 + rank(self._seed, str(self.hops)) % 1000 / 1000
        self.wait_s = min(_PAUSE_MAX_S, base_s * 2 ** min(times, 10)) * jitter


def failed_for_good(failed: Iterable[Reason], at: Milliseconds) -> list[Reason]:
    """The writes whose condition would fail again.

    Not those that met a record with a later `at` than the transaction's: the next try is stamped with that.
    """
    return [
        reason for reason in failed if reason.condition_failed and (reason.record is None or reason.record["at"] <= at)
    ]
