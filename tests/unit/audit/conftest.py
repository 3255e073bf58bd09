"""A bucket with a chain of manifests, to do what one likes with."""

import shutil
from pathlib import Path

import pytest

from inventory.domain.events import Source
from support.looks import INSTANTS
from support.sealed import Sealer


@pytest.fixture(scope="session")
def sealed_chain(tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    sealer = Sealer(tmp_path_factory.mktemp("chain") / "bucket", {source: [] for source in Source}, buckets=1)
    for instant in INSTANTS:
        sealer.seal(instant)
    return sealer


@pytest.fixture
def bucket(sealed_chain: Sealer, tmp_path: Path) -> Sealer:
    """Three snapshots of nothing at all."""
    shutil.copytree(sealed_chain.folder, tmp_path / "bucket")
    return Sealer(
        tmp_path / "bucket",
        sealed_chain.events,
        buckets=sealed_chain.buckets,
        manifests=sealed_chain.manifests,
        sealed_until_ms=sealed_chain.sealed_until_ms,
    )
