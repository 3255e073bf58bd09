"""The `inventory` command and the demo, run as a user runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack.place import ROOT
from stack.state import Stack
from support.shop import Shop, done, line
from support.stack import Operator

Run = Callable[..., "subprocess.CompletedProcess[str]"]
_SECONDS_MAX = 200


@pytest.fixture
def run(stack: Stack, tmp_path: Path) -> Run:
    """Runs a program of the environment against the deployed stack."""
    file = tmp_path / "stack.json"
    stack.write(file)
    environment = {**os.environ, "INVENTORY_STACK": str(file), "COLUMNS": "100"}

    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own program
            command, env=environment, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False
        )

    return run


@pytest.fixture
def inventory(run: Run) -> Run:
    program = str(Path(sys.executable).with_name("inventory"))
    return lambda *arguments: run(program, *arguments)


@pytest.mark.timeout(240)
def test_the_demo_finds_everything_as_expected(run: Run) -> None:
    played = run(sys.executable, "-m", "demo")
    assert played.returncode == 0, played.stdout + played.stderr
    for name in ("never_oversold", "stock_conserved", "held_matches_holds", "resolved_once", "everything_settles"):
        assert f"✓ {name}" in played.stdout
    assert played.stdout.count("\ncurl ") == 3


def test_a_hold_by_the_command_is_what_the_api_shows(inventory: Run, shop: Shop) -> None:
    cup = shop.item("cup")
    assert inventory("adjust", cup, "berlin", "+5", "--reason", "received").returncode == 0
    placed = json.loads(inventory("hold", "place", f"{cup}@berlin:3", "--json").stdout)
    assert shop.hold(placed)["lines"] == placed["lines"]
    refused = inventory("hold", "place", f"{cup}:3")
    assert (refused.returncode, "wanted 3, available 2" in refused.stderr) == (3, True)
    assert inventory("hold", "execute", placed["id"], f"{cup}@berlin:1").returncode == 0
    assert shop.hold(placed)["lines"][0]["executed"] == 1


def test_a_file_is_loaded_once_however_often_it_is_run(inventory: Run, shop: Shop, tmp_path: Path) -> None:
    cup, saucer = shop.item("cup"), shop.item("saucer")
    file = tmp_path / "delivery.csv"
    file.write_text(f"item,warehouse,quantity,count\n{cup},berlin,+5,\n{saucer},lyon,,7\n{saucer},berlin,-1,\n")
    load = ("load", str(file), "--batch", f"delivery-{cup}", "--reason", "received", "--json")
    first, second = inventory(*load), inventory(*load)
    assert (first.returncode, second.returncode) == (1, 1), first.stderr
    loaded, again = json.loads(first.stdout), json.loads(second.stdout)
    assert (loaded["done"], loaded["replayed"], again["done"], again["replayed"]) == (2, 0, 2, 2)
    assert [refused["line"] for refused in loaded["rejected"]] == [4]
    assert [shop.stock(item)["on_hand"] for item in (cup, saucer)] == [5, 7]


def test_a_key_made_by_the_command_opens_the_api(inventory: Run, stack: Stack) -> None:
    made = json.loads(
        inventory("keys", "create", "--name", "t", "--account", "a", "--scope", "holds:read", "--json").stdout
    )
    assert inventory("--url", stack.api_url, "--key", made["key"], "hold", "list").returncode == 0
    denied = inventory("--url", stack.api_url, "--key", made["key"], "hold", "place", "cup")
    assert (denied.returncode, "scope_missing" in denied.stderr) == (1, True)
    assert json.loads(inventory("keys", "revoke", made["id"], "--json").stdout)["revoked"]


def test_what_is_given_back_is_done_and_what_is_still_poison_is_kept(
    inventory: Run, shop: Shop, operator: Operator
) -> None:
    cup = shop.item("cup")
    shop.receive(cup, 5)
    with operator.stopped("SettlerFunction"):
        hold = done(shop.place(line(cup)))
        done(shop.release(hold))
        _set_aside(operator, "mended by now", _told_of(operator, hold["id"]))
        _set_aside(operator, "still poison", _poison())
        given = inventory("redrive", "run", "--function", "settler", "--yes", "--json")
        outcomes = {each["message"]["why"]: each["outcome"] for each in json.loads(given.stdout)}
        assert (outcomes["mended by now"], outcomes["still poison"]) == ("handled", "failed")
        assert given.returncode == 1
        assert shop.hold(hold)["settled"] is True
    assert shop.counters(cup) == (5, 0)
    (left,) = operator.messages("SettlerOnFailureQueue", lambda body: body.get("record") == _poison())
    assert left["why"] == "still poison"


def _set_aside(operator: Operator, why: str, record: dict[str, Any]) -> None:
    url = operator.stack.outputs["SettlerOnFailureQueue"]
    operator.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"why": why, "record": record}))


def _told_of(operator: Operator, hold_id: str) -> dict[str, Any]:
    """What the stream says of the last change of a hold."""
    keys: Any = {"hold_id": {"S": hold_id}}
    found = operator.dynamodb.get_item(TableName=operator.stack.outputs["HoldsTable"], Key=keys, ConsistentRead=True)
    return {"eventID": hold_id, "eventName": "MODIFY", "dynamodb": {"Keys": keys, "NewImage": found["Item"]}}


def _poison() -> dict[str, Any]:
    event = json.loads((ROOT / "events" / "dynamodb-stream" / "hold-poison.json").read_text())
    return dict(event["Records"][0])
