"""A recorded day of business, and buckets made of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory.domain.events import Source
from inventory.proof.archive import archived_objects, read_archive
from inventory.proof.base import begin_from
from inventory.proof.checks import check_events
from inventory.proof.findings import Finding
from inventory.proof.live import LIVE_COLUMNS, check_live_tables, create_live_tables
from inventory.proof.rebuild import fold_archive
from inventory.proof.spans import Span
from support.auditing import Audit, Events, live
from support.sealed import Sealer
from support.tape import Tape
from support.trade import trade
from support.world import World


@pytest.fixture(scope="session")
def tape() -> Tape:
    world = World(seed=13)
    tape = Tape(world)
    trade(world, 200, seed=13)
    return tape


@pytest.fixture(scope="session")
def instants(tape: Tape) -> tuple[int, int, int]:
    """Three instants of the day, in whole seconds; after the last nothing is told."""
    told = tape.instants()
    first, second = (told[len(told) * part // 3] // 1000 * 1000 for part in (1, 2))
    return first, second, told[-1] // 1000 * 1000 + 1000


@pytest.fixture(scope="session")
def sealed_day(tape: Tape, instants: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    sealer = Sealer(tmp_path_factory.mktemp("day"), {source: tape.events(source) for source in Source})
    sealer.archive()
    for instant in instants:
        sealer.seal(instant)
    sealer.seal((instants[0] + instants[1]) // 2000 * 1000)  # asked for later, of an earlier instant
    return sealer


@pytest.fixture
def bucket(sealed_day: Sealer, tmp_path: Path) -> Sealer:
    """A copy of the sealed day's bucket, to do what one likes with."""
    return sealed_day.copied_to(tmp_path / "bucket")


@pytest.fixture
def events(tape: Tape) -> Events:
    return {source: [dict(event) for event in tape.events(source)] for source in Source}


@pytest.fixture
def audit(tape: Tape, tmp_path: Path) -> Iterator[Audit]:
    """Audits these events, and the tables with these changes; gives what was found, by check."""
    with duckdb.connect() as database:

        def auditing(events: Events, **edits: Any) -> dict[str, list[Finding]]:
            Sealer(tmp_path, events).archive(batch=400)
            until = edits.get("until") or max(event["at"] for told in events.values() for event in told)
            read_archive(database, tmp_path, archived_objects(tmp_path))
            begin_from(database, tmp_path, None)
            fold_archive(database, until)
            tables = {source: list(tape.world.records(name)) for source, name in tape.tables.items()}
            edited = {source: edits.get(f"edit_{source}", list)(records) for source, records in tables.items()}
            checks = check_events(database)
            create_live_tables(database)
            for table, rows in live(edited).items():
                marks = ", ".join("?" for _ in LIVE_COLUMNS[table])
                database.executemany(f"INSERT INTO {table} VALUES ({marks})", [list(row.values()) for row in rows])
            checks += check_live_tables(database, Span(edits.get("since", 0), until))
            return {check.name: check.findings for check in checks if check.discrepancies}

        yield auditing
