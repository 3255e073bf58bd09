"""The newest manifest: by its name, whatever else lies beside it; and read only if it is one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.history.layout import manifest_path
from inventory.history.manifest import (
    DataFile,
    ManifestDamaged,
    body_of,
    canonical,
    head_number,
    read_manifest,
    read_signed,
    signed,
)
from support.objects import DirectoryObjects
from support.workflow import KeyInMemory


def test_without_a_manifest_it_is_none(tmp_path: Path) -> None:
    assert head_number(DirectoryObjects(tmp_path)) == 0


@pytest.mark.parametrize("name", ["notes.txt", "9.json", "0000000x.json", "00000009.json.bak", "zz/00000009.json"])
def test_what_is_not_called_a_manifest_is_none(tmp_path: Path, name: str) -> None:
    objects = DirectoryObjects(tmp_path)
    for number in (1, 2, 3):
        objects.put(manifest_path(number), b"{}")
    objects.put(f"manifests/{name}", b"{}")
    assert head_number(objects) == 3


def content(**changes: Any) -> bytes:
    """The file of a first manifest, but for what is changed in its body."""
    body = body_of(
        previous=None,
        as_of_ms=1_764_000_000_000,
        ledger_from_ms=None,
        buckets=2,
        writer="duckdb",
        files=[DataFile("ledger/a", 10, 1, "0" * 64)],
        totals={"items": 1},
        opening={"reason": "new", "actor": "arn", "after": None},
    )
    return signed({name: value for name, value in (body | changes).items() if value != "left out"}, KeyInMemory())


def test_what_the_commit_writes_is_read(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put(manifest_path(1), content())
    assert read_manifest(objects, 1).files == [DataFile("ledger/a", 10, 1, "0" * 64)]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"\xff", "utf-8"),
        (b"[" * 100_000, "recursion"),
        (b"[]", "indices"),
        (b"{}", "it has no 'manifest'"),
        (b'{"manifest":{}}', "it has no 'signature'"),
        (b'{"manifest":{},"signature":{}}', "it has no 'number'"),
        (b'{"manifest":null,"signature":{}}', "not subscriptable"),
        (content(number=2), "its number is 2"),
        (content(number="1"), "its number is '1'"),
        (content(number=True), "its number is 'True'"),
        (content(as_of_ms=0), "its instant is 0"),
        (content(as_of_ms=1.5), "its as_of_ms is '1.5'"),
        (content(as_of_ms=10**14), "its instant is 10+"),
        (content(buckets=0), "its buckets are 0"),
        (content(buckets="left out"), "it has no 'buckets'"),
        (content(ledger_from_ms="then"), "its ledger_from_ms is 'then'"),
        (content(files={}), "its files is"),
        (content(files=[1]), "mapping"),
        (content(files=[{"path": "a"}]), "missing"),
        (content(files=[{"path": "a", "bytes": "1", "rows": 1, "sha256": "0"}]), "one of its files is"),
        (content(totals=None), "its totals is 'None'"),
        (content(opening="now"), "indices"),
        (content() + b" " * (4 << 20), "it has more than 4,194,304 bytes"),
        (content(opening={"after": {"as_of_ms": "then"}}), "what its opening comes after has no instant"),
    ],
)
def test_a_file_that_is_called_a_manifest_and_is_none_is_named_with_what_is_wrong(
    tmp_path: Path, file: bytes, why: str
) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put(manifest_path(1), file)
    with pytest.raises(ManifestDamaged, match=f"^manifests/00000001.json is no manifest: .*{why}") as caught:
        read_manifest(objects, 1)
    assert caught.value.key == manifest_path(1)


def resaid(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file of a first manifest, but for what is changed beside its body; in canonical form."""
    told = json.loads(content())
    change(told)
    return canonical(told) + b"\n"


def told_by_another_text(told: dict[str, Any]) -> None:
    """The last digit before the padding has bits that stand for nothing."""
    value = told["signature"]["value"]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert value.endswith("==")
    told["signature"]["value"] = f"{value[:-3]}{digits[digits.index(value[-3]) + 1]}=="


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (resaid(lambda told: told.update(note="x")), "not written as the commit writes it"),
        (resaid(lambda told: told["signature"].update(note="x")), "not written as the commit writes it"),
        (resaid(lambda told: told["signature"].update(algorithm="none")), "not written as the commit writes it"),
        (resaid(told_by_another_text), "not written as the commit writes it"),
        (resaid(lambda told: told["signature"].update(value=told["signature"]["value"] + "\n")), "padding"),
        (resaid(lambda told: told["signature"].update(value=1)), "bytes-like"),
        (resaid(lambda told: told.update(signature=[])), "indices"),
        (resaid(lambda told: told["signature"].pop("key")), "it has no 'key'"),
        (content()[:-1], "not written as the commit writes it"),
        (content() + b"\n", "not written as the commit writes it"),
        (content().replace(b'{"manifest":', b'{"manifest": '), "not written as the commit writes it"),
        (content().replace(b'{"manifest":', b'{"manifest":0,"manifest":'), "not written as the commit writes it"),
        (content().replace(b'"number":1,', b'"number":9,"number":1,'), "not written as the commit writes it"),
        (content().replace(b'"writer":"d', b'"writer":"\\u0064'), "not written as the commit writes it"),
    ],
)
def test_a_file_with_bytes_that_the_signature_does_not_cover_is_no_manifest(
    tmp_path: Path, file: bytes, why: str
) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put(manifest_path(1), file)
    with pytest.raises(ManifestDamaged, match=f"^manifests/00000001.json is no manifest: .*{why}"):
        read_manifest(objects, 1)


def test_a_manifest_is_signed_where_a_key_that_may_signs_all_of_its_body(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put(manifest_path(1), content())
    assert read_signed(objects, 1, KeyInMemory()).content == content()


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["manifest"]["totals"].update(items=2),
        lambda told: told["manifest"].update(note="x"),
        lambda told: told["signature"].update(key="0" * 64),
        lambda told: told["signature"].update(value=""),
    ],
)
def test_a_manifest_that_no_key_signed_that_may_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put(manifest_path(1), resaid(change))
    assert read_manifest(objects, 1).number == 1
    with pytest.raises(ManifestDamaged, match="no key that may sign manifests has signed it"):
        read_signed(objects, 1, KeyInMemory())
