"""The parts of an audit that look at manifests and at the files that they name."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Final

from inventory.adapters.objects import NoSuchObject, Objects
from inventory.audit.parts import Part, read_link, write_link
from inventory.audit.plan import AuditPlan, Depth
from inventory.proof.chain import EntryOf, KeyOf, Link, Verifier, follow, link_of, strange_names
from inventory.proof.files import SEALED, wrong_file
from inventory.proof.findings import Check, Finding
from inventory.proof.listed import ENTRY_BYTES_MAX, LISTED, strange_entries
from inventory.proof.manifest import (
    KEY_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    MANIFESTS,
    File,
    Manifest,
    instant_name,
    key_path,
    manifest_number,
    manifest_path,
)
from inventory.proof.names import is_plain

_AT_ONCE: Final = 8
#: A sealed file: `state/as_of=…/holds-0007.parquet`.
_NAME: Final = re.compile(r"(?P<prefix>[a-z]+)/as_of=[^/]+/(?P<kind>[a-z]+)-(?P<bucket>[0-9]+)[.]parquet")


def check_chain(objects: Objects, plan: AuditPlan, verifier: Verifier) -> Part:
    """The chain from the plan's first manifest on; of those before it, that they are there.

    A few links are in memory at once, however many there are. An audit from the first event also looks for files in
    folders that no manifest has.
    """
    check = Check("manifest_chain")
    end = plan.first

    def links() -> Iterator[Link]:
        nonlocal end
        for link in _links(objects, plan, verifier, lambda path: check.extend(strange_names([path]))):
            end = link.number + 1
            yield link

    # Before the chain is read: a commit writes its manifest first, and then its files.
    folders = (
        [] if plan.depth is not Depth.FULL else [each for prefix in SEALED for each in objects.folders(f"{prefix}/")]
    )
    entries = [] if plan.depth is not Depth.FULL else [stored.key for stored in objects.list(LISTED)]
    instants = follow(links(), check, first=plan.first)
    check.extend(strange_entries(entries, instants))
    for gap in plan.missing:
        for each in gap.outside(plan.first, end):  # between these, `follow` noticed
            check.add(each.finding)
    if plan.manifest is None:
        check.add(Finding("No manifest has the snapshot that is audited.", record=instant_name(plan.as_of_ms)))
    return Part([check, _strange(objects, folders, instants)])


def _strange(objects: Objects, folders: Iterable[str], instants: Collection[str]) -> Check:
    """Files in folders of the sealed ones that are of no manifest's instant; those of its own a manifest looks at."""
    check = Check("sealed_files")
    known = {f"as_of={instant}" for instant in instants}
    for folder in folders:
        if folder.split("/")[1] not in known:
            for stored in objects.list(folder):
                check.looked_at += 1
                check.add(Finding("No manifest names this file.", stored.key))
    return check


def _links(objects: Objects, plan: AuditPlan, verifier: Verifier, strange: Callable[[str], None]) -> Iterator[Link]:
    """The manifests from the plan's first on, in order, each looked at by itself.

    A full audit has looked at most of them where it looked at their files, many at once: what was found there is read.
    One that was gone then, or is another by now, is looked at here. Names beside them that no manifest has are told to
    `strange`.
    """
    key_of, entry_of, found = _keys(objects), _entries(objects), set(plan.files)

    def link(listed: tuple[int, str]) -> Link | None:
        number, tag = listed
        if number in found and (link := read_link(objects, plan.run, number, tag)) and not link.unlisted:
            return link  # what was not listed then may be by now
        try:
            raw = objects.read_start(manifest_path(number), MANIFEST_BYTES_MAX + 1)
        except NoSuchObject:  # gone since it was listed: missing
            return None
        return link_of(number, raw, key_of, verifier, entry_of)[0]

    numbers = (listed for listed in _numbered(objects, strange) if listed[0] >= plan.first)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while some := list(islice(numbers, _AT_ONCE)):
            yield from filter(None, pool.map(link, some))


def _numbered(objects: Objects, strange: Callable[[str], None]) -> Iterator[tuple[int, str]]:
    """The numbers of all manifests by their names, each with its tag."""
    for stored in objects.list(MANIFESTS):
        number = manifest_number(stored.key.removeprefix(MANIFESTS))
        if number is None:
            strange(stored.key)
        else:
            yield number, stored.tag


def _keys(objects: Objects) -> KeyOf:
    @cache
    def key_of(fingerprint: str) -> bytes | None:
        with suppress(NoSuchObject):
            return objects.read_start(key_path(fingerprint), KEY_BYTES_MAX)
        return None

    return key_of


def _entries(objects: Objects) -> EntryOf:
    def entry_of(path: str) -> bytes | None:
        with suppress(NoSuchObject):
            return objects.read_start(path, ENTRY_BYTES_MAX)
        return None

    return entry_of


def check_files_of(objects: Objects, run: str, number: int, verifier: Verifier, work: Path) -> Part:
    """One manifest by itself, its files, and whether others lie beside them.

    What is wrong with the manifest is left for whoever follows the chain; of one that is gone there is nothing.
    """
    check = Check("sealed_files")
    listed = objects.first(manifest_path(number))
    try:
        raw = objects.read_start(manifest_path(number), MANIFEST_BYTES_MAX + 1)
    except NoSuchObject:
        return Part([check])
    link, manifest = link_of(number, raw, _keys(objects), verifier, _entries(objects))
    write_link(objects, run, link, listed.tag if listed else "")
    if manifest is None:
        return Part([check])

    def look_at(place: int, file: File) -> list[Finding]:
        folder = work / str(place)  # of its own: a manifest may name a file twice
        if is_plain(file.path):
            _download(objects, file.path, folder)
        found = list(wrong_file(folder, file, manifest))
        (folder / file.path).unlink(missing_ok=True)
        return found

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(look_at, count(), manifest.files):
            check.looked_at += 1
            check.extend(found)
    named = {file.path for file in manifest.files}
    for prefix in SEALED:
        for stored in objects.list(f"{prefix}/as_of={manifest.as_of}/"):
            if stored.key not in named:
                check.looked_at += 1
                check.add(Finding("No manifest names this file.", stored.key))
    return Part([check])


def files_in_bucket(manifest: Manifest, kinds: Collection[str], bucket: int, buckets: int) -> tuple[File, ...]:
    """A manifest's files of these kinds (`state/holds`) that have a bucket's rows.

    A name's bucket is its hash modulo the number of buckets: where the manifest has a multiple of so many, it has some
    of its own for each.
    """
    numbered = ((file, _bucket_of(file, kinds)) for file in manifest.files)
    return tuple(file for file, number in numbered if number is not None and number % buckets == bucket)


def _bucket_of(file: File, kinds: Collection[str]) -> int | None:
    found = _NAME.fullmatch(file.path)
    return int(found["bucket"]) if found and f"{found['prefix']}/{found['kind']}" in kinds else None


def download_present(objects: Objects, keys: Collection[str], folder: Path) -> None:
    """Brings objects with plain names into a folder of the bucket's layout.

    One that is gone stays away: whoever needs it says so.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda key: _download(objects, key, folder), keys))


def _download(objects: Objects, key: str, folder: Path) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        objects.download(key, path)
    except NoSuchObject:
        path.unlink(missing_ok=True)
