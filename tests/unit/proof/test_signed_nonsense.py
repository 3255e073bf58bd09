"""What somebody with the signing key could make: chain and files that are signed and still not right are named."""

import json
import re
import shutil
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from inventory.domain.events import Source, record_key
from inventory.proof.chain import link_of
from inventory.proof.findings import Finding
from inventory.proof.manifest import MANIFEST_BYTES_MAX, canonical, key_path
from inventory.proof.merkle import merkle_root
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import verify
from support.folding import revision
from support.parquet import rows_of
from support.sealed import Sealer, fingerprint_of, rewrite_object, rewrite_parquet

Told = dict[str, Any]


def found_in(bucket: Sealer, check: str) -> list[Finding]:
    proof = verify(bucket.folder, RsaVerifier({fingerprint_of(bucket.key)}), every=True)
    return [finding for each in proof.checks if each.name == check for finding in each.findings]


def content_of(bucket: Sealer, number: int) -> Told:
    told: Told = json.loads((bucket.folder / f"manifests/{number:08}.json").read_bytes())
    return told


def with_root(told: Told) -> Told:
    """A manifest with the Merkle root of the files that it names."""
    leaves = [f"{file['sha256']} {file['bytes']} {file['rows']} {file['path']}".encode() for file in told["files"]]
    return told | {"merkle_root": merkle_root(leaves).hex()}


def sign_again(bucket: Sealer, **changes: Any) -> Told:
    """The last manifest, signed with these changes."""
    told = with_root(content_of(bucket, bucket.manifests)["manifest"] | changes)
    bucket.manifests -= 1
    bucket.commit(told)
    return told


def rewritten(bucket: Sealer, edit: Callable[[Told], bytes]) -> list[tuple[str, str]]:
    """What the chain says where the last manifest's file is another."""
    path = bucket.folder / f"manifests/{bucket.manifests:08}.json"
    path.write_bytes(edit(content_of(bucket, bucket.manifests)))
    return [(finding.path or "", finding.what) for finding in found_in(bucket, "manifest_chain")]


def test_a_manifest_in_another_spelling_than_the_canonical_one_is_named(bucket: Sealer) -> None:
    found = rewritten(bucket, lambda content: json.dumps(content).encode())
    assert found == [("manifests/00000004.json", "It is not written as canonical JSON.")]


def test_a_file_larger_than_any_manifest_is_none_and_is_not_read_whole(bucket: Sealer) -> None:
    """Whoever made one could else end whoever reads it, by its memory."""
    found = rewritten(bucket, lambda content: canonical(content) + b"\n" * MANIFEST_BYTES_MAX)
    assert found[:-1] == [("manifests/00000004.json", "It is no manifest: It has more than 4,194,304 bytes.")]
    assert found[-1][1] == "No manifest has the snapshot that this lists."
    (bucket.folder / "manifests/00000004.json").open("r+b").truncate(1 << 33)
    assert found_in(bucket, "manifest_chain")[0].what == found[0][1]


def test_a_signature_by_another_algorithm_is_wrong(bucket: Sealer) -> None:
    def edit(content: Told) -> bytes:
        content["signature"]["algorithm"] = "RSASSA_PSS_SHA_256"
        return canonical(content) + b"\n"

    assert rewritten(bucket, edit) == [("manifests/00000004.json", "Its signature is wrong.")]


def test_a_signature_whose_key_is_missing_is_not_believed(bucket: Sealer) -> None:
    path = key_path(fingerprint_of(bucket.key))
    (bucket.folder / path).unlink()
    assert {(each.path, each.what) for each in found_in(bucket, "manifest_chain")} == {
        (path, "The key that signed it is missing.")
    }


def test_a_key_that_is_none_of_rsa_signed_nothing() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert RsaVerifier(()).signer_of(pem, b"signature", b"message") is None


@pytest.mark.parametrize("order", [lambda files: files[::-1], lambda files: [files[0], *files]])
def test_files_that_are_not_sorted_or_named_twice_are_named(
    bucket: Sealer, order: Callable[[list[Told]], list[Told]]
) -> None:
    sign_again(bucket, files=order(content_of(bucket, bucket.manifests)["manifest"]["files"]))
    assert [each.what for each in found_in(bucket, "manifest_chain")] == [
        "Its files are not sorted, or one is named twice."
    ]


KINDS = ["holds", "ledger/holds", "ledger/items", "snapshots", "state/directories", "state/holds", "state/shards"]


@pytest.mark.parametrize("kind", [f"{kind.replace('/', '/as_of=[^/]+/')}.*-0001" for kind in KINDS] + ["state/"])
def test_a_manifest_that_lacks_files_which_every_snapshot_has_is_named(bucket: Sealer, kind: str) -> None:
    bucket.manifests = 3  # the last that adds to the ledger
    (bucket.folder / "manifests/00000004.json").unlink()
    for listed in (bucket.folder / "listed").iterdir():
        if json.loads(listed.read_bytes())["manifest"]["number"] == 4:
            listed.unlink()
    files = content_of(bucket, 3)["manifest"]["files"]
    lacking = [file["path"] for file in files if re.match(kind, file["path"])]
    sign_again(bucket, files=[file for file in files if file["path"] not in lacking])
    for path in lacking:
        (bucket.folder / path).unlink()
    [found] = found_in(bucket, "manifest_chain")
    assert (found.path, found.what) == (
        "manifests/00000003.json",
        "It does not name exactly the files that a snapshot has.",
    )
    assert found.evidence == {"missing": {"files": len(lacking), "first": lacking}}


@pytest.mark.parametrize("name", ["items-0003", "items-00000", "more-0000", "zz"])
def test_a_manifest_that_names_a_file_which_no_snapshot_has_is_named(bucket: Sealer, name: str) -> None:
    files = content_of(bucket, bucket.manifests)["manifest"]["files"]
    first = next(file for file in files if file["path"].startswith("snapshots/"))
    more = {**first, "path": first["path"].replace("items-0000", name)}
    shutil.copy(bucket.folder / first["path"], bucket.folder / more["path"])
    sign_again(bucket, files=sorted([*files, more], key=lambda file: str(file["path"])))
    [found] = found_in(bucket, "manifest_chain")
    assert found.what == "It does not name exactly the files that a snapshot has."
    assert found.evidence == {"too_many": {"files": 1, "first": [more["path"]]}}


@pytest.mark.parametrize(("number", "ledger_from_ms", "wrong"), [(4, 0, "missing"), (3, None, "too_many")])
def test_the_ledger_s_files_are_those_of_snapshots_that_add_to_it(
    bucket: Sealer, number: int, ledger_from_ms: int | None, wrong: str
) -> None:
    told = content_of(bucket, number)["manifest"] | {"ledger_from_ms": ledger_from_ms}
    raw = canonical({"manifest": told}) + b"\n"
    [found] = link_of(number, raw, lambda _: None, RsaVerifier(()))[0].inside[:1]
    assert found.evidence[wrong]["files"] == 2 * bucket.buckets
    assert {path.split("/")[0] for path in found.evidence[wrong]["first"]} == {"ledger"}


AFTER = {"number": 3, "sha256": "00" * 32, "as_of_ms": 1000}
OPENING = {"reason": "the archiver was down", "actor": "operator", "after": AFTER}
OPENED = ["opened/lost-holds", "opened/lost-items", "opened/changed-items"]


def files_of_an_opening(told: Told) -> list[Told]:
    """All that a manifest names, and what one names that opens the history; a ledger's files, if it has one."""
    kinds = [*OPENED, *(["ledger/items", "ledger/holds"] if told["ledger_from_ms"] is not None else [])]
    within = f"/as_of={told['as_of']}/"
    more = [
        {**told["files"][0], "path": f"{kind.replace('/', within)}-{number:04}.parquet"}
        for kind in kinds
        for number in range(told["buckets"])
    ]
    return sorted([*told["files"], *more], key=lambda file: str(file["path"]))


@pytest.mark.parametrize(
    ("changes", "opening", "right"),
    [
        ({}, {}, True),
        ({"previous": None}, {"after": None}, True),
        ({}, {"reason": ""}, False),
        ({}, {"actor": ""}, False),
        ({}, {"after": {**AFTER, "number": 4}}, False),
        ({}, {"after": {**AFTER, "as_of_ms": None}}, False),
        ({}, {"after": None}, False),
        ({"previous": None}, {}, False),
        ({"ledger_from_ms": 1000}, {}, False),
    ],
)
def test_an_opening_says_why_who_and_after_what_and_begins_anew(
    sealed_day: Sealer, changes: Told, opening: Told, *, right: bool
) -> None:
    content = content_of(sealed_day, 4)
    told = content["manifest"] | {"ledger_from_ms": None, "opening": OPENING | opening} | changes
    told["files"] = files_of_an_opening(told)
    after = told["opening"]["after"]
    if after is not None and after["as_of_ms"] is None:  # as late as the opening itself
        told["opening"]["after"] = {**after, "as_of_ms": told["as_of_ms"]}
    raw = canonical({**content, "manifest": with_root(told)}) + b"\n"
    found = [each.what for each in link_of(4, raw, lambda _: None, RsaVerifier(()))[0].inside]
    assert found == ([] if right else ["It opens the history anew, and does not say why, who, or after what."])


def test_a_file_of_other_rows_than_its_manifest_says_is_named(bucket: Sealer) -> None:
    files = content_of(bucket, bucket.manifests)["manifest"]["files"]
    files[0]["rows"] += 1
    sign_again(bucket, files=files)
    [found] = found_in(bucket, "sealed_files")
    assert (found.path, found.what) == (files[0]["path"], "The file's rows are not what manifest 4 says.")
    assert found.evidence == {"found": files[0]["rows"] - 1, "expected": files[0]["rows"]}


@pytest.mark.parametrize(
    "folder", ["", "elsewhere/", "snapshots/", "snapshots/as_of=20200101T000000Z/", "a/as_of=20200101T000000Z/b/"]
)
def test_a_file_of_another_instant_or_folder_is_named(bucket: Sealer, folder: str) -> None:
    files = content_of(bucket, bucket.manifests)["manifest"]["files"]
    strange = {**files[0], "path": f"{folder}zz.parquet"}
    (bucket.folder / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(bucket.folder / files[0]["path"], bucket.folder / strange["path"])
    sign_again(bucket, files=sorted([*files, strange], key=lambda file: str(file["path"])))
    assert [(each.path, each.what) for each in found_in(bucket, "sealed_files")] == [
        (strange["path"], "Manifest 4 names a file that is not of its instant.")
    ]


def test_each_total_that_is_not_the_sum_is_named(bucket: Sealer) -> None:
    totals = content_of(bucket, bucket.manifests)["manifest"]["totals"]
    sign_again(bucket, totals={name: value + 1 for name, value in totals.items()})
    found = found_in(bucket, "totals")
    assert {each.record for each in found} == totals.keys()
    assert all(each.evidence["found"] == each.evidence["expected"] + 1 for each in found)


def test_an_event_that_the_ledger_has_twice_is_named(bucket: Sealer) -> None:
    path = max((bucket.folder / "ledger").rglob("items-*.parquet"), key=lambda each: each.stat().st_size)
    twice = min(row["event_id"] for row in rows_of(str(path)))
    rewrite_parquet(path, f"FROM told UNION ALL FROM told WHERE event_id = '{twice}'")
    [found] = found_in(bucket, "ledger_rows")
    assert (found.what, found.record) == ("The ledger has the event more than once.", twice)


def test_a_row_in_the_file_of_another_bucket_is_named(bucket: Sealer) -> None:
    paths = sorted((bucket.folder / "holds").rglob("*.parquet"), key=lambda path: path.as_posix())[-3:]
    one, other = sorted(paths, key=lambda path: path.stat().st_size)[-2:]
    both = f"(FROM told UNION ALL FROM read_parquet('{other}', hive_partitioning = false))"
    rewrite_parquet(one, f"FROM {both}")
    rewrite_parquet(other, "FROM told LIMIT 0")
    found = found_in(bucket, "holds_rows")
    number = other.stem.removeprefix("holds-")
    assert {each.what for each in found} == {f"The row belongs into file {number}."}
    assert {each.path for each in found} == {one.relative_to(bucket.folder).as_posix()}


def test_an_event_whose_instant_is_before_that_of_the_one_before_it_is_named(bucket: Sealer) -> None:
    events = {each["event_id"]: each for each in bucket.events[Source.STOCK]}
    later = next(each for each in events.values() if revision(each) == 3)
    before = events[f"{record_key(later)}@2"]

    def turn_back(told: list[Told]) -> list[Told]:
        return [{**each, "at": before["at"] - 100} if each["event_id"] == later["event_id"] else each for each in told]

    for path in (bucket.folder / "archive/stock").rglob("*.gz"):
        rewrite_object(path, turn_back)  # type: ignore[arg-type]
    [found] = found_in(bucket, "gapless")
    assert (found.what, found.record) == ("Its instant is before that of the event before it.", later["event_id"])
    assert found.evidence == {"at": before["at"] - 100, "before": before["at"]}


def test_a_key_on_a_curve_that_nobody_knows_signed_nothing(bucket: Sealer) -> None:
    path = bucket.folder / key_path(fingerprint_of(bucket.key))
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    unknown = der.replace(bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030155"))
    path.write_bytes(b"-----BEGIN PUBLIC KEY-----\n" + b64encode(unknown) + b"\n-----END PUBLIC KEY-----\n")
    assert {each.what for each in found_in(bucket, "manifest_chain")} == {"Its signature is wrong."}


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "ledger/../x", "ledger/as_of=20261122T180000Z/" + "x" * 5000, "a/*", ""]
)
def test_a_manifest_that_names_what_no_snapshot_has_is_none(bucket: Sealer, path: str) -> None:
    def edit(content: Told) -> bytes:
        content["manifest"]["files"][0]["path"] = path
        return canonical(content) + b"\n"

    [(where, what), *_] = rewritten(bucket, edit)
    assert where == "manifests/00000004.json"
    assert what.startswith("It is no manifest: manifest.files.0.path: String should match pattern")
