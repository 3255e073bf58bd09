"""What is listed of snapshots, and shown by the API, is held against what was signed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.history.layout import listed_path
from inventory.proof import listed
from support.looks import INSTANTS, Look, audited, followed, read, verified
from support.sealed import Sealer

Told = dict[str, Any]


def entry(bucket: Sealer, number: int) -> Path:
    return bucket.folder / listed_path(INSTANTS[number - 1])


def wrong(bucket: Sealer, number: int) -> tuple[str, None, str]:
    what = f"What is listed is not what manifest {number} says."
    return entry(bucket, number).relative_to(bucket.folder).as_posix(), None, what


@pytest.mark.parametrize("as_of_ms", [1_000, INSTANTS[0], 9_999_999_999_000])
def test_both_sides_look_for_an_entry_in_the_same_place(as_of_ms: int) -> None:
    assert listed.listed_path(as_of_ms) == listed_path(as_of_ms)


@pytest.mark.parametrize("look", [read, followed])
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["totals"].update(available=100),
        lambda told: told["totals"].pop("held"),
        lambda told: told.update(id="snap_" + "0" * 32),
        lambda told: told.update(as_of_ms=INSTANTS[1]),
        lambda told: told["manifest"].update(number=2),
        lambda told: told["manifest"].update(number=True),
        lambda told: told["manifest"].update(sha256="0" * 64),
        lambda told: told.update(note="x"),
        lambda told: told.pop("created_ms"),
        lambda told: told.update(created_ms=INSTANTS[0] - 1),
        lambda told: told.update(created_ms="now"),
        lambda told: told.update(created_ms=10**30),
    ],
)
def test_an_entry_that_says_anything_else_than_its_manifest_is_named(
    bucket: Sealer, look: Look, number: int, change: Callable[[Told], object]
) -> None:
    told = json.loads(entry(bucket, number).read_bytes())
    change(told)
    entry(bucket, number).write_text(json.dumps(told))
    assert look(bucket) == [wrong(bucket, number)]


@pytest.mark.parametrize("look", [verified, audited])
@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_an_entry_that_is_none_is_named(bucket: Sealer, look: Look, raw: bytes) -> None:
    entry(bucket, 2).write_bytes(raw)
    assert look(bucket) == [wrong(bucket, 2)]


@pytest.mark.parametrize("look", [read, followed])
def test_when_a_snapshot_was_published_is_not_proved(bucket: Sealer, look: Look) -> None:
    told = json.loads(entry(bucket, 2).read_bytes())
    entry(bucket, 2).write_text(json.dumps(told | {"created_ms": told["created_ms"] + 1}))
    assert look(bucket) == []


@pytest.mark.parametrize("look", [read, followed])
def test_a_snapshot_that_is_not_listed_is_named_unless_it_is_the_newest(bucket: Sealer, look: Look) -> None:
    """The newest is listed a moment after its manifest is there."""
    for number in (2, 3):
        entry(bucket, number).unlink()
    path, *_ = wrong(bucket, 2)
    assert look(bucket) == [(path, None, "The snapshot is not listed, although a later manifest is there.")]


@pytest.mark.parametrize("look", [read, followed])
@pytest.mark.parametrize(
    "path",
    [
        listed_path(INSTANTS[0] + 1_000),
        f"{listed_path(INSTANTS[0])}.json",
        f"{listed_path(INSTANTS[0])[:-10]}.json",
        "listed/x",
        "listed/sub/x",
    ],
)
def test_an_entry_of_a_snapshot_that_no_manifest_has_is_named(bucket: Sealer, look: Look, path: str) -> None:
    (bucket.folder / path).parent.mkdir(exist_ok=True)
    (bucket.folder / path).write_bytes(entry(bucket, 1).read_bytes())
    assert look(bucket) == [(path, None, "No manifest has the snapshot that this lists.")]


@pytest.mark.parametrize("look", [read, followed])
def test_an_entry_is_not_held_against_a_manifest_that_was_changed_itself(bucket: Sealer, look: Look) -> None:
    path = bucket.folder / "manifests/00000003.json"
    path.write_bytes(path.read_bytes().replace(b'"available":0', b'"available":1'))
    assert [what for *_, what in look(bucket)] == ["Its signature is wrong."]


def test_a_copy_without_the_list_proves_the_history_all_the_same(bucket: Sealer) -> None:
    for path in (bucket.folder / "listed").iterdir():
        path.unlink()
    assert len(read(bucket)) == 2
    (bucket.folder / "listed").rmdir()
    assert verified(bucket) == []
