"""PySpark beside us: the same input, the same answer, the same cores."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.history.rebuild import Took

_PYTHON: Final = Path(".venvs/spark/bin/python")
_JOB: Final = Path(__file__).with_name("spark_job.py")
_TIMEOUT_S: Final = 3_600


class NoSpark(Exception):
    """PySpark or its Java is not there."""


def rebuilt(folder: Path, until_ms: int, *, ledger_rounds: int) -> dict[str, Took]:
    """What both jobs took and found; of folding the ledger the fastest of so many rounds, as of ours.

    Raises:
        NoSpark: There is no Java, or `make .venvs/spark/.stamp` was not done.
        subprocess.CalledProcessError: It failed; its own words are on stderr.
    """
    if shutil.which("java") is None:
        raise NoSpark("no Java here (Debian: apt-get install openjdk-17-jre-headless)")
    if not _PYTHON.exists():
        raise NoSpark("PySpark is not installed (make .venvs/spark/.stamp)")
    command = [str(_PYTHON), str(_JOB), str(folder), str(os.cpu_count()), str(until_ms), str(ledger_rounds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return {
        name: Took(job["seconds"], job["cpu_s"], [tuple(row) for row in job["answer"]]) for name, job in told.items()
    }
