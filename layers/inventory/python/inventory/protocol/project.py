"""Project: the stock stream, folded into the availability that readers and hints use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from inventory.domain.availability import Availability, DirectoryCount, News, ShardCount, fold
from inventory.domain.errors import Conflict
from inventory.domain.heat import Touch
from inventory.domain.rebalancing import claimed, unbalanced
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Core
from inventory.storage.availability_records import availability_from, put_availability
from inventory.storage.codec import Record
from inventory.storage.database import ConditionFailed
from inventory.storage.stock_records import directory_from, is_directory, shard_from

Subject = tuple[str, str]

_SALES: Final = frozenset({"hold", "settlement"})


def news_of(changes: Iterable[tuple[Record | None, Record]]) -> dict[Subject, News]:
    """What changed stock records (each before and after) say of each item and warehouse."""
    news: dict[Subject, News] = {}
    untold = News()
    for before, after in changes:
        if is_directory(after):
            entries = directory_from(after).warehouses
            known = directory_from(before).warehouses if before else {}
            for warehouse, entry in entries.items():
                if known.get(warehouse) != entry:
                    subject = (after["item_id"], warehouse)
                    count = DirectoryCount(after["rev"], entry.shards)
                    news[subject] = news.get(subject, untold).with_directory(count, after["at"])
        else:
            shard = shard_from(after)
            subject = (shard.key.item, shard.key.warehouse)
            count_of_shard = ShardCount(shard.rev, shard.available, shard.held)
            number, touch = shard.key.number, _touch(after)
            news[subject] = news.get(subject, untold).with_shard(number, count_of_shard, shard.at, touch)
    return news


def _touch(record: Record) -> Touch | None:
    """The touch of a sale. Moves, receipts and corrections are no heat: more shards would not help them."""
    cause = record["cause"]
    return Touch(record["at"], cause.get("hops", 0)) if cause["type"] in _SALES else None


@dataclass(slots=True)
class Projected:
    """What became of a batch of news.

    Attributes:
        written: How many records were written.
        unbalanced: Those of which it was noted in the same write that their stock is looked after now.
    """

    written: int = 0
    unbalanced: list[Availability] = field(default_factory=list)


def project(core: Core, news: Mapping[Subject, News]) -> Projected:
    """Folds the news into the projection: one batch read, and one write for each subject that it changes.

    Whatever is given twice or out of order changes nothing.

    Raises:
        Conflict, Overloaded: Some records could not be written now; the batch may be given again.
    """
    subjects = list(news)
    keys = [core.tables.availability_of(*subject) for subject in subjects]
    known = {(each.item, each.warehouse): each for each in map(availability_from, core.database.batch_get(keys))}
    projected = Projected()
    contended: Conflict | None = None
    subjects_news = [(known.get(subject, Availability(*subject)), news[subject]) for subject in subjects]
    for outcome in core.at_once(partial(_tried, core), subjects_news):
        if isinstance(outcome, Conflict):  # the other records went on; the caller tries this one again
            contended = outcome
        elif outcome is not None:
            projected.written += 1
            projected.unbalanced += [outcome.folded] if outcome.due else []
    if contended is not None:
        raise contended
    return projected


class _Written(NamedTuple):
    folded: Availability
    due: bool


def _tried(core: Core, told: tuple[Availability, News]) -> _Written | Conflict | None:
    try:
        return _project_one(core, *told)
    except Conflict as conflict:
        return conflict


def _project_one(core: Core, known: Availability, news: News) -> _Written | None:
    """What was written; None where the news changes nothing."""
    attempts = Attempts(core.pause, f"{known.item}#{known.warehouse}")
    while True:
        attempts.begin()
        folded = fold(known, news)
        if folded.version == known.version:
            return None
        now_ms = core.clock.now()
        due = unbalanced(folded, now_ms, core.thresholds)
        if due:
            folded = claimed(folded, now_ms)
        try:
            if attempts.write(core.database, put_availability(core.tables, folded, known)) is not None:
                return _Written(folded, due)
        except ConditionFailed as failure:
            attempts.contended()
            if failure.record is not None:
                known = availability_from(failure.record)
