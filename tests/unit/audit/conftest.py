"""A bucket with a chain of manifests, to do what one likes with."""

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
    return sealed_chain.copied_to(tmp_path / "bucket")
