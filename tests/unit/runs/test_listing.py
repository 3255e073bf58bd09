"""What is read of results, which whoever may write to the bucket can make as large as they like."""

import pytest

from inventory.domain.runs import RunStatus
from inventory.runs.audits import ask_for_audit, get_audit, list_audits
from inventory.runs.snapshots import get_snapshot, list_snapshots
from support.bureau import Bureau
from support.restricted import RestrictedObjects


def test_no_more_is_read_of_a_result_than_one_can_have(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    read_start = RestrictedObjects.read_start

    def counted(objects: RestrictedObjects, key: str, count: int) -> bytes:
        counts.append(count)
        return read_start(objects, key, count)

    def whole(_objects: RestrictedObjects, key: str) -> bytes:
        raise AssertionError(f"all of {key} is read")

    monkeypatch.setattr(RestrictedObjects, "read_start", counted)
    monkeypatch.setattr(RestrictedObjects, "read", whole)
    snapshot = bureau.publish(1000)
    audit = ask_for_audit(bureau.context, snapshot, by=bureau.by()).value.id
    bureau.conclude(audit, snapshot)
    listed = (list_snapshots, list_audits)
    found = [page.items[0] for page in (each(bureau.context, limit=1, starting_after=None) for each in listed)]
    assert [get_snapshot(bureau.context, snapshot), get_audit(bureau.context, audit)] == found
    assert {each.status for each in found} == {RunStatus.COMPLETE}
    assert max(counts) <= 1 << 16
