"""Plays one of the sample events against the deployed function that it is for."""

import base64
import json
import re
from pathlib import Path

from stack.aws import Aws
from stack.console import StackError, console
from stack.place import ROOT
from stack.state import Stack


def play(stack: Stack, function: str, event: Path) -> None:
    """Invokes ``holds``, ``settler``, … with the event file (a path, or one below ``events/``), and prints the answer.

    Raises:
        StackError: There is no such function or file, or the function failed.
    """
    functions = {folder_of(key): name for key, name in stack.outputs.items() if key.endswith("Function")}
    name = functions.get(function.replace("-", "_"))  # as their logs are called, too
    if name is None:
        raise StackError(f"No function {function!r}. There are: {', '.join(sorted(functions))}.")
    answer = Aws(stack.aws_endpoint_url).functions.invoke(
        FunctionName=name, Payload=_find(event).read_bytes(), LogType="Tail"
    )
    console.print(
        base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
        style="dim",
        markup=False,
        soft_wrap=True,
    )
    console.print_json(json.dumps(json.loads(answer["Payload"].read())))
    if "FunctionError" in answer:
        raise StackError("The function failed.")


def folder_of(output: str) -> str:
    """A function as its folder is called: ``StockAtFunction`` is ``stock_at``."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", output.removesuffix("Function")).lower()


def _find(event: Path) -> Path:
    for candidate in (event, ROOT / "events" / event, ROOT / "events" / event.with_suffix(".json")):
        if candidate.is_file():
            return candidate
    known = sorted(str(path.relative_to(ROOT / "events")) for path in (ROOT / "events").rglob("*.json"))
    raise StackError("\n  ".join([f"No event {str(event)!r}. There are:", *known]))
