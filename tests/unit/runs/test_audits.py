"""Asking for audits: each request is one, and its result stands when it is written."""

from dataclasses import replace

import pytest

from inventory.domain.errors import IdempotencyKeyMismatch, InvalidRequest, Missing
from inventory.domain.runs import CheckResult, Failure, RunStatus
from inventory.history.layout import instant_of_audit, snapshot_id
from inventory.runs.audits import ask_for_audit, get_audit, list_audits
from inventory.runs.snapshots import ask_for_snapshot
from inventory.storage.codec import Record
from inventory.storage.database import Database
from inventory.storage.tables import Key
from support.bureau import Bureau


def test_the_latest_snapshot_is_audited_unless_another_is_named(bureau: Bureau) -> None:
    earlier, latest = bureau.publish(1000), bureau.publish(2000)
    begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
    assert (begun.status, begun.snapshot, begun.discrepancies) == (RunStatus.PENDING, latest, None)
    assert begun.created == instant_of_audit(begun.id) == bureau.world.clock.now_ms
    named = ask_for_audit(bureau.context, earlier, by=bureau.by()).value
    assert named.snapshot == earlier
    assert bureau.states.names == [begun.id, named.id]
    assert bureau.words(named.id) == {"audit": named.id, "as_of_ms": 1_000_000}


def test_each_request_is_an_audit_of_its_own_but_for_its_retries(bureau: Bureau) -> None:
    bureau.publish(1000)
    first = ask_for_audit(bureau.context, None, by=bureau.by("k"))
    bureau.world.clock.pass_s(60)
    bureau.publish(2000)
    again = ask_for_audit(bureau.context, None, by=bureau.by("k"))
    assert (again.value, again.replayed) == (first.value, True)
    others = set()
    for key in (None, None, "l"):
        others.add(ask_for_audit(bureau.context, None, by=bureau.by(key)).value.id)
        bureau.states.end(bureau.states.names[-1])
    assert len(others | {first.value.id}) == 4 == len(bureau.states.names)
    with pytest.raises(IdempotencyKeyMismatch):
        ask_for_audit(bureau.context, snapshot_id(1_000_000), by=bureau.by("k", parameters={"snapshot": "…"}))


def test_while_one_is_under_way_nobody_starts_another_of_the_same_snapshot(bureau: Bureau) -> None:
    earlier, _ = bureau.publish(1000), bureau.publish(2000)
    first = ask_for_audit(bureau.context, None, by=bureau.by()).value
    bureau.world.clock.pass_s(3600)
    joined = [ask_for_audit(bureau.context, None, by=bureau.by(key)) for key in (None, None, "k")]
    assert [(each.value, each.replayed) for each in joined] == [(first, False)] * 3
    other = ask_for_audit(bureau.context, earlier, by=bureau.by()).value
    assert bureau.states.names == [first.id, other.id]
    bureau.states.end(first.id, "FAILED", error="AuditStepFailed", cause="A step failed.")
    assert ask_for_audit(bureau.context, None, by=bureau.by("k")).value.status is RunStatus.FAILED, "a retry asks of it"
    assert ask_for_audit(bureau.context, None, by=bureau.by()).value.id not in (first.id, other.id)


@pytest.mark.parametrize("earlier", [0, 1])
def test_of_two_that_ask_at_once_the_second_is_told_of_the_first_ones(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch, earlier: int
) -> None:
    bureau.publish(1000)
    ended = [ask_for_audit(bureau.context, None, by=bureau.by()).value.id for _ in range(earlier)]
    for each in ended:
        bureau.states.end(each, "FAILED", error="AuditStepFailed", cause="A step failed.")
    database = bureau.context.core.database
    told: list[str] = []

    def get(key: Key, *, consistent: bool = True) -> Record | None:
        known = Database.get(database, key, consistent=consistent)
        if not told:  # the other comes between the look and the write
            told.append("")
            told.append(ask_for_audit(bureau.context, None, by=bureau.by()).value.id)
        return known

    monkeypatch.setattr(database, "get", get)
    begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
    assert told == ["", begun.id]
    assert bureau.states.names == [*ended, begun.id]


def test_a_retry_decides_nothing_anew_after_its_audit_has_ended(bureau: Bureau) -> None:
    bureau.publish(1000)
    begun = ask_for_audit(bureau.context, None, by=bureau.by("k")).value
    bureau.states.end(begun.id, "FAILED", error="AuditStepFailed", cause="A step failed.")
    before = sorted(map(str, bureau.world.records(bureau.world.tables.requests)))
    bureau.world.clock.pass_s(60)
    assert ask_for_audit(bureau.context, None, by=bureau.by("k")).value.id == begun.id
    assert sorted(map(str, bureau.world.records(bureau.world.tables.requests))) == before


def test_one_that_was_never_started_is_started_by_the_next_who_asks_and_later_given_up(bureau: Bureau) -> None:
    bureau.publish(1000)
    ids = []
    for wait_s in (0, 5, 60):
        bureau.world.clock.pass_s(wait_s)
        ids.append(ask_for_audit(bureau.context, None, by=bureau.by()).value.id)
        assert bureau.states.names == ids[-1:]
        bureau.states.executions.clear()
    assert ids[0] == ids[1] != ids[2]


def test_without_a_snapshot_there_is_nothing_to_audit(bureau: Bureau) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask_for_audit(bureau.context, None, by=bureau.by("k"))
    assert (refused.value.code, refused.value.param) == ("snapshot_required", "snapshot")
    assert not list(bureau.world.records(bureau.world.tables.requests)), "a refusal is not remembered"


def test_a_snapshot_that_is_not_complete_cannot_be_audited(bureau: Bureau) -> None:
    pending = ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value
    with pytest.raises(InvalidRequest) as refused:
        ask_for_audit(bureau.context, pending.id, by=bureau.by())
    assert (refused.value.code, refused.value.param) == ("snapshot_not_complete", "snapshot")
    with pytest.raises(InvalidRequest) as refused:
        ask_for_audit(bureau.context, snapshot_id(5000), by=bureau.by())
    assert (refused.value.code, refused.value.param) == ("parameter_invalid", "snapshot")


def test_its_result_tells_what_was_checked(bureau: Bureau) -> None:
    snapshot = bureau.publish(1000)
    begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
    assert get_audit(bureau.context, begun.id) == begun
    bureau.states.end(begun.id)
    bureau.conclude(begun.id, snapshot, discrepancies=2)
    done = get_audit(bureau.context, begun.id)
    assert (done.status, done.snapshot, done.discrepancies) == (RunStatus.COMPLETE, snapshot, 2)
    assert done.checks == (CheckResult("stock_conserved", 3, 2),)
    assert done.created == begun.created


def test_one_that_failed_says_why(bureau: Bureau) -> None:
    bureau.publish(1000)
    begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
    bureau.states.end(begun.id, "FAILED", error="AuditStepFailed", cause="A step failed.")
    failed = get_audit(bureau.context, begun.id)
    assert (failed.status, failed.snapshot) == (RunStatus.FAILED, snapshot_id(1_000_000))
    assert failed.failure == Failure("audit_step_failed", "A step failed.")


def test_one_that_ended_without_a_result_has_failed(bureau: Bureau) -> None:
    bureau.publish(1000)
    begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
    bureau.states.end(begun.id)
    failure = get_audit(bureau.context, begun.id).failure
    assert failure is not None
    assert failure.code == "internal"


def test_one_whose_result_is_written_between_two_looks_is_complete(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = bureau.publish(1000)
    begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
    bureau.states.end(begun.id)
    find = bureau.states.describe_execution

    def concludes(*, executionArn: str) -> dict[str, object]:  # noqa: N803 - boto3's names
        bureau.conclude(begun.id, snapshot)
        return find(executionArn=executionArn)

    monkeypatch.setattr(bureau.states, "describe_execution", concludes)
    assert get_audit(bureau.context, begun.id).status is RunStatus.COMPLETE


def test_a_run_that_is_not_known_for_a_moment_is_looked_for_again(bureau: Bureau) -> None:
    bureau.publish(1000)
    begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
    kept = dict(bureau.states.executions)
    bureau.states.executions.clear()
    core = replace(bureau.context.core, pause=lambda _: bureau.states.executions.update(kept))
    assert get_audit(replace(bureau.context, core=core), begun.id) == begun


def test_what_nobody_asked_for_is_missing(bureau: Bureau) -> None:
    for identifier in ("audit_" + "0" * 32, "audit_" + "f" * 32, "audit"):
        with pytest.raises(Missing):
            get_audit(bureau.context, identifier)


def test_those_with_a_result_are_listed_newest_first_page_by_page(bureau: Bureau) -> None:
    snapshot = bureau.publish(1000)
    ids = []
    for _ in range(3):
        begun = ask_for_audit(bureau.context, None, by=bureau.by()).value
        bureau.conclude(begun.id, snapshot)
        ids.append(begun.id)
        bureau.world.clock.pass_s(5)
    pending = ask_for_audit(bureau.context, None, by=bureau.by()).value
    first = list_audits(bureau.context, limit=2, starting_after=None)
    assert ([each.id for each in first.items], first.has_more) == ([ids[2], ids[1]], True)
    rest = list_audits(bureau.context, limit=2, starting_after=ids[1])
    assert ([each.id for each in rest.items], rest.has_more) == ([ids[0]], False)
    for cursor in (pending.id, "audit_" + "f" * 32):
        with pytest.raises(InvalidRequest, match=f"No complete audit has this id: '{cursor}'"):
            list_audits(bureau.context, limit=2, starting_after=cursor)
