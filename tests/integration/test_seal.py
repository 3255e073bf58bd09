"""The seal: each bucket is compared by itself with what its execution read, and the last step reads what came of it."""

from pathlib import Path
from typing import Any

import pytest

from inventory.adapters.objects import NoSuchObject
from inventory.adapters.scratch import scratch_database
from inventory.domain.events import Source
from inventory.history import seal
from inventory.history.columnar import LIVE, Columns, load, save
from support.objects import DirectoryObjects
from support.spells import after_spell
from support.workflow import History


@pytest.fixture
def reduced(history: History) -> dict[str, Any]:
    """What the seal is told of an execution that has read the live tables, and reduced."""
    words = history.begin(after_spell(2))
    history.scan(words)
    return history.reduced(words)


class Asked(list[str]):
    """The name of an object for each request that brings something of it."""

    def __init__(self, objects: DirectoryObjects, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._objects = objects
        patch.setattr(objects, "read", self._read)
        patch.setattr(objects, "download", self._download)

    def _read(self, key: str) -> bytes:
        self.append(key)
        return DirectoryObjects.read(self._objects, key)

    def _download(self, key: str, path: Path, *, tag: str | None = None) -> None:
        self.append(key)
        DirectoryObjects.download(self._objects, key, path, tag=tag)


def read_live(history: History, words: dict[str, Any], name: str) -> None:
    """Adds a hold to what an execution has read, which no archive knows."""
    key = next(key for key in history.objects.contents(words["live"]) if "-holds-" in key)
    file = history.objects.root / key
    with scratch_database(memory_mb=100) as sql:
        rows = f"SELECT '{name}' AS record_key, 1 AS rev, {words['as_of_ms'] - 1} AS at_ms, false AS settled"
        save(sql, rows, LIVE, "record_key", file, "")


def test_no_more_than_one_kind_of_a_bucket_is_on_a_disk(
    history: History, reduced: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[int] = []

    def watched(sql: Any, table: str, columns: Columns, files: list[Path]) -> None:
        of_kind = files[0].parents[2]
        there.append(sum(other.is_dir() for other in of_kind.parent.iterdir()))
        load(sql, table, columns, files)

    monkeypatch.setattr(seal, "load", watched)
    assert history.seal(reduced)["complete"]
    assert set(there) == {1}
    assert len(there) > 2 * history.steps.buckets


def test_each_file_that_was_scanned_is_asked_for_once(
    history: History, reduced: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one for each segment and bucket, most of them with next to nothing in it: to ask twice takes longer."""
    asked = Asked(history.objects, monkeypatch)
    assert history.seal(reduced)["complete"]
    scanned = [key for key in asked if key.endswith(".parquet") and key.startswith(reduced["live"])]
    assert sorted(scanned) == [key for key in history.objects.contents(reduced["live"]) if key.endswith(".parquet")]


def test_a_task_reads_its_own_bucket_and_the_last_step_no_records_at_all(
    history: History, reduced: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One function that read them all would have a file for each table, segment and bucket: up to 200,000."""
    asked = Asked(history.objects, monkeypatch)
    for number, item in enumerate(history.items(reduced, "seal")):
        asked.clear()
        history.steps.run({"step": "seal_bucket", **item})
        files = [Path(key).name for key in asked if key.endswith(".parquet")]
        assert len(files) > len(Source)
        assert all(f"-{number:04d}" in name for name in files)
    asked.clear()
    assert history.steps.run({**reduced, "step": "seal"}) == {"complete": True, "incomplete": []}
    assert [key for key in asked if key.endswith(".parquet")] == []
    assert len([key for key in asked if "/compared/" in key]) == history.steps.buckets


def test_executions_that_share_a_run_are_each_judged_by_what_they_read(history: History) -> None:
    first = history.begin(after_spell(2))
    history.now_ms += 1000
    second = history.begin(after_spell(2))
    for words in (first, second):
        history.scan(words)
    read_live(history, second, "hold_unknown")
    first, second = history.reduced(first), history.reduced(second)
    assert first["run"] == second["run"]
    for words in (second, first, second):
        history.each(words, "seal", "seal_bucket")
    assert history.steps.run({**first, "step": "seal"})["complete"]
    [found] = history.steps.run({**second, "step": "seal"})["incomplete"]
    assert found["record_key"] == "hold_unknown"


def test_nothing_is_sealed_of_which_a_bucket_has_not_been_compared(history: History, reduced: dict[str, Any]) -> None:
    for item in history.items(reduced, "seal")[:-1]:
        history.steps.run({"step": "seal_bucket", **item})
    with pytest.raises(NoSuchObject):
        history.steps.run({**reduced, "step": "seal"})
