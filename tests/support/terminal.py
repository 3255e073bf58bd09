"""The `inventory` command as a user types it, against an API that a test writes down."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from inventory_cli.main import app
from inventory_cli.session import World

NOW = 1_767_225_600.0
Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class Result:
    """How a run ended and what it said."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Terminal:
    """A user's terminal, in an empty folder, with a clock that goes only while somebody waits.

    Attributes:
        clock_set_by_s: By how many seconds somebody sets the clock on the wall during the first wait.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    handler: Handler | None = None
    pauses: list[float] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    clock_set_by_s: float = 0.0

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        transport = httpx.MockTransport(self._answer)
        world = World(self.environ, self.folder, transport, self.pauses.append, self._now, self._elapsed)
        result = CliRunner(env={"COLUMNS": "120"}).invoke(app, arguments, input=typed, obj=world)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.stdout, result.stderr)

    def api(self, handler: Handler) -> None:
        self.environ |= {"INVENTORY_URL": "https://api.test/prod", "INVENTORY_API_KEY": "inv_key"}
        self.handler = handler

    def answers(self, *answers: httpx.Response | BaseException) -> None:
        """One answer for each request, in their order."""
        waiting = iter(answers)

        def handler(_: httpx.Request) -> httpx.Response:
            answer = next(waiting)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        self.api(handler)

    def _now(self) -> float:
        return NOW + self._elapsed() + (self.clock_set_by_s if self.pauses else 0)

    def _elapsed(self) -> float:
        return sum(self.pauses)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.handler is not None, "this command should not call the API"
        return self.handler(request)


def write_stack(folder: Path, outputs: dict[str, str], **more: Any) -> Path:
    """A stack.json as `make up` writes it, but without an emulator's address: moto stands for AWS itself."""
    file = folder / ".local" / "stack.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    stack = {
        "api_url": "http://127.0.0.1:4566/_aws/execute-api/a1/local",
        "api_key": "inv_local",
        "aws_endpoint_url": None,
        "region": "us-east-1",
        "stack_name": "inventory-local",
        "outputs": outputs,
    }
    file.write_text(json.dumps(stack | more))
    return file


def error(status: int, code: str, message: str, **headers: str) -> httpx.Response:
    """An error in the API's one shape."""
    body = {"error": {"type": "t", "code": code, "message": message, "param": None, "request_id": "req_1"}}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def stock(item: str, available: int = 5, held: int = 1) -> dict[str, Any]:
    """An item's stock as the API gives it."""
    numbers = {"available": available, "held": held, "on_hand": available + held}
    where = [{"warehouse": "berlin", "shards": 1, **numbers}]
    return {"id": item, "object": "stock", "item": item, **numbers, "in_stock": True, "as_of": NOW, "warehouses": where}


def hold(status: str = "active") -> dict[str, Any]:
    """A hold as the API gives it."""
    return {
        "id": "hold_" + "5f" * 16,
        "object": "hold",
        "status": status,
        "lines": [{"item": "cup", "warehouse": "berlin", "quantity": 2, "executed": 0}],
        "created": NOW,
        "expires_at": NOW + 600,
        "settled": False,
        "metadata": {},
    }


def snapshot(status: str = "complete") -> dict[str, Any]:
    """A snapshot as the API gives it."""
    complete = status == "complete"
    return {
        "id": "snap_" + "1a" * 16,
        "object": "snapshot",
        "status": status,
        "as_of": NOW - 60,
        "created": NOW,
        "totals": {"items": 2, "available": 40, "held": 2, "on_hand": 42} if complete else None,
        "manifest": {"number": 7, "sha256": "0" * 64} if complete else None,
        "error": {"code": "snapshot_incomplete", "message": "The archive lacks events."}
        if status == "failed"
        else None,
    }


def audit(status: str = "complete", discrepancies: int = 0) -> dict[str, Any]:
    """An audit as the API gives it."""
    complete = status == "complete"
    check = {"name": "stock_conserved", "looked_at": 1234, "discrepancies": discrepancies}
    return {
        "id": "audit_" + "2b" * 16,
        "object": "audit",
        "status": status,
        "snapshot": "snap_" + "1a" * 16,
        "created": NOW,
        "checks": [check] if complete else [],
        "discrepancies": discrepancies if complete else None,
        "error": {"code": "audit_step_failed", "message": "A step failed."} if status == "failed" else None,
    }
