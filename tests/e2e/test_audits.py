"""Audits over HTTP: asked for, waited for, listed. What they find is tested elsewhere: other tests damage the stack."""

import pytest

from stack.state import Stack
from support.shop import Body, Shop, done, new_prefix, wait_until

pytestmark = pytest.mark.timeout(400)

_LONG_AGO = 1_000_000_000
_RUN_S_MAX = 120


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Shop:
    return Shop(stack.api_url, stack.api_key, new_prefix())


@pytest.fixture(scope="module")
def snapshot(caller: Shop) -> str:
    """A complete snapshot, of before the first event."""
    identifier = str(done(caller.post("/v1/snapshots", {"as_of": _LONG_AGO}))["id"])
    return str(_over(caller, f"/v1/snapshots/{identifier}")["id"])


@pytest.fixture(scope="module")
def audit(caller: Shop, snapshot: str) -> Body:
    begun = done(caller.post("/v1/audits", {"snapshot": snapshot}, key="audit"))
    assert (begun["object"], begun["status"], begun["snapshot"]) == ("audit", "pending", snapshot)
    return _over(caller, f"/v1/audits/{begun['id']}")


def _over(caller: Shop, path: str) -> Body:
    def over() -> Body | None:
        found = done(caller.get(path))
        return None if found["status"] == "pending" else found

    found = wait_until(over, _RUN_S_MAX, f"{path} is done")
    assert found is not None
    assert found["status"] == "complete", found
    return found


def test_an_audit_says_what_it_checked(audit: Body, snapshot: str) -> None:
    assert (audit["snapshot"], audit["error"]) == (snapshot, None)
    assert {"manifest_chain", "stock_conserved", "held_matches_holds"} <= {check["name"] for check in audit["checks"]}
    assert sum(check["discrepancies"] for check in audit["checks"]) == audit["discrepancies"]
    assert next(check for check in audit["checks"] if check["name"] == "manifest_chain")["looked_at"] >= 1


def test_asking_again_with_the_key_is_no_second_audit(caller: Shop, audit: Body, snapshot: str) -> None:
    again = caller.post("/v1/audits", {"snapshot": snapshot}, key="audit")
    assert (again.body, again.headers["Idempotent-Replayed"]) == (audit, "true")
    other = caller.post("/v1/audits", key="audit")
    assert (other.status, other.error["type"]) == (400, "idempotency_error")


def test_it_is_listed(caller: Shop, audit: Body) -> None:
    listed = done(caller.get("/v1/audits", limit=100))["data"]
    assert audit in listed
    created = [each["created"] for each in listed]
    assert created == sorted(created, reverse=True)


def test_what_is_no_complete_snapshot_or_audit_is_refused(caller: Shop) -> None:
    unknown = caller.post("/v1/audits", {"snapshot": "snap_" + "0" * 32})
    assert (unknown.status, unknown.code, unknown.error["param"]) == (400, "parameter_invalid", "snapshot")
    missing = caller.get("/v1/audits/audit_" + "0" * 32)
    assert (missing.status, missing.code) == (404, "resource_missing")
