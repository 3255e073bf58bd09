"""What nobody would write as a manifest is a finding like any other: it ends no proof and no audit.

Whoever can write into the bucket needs no key for any of these.
"""

import json
import tracemalloc
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from inventory.audit.plan import Depth, make_plan
from inventory.proof.manifest import instant_name, manifest_path
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import verify
from support.looks import AUDIT, HOUR_MS, INSTANTS, Look, Named, audited, auditor_of, followed, read, verified
from support.objects import DirectoryObjects
from support.sealed import Sealer, fingerprint_of

Told = dict[str, Any]
Edit = Callable[[Told], object]


def edited(bucket: Sealer, number: int, edit: Edit) -> None:
    """Somebody writes a manifest anew, in the canonical form, and leaves the signature as it was."""
    path = bucket.folder / manifest_path(number)
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n")


def told_in(place: str, fields: Told) -> Edit:
    """Writes fields into the first file that it names, or into the manifest itself."""

    def edit(content: Told) -> None:
        manifest = content["manifest"]
        (manifest["files"][0] if place == "file" else manifest).update(fields)

    return edit


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("look", [verified, audited])
@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("file", {"sha256": "\ud800"}),
        ("file", {"sha256": "A" * 64}),
        ("file", {"sha256": "0" * 64 + "\n"}),
        ("file", {"bytes": 10**4000}),
        ("file", {"rows": 2**63}),
        ("manifest", {"snapshot": "\ud800"}),
        ("manifest", {"\udfff": 1}),
        ("manifest", {"as_of": "x" * 2_000}),
        ("manifest", {"buckets": 1_025}),
        ("manifest", {"buckets": 10**40}),
        ("manifest", {"number": 2**63}),
        ("manifest", {"totals": {"items": 2**63}}),
        ("manifest", {"more": nested(500)}),
    ],
)
def test_a_manifest_with_what_no_manifest_has_is_none(bucket: Sealer, look: Look, place: str, fields: Told) -> None:
    edited(bucket, 2, told_in(place, fields))
    told = [what for path, _, what in look(bucket) if path == manifest_path(2)]
    assert told[0].startswith("It is no manifest: ")


def test_an_audit_whose_own_snapshot_has_no_manifest_any_more_says_so(bucket: Sealer) -> None:
    edited(bucket, 3, told_in("manifest", {"snapshot": "\ud800", "buckets": 10**40}))
    told = audited(bucket)
    assert told[0][2].startswith("It is no manifest: ")
    assert [each[1:] for each in told[1:]] == [
        (None, "No manifest has the snapshot that this lists."),
        (instant_name(INSTANTS[-1]), "No manifest has the snapshot that is audited."),
    ]


@pytest.mark.parametrize("look", [verified, audited])
@pytest.mark.parametrize(
    "value", [b"1" + b"0" * 5_000, b"[" * 980 + b"]" * 980, b"[" * 200_000, b'"\xed\xa0\x80"', b"NaN"]
)
def test_a_manifest_with_a_value_that_cannot_be_written_again_is_none(bucket: Sealer, look: Look, value: bytes) -> None:
    edited(bucket, 2, told_in("manifest", {"more": "value"}))
    path = bucket.folder / manifest_path(2)
    path.write_bytes(path.read_bytes().replace(b'"value"', value))
    assert look(bucket)[0][2].startswith("It is no manifest: It is no JSON: ")


@pytest.mark.parametrize("look", [verified, audited])
@pytest.mark.parametrize("depth", [10, 150])
def test_what_a_manifest_says_beside_its_form_may_be_nested(bucket: Sealer, look: Look, depth: int) -> None:
    edited(bucket, 2, told_in("manifest", {"more": nested(depth)}))
    assert [what for _, _, what in look(bucket)] == [
        "Its signature is wrong.",
        "It does not name the manifest before it by its hash.",
    ]


@pytest.mark.parametrize("look", [read, followed])
@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("ü", "It has no signature that can be read."),
        ("*", "It has no signature that can be read."),
        (None, "It has no signature that can be read."),
        ("", "Its signature is wrong."),
        (b64encode(bytes(6_145)).decode(), "Its signature is wrong."),
    ],
)
def test_a_signature_that_can_be_none_is_found(bucket: Sealer, look: Look, value: object, what: str) -> None:
    edited(bucket, 3, lambda content: content["signature"].update(value=value))
    assert look(bucket) == [(manifest_path(3), None, what)]


@pytest.mark.parametrize("look", [verified, audited])
@pytest.mark.parametrize(
    "edit", [lambda content: content.update(note="x"), lambda content: content["signature"].update(note=[])]
)
def test_what_is_said_beside_what_was_signed_is_found(bucket: Sealer, look: Look, edit: Edit) -> None:
    """In the newest manifest: nothing else tells of it, and the next one would seal it."""
    edited(bucket, 3, edit)
    assert look(bucket) == [(manifest_path(3), None, "It says something that nobody signed.")]


@pytest.mark.parametrize("look", [read, followed])
def test_a_signature_in_another_spelling_is_found(bucket: Sealer, look: Look) -> None:
    """The last digit before the padding has bits that stand for nothing."""

    def edit(content: Told) -> None:
        value = content["signature"]["value"]
        digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = f"{value[:-3]}{digits[digits.index(value[-3]) + 1]}=="
        assert b64decode(other, validate=True) == b64decode(value)
        content["signature"]["value"] = other

    edited(bucket, 3, edit)
    assert look(bucket) == [(manifest_path(3), None, "Its signature is spelled otherwise than base64 spells it.")]


@pytest.mark.parametrize("look", [read, followed])
def test_a_field_given_twice_is_found(bucket: Sealer, look: Look) -> None:
    path = bucket.folder / manifest_path(3)
    path.write_bytes(path.read_bytes().replace(b'"totals":{', b'"totals":{"available":1,', 1))
    assert look(bucket) == [(manifest_path(3), None, "It is not written as canonical JSON.")]


@pytest.mark.parametrize("look", [read, followed])
def test_manifests_that_are_missing_up_to_a_name_that_was_planted_are_one_finding(bucket: Sealer, look: Look) -> None:
    (bucket.folder / manifest_path(2)).unlink()
    (bucket.folder / manifest_path(99_999_999)).write_bytes(b"{}")
    told = look(bucket)
    assert [each for each in told if "missing" in each[2]] == [
        (manifest_path(2), None, "Manifest 2 is missing."),
        (manifest_path(4), None, "Manifests 4 to 99999998 are missing, 99,999,995 of them."),
    ]


def test_what_is_said_to_be_published_and_missing_is_one_finding_too(bucket: Sealer) -> None:
    (bucket.folder / "published").mkdir()
    (bucket.folder / "published/99999999").touch()
    assert audited(bucket) == [(manifest_path(4), None, "Manifests 4 to 99999999 are missing, 99,999,996 of them.")]


def test_an_increment_names_what_is_missing_on_both_sides_of_what_it_follows(bucket: Sealer) -> None:
    """It follows the chain from its base on, and knows of the manifests before and after it by their names alone."""
    for number in range(4, 9):
        bucket.seal(INSTANTS[-1] + number * HOUR_MS)
    for number in (2, 3, 5):
        (bucket.folder / manifest_path(number)).unlink()
    (bucket.folder / "published").mkdir()
    (bucket.folder / "published/00000012").touch()
    objects = DirectoryObjects(bucket.folder)
    auditor = auditor_of(bucket)
    asked = {"audit": AUDIT, "as_of_ms": INSTANTS[-1] + 8 * HOUR_MS, "depth": "increment"}
    began = auditor.run({"step": "begin", "input": asked})
    assert began["depth"] == Depth.INCREMENT
    for item in json.loads(objects.read(began["lists"]["files"])):
        auditor.run({"step": "files", **item})
    auditor.run({"step": "chain", "run": began["run"], "number": 0})
    [part] = objects.contents(f"{began['run']}results/chain").values()
    [chain, _] = json.loads(part)["checks"]
    assert sorted(what for what, *_ in chain[3]) == [
        "Manifest 5 is missing.",
        "Manifests 2 to 3 are missing, 2 of them.",
        "Manifests 9 to 12 are missing, 4 of them.",
    ]


def test_a_plan_keeps_of_manifests_that_are_missing_where_they_begin_and_end(bucket: Sealer) -> None:
    (bucket.folder / manifest_path(99_999_999)).write_bytes(b"{}")
    tracemalloc.start()
    plan = make_plan(DirectoryObjects(bucket.folder), AUDIT, INSTANTS[-1], Depth.FULL)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(plan.to_json()) < 1_000
    assert most < 10_000_000


def test_a_folder_that_is_called_like_a_manifest_is_none(bucket: Sealer) -> None:
    (bucket.folder / manifest_path(4)).mkdir()
    assert verified(bucket) == []


@pytest.mark.parametrize("look", [read, followed])
@pytest.mark.parametrize(
    "name", ["readme.txt", "5.json", "00000000.json", "00000007.json.bak", "00000007.txt", "sub/00000007.json"]
)
def test_what_lies_beside_the_manifests_under_another_name_is_found(bucket: Sealer, look: Look, name: str) -> None:
    path = bucket.folder / f"manifests/{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((bucket.folder / manifest_path(1)).read_bytes())
    assert look(bucket) == [(f"manifests/{name}", None, "No manifest is called so.")]


def test_a_name_under_which_nothing_can_be_copied_is_found_where_it_was_left_out(bucket: Sealer) -> None:
    left_out = ["manifests/Sub/00000007.json", "archive/x"]
    chain = verify(bucket.folder, RsaVerifier({fingerprint_of(bucket.key)}), left_out=left_out).checks[0]
    assert [(each.path, each.what) for each in chain.findings] == [(left_out[0], "No manifest is called so.")]


def signed_anew(bucket: Sealer, number: int, **changes: Any) -> None:
    """The manifest with these changes, and all after it, signed by the key: each names the one before it."""
    for each in range(number, bucket.manifests + 1):
        path = bucket.folder / manifest_path(each)
        before = bucket.folder / manifest_path(each - 1)
        told = json.loads(path.read_bytes())["manifest"] | (changes if each == number else {})
        if each > 1:
            told["previous"] = {"number": each - 1, "sha256": sha256(before.read_bytes()).hexdigest()}
        Sealer(bucket.folder, bucket.events, manifests=each - 1, key=bucket.key).commit(told)


LEDGER = "Its part of the ledger does not begin where the ledger ended."


def about_ledger(found: list[Named]) -> list[str | None]:
    """Which manifests are told of for where their part begins; their files may be others than go with that, too."""
    return [path for path, _, what in found if what == LEDGER]


@pytest.mark.parametrize("look", [read, followed])
@pytest.mark.parametrize(
    ("number", "from_ms", "right"),
    [
        (1, 0, True),
        (1, 1, False),
        (1, None, False),
        (2, INSTANTS[0], True),
        (2, INSTANTS[0] + 10_000, False),
        (2, INSTANTS[0] - 10_000, False),
        (2, 0, False),
        (2, None, False),
        (3, INSTANTS[0], False),
        (3, None, False),
    ],
)
def test_a_part_of_the_ledger_begins_where_the_one_before_it_ends(
    bucket: Sealer, look: Look, number: int, from_ms: int | None, *, right: bool
) -> None:
    signed_anew(bucket, number, ledger_from_ms=from_ms)
    assert about_ledger(look(bucket)) == ([] if right else [manifest_path(number)])


@pytest.mark.parametrize("look", [read, followed])
def test_a_snapshot_of_before_another_adds_nothing_to_the_ledger(bucket: Sealer, look: Look) -> None:
    bucket.seal(INSTANTS[1] + HOUR_MS // 2)
    bucket.seal(INSTANTS[2] + HOUR_MS)
    assert read(bucket) == []
    signed_anew(bucket, 4, ledger_from_ms=INSTANTS[1])
    assert about_ledger(look(bucket)) == [manifest_path(4)]


def test_after_an_opening_the_ledger_begins_at_it(bucket: Sealer) -> None:
    after = {"number": 1, "as_of_ms": INSTANTS[0]}
    signed_anew(bucket, 2, ledger_from_ms=None, opening={"reason": "why", "actor": "who", "after": after})
    assert about_ledger(read(bucket)) == []
    signed_anew(bucket, 3, ledger_from_ms=INSTANTS[0])
    assert about_ledger(read(bucket)) == [manifest_path(3)]


@pytest.mark.parametrize("look", [read, followed])
def test_where_the_ledger_begins_is_not_told_of_what_comes_after_one_that_cannot_be_read(
    bucket: Sealer, look: Look
) -> None:
    bucket.seal(INSTANTS[2] + HOUR_MS)
    (bucket.folder / manifest_path(2)).write_bytes(b"{}")
    assert about_ledger(read(bucket)) == []
    signed_anew(bucket, 4, ledger_from_ms=INSTANTS[0])
    assert about_ledger(look(bucket)) == [manifest_path(4)]


@pytest.mark.parametrize("look", [read, followed])
def test_totals_that_no_snapshot_has_or_that_it_lacks_are_found(bucket: Sealer, look: Look) -> None:
    totals = json.loads((bucket.folder / manifest_path(2)).read_bytes())["manifest"]["totals"]
    for changed in (totals | {"zz": 1}, {name: value for name, value in totals.items() if name != "held"}):
        signed_anew(bucket, 2, totals=changed)
        assert look(bucket) == [(manifest_path(2), None, "It has other totals than a snapshot has.")]
