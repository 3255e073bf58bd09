"""Sealed files are many: after years of hourly snapshots nobody can remember all their names."""

import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

from inventory.proof.files import check_files
from inventory.proof.findings import FINDINGS_KEPT_MAX
from inventory.proof.manifest import File, Manifest

FILES = 600


class Name(str):
    """A file's name that is counted as long as somebody remembers it."""

    remembered: ClassVar = weakref.WeakSet["Name"]()
    most: ClassVar = 0

    def __init__(self, _: str) -> None:
        Name.remembered.add(self)
        Name.most = max(Name.most, len(Name.remembered))


class Files:
    """The files of a manifest, made when they are asked for."""

    def __init__(self, as_of: str) -> None:
        self._as_of = as_of

    def __iter__(self) -> Iterator[File]:
        names = (Name(f"ledger/as_of={self._as_of}/items-{number:04}.parquet") for number in range(FILES))
        return (File(name, 3, 1, "0" * 64) for name in names)


def manifest_of(number: int) -> Manifest:
    as_of = f"202611{number:02}T000000Z"
    files = cast("Sequence[File]", Files(as_of))
    return Manifest(f"manifests/{number:08}.json", number, "", "snap", as_of, number, 0, 1, files, {})


def test_of_all_sealed_files_only_the_names_of_one_instant_are_remembered(tmp_path: Path) -> None:
    manifests = [manifest_of(number) for number in range(1, 9)]
    for each in manifests:
        (tmp_path / f"ledger/as_of={each.as_of}").mkdir(parents=True)
    check = check_files(tmp_path, manifests)
    assert check.looked_at == check.discrepancies == len(manifests) * FILES
    of_one_and_the_next = 2 * FILES
    assert FILES <= Name.most <= FINDINGS_KEPT_MAX + of_one_and_the_next + 2 < len(manifests) * FILES


def test_whatever_lies_beside_the_files_of_an_instant_is_named(tmp_path: Path) -> None:
    known, unknown = "as_of=20261101T000000Z", "as_of=20261201T000000Z"
    of_another = f"ledger/{known}/items-0000.parquet"
    added = [
        "holds/loose",
        f"holds/{known}/deep/er",
        f"ledger/{unknown}/items-0000.parquet",
        f"state/{known}/x.parquet",
    ]
    for path in (of_another, *added):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"abc")
    (tmp_path / "holds" / unknown).mkdir()
    check = check_files(tmp_path, [manifest_of(1)], ["ledger/no plain name", "archive/no plain name"])
    found: list[Any] = [each.path for each in check.findings if each.what == "No manifest names this file."]
    assert sorted(found) == sorted([*added, "ledger/no plain name"])
    assert found[-1] == "ledger/no plain name"
    assert check.looked_at == FILES + len(found)
