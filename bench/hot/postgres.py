"""PostgreSQL's row lock, measured for real: what one hot row does to a database that makes buyers queue for it.

A cluster of its own in a temporary folder, reached by a socket there, by pgbench. PostgreSQL refuses to run as root, so
that root starts it as the system user that Debian's package makes.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_USER = "postgres"
_ITEMS = 1_000
_CLIENTS = 32
_SECONDS = 4
_ROUNDS = 2
_TIMEOUT_S = 120
_TABLES = """
CREATE TABLE stock (item int PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0), held bigint NOT NULL);
CREATE TABLE holds (id bigserial PRIMARY KEY, item int NOT NULL, quantity int NOT NULL, expires_at timestamptz);
INSERT INTO stock SELECT item, 1000000000, 0 FROM generate_series(1, 1000) AS item;
"""
_PLACE = """
\\set item random(1, :items)
BEGIN;
UPDATE stock SET available = available - 1, held = held + 1 WHERE item = :item AND available >= 1;
INSERT INTO holds (item, quantity, expires_at) VALUES (:item, 1, now() + interval '15 minutes');
COMMIT;
"""


class NotMeasured(Exception):
    """PostgreSQL is not there and cannot be had here."""


@dataclass(frozen=True)
class RowLock:
    """Holds placed a second by as many clients, all of one item or spread over a thousand."""

    one_item: float
    spread: float

    @property
    def penalty(self) -> float:
        """What is left of the throughput when all want one item."""
        return self.one_item / self.spread


def row_lock() -> RowLock:
    """Measures both loads in turns, and gives their means.

    Raises:
        NotMeasured: PostgreSQL is not there, or does not run.
    """
    binaries = _binaries()
    try:
        with tempfile.TemporaryDirectory() as folder, _cluster(binaries, Path(folder)):
            rounds = [(_rate(binaries, Path(folder), 1), _rate(binaries, Path(folder), _ITEMS)) for _ in range(_ROUNDS)]
    except subprocess.SubprocessError as error:
        raise NotMeasured(str(error)) from error
    return RowLock(sum(one for one, _ in rounds) / _ROUNDS, sum(spread for _, spread in rounds) / _ROUNDS)


def _binaries() -> Path:
    """Where Debian's package puts the server's programs: the newest there is, installed where root may."""
    apt = shutil.which("apt-get")
    if not _installed() and os.geteuid() == 0 and apt:
        subprocess.run([apt, "install", "--yes", "--quiet", "postgresql"], capture_output=True, check=False)  # noqa: S603
    if not _installed():
        raise NotMeasured("no PostgreSQL here: apt-get install postgresql")
    return _installed()[-1]


def _installed() -> list[Path]:
    return sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/pgbench"))


@contextmanager
def _cluster(binaries: Path, folder: Path) -> Iterator[None]:
    if os.geteuid() == 0:
        shutil.chown(folder, _USER)
    _run([binaries / "initdb", "--pgdata", folder / "data", "--auth", "trust", "--username", _USER], folder)
    (folder / "data" / "postgresql.auto.conf").write_text(
        f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nmax_connections = 100\n"
    )
    _run([binaries / "pg_ctl", "--pgdata", folder / "data", "--log", folder / "log", "--wait", "start"], folder)
    try:
        _run([binaries / "psql", "--host", folder, "--username", _USER, "--quiet", "--command", _TABLES], folder)
        yield
    finally:
        _run([binaries / "pg_ctl", "--pgdata", folder / "data", "--mode", "immediate", "stop"], folder)


def _rate(binaries: Path, folder: Path, items: int) -> float:
    script = folder / "place.sql"
    script.write_text(_PLACE)
    told = _run(
        [
            *(binaries / "pgbench", "--host", folder, "--username", _USER, "--no-vacuum", "--file", script),
            *("--define", f"items={items}", "--client", str(_CLIENTS), "--jobs", "2", "--time", str(_SECONDS)),
        ],
        folder,
    )
    found = re.search(r"tps = ([\d.]+)", told)
    if found is None:
        raise NotMeasured(told.strip()[-200:])
    return float(found[1])


def _run(command: Sequence[str | Path], folder: Path) -> str:
    user = pwd.getpwnam(_USER).pw_name if os.geteuid() == 0 else None
    done = subprocess.run(  # noqa: S603 - all of it is written above
        command, user=user, cwd=folder, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
    )
    return done.stdout
