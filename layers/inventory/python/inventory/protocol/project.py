"""Project: the stock stream, folded into the availability that readers and hints use."""

from collections.abc import Iterable, Mapping

from inventory.domain.availability import Availability, DirectoryCount, News, ShardCount, fold
from inventory.domain.errors import Conflict
from inventory.protocol.attempts import Attempts
from inventory.protocol.core import Core
from inventory.storage.availability_records import availability_from, put_availability
from inventory.storage.codec import Record
from inventory.storage.database import ConditionFailed
from inventory.storage.stock_records import directory_from, is_directory, shard_from

Subject = tuple[str, str]


def news_of(changes: Iterable[tuple[Record | None, Record]]) -> dict[Subject, News]:
    """What changed stock records (each before and after) say of each item and warehouse."""
    news: dict[Subject, News] = {}
    for before, after in changes:
        if is_directory(after):
            told = directory_from(after).warehouses
            known = directory_from(before).warehouses if before else {}
            for warehouse, entry in told.items():
                if known.get(warehouse) != entry:
                    subject = (after["item_id"], warehouse)
                    count = DirectoryCount(after["rev"], entry.shards)
                    news[subject] = news.get(subject, News()).with_directory(count)
        else:
            shard = shard_from(after)
            subject = (shard.key.item, shard.key.warehouse)
            count_of_shard = ShardCount(shard.rev, shard.available, shard.held)
            news[subject] = news.get(subject, News()).with_shard(shard.key.number, count_of_shard)
    return news


def project(core: Core, news: Mapping[Subject, News]) -> int:
    """Folds the news into the projection: one batch read, and one write for each subject that it changes.

    Whatever is given twice or out of order changes nothing.

    Returns:
        How many records were written.

    Raises:
        Conflict, Overloaded: Some records could not be written now; the batch may be given again.
    """
    subjects = list(news)
    keys = [core.tables.availability_of(*subject) for subject in subjects]
    known = {(each.item, each.warehouse): each for each in map(availability_from, core.database.batch_get(keys))}
    written = 0
    contended: Conflict | None = None
    for subject in subjects:
        try:
            written += _project_one(core, known.get(subject, Availability(*subject)), news[subject])
        except Conflict as conflict:  # the other records go on; the caller tries this one again
            contended = conflict
    if contended is not None:
        raise contended
    return written


def _project_one(core: Core, known: Availability, news: News) -> bool:
    attempts = Attempts(core.pause, f"{known.item}#{known.warehouse}")
    for _ in attempts:
        folded = fold(known, news)
        if folded.version == known.version:
            return False
        try:
            if attempts.write(core.database, put_availability(core.tables, folded, known)) is not None:
                return True
        except ConditionFailed as failure:
            attempts.contended()
            if failure.record is not None:
                known = availability_from(failure.record)
    raise AssertionError("the tries end by an error of their own")
