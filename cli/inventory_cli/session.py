"""What a command has at hand: where to talk to, and where to show results."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import typer
from rich.console import RenderableType

from inventory_cli.api_client import ApiClient, Query
from inventory_cli.output import Output
from inventory_cli.target import Options, Stack, find_api, find_stack, optional_stack

if TYPE_CHECKING:
    from inventory_cli.aws import Aws


@dataclass(frozen=True)
class World:
    """What lies outside of the program; a test puts another one in.

    Attributes:
        environ: The environment variables.
        folder: The folder that the command is run in.
        transport: Instead of the network, for the API.
        pause: Waits for some seconds.
        now: Unix seconds by the clock on the wall, for what is shown.
        elapsed: Seconds since some start, whatever the clock is set to, for how long something takes.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    folder: Path = field(default_factory=Path.cwd)
    transport: httpx.BaseTransport | None = None
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic


class Session:
    """One run of the command."""

    def __init__(self, options: Options, output: Output, world: World, *, timeout_s: float) -> None:
        self.output = output
        self.world = world
        self._options = options
        self._timeout_s = timeout_s

    @cached_property
    def api(self) -> ApiClient:
        """The API that is meant.

        Raises:
            CliError: Nothing says which, or it is not there.
        """
        return ApiClient(
            find_api(self._options, self.world.environ, self.world.folder),
            timeout_s=self._timeout_s,
            transport=self.world.transport,
            pause=self.world.pause,
            tell=self.output.note,
        )

    def change(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> dict[str, Any]:
        """Sends a change and gives what became of it. Who gave the key of an earlier one is told of the replay.

        Raises:
            CliError: As for the API client's `post`.
        """
        reply = self.api.post(path, body, idempotency_key=idempotency_key)
        if reply.replayed and idempotency_key:
            self.output.note("Replayed: this was asked for before, by a request with the same Idempotency-Key.")
        return reply.body

    def list(
        self, path: str, query: Query, limit: int, view: Callable[[Sequence[Any]], RenderableType], nothing: str
    ) -> None:
        """Shows up to `limit` entries of a list by `view`, or says that there is `nothing`.

        Raises:
            CliError: As for the API client's `pages`.
        """
        found, has_more = self.api.pages(path, query, limit=limit)
        data = {"object": "list", "has_more": has_more, "data": found}
        self.output.show(data, view(found) if found else nothing)
        if has_more:
            self.output.note(f"There are more than {limit}: see --limit.")

    @cached_property
    def aws(self) -> "Aws":
        """The stack's AWS; where no stack is meant, the operator's own, or the emulator's that is named.

        Raises:
            CliError: The stack that was named is not there.
        """
        from inventory_cli.aws import Aws

        stack = optional_stack(self._options, self.world.environ, self.world.folder)
        if stack is not None:
            return stack.aws
        endpoint_url = self._options.endpoint_url or self.world.environ.get("AWS_ENDPOINT_URL")
        return Aws(region=self._options.region, endpoint_url=endpoint_url)

    @cached_property
    def stack(self) -> Stack:
        """The stack that is meant.

        Raises:
            CliError: Nothing says which, or it is not there.
        """
        return find_stack(self._options, self.world.environ, self.world.folder)


def session_of(context: typer.Context) -> Session:
    """The session that the root command has begun."""
    session = context.find_object(Session)
    if session is None:
        raise AssertionError("the root command begins a session before any other runs")
    return session
