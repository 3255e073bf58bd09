"""`inventory verify`: an auditor with read access to the bucket, or with a copy of it."""

import gzip
import hashlib
import io
import json
import os
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from rich.progress import Progress

from inventory.domain.events import Source
from inventory.proof.chain import CopyChanged
from inventory.proof.files import SEALED
from inventory.proof.manifest import canonical
from inventory.proof.names import is_plain
from inventory_cli.aws import Aws
from inventory_cli.commands.verify import copying_shown
from inventory_cli.history.copying import PREFIXES, copy_bucket
from support.sealed import Sealer, fingerprint_of
from support.tape import Tape
from support.terminal import Terminal, write_stack
from support.trade import trade
from support.world import World


@pytest.fixture(scope="module")
def history() -> dict[Source, list[object]]:
    world = World(seed=2)
    tape = Tape(world)
    trade(world, 40, seed=2)
    return {source: tape.events(source) for source in Source}  # type: ignore[misc]


@pytest.fixture
def sealer(history: dict[Source, list[dict[str, int]]], tmp_path: Path) -> Sealer:
    sealer = Sealer(tmp_path / "copy", history, buckets=1)
    sealer.archive()
    newest = max(event["at"] for events in history.values() for event in events)
    sealer.seal(newest // 2000 * 1000)
    sealer.seal(newest // 1000 * 1000 + 1000)
    return sealer


def verify(terminal: Terminal, sealer: Sealer, *more: str) -> tuple[int, str, str]:
    directory = ("--directory", str(sealer.folder), "--key-fingerprint", fingerprint_of(sealer.key))
    result = terminal.run("verify", *directory, *more)
    return result.exit_code, result.out, result.err


def test_a_sound_copy_passes_and_its_head_is_told(terminal: Terminal, sealer: Sealer) -> None:
    code, out, _ = verify(terminal, sealer)
    head = hashlib.sha256((sealer.folder / "manifests/00000002.json").read_bytes()).hexdigest()
    assert code == 0
    assert "Nothing is wrong." in out
    assert head in out
    first, second = (
        json.loads((sealer.folder / f"manifests/0000000{number}.json").read_bytes())["manifest"] for number in (1, 2)
    )
    assert f"Looked at up to {second['as_of']}, the newest sealed instant. Of later events" in " ".join(out.split())
    earlier = " ".join(verify(terminal, sealer, "--snapshot", first["snapshot"])[1].split())
    assert f"the newest sealed instant, and rows and rules only up to {first['as_of']}. Of later" in earlier
    assert json.loads(verify(terminal, sealer, "--json")[1])["sealed_until_ms"] == second["as_of_ms"]
    assert verify(terminal, sealer, "--head", head)[0] == 0
    assert verify(terminal, sealer, "--head", f" {head.upper()} ")[0] == 0
    assert verify(terminal, sealer, "--head", "0" * 64)[0] == 6
    for no_digest in (head[:-1], head + "0", "g" * 64):
        assert verify(terminal, sealer, "--head", no_digest)[0] == 2


def test_one_changed_byte_is_named_and_the_exit_code_says_so(terminal: Terminal, sealer: Sealer) -> None:
    path = next((sealer.folder / "snapshots").rglob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    code, out, err = verify(terminal, sealer)
    assert code == 6
    assert path.relative_to(sealer.folder).as_posix() in out.replace("\n", "")
    assert "not what it says it is" in err


def test_a_name_or_a_line_in_the_bucket_writes_no_result_of_its_own_on_the_screen(
    terminal: Terminal, sealer: Sealer
) -> None:
    forged = "\x1b[2J\x1b[H\x1b[32mSound.\x1b[8m\x9b1A\u202e"
    (sealer.folder / SEALED[0] / f"{forged}.parquet").write_bytes(b"")
    (sealer.folder / f"archive/stock/{forged}.gz").write_bytes(gzip.compress(json.dumps({forged: forged}).encode()))
    code, out, err = verify(terminal, sealer)
    assert code == 6
    assert "Sound." in out.replace("\n", ""), "it is named"
    assert not set("\x1b\x9b\u202e") & set(out + err)


def test_of_a_copy_that_changes_meanwhile_nothing_is_proved(
    terminal: Terminal, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = sealer.folder / "manifests/00000002.json"

    def changed(folder: Path, *_: object, **__: object) -> None:
        raise CopyChanged(folder / manifest.relative_to(sealer.folder))

    monkeypatch.setattr("inventory.proof.verify.verify", changed)
    code, out, err = verify(terminal, sealer)
    assert (code, out) == (1, "")
    assert "manifests/00000002.json" in err.replace("\n", "")
    assert "Nothing is proved" in err


def test_a_script_gets_every_check_and_finding(terminal: Terminal, sealer: Sealer) -> None:
    (sealer.folder / "manifests/00000001.json").unlink()
    directory = ("--directory", str(sealer.folder), "--key-fingerprint", fingerprint_of(sealer.key).upper())
    result = terminal.run("verify", *directory, "--json")
    assert result.exit_code == 6
    assert result.json["sound"] is False
    assert result.json["discrepancies"] == sum(check["discrepancies"] for check in result.json["checks"])
    assert result.json["checks"][0]["findings"][0] == {
        "what": "Manifest 1 is missing.",
        "path": "manifests/00000001.json",
        "record": None,
        "evidence": {},
    }


@pytest.mark.parametrize("size", [2**63 - 1, 2**63, 10**4000])
def test_a_size_that_no_file_has_is_named_and_not_reckoned_with(terminal: Terminal, sealer: Sealer, size: int) -> None:
    path = sealer.folder / "manifests/00000001.json"
    content = json.loads(path.read_bytes())
    for file in content["manifest"]["files"]:
        file["bytes"] = size
    path.write_bytes(canonical(content) + b"\n")
    code, out, _ = verify(terminal, sealer)
    assert code == 6
    assert "manifests/00000001.json" in out


def test_a_name_that_is_no_text_is_named_for_a_person_and_for_a_script(terminal: Terminal, sealer: Sealer) -> None:
    (sealer.folder / SEALED[0] / os.fsdecode(b"\xff.parquet")).write_bytes(b"")
    assert verify(terminal, sealer)[0] == 6
    code, out, _ = verify(terminal, sealer, "--json")
    told = [each["path"] for check in json.loads(out)["checks"] for each in check["findings"]]
    assert (code, told) == (6, [f"{SEALED[0]}/\udcff.parquet"])


def test_a_snapshot_is_chosen_by_its_instant(terminal: Terminal, sealer: Sealer) -> None:
    first = min(path.name for path in (sealer.folder / "snapshots").iterdir()).removeprefix("as_of=")
    assert f"Rebuilt: {first}." in verify(terminal, sealer, "--snapshot", first)[1]
    assert verify(terminal, sealer, "--snapshot", "20200101T000000Z")[0] == 4
    assert f"{first}, " in verify(terminal, sealer, "--every")[1]


def test_whose_signature_counts_must_come_from_elsewhere(terminal: Terminal, sealer: Sealer) -> None:
    result = terminal.run("verify", "--directory", str(sealer.folder))
    assert result.exit_code == 2
    assert "--key-fingerprint" in result.err
    for no_digest in ("5f", "g" * 64):
        given = terminal.run("verify", "--directory", str(sealer.folder), "--key-fingerprint", no_digest)
        assert (given.exit_code, "hex digits" in given.err) == (2, True)


@pytest.mark.parametrize("option", ["--bucket", "--keep"])
def test_a_copy_that_is_there_is_not_made(terminal: Terminal, sealer: Sealer, option: str) -> None:
    code, out, err = verify(terminal, sealer, option, "elsewhere")
    assert (code, out, "--directory is a copy already" in err) == (2, "", True)


@pytest.mark.usefixtures("aws")
def test_the_stacks_bucket_is_copied_and_its_key_is_asked_for(
    terminal: Terminal, sealer: Sealer, tmp_path: Path
) -> None:
    kms, s3 = boto3.client("kms", "us-east-1"), boto3.client("s3", "us-east-1")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    _sign_with(kms, key, sealer)
    s3.create_bucket(Bucket="history")
    for path in sealer.folder.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), "history", path.relative_to(sealer.folder).as_posix())
    s3.put_object(Bucket="history", Key="partials/run/x", Body=b"")
    write_stack(tmp_path, {"HistoryBucket": "history", "ManifestKey": key})
    kept = tmp_path / "kept"
    assert terminal.run("verify", "--keep", str(kept)).exit_code == 0
    assert {path.name for path in kept.iterdir()} == {path.name for path in sealer.folder.iterdir()}
    assert terminal.run("verify", "--keep", str(kept)).exit_code == 2
    s3.delete_object(Bucket="history", Key="manifests/00000001.json")
    assert terminal.run("verify").exit_code == 6


@pytest.mark.usefixtures("aws")
def test_what_the_stacks_earlier_keys_signed_counts_too(terminal: Terminal, sealer: Sealer, tmp_path: Path) -> None:
    kms, s3 = boto3.client("kms", "us-east-1"), boto3.client("s3", "us-east-1")
    earlier, now = (kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"] for _ in "12")
    _sign_with(kms, earlier, sealer)
    s3.create_bucket(Bucket="history")
    for path in sealer.folder.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), "history", path.relative_to(sealer.folder).as_posix())
    write_stack(tmp_path, {"HistoryBucket": "history", "ManifestKey": now})
    assert terminal.run("verify").exit_code == 6
    write_stack(tmp_path, {"HistoryBucket": "history", "ManifestKey": now, "EarlierManifestKeys": earlier})
    assert terminal.run("verify").exit_code == 0


@pytest.mark.usefixtures("aws")
def test_a_named_bucket_is_not_looked_for_in_a_local_stack_while_a_url_says_which_api_is_meant(
    terminal: Terminal, tmp_path: Path
) -> None:
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="history")
    s3.put_object(Bucket="history", Key="archive/strange", Body=b"x")
    write_stack(tmp_path, {}, aws_endpoint_url="http://127.0.0.1:9")
    terminal.environ["INVENTORY_URL"] = "https://env.test"
    result = terminal.run("verify", "--bucket", "history", "--key-fingerprint", "0" * 64)
    assert result.exit_code == 6
    assert "archive/strange" in result.out


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("key", ["archive/../../escaped", "archive/no-file/", "ledger/x", "archive/" + "x" * 900])
def test_an_object_that_can_be_no_file_in_the_folder_is_named_and_not_copied(
    terminal: Terminal, tmp_path: Path, key: str
) -> None:
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="history")
    s3.put_object(Bucket="history", Key=key, Body=b"x")
    write_stack(tmp_path, {})
    kept = tmp_path / "kept" / "copy"
    result = terminal.run("verify", "--bucket", "history", "--key-fingerprint", "0" * 64, "--keep", str(kept), "--json")
    assert result.exit_code == 6
    assert key in [each["path"] for check in json.loads(result.out)["checks"] for each in check["findings"]]
    assert [path for path in kept.parent.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("aws")
def test_a_copy_that_was_not_finished_is_not_held_against_the_history(
    terminal: Terminal, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="history")
    for path in sealer.folder.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), "history", path.relative_to(sealer.folder).as_posix())
    write_stack(tmp_path, {"HistoryBucket": "history"})
    kept, key = tmp_path / "kept", ("--key-fingerprint", fingerprint_of(sealer.key))

    def interrupted(self: Aws) -> object:
        class Interrupted:
            get_paginator = s3.get_paginator

            def download_file(self, bucket: str, name: str, path: str) -> None:
                if name.startswith("snapshots/"):
                    raise KeyboardInterrupt
                s3.download_file(bucket, name, path)

        return Interrupted()

    with monkeypatch.context() as during:
        during.setattr(Aws, "s3", property(interrupted))
        assert terminal.run("verify", "--keep", str(kept), *key).exit_code == 130
    assert len(list(kept.rglob("*"))) > 2
    for option in ("--directory", "--keep"):
        result = terminal.run("verify", option, str(kept), *key)
        assert (result.exit_code, result.out) == (2, "")
        assert "was not finished: delete it, and copy again" in " ".join(result.err.split())
    shutil.rmtree(kept)
    assert terminal.run("verify", "--keep", str(kept), *key).exit_code == 0
    assert terminal.run("verify", "--directory", str(kept), *key).exit_code == 0


def _sign_with(kms: object, key: str, sealer: Sealer) -> None:
    """Signs the chain anew, with a key in KMS."""
    der = kms.get_public_key(KeyId=key)["PublicKey"]  # type: ignore[attr-defined]
    fingerprint = hashlib.sha256(der).hexdigest()
    pem = b"-----BEGIN PUBLIC KEY-----\n" + b64encode(der) + b"\n-----END PUBLIC KEY-----\n"
    (sealer.folder / f"keys/{fingerprint}.pem").write_bytes(pem)
    previous = None
    for path in sorted((sealer.folder / "manifests").iterdir()):
        content = json.loads(path.read_bytes())
        content["manifest"]["previous"] = previous
        signed = kms.sign(  # type: ignore[attr-defined]
            KeyId=key, Message=canonical(content["manifest"]), SigningAlgorithm=content["signature"]["algorithm"]
        )
        content["signature"] |= {"key": fingerprint, "value": b64encode(signed["Signature"]).decode()}
        assert b64decode(content["signature"]["value"]) == signed["Signature"]
        path.write_bytes(canonical(content) + b"\n")
        sealer.list_entry(content["manifest"], path)
        number = content["manifest"]["number"]
        previous = {"number": number, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


class Pages:
    """A bucket of many objects, in pages, that tells what was listed and copied, in the order of doing it."""

    def __init__(self, pages: int) -> None:
        self.pages = [[f"archive/{page}/{number}" for number in range(20)] for page in range(pages)]
        self.told: list[str] = []

    def get_paginator(self, _: str) -> "Pages":
        return self

    def paginate(self, Prefix: str, **_: object) -> Iterator[dict[str, object]]:  # noqa: N803 - boto3's names
        for page in self.pages if Prefix == "archive/" else []:
            self.told.append("listed")
            yield {"Contents": [{"Key": key, "Size": 3} for key in page]}

    def download_file(self, _: str, key: str, path: str) -> None:
        Path(path).write_text(key)
        self.told.append("copied")


def test_a_bucket_is_copied_page_by_page_as_its_names_may_be_too_many_to_remember(tmp_path: Path) -> None:
    s3, sizes = Pages(3), list[int]()
    left_out = copy_bucket(s3, "history", tmp_path, lambda key: not key.endswith("/7"), sizes.append)  # type: ignore[arg-type]
    assert s3.told == ["listed", *["copied"] * 19] * 3
    assert left_out == [f"archive/{page}/7" for page in range(3)]
    assert sizes == [3] * 57
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 57


class Unbounded(io.BytesIO):
    """What may be larger than memory: nobody reads all of it."""

    def read(self, count: int | None = -1, /) -> bytes:
        assert count is not None
        assert count >= 0
        return super().read(count)


class Living:
    """A bucket that is a folder, in which something happens before names with a certain prefix are listed."""

    def __init__(self, folder: Path, before: str, happens: Callable[[], object]) -> None:
        self._folder = folder
        self._before = before
        self._happens = happens

    def get_paginator(self, _: str) -> "Living":
        return self

    def paginate(self, Prefix: str, **_: object) -> Iterator[dict[str, object]]:  # noqa: N803 - boto3's names
        if Prefix == self._before:
            self._happens()
        paths = sorted(path for path in (self._folder / Prefix).rglob("*") if path.is_file())
        yield {"Contents": [{"Key": path.relative_to(self._folder).as_posix(), "Size": 1} for path in paths]}

    def download_file(self, _: str, key: str, path: str) -> None:
        shutil.copyfile(self._folder / key, path)

    def get_object(self, Key: str, **_: object) -> dict[str, object]:  # noqa: N803
        return {"Body": Unbounded((self._folder / Key).read_bytes())}


def copied_while(happens: Callable[[], object], sealer: Sealer, before: str, folder: Path) -> Sealer:
    copy_bucket(Living(sealer.folder, before, happens), "history", folder, is_plain, lambda _: None)  # type: ignore[arg-type]
    return Sealer(folder, {})


def a_second_later(sealer: Sealer) -> Callable[[], object]:
    return lambda: sealer.seal(sealer.sealed_until_ms + 1000)


@pytest.mark.parametrize("before", PREFIXES[1:])
def test_of_a_snapshot_that_is_sealed_while_the_bucket_is_copied_nothing_is_in_the_copy(
    terminal: Terminal, sealer: Sealer, tmp_path: Path, before: str
) -> None:
    copy = copied_while(a_second_later(sealer), sealer, before, tmp_path / "copied")
    code, out, err = verify(terminal, copy)
    assert (code, "Nothing is wrong." in out) == (0, True), out + err
    assert {path.name for path in (sealer.folder / "manifests").iterdir()} == {f"0000000{n}.json" for n in (1, 2, 3)}
    assert len(list((copy.folder / "manifests").iterdir())) == len(list((copy.folder / "snapshots").iterdir())) == 2


def test_what_no_manifest_names_is_in_the_copy_whatever_was_sealed_meanwhile(
    terminal: Terminal, sealer: Sealer, tmp_path: Path
) -> None:
    stray = sealer.folder / "ledger/as_of=20200101T000000Z/items-0000.parquet"
    stray.parent.mkdir()
    stray.write_bytes(b"")
    copy = copied_while(a_second_later(sealer), sealer, "holds/", tmp_path / "copied")
    code, out, _ = verify(terminal, copy)
    assert (code, out.count("No manifest names this file.")) == (6, 1)
    assert "as_of=20200101T000000Z" in out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("00000003.json", None),  # of an instant that an earlier one has, too
        ("00000003.json", b"{}"),
        ("strange.json", None),
    ],
)
def test_what_is_put_beside_the_manifests_meanwhile_takes_no_earlier_files_out_of_the_copy(
    terminal: Terminal, sealer: Sealer, tmp_path: Path, name: str, content: bytes | None
) -> None:
    manifests = sealer.folder / "manifests"
    put = content or (manifests / "00000002.json").read_bytes()
    copy = copied_while(lambda: (manifests / name).write_bytes(put), sealer, "opened/", tmp_path / "copied")
    assert verify(terminal, copy)[0] == 0


@pytest.mark.parametrize("name", ["strange.json", "below/00000003.json"])
def test_what_is_no_manifest_by_its_name_excuses_nothing_that_no_manifest_names(
    terminal: Terminal, sealer: Sealer, tmp_path: Path, name: str
) -> None:
    def seals_by_another_name() -> None:
        manifest = sealer.seal(sealer.sealed_until_ms + 1000)
        other = manifest.parent / name
        other.parent.mkdir(exist_ok=True)
        manifest.rename(other)

    copy = copied_while(seals_by_another_name, sealer, "archive/", tmp_path / "copied")
    code, out, _ = verify(terminal, copy)
    assert (code, "No manifest names this file." in out) == (6, True)


def test_how_much_is_copied_is_told_meanwhile() -> None:
    progress = Progress()
    with copying_shown(progress) as copied:
        (task,) = progress.tasks
        assert (task.description, task.total) == ("copying", None), "how much there is nobody knows yet"
        for _ in range(1200):
            copied(5_000_000)
        assert task.description == "copying: 1,200 objects, 6.0 GB"
    assert progress.finished


def test_all_that_is_sealed_is_copied() -> None:
    assert {f"{folder}/" for folder in SEALED} <= set(PREFIXES)
