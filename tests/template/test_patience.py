"""How long a function waits for what does not answer: less than it may run, so that it can still say so."""

from itertools import islice

import pytest
from botocore.config import Config

from inventory import wiring
from inventory.adapters.in_time import SENT_WITHIN_MS
from support.template import load_template, properties

API = ["HoldsFunction", "StockFunction", "AdjustmentsFunction", "HistoryFunction"]
STREAMS = ["SettlerFunction", "CollectorFunction", "ProjectorFunction"]
SNAPSHOTS = ["SnapshotFunction", "SnapshotScanFunction", "SnapshotCommitFunction"]
AUDITS = ["AuditFunction", "AuditScanFunction", "AuditReportFunction"]


def _tries_s(config: Config) -> list[float]:
    """When each try of a call ends at the latest, from its start: a refusal for load is waited for ever longer."""
    lasts_s: float = config.connect_timeout + config.read_timeout  # type: ignore[attr-defined]
    ends, so_far = [], 0.0
    for number in range(config.retries["total_max_attempts"]):  # type: ignore[attr-defined]
        so_far += lasts_s
        ends.append(so_far)
        so_far += min(20, 2**number)
    return ends


def _may_run_s(function: str) -> int:
    return int(properties(function).get("Timeout", load_template()["Globals"]["Function"]["Timeout"]))


@pytest.mark.parametrize(
    ("config", "at_most_s", "functions"),
    [
        ("CLIENT_CONFIG", 12, [*STREAMS, "SweeperFunction", "ArchiverFunction"]),
        ("SCAN_CONFIG", 300, ["SnapshotScanFunction", "AuditScanFunction"]),
        ("BRIEF_CONFIG", 5, ["AuthorizerFunction", "SettlerFunction"]),
        ("EVENTS_CONFIG", 2, ["ProjectorFunction", "SweeperFunction"]),
        ("OBJECTS_CONFIG", 95, ["ArchiverFunction", *SNAPSHOTS, *AUDITS]),
        ("PAST_OBJECTS_CONFIG", 7, ["StockAtFunction"]),
        ("ASK_CONFIG", 9.5, ["StockFunction"]),
    ],
)
def test_who_is_not_answered_knows_it_before_its_own_time_is_up(
    config: str, at_most_s: float, functions: list[str]
) -> None:
    assert _tries_s(getattr(wiring, config))[-1] <= at_most_s
    assert all(at_most_s < _may_run_s(function) for function in functions)


def test_a_caller_s_write_is_sent_no_later_than_its_instant_allows() -> None:
    (before_last,) = islice(_tries_s(wiring.CLIENT_CONFIG), 1, 2)
    assert before_last + 2 <= 9, "two tries, and the wait before the third"
    assert all(before_last + 2 < _may_run_s(function) for function in API)


def test_what_is_still_sent_then_reaches_the_tables_while_its_instant_is_fresh() -> None:
    """Whatever the client waits between its tries: what it would send later it does not send."""
    addresses = 2
    reached_s = SENT_WITHIN_MS / 1000 + addresses * wiring.CLIENT_CONFIG.connect_timeout  # type: ignore[attr-defined]
    assert reached_s <= 10


def test_the_stock_of_the_past_can_still_answer_who_asks_for_it() -> None:
    assert wiring.ASK_CONFIG.read_timeout > _may_run_s("StockAtFunction")  # type: ignore[attr-defined]
