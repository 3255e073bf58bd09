"""The sealed files: every one that a manifest names is there, unchanged, and nothing else lies beside them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final

from inventory.proof.findings import Check, Finding, Progress
from inventory.proof.manifest import File, Manifest
from inventory.proof.names import is_plain, literal

#: Where only a commit may put files.
SEALED: Final = ("snapshots", "holds", "ledger", "state", "opened")


def check_files(
    folder: Path, manifests: Sequence[Manifest], left_out: Sequence[str] = (), advance: Progress = lambda _: None
) -> Check:
    """Whether the folder has the files of all manifests, byte for byte, and no others; nor has what was left out."""
    check = Check("sealed_files")
    astray: set[str] = set()  # what another instant's manifest names is told of once
    for manifest in manifests:
        for file in manifest.files:
            check.looked_at += 1
            if not _is_of_its_instant(file, manifest):
                astray.add(file.path)
            check.extend(wrong_file(folder, file, manifest))
            advance(file.size)
    for path in chain(_unnamed(folder, manifests), (path for path in left_out if path.split("/")[0] in SEALED)):
        if path not in astray:
            check.looked_at += 1
            check.add(Finding("No manifest names this file.", path))
    return check


def rows_in(path: Path) -> int | None:
    """How many rows a Parquet file has; None where it is none."""
    import duckdb

    try:
        with duckdb.cursor() as cursor:  # of its own: several threads may ask at once
            found = cursor.execute("SELECT num_rows FROM parquet_file_metadata(?)", [literal(path)]).fetchone()
    except duckdb.Error:
        return None
    return None if found is None else int(found[0])


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong_file(folder: Path, file: File, manifest: Manifest) -> Iterator[Finding]:
    """What is wrong with a file that a manifest names, if anything."""
    evidence: dict[str, Any]
    path = folder / file.path
    if not _is_of_its_instant(file, manifest):
        yield Finding(f"Manifest {manifest.number} names a file that is not of its instant.", file.path)
    elif not path.is_file():
        yield Finding(f"The file is missing; manifest {manifest.number} names it.", file.path)
    elif path.stat().st_size != file.size:
        evidence = {"found": path.stat().st_size, "expected": file.size}
        yield Finding(f"The file's size is not what manifest {manifest.number} says.", file.path, evidence=evidence)
    elif (found := sha256_of(path)) != file.sha256:
        evidence = {"found": found, "expected": file.sha256}
        yield Finding(f"The file was changed since manifest {manifest.number} sealed it.", file.path, evidence=evidence)
    elif (rows := rows_in(path)) != file.rows:
        evidence = {"found": rows, "expected": file.rows}
        yield Finding(f"The file's rows are not what manifest {manifest.number} says.", file.path, evidence=evidence)


def _is_of_its_instant(file: File, manifest: Manifest) -> bool:
    return is_plain(file.path) and file.path.split("/")[1] == f"as_of={manifest.as_of}"


def _unnamed(folder: Path, manifests: Sequence[Manifest]) -> Iterator[str]:
    """Files that no manifest of their instant names. All names may be too many to remember: one instant's are not."""
    of_instant = defaultdict(list)
    for manifest in manifests:
        of_instant[f"as_of={manifest.as_of}"].append(manifest)
    places = sorted((path for prefix in SEALED for path in (folder / prefix).glob("*")), key=lambda path: path.name)
    for name, beside in groupby(places, key=lambda path: path.name):
        named = {file.path for manifest in of_instant.get(name, ()) for file in manifest.files}
        for place in beside:
            for path in sorted((place, *place.rglob("*"))):
                if path.is_file() and (found := path.relative_to(folder).as_posix()) not in named:
                    yield found
