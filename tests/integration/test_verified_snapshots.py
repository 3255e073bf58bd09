"""What the snapshot workflow writes, judged by verification, which shares no code with it."""

from pathlib import Path

import pytest

from inventory.history.manifest import fingerprint_of
from inventory.history.plan import Mode
from inventory.proof.signatures import RsaVerifier
from inventory.proof.verify import Proof, verify
from support.auditing import findings
from support.tape import Tape
from support.trade import trade
from support.workflow import History
from support.world import START_MS, World

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Three spells of trade an hour apart, with the snapshots after each, and one asked for later."""
    world = World(seed=17)
    tape = Tape(world)
    for spell in range(3):
        trade(world, 150, seed=spell + 17)
        world.clock.now_ms = START_MS + (spell + 1) * HOUR_MS
    history = History(tmp_path_factory.mktemp("history") / "bucket", tape)
    history.archive()
    history.now_ms = START_MS + 4 * HOUR_MS
    history.snapshot(START_MS + HOUR_MS)
    history.snapshot(START_MS + 2 * HOUR_MS, mode=Mode.REBUILD)
    history.snapshot(START_MS + 3 * HOUR_MS)
    history.snapshot(START_MS + 20_000)
    return history


def verified(history: History) -> Proof:
    trusted = {fingerprint_of(history.signer.public_key_der)}
    return verify(Path(history.objects.root), RsaVerifier(trusted), every=True)


def test_what_the_workflow_sealed_is_what_the_archive_gives(history: History) -> None:
    proof = verified(history)
    assert findings(proof) == []
    assert len(proof.rebuilt) == 4
    assert all(check.looked_at for check in proof.checks if check.name != "removals")


def test_one_byte_changed_in_any_sealed_file_is_found_and_named(history: History) -> None:
    root = Path(history.objects.root)
    for table in ("snapshots", "holds", "ledger", "state"):
        path = next(path for path in sorted((root / table).rglob("*.parquet")))
        kept = path.read_bytes()
        path.write_bytes(bytes([*kept[:20], kept[20] ^ 1, *kept[21:]]))
        assert path.relative_to(root).as_posix() in {
            each.path for check, each in findings(verified(history)) if check == "sealed_files"
        }
        path.write_bytes(kept)
