"""What every function behind a stream, the schedule or the audits owes to whoever operates it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from inventory import wiring
from inventory.adapters.aside import ASIDE_MAX, ASIDE_MS, TooMuchPoison
from inventory.domain.errors import Conflict
from inventory.metric import Metric
from inventory.pipeline.stream import StillPoison
from inventory.telemetry import metrics, report
from support.functions import SAMPLES, Functions

POISON = {
    "settler": "dynamodb-stream/hold-poison",
    "archiver": "dynamodb-stream/hold-poison",
    "projector": "dynamodb-stream/stock-poison",
    "collector": "kinesis/poison",
}


@pytest.mark.parametrize("function", POISON)
def test_who_gives_poison_back_is_told_that_it_still_is_and_it_is_not_set_aside_again(
    functions: Functions, function: str
) -> None:
    poison = SAMPLES[POISON[function]].load()["Records"][0]
    with pytest.raises(StillPoison):
        functions.invoke(function, {"Records": [poison], "redrive": True})
    assert functions.queue.messages == []
    functions.invoke(function, {"Records": [poison]})
    assert [message["record"] for message in functions.queue.messages] == [poison]


@pytest.mark.parametrize("function", POISON)
def test_poison_larger_than_a_message_is_set_aside_without_its_images(functions: Functions, function: str) -> None:
    poison = SAMPLES[POISON[function]].load()["Records"][0]
    source = "kinesis" if function == "collector" else "dynamodb"
    images = {"kinesis": ("data",), "dynamodb": ("NewImage", "OldImage")}[source]
    pads = {image: {"pad": {"S": "ü" * 125_000}} for image in images}
    large = {**poison, source: {**poison[source], **pads}}

    functions.invoke(function, {"Records": [large]})

    (message,) = functions.queue.messages
    left = {name: said for name, said in poison[source].items() if name not in images}
    assert message["record"] == {**poison, source: left, "images": "left out, too large"}
    with pytest.raises(StillPoison):
        functions.invoke(function, {"Records": [message["record"]], "redrive": True})


def test_poison_that_a_message_can_carry_is_set_aside_as_it_is(functions: Functions) -> None:
    poison = {"eventID": "e1", "dynamodb": {"Keys": {"hold_id": {"S": "h"}}, "NewImage": {"pad": {"S": "x" * 240_000}}}}
    functions.invoke("settler", {"Records": [poison]})
    assert [message["record"] for message in functions.queue.messages] == [poison]


def test_a_reason_too_long_for_a_message_is_cut(functions: Functions) -> None:
    wiring.aside_on("https://sqs.invalid/poison")({"eventID": "e1"}, "ValueError: " + "x" * 300_000)
    (message,) = functions.queue.messages
    assert (message["record"]["eventID"], len(message["why"])) == ("e1", 1_000)


@pytest.mark.parametrize("function", POISON)
def test_a_function_to_which_everything_is_poison_gives_it_back_to_the_stream(
    functions: Functions, function: str
) -> None:
    poison = SAMPLES[POISON[function]].load()["Records"][0]
    functions.invoke(function, {"Records": [poison] * ASIDE_MAX})
    with pytest.raises(TooMuchPoison):
        functions.invoke(function, {"Records": [poison]})
    assert len(functions.queue.messages) == ASIDE_MAX
    functions.pass_s(ASIDE_MS / 1000)
    functions.invoke(function, {"Records": [poison]})
    assert len(functions.queue.messages) == ASIDE_MAX + 1


def _counted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of embedded metrics that were written since it was asked last."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


@pytest.mark.parametrize(
    ("function", "event", "metric"),
    [
        ("settler", "dynamodb-stream/hold-executed", "HoldsSettled"),
        ("collector", "kinesis/holds-collected", "HoldsSettled"),
        ("projector", "dynamodb-stream/stock-received", "ProjectionLag"),
        ("archiver", "dynamodb-stream/stock-received", "EventsArchived"),
        ("sweeper", "schedule/sweep", "HoldsExpired"),
    ],
)
def test_what_a_function_counted_is_one_line_of_its_log(
    functions: Functions, capsys: pytest.CaptureFixture[str], function: str, event: str, metric: str
) -> None:
    functions.prepare(event)
    functions.pass_s(601)
    metrics.provider.clear_metrics()
    _counted(capsys)
    functions.invoke(function, SAMPLES[event].load())
    (line,) = _counted(capsys)
    assert metric in line


def test_so_is_what_an_audit_counted(
    functions: Functions, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(run: str) -> dict[str, object]:
        report(Metric.AUDIT_DISCREPANCIES, 2)
        return {"audit": run, "discrepancies": 2}

    monkeypatch.setattr(wiring, "reporter_from", lambda _: SimpleNamespace(run=run))
    for name in ("SCRATCH_BUCKET", "GLUE_DATABASE", "EVENT_BUS"):
        monkeypatch.setenv(name, "a-name")
    metrics.provider.clear_metrics()
    assert functions.invoke("audit_report", {"run": "audit_1"}) == {"audit": "audit_1", "discrepancies": 2}
    (line,) = _counted(capsys)
    assert line["AuditDiscrepancies"] == [2.0]


@pytest.mark.parametrize(
    ("function", "event"), [("settler", "dynamodb-stream/hold-executed"), ("collector", "kinesis/holds-collected")]
)
def test_nothing_is_settled_in_the_last_ten_seconds(functions: Functions, function: str, event: str) -> None:
    functions.prepare(event)
    with pytest.raises(Conflict):
        functions.invoke(function, SAMPLES[event].load(), remaining_ms=10_000)
    assert functions.counters() == (8, 2)
    assert functions.invoke(function, SAMPLES[event].load(), remaining_ms=15_000) == {"settled": 1}


def test_nothing_is_swept_in_the_last_ten_seconds(functions: Functions) -> None:
    functions.prepare("schedule/sweep")
    functions.pass_s(601)
    swept = {"expired": 0, "settled": 0, "merged": 0, "finished": False}
    assert functions.invoke("sweeper", {}, remaining_ms=10_000) == swept
    assert functions.invoke("sweeper", {}, remaining_ms=15_000)["expired"] == 1


def test_what_is_cold_is_looked_for_after_everything_else(functions: Functions) -> None:
    asked: list[str] = []
    functions.database.before_call = lambda _, request: asked.append(request.get("IndexName", ""))
    functions.play("schedule/sweep")
    assert asked == [*["open_holds"] * 8, "split"], "each of four slices for what is due and for what is not"
