"""So many snapshots are made at once for those who ask, and so many audits, and no more."""

from typing import Any

import pytest

from inventory.domain.errors import Conflict, TooManyAtOnce
from inventory.domain.limits import AUDITS_AT_ONCE_MAX, SNAPSHOTS_AT_ONCE_MAX
from inventory.domain.runs import RunStatus
from inventory.runs.audits import ask_for_audit
from inventory.runs.snapshots import ask_for_snapshot
from support.bureau import MACHINES, Bureau
from support.wire import conflicting

INSTANTS = range(1000, 1000 + SNAPSHOTS_AT_ONCE_MAX)


def ask(bureau: Bureau, as_of_s: int, key: str | None = None) -> RunStatus:
    """How the snapshot stands then."""
    return ask_for_snapshot(bureau.context, as_of_s, by=bureau.by(key, as_of_s)).value.status


def all_places_taken(bureau: Bureau) -> None:
    for instant in INSTANTS:
        assert ask(bureau, instant, f"key-{instant}") is RunStatus.PENDING


def another_comes_between(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the next record is put, another has asked for a snapshot and got a place."""

    def after_another(operation: str, _request: object) -> None:
        if operation == "PutItem":
            monkeypatch.undo()
            ask(bureau, 2000)

    monkeypatch.setattr(bureau.world.database, "before_call", after_another)


def test_one_more_than_there_are_places_is_refused_and_nothing_is_started(bureau: Bureau) -> None:
    all_places_taken(bureau)
    for key in (None, "k"):
        with pytest.raises(TooManyAtOnce, match=str(SNAPSHOTS_AT_ONCE_MAX)) as refused:
            ask(bureau, 2000, key)
        assert refused.value.code == "rate_limit"
    assert len(bureau.states.names) == SNAPSHOTS_AT_ONCE_MAX
    for instant in INSTANTS:
        assert ask(bureau, instant, f"key-{instant}") is RunStatus.PENDING, "a retry finds its own"
        assert ask(bureau, instant) is RunStatus.PENDING, "and another request the run that is under way"
    bureau.publish(500)
    assert ask(bureau, 500) is RunStatus.COMPLETE, "for what is there nothing is made"
    bureau.states.end(bureau.states.names[0])
    assert ask(bureau, 2000, "k") is RunStatus.PENDING, "the refusal was not remembered"


def test_who_never_gets_to_the_record_of_places_is_told_so_and_nothing_of_stock(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_writes(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutItem":
            raise conflicting()(operation, request)

    monkeypatch.setattr(bureau.world.database, "before_call", refuse_writes)
    with pytest.raises(Conflict, match="Others were faster") as refused:
        ask(bureau, 1000)
    assert "stock" not in refused.value.message
    assert bureau.states.names == []


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"])
def test_however_a_run_ends_its_place_is_free(bureau: Bureau, status: str) -> None:
    all_places_taken(bureau)
    for number, name in enumerate(bureau.states.names):
        bureau.states.end(name, status)
        assert ask(bureau, 2000 + number) is RunStatus.PENDING
        with pytest.raises(TooManyAtOnce):
            ask(bureau, 3000)


def test_a_run_that_begins_anew_takes_a_place_too(bureau: Bureau) -> None:
    all_places_taken(bureau)
    bureau.states.end(bureau.states.names[0], "FAILED")
    assert ask(bureau, 2000) is RunStatus.PENDING
    with pytest.raises(TooManyAtOnce):
        ask(bureau, INSTANTS[0])


def test_a_run_that_never_began_keeps_its_place_for_a_minute_and_no_longer(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(**_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bureau.states, "start_execution", dies)
        for instant in INSTANTS:
            with pytest.raises(KeyboardInterrupt):
                ask(bureau, instant)
    with pytest.raises(TooManyAtOnce):
        ask(bureau, 2000)
    assert ask(bureau, INSTANTS[0]) is RunStatus.PENDING, "its own place"
    bureau.world.clock.pass_s(61)
    for instant in range(2000, 2000 + SNAPSHOTS_AT_ONCE_MAX - 1):
        assert ask(bureau, instant) is RunStatus.PENDING
    with pytest.raises(TooManyAtOnce):
        ask(bureau, 3000)


def test_runs_by_schedule_take_no_place(bureau: Bureau) -> None:
    for number in range(2 * SNAPSHOTS_AT_ONCE_MAX):
        bureau.states.start_execution(stateMachineArn=f"{MACHINES}snapshots", name=f"hourly-{number}", input="{}")
    all_places_taken(bureau)


def test_of_two_that_want_the_last_place_one_gets_it(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    for instant in INSTANTS[1:]:
        ask(bureau, instant)
    another_comes_between(bureau, monkeypatch)
    with pytest.raises(TooManyAtOnce):
        ask(bureau, INSTANTS[0])
    assert len(bureau.states.names) == SNAPSHOTS_AT_ONCE_MAX


def test_of_two_that_want_the_first_place_each_has_its_own(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    another_comes_between(bureau, monkeypatch)
    for instant in INSTANTS[1:]:
        ask(bureau, instant)
    with pytest.raises(TooManyAtOnce):
        ask(bureau, INSTANTS[0])
    assert len(bureau.states.names) == SNAPSHOTS_AT_ONCE_MAX


def test_only_where_all_places_are_taken_their_runs_are_asked_each_once(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = bureau.states.describe_execution

    def noted(*, executionArn: str) -> Any:  # noqa: N803 - boto3's names
        asked.append(executionArn)
        return find(executionArn=executionArn)

    monkeypatch.setattr(bureau.states, "describe_execution", noted)
    for instant in INSTANTS:
        ask(bureau, instant)
    assert len(asked) == SNAPSHOTS_AT_ONCE_MAX
    with pytest.raises(TooManyAtOnce):
        ask(bureau, 2000)
    assert len(asked) == 2 * SNAPSHOTS_AT_ONCE_MAX + 1


class TestAudits:
    """Each of another snapshot: two of one are one anyway."""

    @pytest.fixture
    def snapshots(self, bureau: Bureau) -> list[str]:
        return [bureau.publish(1000 + number) for number in range(AUDITS_AT_ONCE_MAX + 2)]

    @staticmethod
    def _ask(bureau: Bureau, snapshot: str, key: str | None = None) -> str:
        audit = ask_for_audit(bureau.context, snapshot, by=bureau.by(key, snapshot)).value
        assert audit.status is RunStatus.PENDING
        return audit.id

    def test_one_more_than_there_are_places_is_refused_and_nothing_is_started(
        self, bureau: Bureau, snapshots: list[str]
    ) -> None:
        *first, late, _ = snapshots
        begun = [self._ask(bureau, each, f"key-{each}") for each in first]
        bureau.world.clock.pass_s(600)
        before = sorted(map(str, bureau.world.records(bureau.world.tables.requests)))
        for key in (None, "k"):
            with pytest.raises(TooManyAtOnce, match=f"{AUDITS_AT_ONCE_MAX} audits that were asked for") as refused:
                self._ask(bureau, late, key)
            assert refused.value.code == "rate_limit"
        assert bureau.states.names == begun
        assert sorted(map(str, bureau.world.records(bureau.world.tables.requests))) == before
        assert [self._ask(bureau, each, f"key-{each}") for each in first] == begun, "a retry finds its own"
        assert [self._ask(bureau, each) for each in first] == begun, "and another request the one that is under way"
        bureau.states.end(begun[0], "FAILED")
        assert self._ask(bureau, late, "k") not in begun, "the refusal was not remembered"
        with pytest.raises(TooManyAtOnce):
            self._ask(bureau, first[0])

    def test_neither_snapshots_nor_a_commit_s_own_audits_take_a_place(
        self, bureau: Bureau, snapshots: list[str]
    ) -> None:
        for number in range(2 * AUDITS_AT_ONCE_MAX):
            bureau.states.start_execution(stateMachineArn=f"{MACHINES}audits", name=f"published-{number}", input="{}")
        for number in range(SNAPSHOTS_AT_ONCE_MAX):
            assert ask(bureau, 2000 + number) is RunStatus.PENDING
        for each in snapshots[:AUDITS_AT_ONCE_MAX]:
            self._ask(bureau, each)

    def test_what_never_began_keeps_its_place_for_a_minute_and_no_longer(
        self, bureau: Bureau, snapshots: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dies(**_: str) -> None:
            raise KeyboardInterrupt

        *first, late, _ = snapshots
        with monkeypatch.context() as patch:
            patch.setattr(bureau.states, "start_execution", dies)
            for each in first:
                with pytest.raises(KeyboardInterrupt):
                    self._ask(bureau, each)
        with pytest.raises(TooManyAtOnce):
            self._ask(bureau, late)
        assert self._ask(bureau, first[0]), "who asks for the same starts it, in its place"
        bureau.world.clock.pass_s(61)
        for each in (*first[2:], late):
            self._ask(bureau, each)
        with pytest.raises(TooManyAtOnce):
            self._ask(bureau, snapshots[-1])

    def test_of_two_that_want_the_last_place_one_gets_it(
        self, bureau: Bureau, snapshots: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        *first, late, _ = snapshots
        for each in first[1:]:
            self._ask(bureau, each)

        def after_another(operation: str, _request: object) -> None:
            if operation == "PutItem":
                monkeypatch.undo()
                self._ask(bureau, late)

        monkeypatch.setattr(bureau.world.database, "before_call", after_another)
        with pytest.raises(TooManyAtOnce):
            self._ask(bureau, first[0])
        assert len(bureau.states.names) == AUDITS_AT_ONCE_MAX
