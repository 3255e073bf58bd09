"""`make demo`: plays the story against the local stack, and ends with what to try next."""

import os
import shlex
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from demo.proof import Proof
from demo.stage import Stage, Unexpected
from demo.story import AT_ONCE, Story
from inventory_cli.api_client import ApiClient
from inventory_cli.aws import explained
from inventory_cli.errors import CliError
from inventory_cli.target import Api, Options, Stack, find_api, find_stack

# A buyer waits for a connection like all others do: long before this, something is wrong.
_TIMEOUT_S = 60


def main() -> int:
    """Plays the story; 0 where every expectation held."""
    console = Console(highlight=False)
    started = time.monotonic()
    try:
        api = find_api(Options(), os.environ, Path.cwd())
        stack = find_stack(Options(), os.environ, Path.cwd())
        story = _play(api, stack)
    except Unexpected as error:
        console.print(f"\n[bold red]The demo stops here:[/] {error}. `make logs` shows what the functions say.")
        return 1
    except CliError as error:
        console.print(f"\n[bold red]The demo stops here:[/] {error.message} {error.details or ''}")
        return 1
    _ending(console, api, story, time.monotonic() - started)
    return 0


def _play(api: Api, stack: Stack) -> Story:
    client = ApiClient(api, timeout_s=_TIMEOUT_S, connections=AT_ONCE)
    stage = Stage(client)
    with explained():
        story = Story(stage, stack)
        stage.play([*story.scenes, *Proof(stage, stack, story).scenes])
    return story


def _ending(console: Console, api: Api, story: Story, seconds: float) -> None:
    console.print()
    console.print(Rule(f"[bold green]Everything as expected, in {seconds:.0f} s", align="left", style="green"))
    console.print("The stack keeps running; [bold]make down[/] stops it. To go on by hand, paste:\n")
    bearer = '-H "Authorization: Bearer $KEY"'
    for line in (
        f"URL={shlex.quote(api.url)}",
        f"KEY={shlex.quote(api.key)}",
        f'curl -s {bearer} "$URL/v1/stock/{story.cup}" | python3 -m json.tool',
        f'curl -s {bearer} "$URL/v1/holds" -d "lines[0][item]={story.cup}&lines[0][quantity]=2" | python3 -m json.tool',
        f'curl -s {bearer} "$URL/v1/holds?limit=3" | python3 -m json.tool',
    ):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"\n[dim]Or by the command: .venv/bin/inventory stock {story.cup}[/]")


if __name__ == "__main__":
    sys.exit(main())
