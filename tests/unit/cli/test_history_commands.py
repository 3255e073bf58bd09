"""`inventory snapshot` and `inventory audit`: asking, waiting, and what a script learns from the exit code."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory_cli.aws import Aws
from support.terminal import Terminal, audit, snapshot, write_stack

SNAPSHOT_ID = snapshot()["id"]
AUDIT_ID = audit()["id"]


def ok(*bodies: object) -> Sequence[httpx.Response]:
    return [httpx.Response(200, json=body) for body in bodies]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ((), {}),
        (("--as-of", "1000"), {"as_of": 1000}),
        (("--as-of", "2026-11-22 18:00:00"), {"as_of": 1_795_370_400}),
        (("--as-of", "2026-11-22T19:00:00+01:00"), {"as_of": 1_795_370_400}),
    ],
)
def test_a_snapshot_is_asked_for(terminal: Terminal, arguments: tuple[str, ...], sent: object) -> None:
    terminal.answers(*ok(snapshot("pending")))
    result = terminal.run("snapshot", "create", *arguments)
    assert (result.exit_code, terminal.requests[-1].url.path) == (0, "/prod/v1/snapshots")
    assert json.loads(terminal.requests[-1].content) == sent
    assert "pending" in result.out


def test_waiting_asks_again_ever_less_often_until_it_is_done(terminal: Terminal) -> None:
    pending = [snapshot("pending")] * 4
    terminal.answers(*ok(*pending, snapshot()))
    result = terminal.run("snapshot", "create", "--wait")
    assert result.exit_code == 0
    assert "available" in result.out
    assert "manifest 7" in result.out
    assert [request.method for request in terminal.requests] == ["POST", *["GET"] * 4]
    assert terminal.pauses == sorted(terminal.pauses)
    assert len(terminal.pauses) == 3


def test_waiting_ends_and_says_that_it_goes_on(terminal: Terminal) -> None:
    terminal.api(lambda _: httpx.Response(200, json=snapshot("pending")))
    result = terminal.run("snapshot", "show", SNAPSHOT_ID, "--wait", "--at-most", "20")
    assert (result.exit_code, "still pending" in result.err) == (5, True)
    assert sum(terminal.pauses) == pytest.approx(20)


@pytest.mark.parametrize("set_by_s", [-3_600, 3_600])
def test_waiting_takes_as_long_whatever_the_clock_is_set_to_meanwhile(terminal: Terminal, set_by_s: float) -> None:
    terminal.clock_set_by_s = set_by_s
    terminal.api(lambda _: httpx.Response(200, json=snapshot("pending")))
    result = terminal.run("snapshot", "show", SNAPSHOT_ID, "--wait", "--at-most", "20")
    assert (result.exit_code, "still pending" in result.err) == (5, True)
    assert sum(terminal.pauses) == pytest.approx(20)


@pytest.mark.parametrize("command", [("snapshot", "create", "--wait"), ("snapshot", "show", SNAPSHOT_ID)])
def test_a_failed_snapshot_says_why_and_fails(terminal: Terminal, command: tuple[str, ...]) -> None:
    terminal.answers(*ok(snapshot("failed")))
    result = terminal.run(*command)
    assert (result.exit_code, "The archive lacks events." in result.err) == (1, True)


def test_snapshots_are_listed(terminal: Terminal) -> None:
    terminal.answers(*ok({"object": "list", "has_more": True, "data": [snapshot()]}))
    result = terminal.run("snapshot", "list", "--limit", "1")
    assert SNAPSHOT_ID in result.out
    assert "2025-12-31 23:59:00" in result.out
    assert "more than 1" in result.err


def test_an_audit_is_run_and_waited_for(terminal: Terminal) -> None:
    terminal.answers(*ok(audit("pending"), audit("pending"), audit()))
    result = terminal.run("audit", "run", "--snapshot", SNAPSHOT_ID, "--wait")
    assert json.loads(terminal.requests[0].content) == {"snapshot": SNAPSHOT_ID}
    assert terminal.requests[-1].url.path == f"/prod/v1/audits/{AUDIT_ID}"
    assert result.exit_code == 0
    assert "stock_conserved" in result.out
    assert "Nothing is wrong." in result.out


def test_discrepancies_are_a_failure_with_the_result_shown_all_the_same(terminal: Terminal) -> None:
    terminal.answers(*ok(audit(discrepancies=3)))
    result = terminal.run("audit", "show", AUDIT_ID, "--json")
    assert (result.exit_code, result.json["discrepancies"]) == (6, 3)
    assert "3 discrepancies" in json.loads(result.err)["error"]["message"]


def test_a_failed_audit_says_why_and_fails(terminal: Terminal) -> None:
    terminal.answers(*ok(audit("failed")))
    result = terminal.run("audit", "show", AUDIT_ID)
    assert (result.exit_code, "A step failed." in result.err) == (1, True)


def test_audits_are_listed(terminal: Terminal) -> None:
    terminal.answers(*ok({"object": "list", "has_more": False, "data": [audit(), audit(discrepancies=2)]}))
    assert AUDIT_ID in terminal.run("audit", "list").out
    terminal.answers(*ok({"object": "list", "has_more": False, "data": []}))
    assert "No audits yet." in terminal.run("audit", "list").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("snapshot", "create", "--as-of", "yesterday"),
        ("snapshot", "show", "../stock/cup"),
        ("audit", "show", "audit_/"),
        ("snapshot", "show", SNAPSHOT_ID, "--wait", "--at-most", "0"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    terminal.answers()
    assert terminal.run(*arguments).exit_code == 2
    assert terminal.requests == []


def test_a_replay_is_told_to_who_gave_the_key(terminal: Terminal) -> None:
    replay = httpx.Response(200, json=snapshot(), headers={"Idempotent-Replayed": "true"})
    terminal.answers(replay)
    assert "Replayed" in terminal.run("snapshot", "create", "--idempotency-key", "eod").err


class Machines:
    """The state machines: they note what is started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Any]] = []

    def start_execution(self, stateMachineArn: str, input: str) -> dict[str, str]:  # noqa: A002, N803 - boto3's names
        self.started.append((stateMachineArn, json.loads(input)))
        return {"executionArn": "arn:of:the:execution"}


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machines:
    machines = Machines()
    monkeypatch.setattr(Aws, "machines", machines)
    monkeypatch.setattr(Aws, "identity", "arn:aws:iam::1:user/nora")
    write_stack(tmp_path, {"SnapshotMachine": "arn:of:the:machine"})
    return machines


def test_a_history_is_opened_with_a_reason_by_whoever_asks(terminal: Terminal, machines: Machines) -> None:
    result = terminal.run("snapshot", "open", "--reason", " INC-77 ", "--yes", "--json")
    assert (result.exit_code, result.json["execution"]) == (0, "arn:of:the:execution")
    [(machine, words)] = machines.started
    assert machine == "arn:of:the:machine"
    assert words == {
        "as_of_ms": None,
        "align_ms": 1000,
        "mode": "opening",
        "reason": "INC-77",
        "actor": "arn:aws:iam::1:user/nora",
    }


@pytest.mark.parametrize(
    ("arguments", "typed"), [(("--reason", " ", "--yes"), None), (("--yes",), None), (("--reason", "why"), "n\n")]
)
def test_a_history_is_not_opened_without_a_reason_or_by_mistake(
    terminal: Terminal, machines: Machines, arguments: tuple[str, ...], typed: str | None
) -> None:
    assert terminal.run("snapshot", "open", *arguments, typed=typed).exit_code != 0
    assert machines.started == []
