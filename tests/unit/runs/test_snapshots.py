"""Asking for snapshots: one run for one instant, whoever asks and however often."""

from dataclasses import replace

import pytest

from inventory.domain.errors import IdempotencyKeyMismatch, InvalidRequest, Missing, Overloaded
from inventory.domain.runs import TRIES_MAX, Failure, ManifestName, RunStatus
from inventory.history.layout import snapshot_id
from inventory.runs.snapshots import ask_for_snapshot, get_snapshot, list_snapshots
from support.bureau import TOTALS, Bureau


def test_the_latest_possible_instant_is_taken_unless_another_is_named(bureau: Bureau) -> None:
    bureau.world.clock.pass_s(0.7)
    latest = ask_for_snapshot(bureau.context, None, by=bureau.by()).value
    assert (latest.status, latest.as_of) == (RunStatus.PENDING, bureau.latest_s * 1000)
    assert latest.created == bureau.world.clock.now_ms
    earlier = ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value
    assert (earlier.id, earlier.as_of) == (snapshot_id(1_000_000), 1_000_000)
    assert bureau.states.names == [f"{latest.id}-0", f"{earlier.id}-0"]
    assert bureau.words(f"{earlier.id}-0") == {
        "as_of_ms": 1_000_000,
        "align_ms": 1000,
        "mode": "increment",
    }


def test_an_instant_of_which_writes_may_be_under_way_is_refused_and_the_latest_possible_is_named(
    bureau: Bureau,
) -> None:
    ask_for_snapshot(bureau.context, bureau.latest_s, by=bureau.by())
    with pytest.raises(InvalidRequest, match=str(bureau.latest_s)) as refused:
        ask_for_snapshot(bureau.context, bureau.latest_s + 1, by=bureau.by())
    assert (refused.value.code, refused.value.param) == ("instant_too_recent", "as_of")
    assert len(bureau.states.names) == 1


def test_however_many_ask_for_an_instant_one_run_is_made(bureau: Bureau) -> None:
    asked = [ask_for_snapshot(bureau.context, 1000, by=bureau.by(key)) for key in (None, None, "a", "b")]
    assert bureau.states.names == [f"{asked[0].value.id}-0"]
    assert {each.value for each in asked} == {asked[0].value}
    assert [each.replayed for each in asked] == [False] * 4


def test_one_that_is_published_is_complete_and_nothing_is_started_for_it(bureau: Bureau) -> None:
    identifier = bureau.publish(1000, number=7)
    asked = ask_for_snapshot(bureau.context, 1000, by=bureau.by("k")).value
    assert asked == get_snapshot(bureau.context, identifier)
    assert (asked.status, asked.totals, asked.manifest) == (
        RunStatus.COMPLETE,
        TOTALS,
        ManifestName(7, f"{7:064x}"),
    )
    assert bureau.states.names == []
    assert ask_for_snapshot(bureau.context, 1000, by=bureau.by("k")).replayed


def test_a_key_takes_its_own_instant_however_late_it_is_sent_again(bureau: Bureau) -> None:
    first = ask_for_snapshot(bureau.context, None, by=bureau.by("k"))
    bureau.world.clock.pass_s(100)
    again = ask_for_snapshot(bureau.context, None, by=bureau.by("k"))
    assert (again.value, again.replayed) == (first.value, True)
    assert len(bureau.states.names) == 1
    with pytest.raises(IdempotencyKeyMismatch):
        ask_for_snapshot(bureau.context, None, by=bureau.by("k", parameters={"as_of": 5}))


def test_a_key_remembers_what_it_started(bureau: Bureau) -> None:
    made = ask_for_snapshot(bureau.context, 1000, by=bureau.by("k")).value
    kept = bureau.world.records(bureau.world.tables.requests)
    (record,) = [each for each in kept if each["made"] == made.id]  # beside the run's place
    assert (record["made"], record["actor"]) == (made.id, "key_test")
    assert record["execution"] in {told["name"] for told in bureau.states.executions.values()}
    assert "execution_arn" not in record
    assert record["ttl"] > bureau.world.clock.now_ms // 1000 + 30 * 86_400


def test_a_retry_starts_what_an_earlier_try_only_decided(bureau: Bureau) -> None:
    bureau.states.outage = "ThrottlingException"
    with pytest.raises(Overloaded):
        ask_for_snapshot(bureau.context, 1000, by=bureau.by("k"))
    bureau.states.outage = None
    assert bureau.states.names == []
    assert ask_for_snapshot(bureau.context, 1000, by=bureau.by("k")).value.status is RunStatus.PENDING
    assert len(bureau.states.names) == 1


def test_a_lost_start_is_recovered_by_its_key_alone(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    start = bureau.states.start_execution

    def dies(**_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bureau.states, "start_execution", dies)
    with pytest.raises(KeyboardInterrupt):
        ask_for_snapshot(bureau.context, None, by=bureau.by("k"))
    monkeypatch.setattr(bureau.states, "start_execution", start)
    decided = bureau.latest_s
    bureau.world.clock.pass_s(30)
    again = ask_for_snapshot(bureau.context, None, by=bureau.by("k"))
    assert again.value.as_of == decided * 1000
    assert bureau.states.names == [f"{again.value.id}-0"]


def test_one_that_failed_says_why_and_begins_anew_when_it_is_asked_for_again(bureau: Bureau) -> None:
    made = ask_for_snapshot(bureau.context, 1000, by=bureau.by("k")).value
    bureau.states.end(f"{made.id}-0", "FAILED", error="SnapshotIncomplete", cause="The archive lacks events.")
    failed = get_snapshot(bureau.context, made.id)
    assert (failed.status, failed.failure) == (
        RunStatus.FAILED,
        Failure("snapshot_incomplete", "The archive lacks events."),
    )
    assert ask_for_snapshot(bureau.context, 1000, by=bureau.by("k")).value == failed, "the same key: as it is now"
    assert ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value.status is RunStatus.PENDING
    assert get_snapshot(bureau.context, made.id).status is RunStatus.PENDING
    assert bureau.states.names == [f"{made.id}-0", f"{made.id}-1"]


def test_one_that_fails_again_and_again_is_begun_so_often_and_no_more(bureau: Bureau) -> None:
    for _ in range(TRIES_MAX):
        made = ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value
        assert made.status is RunStatus.PENDING
        bureau.states.end(bureau.states.names[-1], "TIMED_OUT")
    assert ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value.status is RunStatus.FAILED
    assert len(bureau.states.names) == TRIES_MAX


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("TIMED_OUT", "", "timed_out"),
        ("ABORTED", "", "aborted"),
        ("FAILED", "States.Runtime", "internal"),
        ("FAILED", "", "internal"),
        ("SUCCEEDED", "", "internal"),
    ],
)
def test_a_failure_that_is_not_the_workflows_own_is_told_without_its_inside(
    bureau: Bureau, status: str, error: str, code: str
) -> None:
    made = ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value
    bureau.states.end(f"{made.id}-0", status, error=error, cause="arn:aws:lambda:secret")
    failure = get_snapshot(bureau.context, made.id).failure
    assert failure is not None
    assert failure.code == code
    assert "secret" not in failure.message


def test_one_that_is_published_between_two_looks_is_complete(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value
    bureau.states.end(f"{made.id}-0")
    find = bureau.states.describe_execution

    def publishes(*, executionArn: str) -> dict[str, object]:  # noqa: N803 - boto3's names
        bureau.publish(1000)
        return find(executionArn=executionArn)

    monkeypatch.setattr(bureau.states, "describe_execution", publishes)
    assert get_snapshot(bureau.context, made.id).status is RunStatus.COMPLETE


def test_what_nobody_asked_for_is_missing(bureau: Bureau) -> None:
    for identifier in (snapshot_id(1_000_000), "snap_" + "0" * 32, "snap"):
        with pytest.raises(Missing):
            get_snapshot(bureau.context, identifier)


def test_a_run_that_is_not_known_for_a_moment_is_looked_for_again(bureau: Bureau) -> None:
    made = ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value
    kept = dict(bureau.states.executions)
    bureau.states.executions.clear()
    core = replace(bureau.context.core, pause=lambda _: bureau.states.executions.update(kept))
    assert get_snapshot(replace(bureau.context, core=core), made.id).status is RunStatus.PENDING


def test_published_ones_are_listed_from_the_latest_instant_page_by_page(bureau: Bureau) -> None:
    ids = [bureau.publish(second, number) for number, second in enumerate((3000, 1000, 2000), 1)]
    newest_first = [ids[0], ids[2], ids[1]]
    first = list_snapshots(bureau.context, limit=2, starting_after=None)
    assert ([each.id for each in first.items], first.has_more) == (newest_first[:2], True)
    rest = list_snapshots(bureau.context, limit=2, starting_after=newest_first[1])
    assert ([each.id for each in rest.items], rest.has_more) == (newest_first[2:], False)
    assert list_snapshots(bureau.context, limit=1, starting_after=newest_first[2]).items == []
    assert {each.status for each in first.items} == {RunStatus.COMPLETE}


def test_one_that_is_under_way_is_in_no_list_and_no_cursor(bureau: Bureau) -> None:
    made = ask_for_snapshot(bureau.context, 1000, by=bureau.by()).value
    assert list_snapshots(bureau.context, limit=10, starting_after=None).items == []
    for cursor in (made.id, "snap_" + "0" * 32):
        with pytest.raises(InvalidRequest, match=f"No complete snapshot has this id: '{cursor}'") as refused:
            list_snapshots(bureau.context, limit=10, starting_after=cursor)
        assert (refused.value.code, refused.value.param) == ("parameter_invalid", "starting_after")
