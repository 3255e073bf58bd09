"""A line that has not the form of an event is named, whatever a cast would make of it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.domain.events import Source
from inventory.proof import archive
from inventory.proof.findings import Finding
from inventory.proof.names import NOT_PLAIN
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import verify
from support.sealed import Sealer, fingerprint_of

Alter = Callable[[str], str]
#: As the archiver calls its objects.
GIVEN = "stock/dt=2026-11-22/hour=10/0000000000000000-1-1.jsonl.gz"


def found(bucket: Sealer) -> list[Finding]:
    proof = verify(bucket.folder, RsaVerifier({fingerprint_of(bucket.key)}))
    return [finding for check in proof.checks if check.name == "archive_readable" for finding in check.findings]


def objects(bucket: Sealer, source: Source) -> list[Path]:
    return sorted((bucket.folder / "archive" / source).rglob("*.gz"))


def alter_line(bucket: Sealer, source: Source, kind: str, alter: Alter) -> tuple[str, str]:
    """Changes the text of the first event of a type, and gives its object's name and its id."""
    for path in objects(bucket, source):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
        for place, line in enumerate(lines):
            event = json.loads(line)
            if event["type"] == kind:
                lines[place] = alter(line)
                assert lines[place] != line
                path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
                return path.relative_to(bucket.folder).as_posix(), event["event_id"]
    raise AssertionError(kind)


def told(*names: str, value: Any) -> Alter:
    """Gives a field another value."""

    def alter(line: str) -> str:
        event = json.loads(line)
        inner = event
        for name in names[:-1]:
            inner = inner[name]
        inner[names[-1]] = value
        return json.dumps(event) + "\n"

    return alter


def twice(before: str, text: str) -> Alter:
    """Puts a field in front of the same one."""
    return lambda line: line.replace(before, f"{text},{before}", 1)


@pytest.mark.parametrize(
    ("source", "kind", "alter"),
    [
        (Source.STOCK, "shard_changed", told("after", "available", value=10.4)),
        (Source.STOCK, "shard_changed", told("after", "available", value="10")),
        (Source.STOCK, "shard_changed", told("after", "available", value="ten")),
        (Source.STOCK, "shard_changed", told("after", "available", value=10**20)),
        (Source.STOCK, "shard_changed", told("after", "approved_by", value="me")),
        (Source.STOCK, "shard_changed", told("approved_by", value="me")),
        (Source.STOCK, "shard_changed", told("set", value={})),
        (Source.STOCK, "shard_changed", told("cause", "approved_by", value="me")),
        (Source.STOCK, "shard_changed", told("cause", "hops", value="many")),
        (Source.STOCK, "shard_changed", told("cause", "hops", value=2**31)),
        (Source.STOCK, "shard_changed", told("cause", value="because")),
        (Source.STOCK, "shard_changed", told("at", value=2**63 - 1)),
        (Source.STOCK, "shard_changed", told("at", value="1000")),
        (Source.STOCK, "shard_changed", told("at", value=0)),
        (Source.STOCK, "shard_changed", told("at", value=1_800_000_000_050)),
        (Source.STOCK, "shard_changed", told("by", value="me")),
        (Source.HOLDS, "hold_placed", told("set", "status", value="lost")),
        (Source.STOCK, "shard_changed", told("v", value=2)),
        (Source.STOCK, "shard_changed", told("type", value="hold_placed")),
        (Source.STOCK, "shard_changed", twice('"after":', '"after":{"available":9999,"held":0,"inflow":1}')),
        (Source.STOCK, "shard_changed", twice('"available":', '"available":9999')),
        (Source.STOCK, "directory_changed", told("shards", value=4)),
        (Source.HOLDS, "hold_placed", told("before", value=None)),
        (Source.HOLDS, "hold_placed", told("set", "due", value="0")),
        (Source.HOLDS, "hold_placed", told("set", "approved_by", value="me")),
        (Source.HOLDS, "hold_placed", told("set", "created", value=1.5)),
        (Source.HOLDS, "hold_placed", told("set", "metadata", value=[])),
        (Source.HOLDS, "hold_settled", told("unset", value="open")),
        (Source.ADJUSTMENTS, "adjustment_made", told("set", "quantity", value=5.4)),
        (Source.ADJUSTMENTS, "adjustment_made", told("settled", value=False)),
        (Source.ADJUSTMENTS, "adjustment_made", twice('"quantity":', '"quantity":99999')),
    ],
)
def test_an_altered_line_is_named_with_its_object(bucket: Sealer, source: Source, kind: str, alter: Alter) -> None:
    path, event_id = alter_line(bucket, source, kind, alter)
    assert [(each.what, each.path, each.record) for each in found(bucket)] == [("A line is no event.", path, event_id)]


@pytest.mark.parametrize("key", ["#x@1", "cup#@1", "cup#berlin#x@1", "cup#berlin#0@0", "cup#berlin#00@1", "hold_1@1"])
def test_a_line_of_a_record_that_cannot_be_is_named(bucket: Sealer, key: str) -> None:
    path, _ = alter_line(bucket, Source.STOCK, "shard_changed", told("event_id", value=key))
    assert [(each.path, each.record) for each in found(bucket)] == [(path, key)]


def test_an_event_among_those_of_another_table_is_named(bucket: Sealer) -> None:
    [stock, *_], [holds, *_] = (objects(bucket, source) for source in (Source.STOCK, Source.HOLDS))
    line, rest = gzip.decompress(stock.read_bytes()).split(b"\n", 1)
    stock.write_bytes(gzip.compress(rest, mtime=0))
    holds.write_bytes(gzip.compress(line + b"\n" + gzip.decompress(holds.read_bytes()), mtime=0))
    [finding] = found(bucket)
    assert finding.path == holds.relative_to(bucket.folder).as_posix()
    assert finding.record == json.loads(line)["event_id"]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        (GIVEN, b"hello", "It cannot be decompressed"),
        (GIVEN, gzip.compress(b"{}\n", mtime=0), "A line is no event."),
        ("stock/dt=2026-11-22/hour=10/notes.txt", b"hello", NOT_PLAIN),
        ("stock/dt=2026-11-22/hour=10/.hidden.jsonl.gz", gzip.compress(b"{}\n", mtime=0), NOT_PLAIN),
        ("stock/dt=2026-11-22/hour=10/a/0-0-0.jsonl.gz", gzip.compress(b"{}\n", mtime=0), NOT_PLAIN),
        ("stock/0-0-0.jsonl.gz", gzip.compress(b"{}\n", mtime=0), NOT_PLAIN),
        ("stock/dt=2026-11-22/hour=10/x.json", gzip.compress(b"{}\n", mtime=0), NOT_PLAIN),
        (GIVEN.replace("stock", "others"), gzip.compress(b"{}\n", mtime=0), NOT_PLAIN),
    ],
)
def test_an_object_that_the_archiver_would_not_make_is_named(
    bucket: Sealer, name: str, content: bytes, what: str
) -> None:
    path = bucket.folder / "archive" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    [finding] = found(bucket)
    assert finding.path == f"archive/{name}"
    assert finding.what.startswith(what)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda _content: b"", "ends too early"),
        (lambda content: content[:-9], "ends too early"),
        (lambda content: content + b"\0" * 512, "follows after its end"),
        (lambda content: content + gzip.compress(b"{}"), "follows after its end"),
        (lambda _content: gzip.compress(b"[" * 100_000), "not JSON"),
        (lambda _content: gzip.compress(b'{"a": "' + b"x" * 20_000_000 + b'"}'), "more than 16,777,216 bytes"),
        (lambda _content: gzip.compress(b'{"a": "' + b"x" * 16_777_000 + b'"}'), "is no event"),
    ],
)
def test_an_object_that_is_damaged_as_a_whole_is_named(
    bucket: Sealer, damage: Callable[[bytes], bytes], says: str
) -> None:
    path = objects(bucket, Source.STOCK)[1]
    path.write_bytes(damage(path.read_bytes()))
    [finding] = found(bucket)
    assert finding.path == path.relative_to(bucket.folder).as_posix()
    assert says in finding.what


@pytest.mark.parametrize("more", [b"\0", gzip.compress(b"{}", mtime=0)])
def test_what_follows_after_an_object_s_end_is_named_wherever_reading_in_pieces_cuts_it(
    bucket: Sealer, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    path = objects(bucket, Source.STOCK)[1]
    monkeypatch.setattr(archive, "_CHUNK_BYTES", path.stat().st_size)
    path.write_bytes(path.read_bytes() + more)
    assert [(each.path, each.what) for each in found(bucket)] == [
        (path.relative_to(bucket.folder).as_posix(), "Something follows after its end.")
    ]


def test_twins_in_one_object_are_told_apart_whatever_stands_beside_them(bucket: Sealer) -> None:
    path = objects(bucket, Source.ADJUSTMENTS)[0]
    first, *others = gzip.decompress(path.read_bytes()).decode().split("\n")
    event = json.loads(first)
    twin = json.dumps({**event, "set": {**event["set"], "reason": "a line\u2028and another"}}, ensure_ascii=False)
    path.write_bytes(gzip.compress("\n".join([first, twin, "{}", *others]).encode(), mtime=0))
    proof = verify(bucket.folder, RsaVerifier({fingerprint_of(bucket.key)}))
    [twins] = [check for check in proof.checks if check.name == "equal_twins"]
    [finding] = twins.findings
    assert finding.record == event["event_id"]
    assert [json.loads(text)["set"]["reason"] for text in finding.evidence["events"]] == [
        event["set"]["reason"],
        "a line\u2028and another",
    ]
