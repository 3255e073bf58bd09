"""Where things are: the repository's folders, and one local stack's folder, port and address."""

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
# What every local emulator takes; it opens nothing anywhere else.
LOCAL_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class Place:
    """One local stack: all that it writes is in ``folder``, all that it listens on is ``port`` on 127.0.0.1."""

    folder: Path
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stack_file(self) -> Path:
        return self.folder / "stack.json"

    @property
    def emulator_log(self) -> Path:
        return self.folder / "emulator.log"


def clean_environment() -> dict[str, str]:
    """This process's environment without any AWS setting: nothing local may reach, or be led to, an account."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def local_runtime() -> dict[str, str]:
    """Template parameters for functions that run on this interpreter and processor, as the emulator's do."""
    architecture = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
    return {
        "RuntimeVersion": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Architecture": architecture,
    }
