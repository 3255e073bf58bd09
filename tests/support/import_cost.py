"""What it costs to import a function, next to boto3 and its client alone: the CPU of whole processes, with bytecode."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from support.template import table_names

ROOT = Path(__file__).parents[2]
_CLIENT_ALONE = "import boto3; boto3.client('dynamodb')"
_FUNCTION = "import app"
_TELL = "; import time; print(time.process_time_ns())"


@dataclass(frozen=True)
class ImportCost:
    """The least of some runs, in milliseconds of CPU: whatever else the machine does only adds.

    Attributes:
        client_ms: Python, boto3 and one client.
        function_ms: Python and the function, which brings boto3 and a client along.
    """

    client_ms: float
    function_ms: float

    @property
    def own_ms(self) -> float:
        """What the function costs beyond boto3's client."""
        return self.function_ms - self.client_ms

    @property
    def ratio(self) -> float:
        """The same in units of boto3's client, which noise leaves alone."""
        return self.own_ms / self.client_ms


def import_cost(function: str, *, runs: int) -> ImportCost:
    """Measures a function's import, alternating with boto3's, after a first run of each that writes the bytecode."""
    with TemporaryDirectory() as bytecode:
        environment = function_environment(function, PYTHONPYCACHEPREFIX=bytecode)
        client, own = [], []
        for _ in range(runs + 1):
            client.append(_cpu_ms(_CLIENT_ALONE, environment))
            own.append(_cpu_ms(_FUNCTION, environment))
    return ImportCost(min(client[1:]), min(own[1:]))


def least_of(*costs: ImportCost) -> ImportCost:
    """Several measurements as one."""
    return ImportCost(min(each.client_ms for each in costs), min(each.function_ms for each in costs))


def heaviest_modules(function: str, count: int) -> list[tuple[str, float]]:
    """The packages (and the service's own modules together) that cost most beyond boto3's, in milliseconds."""
    with TemporaryDirectory() as bytecode:
        environment = function_environment(function, PYTHONPYCACHEPREFIX=bytecode)
        code = f"{_CLIENT_ALONE}; import sys; print('-', file=sys.stderr); {_FUNCTION}"
        for _ in range(2):
            told = _run(["-X", "importtime", "-c", code], environment).stderr
    costs: dict[str, float] = {}
    for line in told.partition("\n-\n")[2].splitlines():
        self_us, _, module = line.removeprefix("import time:").split("|")
        package = module.strip().partition(".")[0]
        costs[package] = costs.get(package, 0.0) + int(self_us) / 1000
    return sorted(costs.items(), key=lambda cost: -cost[1])[:count]


def function_environment(function: str, **more: str) -> dict[str, str]:
    """The environment in which a function's file can be imported as `app`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    paths = [ROOT / "functions" / function, ROOT / "layers" / "inventory" / "python"]
    return {
        **kept,
        **table_names(),
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "inventory",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        **more,
    }


def _cpu_ms(code: str, environment: Mapping[str, str]) -> float:
    return int(_run(["-c", code + _TELL], environment).stdout) / 1e6


def _run(arguments: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this interpreter, our own code
        [sys.executable, *arguments], env=dict(environment), capture_output=True, text=True, check=True
    )
