"""Where snapshots and audits are asked for, over a world, a folder and state machines that a test ends."""

import json
from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from inventory.adapters.executions import StepFunctionsMachine
from inventory.api import adjustments, audits, holds, snapshots, stock
from inventory.api.application import Application
from inventory.domain.ids import Requester
from inventory.history.layout import audit_path, instant_of_audit, listed_path, snapshot_id
from inventory.runs.context import HistoryContext
from support.gateway import Handler
from support.objects import DirectoryObjects
from support.restricted import RestrictedObjects
from support.states import States
from support.world import World

DOCS_URL = "https://docs.test/errors"
GRACE_MS = 60_000
MACHINES = "arn:aws:states:us-east-1:000000000000:stateMachine:"
TOTALS = {"items": 3, "available": 40, "held": 2, "on_hand": 42}


class Bureau:
    """A context, and the workflows behind it as a test plays them."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.objects = DirectoryObjects(folder)
        self.states = States(lambda: world.clock.now_ms)
        self.context = HistoryContext(
            core=world.core,
            objects=RestrictedObjects(self.objects, "history"),
            snapshots=StepFunctionsMachine(self.states, f"{MACHINES}snapshots"),
            audits=StepFunctionsMachine(self.states, f"{MACHINES}audits"),
            grace_ms=GRACE_MS,
        )

    @property
    def latest_s(self) -> int:
        """The latest instant that a snapshot can have now, in Unix seconds."""
        return (self.world.clock.now_ms - GRACE_MS) // 1000

    def by(self, key: str | None = None, parameters: object = None, path: str = "/v1/snapshots") -> Requester:
        """A request; with a key it can be asked again."""
        return self.world.by(key, parameters, path)

    def publish(self, as_of_s: int, number: int = 1) -> str:
        """Does what the end of a commit does, and gives the snapshot's id."""
        self.objects.put_new(*listed(as_of_s, number, self.world.clock.now_ms))
        return snapshot_id(as_of_s * 1000)

    def conclude(self, audit: str, snapshot: str, discrepancies: int = 0) -> None:
        """Does what the end of an audit's workflow does."""
        self.objects.put_new(*audited(audit, snapshot, discrepancies))

    def words(self, name: str) -> Any:
        """The input of the execution of this name."""
        return next(json.loads(each["input"]) for each in self.states.executions.values() if each["name"] == name)


def listed(as_of_s: int, number: int, created_ms: int) -> tuple[str, bytes]:
    """What a commit tells of a snapshot, and where."""
    as_of_ms = as_of_s * 1000
    told = {
        "id": snapshot_id(as_of_ms),
        "as_of_ms": as_of_ms,
        "created_ms": created_ms,
        "totals": TOTALS,
        "manifest": {"number": number, "sha256": f"{number:064x}"},
    }
    return listed_path(as_of_ms), json.dumps(told).encode()


def audited(audit: str, snapshot: str, discrepancies: int) -> tuple[str, bytes]:
    """The result of an audit, and where it is."""
    told = {
        "id": audit,
        "object": "audit",
        "snapshot": snapshot,
        "as_of_ms": 0,
        "created": (instant_of_audit(audit) or 0) // 1000,
        "checks": [{"name": "stock_conserved", "looked_at": 3, "discrepancies": discrepancies}],
        "discrepancies": discrepancies,
    }
    return audit_path(audit), json.dumps(told).encode()


def whole_api(bureau: Bureau) -> Handler:
    """All operations behind one door."""
    of_history = Application((*snapshots.OPERATIONS, *audits.OPERATIONS), bureau.context, docs_url=DOCS_URL)
    others = Application(
        (*holds.OPERATIONS, *stock.OPERATIONS, *adjustments.OPERATIONS), bureau.world.core, docs_url=DOCS_URL
    )

    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        served = of_history if str(event["path"]).startswith(("/v1/snapshots", "/v1/audits")) else others
        return served(event, context)

    return handle
