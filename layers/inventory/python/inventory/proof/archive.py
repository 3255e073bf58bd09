"""The archive as one table of events, read from the raw objects and nothing else."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inventory.proof.base import BASE
from inventory.proof.columns import LINE, ROW
from inventory.proof.findings import Check, Finding, Progress
from inventory.proof.form import FORMS
from inventory.proof.lives import tell_lives_apart
from inventory.proof.names import NOT_PLAIN, is_plain, literal
from inventory.proof.spans import Span, tell_holes
from inventory.proof.sql import AT, count, each_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK_BYTES: Final = 1 << 20
#: A batch of a stream has 6 MB at most. More is nothing of the archiver's, and may be made to fill memory or disk.
OBJECT_BYTES_MAX: Final = 1 << 30
#: DuckDB reads no longer ones.
_LINE_BYTES_MAX: Final = 16 << 20
#: What is told of a line in evidence, and of how many that differ: the objects have the rest, and may be made to have
#: more than memory holds.
_TOLD_MAX: Final = 4_096
_TWINS_TOLD_MAX: Final = 20
_GZIP: Final = 16 + zlib.MAX_WBITS

#: The table `line`. Whoever copies its rows must copy all columns.
LINE_COLUMNS: Final = {
    "event_id": "VARCHAR",
    "kind": "VARCHAR",
    "text": "VARCHAR",
    "path": "VARCHAR",
    "place": "INTEGER",
}
#: The order in which lines were archived, told by the names of their objects: the hour, the first sequence number in
#: the stream, which is a decimal number, and the place in the object. What the archiver never called so comes last.
_ARCHIVED: Final = "^archive/[a-z]+/(dt=[0-9-]+/hour=[0-9]+)/[0-9a-f]{16}-([0-9]+)-[0-9]+[.]jsonl[.]gz$"
_FIRST_ARCHIVED: Final = f"""
    NOT regexp_matches(path, '{_ARCHIVED}'), regexp_extract(path, '{_ARCHIVED}', 1),
    length(ltrim(regexp_extract(path, '{_ARCHIVED}', 2), '0')), ltrim(regexp_extract(path, '{_ARCHIVED}', 2), '0'),
    path, place, text"""


def archived_objects(folder: Path) -> list[Path]:
    """All objects of the archive, whatever they are called, in the order of their names."""
    return sorted(path for path in (folder / "archive").rglob("*") if path.is_file())


def read_archive(
    database: "DuckDBPyConnection",
    folder: Path,
    objects: Sequence[Path],
    advance: Progress = lambda _: None,
    holes: Sequence[Span] = (),
) -> Check:
    """Makes the tables `line` and `event` (see `read_lines`, `make_events`), and tells what could not be read."""
    check = read_lines(database, folder, objects, advance, holes)
    tell_lives_apart(database)
    make_events(database)
    return check


def read_lines(
    database: "DuckDBPyConnection",
    folder: Path,
    objects: Sequence[Path],
    advance: Progress = lambda _: None,
    holes: Sequence[Span] = (),
) -> Check:
    """Makes the table `line`: every line of the objects, with its path; `kind` is null where it is no event.

    Objects that cannot be read are found, and left out. Of events in a hole nothing is proved: they are in the table
    `hole_event` alone, as `event_id` and `at_ms`.

    Args:
        database: Where to make them.
        folder: A copy of the bucket.
        objects: Which of its objects.
        advance: Told how many bytes were looked at.
        holes: The time before each opening of the history.
    """
    check = Check("archive_readable")
    readable = []
    for path in objects:
        check.looked_at += 1
        name = _name(folder, path)
        if wrong := NOT_PLAIN if not is_plain(name) else _wrong_object(path):
            check.add(Finding(wrong, name))
        else:
            readable.append(path)
        advance(path.stat().st_size)
    create_lines(database, holes)
    for source, paths in _by_source(folder, readable).items():
        check.extend(_fill_lines(database, folder, source, paths))
    _set_holes_aside(database)
    _place_twins(database, folder)
    check.extend(_unreadable_lines(database))
    return check


def make_events(database: "DuckDBPyConnection") -> None:
    """Makes the table `event` from `line`: each event once, in the ledger's columns, and `path`, its first object.

    Lives have to be told apart already (`tell_lives_apart`).
    Of events with one id and different contents, the one that was archived first is taken.
    """
    database.execute(f"""
        CREATE TABLE event AS
        SELECT {ROW}, path
        FROM (
            SELECT event_id, from_json(text, '{LINE}') AS e, path FROM line WHERE kind IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY event_id, stretch_of({AT}) ORDER BY {_FIRST_ARCHIVED}) = 1)
    """)  # noqa: S608 the columns are our own


def create_lines(database: "DuckDBPyConnection", holes: Sequence[Span] = ()) -> None:
    """Makes the tables `line` and `hole_event`, with nothing in them, and what tells holes (see `tell_holes`).

    `place` is a line's place in its object, where that object tells of its id in more than one way; else 0.
    """
    tell_holes(database, holes)
    database.execute(f"CREATE TABLE line ({', '.join(f'{name} {kind}' for name, kind in LINE_COLUMNS.items())})")
    database.execute("CREATE TABLE hole_event (event_id VARCHAR, at_ms BIGINT)")


def _fill_lines(database: "DuckDBPyConnection", folder: Path, source: str, paths: Sequence[Path]) -> list[Finding]:
    """Fills the table `line` with what objects of one of the archive's folders say, and finds what has to be left out.

    One by one they are only looked at where some have lines that are no JSON objects.
    """
    from duckdb import Error

    form = FORMS.get(source)
    looked_at, is_event = (f", {form.looked_at}", form.is_event) if form else ("", "false")
    fill = f"""
        INSERT INTO line
        SELECT json->>'event_id', CASE WHEN {is_event} THEN json->>'type' END, json::VARCHAR, path, 0
        FROM (SELECT json, filename[length(?) + 2:] AS path{looked_at} FROM read_ndjson_objects(?, filename = true))
    """  # noqa: S608 the form is our own
    try:
        database.execute(fill, [str(folder), [literal(path) for path in paths]])
    except Error:
        wrong = {path: found for path in paths if (found := _wrong_line(path) or _unread(database, path))}
        if left := [literal(path) for path in paths if path not in wrong]:
            database.execute(fill, [str(folder), left])
        return [Finding(found, _name(folder, path)) for path, found in wrong.items()]
    return []


def _set_holes_aside(database: "DuckDBPyConnection") -> None:
    of_hole = f"FROM line WHERE kind IS NOT NULL AND in_hole({AT})"
    database.execute(f"INSERT INTO hole_event SELECT event_id, {AT} {of_hole}")
    database.execute(f"DELETE {of_hole}")


def _by_source(folder: Path, paths: Sequence[Path]) -> dict[str, list[Path]]:
    """The objects by the folder of the archive that they lie in."""
    by_source: dict[str, list[Path]] = {}
    for path in paths:
        by_source.setdefault(path.relative_to(folder).parts[1], []).append(path)
    return by_source


def _place_twins(database: "DuckDBPyConnection", folder: Path) -> None:
    """Says in which order an object tells of one id in different ways: rows of a table have no order of their own."""
    objects = database.execute(
        "SELECT path, list(DISTINCT event_id) FROM (SELECT path, event_id FROM line WHERE kind IS NOT NULL "
        "GROUP BY ALL HAVING count(DISTINCT text) > 1) GROUP BY path"
    )
    for path, twins in objects.fetchall():
        wanted = set(twins)
        with gzip.open(folder / path) as lines:
            for place, line in enumerate(lines, 1):
                if line.strip() and json.loads(line).get("event_id") in wanted:
                    values = [place, path, line.strip().decode()]
                    database.execute("UPDATE line SET place = ? WHERE path = ? AND text = ? AND place = 0", values)


def unequal_twins(database: "DuckDBPyConnection") -> Check:
    """Events of one id whose lines differ, in the table `line`; the one archived first is told first.

    Equal events make equal lines, so another spelling of one is nothing of the archiver's.
    """
    check = Check("equal_twins")
    check.looked_at = count(database, "SELECT count(*) FROM line")
    twins = database.execute(f"""
        SELECT event_id, list(path ORDER BY first)[:{_TWINS_TOLD_MAX}],
               list({_told("text")} ORDER BY first)[:{_TWINS_TOLD_MAX}]
        FROM (
            SELECT event_id, stretch_of({AT}) AS stretch, text, path,
                   row_number() OVER (PARTITION BY event_id ORDER BY {_FIRST_ARCHIVED}) AS first
            FROM line SEMI JOIN (
                SELECT event_id FROM line WHERE kind IS NOT NULL GROUP BY event_id HAVING count(DISTINCT text) > 1
            ) USING (event_id)
            WHERE kind IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY event_id, text, path ORDER BY place) = 1)
        GROUP BY event_id, stretch HAVING count(DISTINCT text) > 1 ORDER BY event_id""")  # noqa: S608 the order is our own
    for event_id, paths, texts in each_row(twins):
        evidence = {"paths": paths, "events": texts}
        check.add(
            Finding("Lines of this id differ, in what they say or in how they spell it.", paths[0], event_id, evidence)
        )
    return check


def _told(text: str) -> str:
    return f"CASE WHEN length({text}) > {_TOLD_MAX} THEN left({text}, {_TOLD_MAX}) || '…' ELSE {text} END"


def missing_revisions(database: "DuckDBPyConnection", span: Span) -> Check:
    """Records whose events (after `begin_from`) have a gap (`gapless`), or whose `at` goes back.

    After the span's end events may still be on their way. A base knows nothing of a hold that was settled before it:
    of such a one only the removal can follow, with a revision that says nothing.
    """
    check = Check("gapless")
    events = "at_ms > ? AND at_ms <= ?"
    check.looked_at = count(database, f"SELECT count(*) FROM event WHERE {events}", span)  # noqa: S608 our own
    gaps = database.execute(
        f"""
        WITH followed AS (
            SELECT record_key, rev, at_ms, event_id, path, type, settled,
                   coalesce(lag(rev) OVER w, 0) AS last_rev, lag(at_ms) OVER w AS last_at_ms
            FROM known WHERE ends_with(type, '{BASE}') OR stretch_of(at_ms) = stretch_of($until)
            WINDOW w AS (PARTITION BY record_key ORDER BY rev))
        SELECT record_key, rev, at_ms, event_id, path, last_rev, last_at_ms FROM followed
        WHERE (rev <> last_rev + 1 OR at_ms < last_at_ms) AND at_ms <= $until AND NOT ends_with(type, '{BASE}')
              AND NOT ($since > 0 AND last_rev = 0 AND type = 'hold_removed' AND coalesce(settled, false))
        ORDER BY record_key, rev
        """,  # noqa: S608 our own
        {"since": span.since_ms, "until": span.until_ms},
    )
    for key, rev, at_ms, event_id, path, last_rev, last_at_ms in each_row(gaps):
        if last_rev == 0 and span.since_ms > 0 and key.startswith("hold_"):
            what = "The hold was settled before this audit begins and changed again, or the events between are missing."
            check.add(Finding(what, path, event_id))
        elif rev != last_rev + 1:
            missing = f"{key}@{last_rev + 1}"
            more = f" and {rev - last_rev - 2} more" if rev > last_rev + 2 else ""
            check.add(Finding(f"The event is missing{more}; {event_id} follows.", path, missing))
        else:
            evidence = {"at": at_ms, "before": last_at_ms}
            check.add(Finding("Its instant is before that of the event before it.", path, event_id, evidence))
    return check


def _unreadable_lines(database: "DuckDBPyConnection") -> Iterator[Finding]:
    told = f"{_told('event_id')}, {_told('text')}"
    lines = database.execute(f"SELECT path, {told} FROM line WHERE kind IS NULL ORDER BY path, text")  # noqa: S608 our own
    for path, event_id, text in each_row(lines):
        yield Finding("A line is no event.", path, event_id, {"line": text})


def _wrong_object(path: Path) -> str | None:
    """Why an object cannot be decompressed. Its checksum is looked at here, because DuckDB does not."""
    gzipped, size = zlib.decompressobj(wbits=_GZIP), 0
    try:
        with path.open("rb") as content:
            while not gzipped.eof and (left := content.read(_CHUNK_BYTES)):
                while left and not gzipped.eof:
                    size += len(gzipped.decompress(left, _CHUNK_BYTES))
                    if size > OBJECT_BYTES_MAX:
                        return f"It is nothing of the archiver's: more than {OBJECT_BYTES_MAX:,} bytes, decompressed."
                    left = gzipped.unconsumed_tail
            more = gzipped.unused_data or content.read(1)
    except zlib.error as error:
        return f"It cannot be decompressed: {error}."
    if not gzipped.eof:
        return "It cannot be decompressed: it ends too early."
    return "Something follows after its end." if more else None


def _wrong_line(path: Path) -> str | None:
    number = 0
    try:
        with gzip.open(path) as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_LINE_BYTES_MAX + 1), b""), 1):
                if len(line) > _LINE_BYTES_MAX:
                    return f"Line {number} has more than {_LINE_BYTES_MAX:,} bytes."
                if not isinstance(json.loads(line), dict):
                    return f"Line {number} is no JSON object."
    except (ValueError, RecursionError) as error:
        return f"Line {number} is not JSON: {error}."
    return None


def _unread(database: "DuckDBPyConnection", path: Path) -> str | None:
    from duckdb import Error

    try:
        database.execute("SELECT count(json) FROM read_ndjson_objects(?)", [literal(path)])
    except Error as error:
        return f"It cannot be read: {error}."
    return None


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
