"""Names in the bucket that tell an instant, and sort by it."""

import pytest

from inventory.history.layout import audit_after, audit_path, instant_of_audit, listed_path, snapshot_id

NOW_MS = 1_800_000_000_000
AUDIT = f"audit_{NOW_MS:012x}" + "0f" * 10


def test_later_snapshots_are_listed_first() -> None:
    instants = [1000, NOW_MS - 1000, NOW_MS, NOW_MS + 1000]
    assert sorted(map(listed_path, instants)) == list(map(listed_path, reversed(instants)))
    assert listed_path(NOW_MS) == f"listed/8199999999999-{snapshot_id(NOW_MS)}.json"


def test_an_audits_id_tells_when_it_was_asked_for_and_where_its_result_is() -> None:
    assert instant_of_audit(AUDIT) == NOW_MS
    assert audit_path(AUDIT) == f"audits/8199999999999-{AUDIT}.json"


@pytest.mark.parametrize(
    "text", ["", "audit_", AUDIT[:-1], AUDIT + "0", AUDIT.upper(), "x" + AUDIT, "audit_" + "f" * 32, AUDIT + "\n"]
)
def test_no_other_text_is_an_audits_id(text: str) -> None:
    assert instant_of_audit(text) is None
    with pytest.raises(ValueError, match="no audit"):
        audit_path(text)


def test_an_audit_that_follows_a_snapshot_is_one_and_is_listed_by_when_that_was_published() -> None:
    audit = audit_after(1_800_000_000_000, 1_800_000_090_123)
    assert (
        audit == audit_after(1_800_000_000_000, 1_800_000_090_123) != audit_after(1_800_000_001_000, 1_800_000_090_123)
    )
    assert instant_of_audit(audit) == 1_800_000_090_123


def test_the_audit_that_follows_a_rebuild_is_another_one() -> None:
    instants = 1_800_000_000_000, 1_800_000_090_123
    assert audit_after(*instants, full=True) != audit_after(*instants)
    assert instant_of_audit(audit_after(*instants, full=True)) == 1_800_000_090_123
