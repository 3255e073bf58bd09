"""A history that was opened anew is proved, audited and read on both sides of what is lost."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inventory.domain.errors import InstantNotSealed
from inventory.domain.events import Source
from inventory.history.manifest import fingerprint_of
from inventory.history.past import Past
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import Proof, verify
from support.auditing import findings
from support.audits import Audits
from support.reopened import Shop, a_hole, restored_and_opened, revisions
from support.sealed import rewrite_parquet
from support.tape import StreamRecord
from support.terminal import Terminal
from support.workflow import History

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class Opened(NamedTuple):
    """A history that was opened after a hole, and sealed once more: for those who only look."""

    shop: Shop
    lost: list[tuple[Source, StreamRecord]]
    before: dict[tuple[str, str], tuple[int, int]]
    opened: int
    first: int


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    shop = Shop(tmp_path_factory.mktemp("day"))
    before = shop.live_stock()
    lost = a_hole(shop)
    opened = shop.open()
    shop.trade(65, 15)
    shop.archive()
    return Opened(shop, lost, before, opened, shop.seal())


@pytest.fixture
def folder(day: Opened, tmp_path: Path) -> Path:
    """A copy of its bucket, to do what one likes with."""
    return Path(shutil.copytree(day.shop.history.objects.root, tmp_path / "copy"))


def proof_of(shop: Shop, folder: Path | None = None, **how: Any) -> Proof:
    trusted = {fingerprint_of(shop.history.signer.public_key_der)}
    return verify(folder or shop.history.objects.root, RsaVerifier(trusted), **how)


def test_verification_tells_the_hole_and_proves_everything_on_both_sides_of_it(day: Opened) -> None:
    proof = proof_of(day.shop, every=True)
    assert findings(proof) == []
    [opening] = proof.openings
    assert opening.hole == (day.shop.sealed, day.opened)
    looked_at = {check.name: check.looked_at for check in proof.checks}
    assert looked_at["openings"] > len(day.shop.lost())


@pytest.mark.parametrize("depth", ["increment", None])
@pytest.mark.parametrize("which", ["sealed", "opened", "first"])
def test_audits_prove_everything_on_both_sides_of_the_hole(day: Opened, which: str, depth: str | None) -> None:
    instant = {"sealed": day.shop.sealed, "opened": day.opened, "first": day.first}[which]
    audits = Audits(day.shop.history)
    result = audits.run(instant, depth=depth)
    assert audits.findings(instant) == []
    assert (result["since_ms"], result["discrepancies"]) == (0 if which == "sealed" else day.opened, 0)
    assert ("live_stock" in {each["name"] for each in result["checks"]}) == (which != "sealed")


def test_proofs_hold_on_both_sides_of_a_restored_table(shop: Shop) -> None:
    sealed, opened, first = restored_and_opened(shop)
    assert findings(proof_of(shop, every=True)) == []
    audits = Audits(shop.history)
    for instant in (sealed, opened, first):
        audits.run(instant, depth="increment")
        assert audits.findings(instant) == []


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("lost-items", "SELECT * FROM told WHERE NOT contains(record_key, '#')"),
        ("lost-items", "SELECT * REPLACE (from_rev - 1 AS from_rev) FROM told"),
        ("changed-items", "SELECT * REPLACE (on_hand_change + 1 AS on_hand_change) FROM told"),
        ("changed-items", "SELECT * FROM told WHERE false"),
    ],
)
def test_an_opening_that_does_not_name_what_is_lost_is_found(day: Opened, folder: Path, file: str, damage: str) -> None:
    for path in (folder / "opened").rglob(f"{file}-*.parquet"):
        rewrite_parquet(path, damage)
    assert {check for check, _ in findings(proof_of(day.shop, folder))} == {"openings", "sealed_files"}


def test_an_event_that_is_said_to_be_missing_and_is_there_is_found(day: Opened, folder: Path) -> None:
    History(folder, day.shop.tape).archive(day.lost[:1])
    [(check, found)] = findings(proof_of(day.shop, folder))
    assert check == "openings"
    [(key, rev)] = revisions(day.lost[:1])
    assert found.record == f"{key}@{rev}"


def test_stock_of_a_time_that_was_given_up_is_refused(day: Opened, tmp_path: Path) -> None:
    past = Past(day.shop.history.as_seen_by("stock_at"))
    for instant in (day.shop.sealed + 1000, day.opened - 1000):
        with pytest.raises(InstantNotSealed, match="lost"):
            past.stock_of("cup", instant, tmp_path)


@pytest.mark.parametrize("which", ["sealed", "opened", "first"])
def test_stock_of_a_time_on_either_side_is_told(day: Opened, tmp_path: Path, which: str) -> None:
    instant = {"sealed": day.shop.sealed, "opened": day.opened, "first": day.first}[which]
    told = Past(day.shop.history.as_seen_by("stock_at")).stock_of("cup", instant, tmp_path)
    then = [held for (item, _), held in day.shop.stock(instant).items() if item == "cup"]
    assert (told.available, told.held) == tuple(map(sum, zip(*then, strict=True)))
    if which == "sealed":
        assert day.shop.stock(instant) == day.before


def test_nothing_is_told_between_an_opening_that_is_the_latest_and_the_snapshot_before(
    shop: Shop, tmp_path: Path
) -> None:
    a_hole(shop)
    opened = shop.open()
    with pytest.raises(InstantNotSealed, match="lost"):
        Past(shop.history.as_seen_by("stock_at")).stock_of("cup", opened - 1000, tmp_path)


def test_the_command_tells_an_opening_and_finds_nothing_wrong(day: Opened, tmp_path: Path) -> None:
    key = fingerprint_of(day.shop.history.signer.public_key_der)
    asked = ("verify", "--directory", str(day.shop.history.objects.root), "--key-fingerprint", key)
    result = Terminal(tmp_path).run(*asked)
    assert result.exit_code == 0
    for told in ("opened the history anew", "the archiver was down", "operator", "Nothing is wrong."):
        assert told in " ".join(result.out.split())
    [opening] = Terminal(tmp_path).run(*asked, "--json").json["openings"]
    assert (opening["since_ms"], opening["as_of_ms"]) == (day.shop.sealed, day.opened)
    assert opening["lost_revisions"] == len(revisions(day.lost))
