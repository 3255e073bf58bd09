"""stack.json: what everything that talks to the local stack reads."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from stack.console import StackError


@dataclass(frozen=True)
class Stack:
    """A deployed local stack.

    Attributes:
        api_url: The base to which ``/v1/…`` is appended.
        api_key: A key with every scope.
        aws_endpoint_url: Where every AWS service of the stack answers.
        region: The stack's region.
        stack_name: Its name in CloudFormation.
        outputs: Its outputs; a table, queue or function by its logical id.
    """

    api_url: str
    api_key: str
    aws_endpoint_url: str
    region: str
    stack_name: str
    outputs: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The stack that was written there, or None."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    @classmethod
    def needed(cls, path: Path) -> Self:
        """The stack that was written there.

        Raises:
            StackError: There is none.
        """
        if stack := cls.read(path):
            return stack
        raise StackError("No local stack is up. Start it with `make up`.")

    def write(self, path: Path) -> None:
        """Writes it in one step, so that nobody reads half of it, and nobody else any of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.unlink(missing_ok=True)
        with open(draft, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
            opened.write(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(path)
