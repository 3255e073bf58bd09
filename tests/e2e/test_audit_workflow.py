"""The audit of the deployed stack: a snapshot is audited by itself, and a counter edited by hand is found and told."""

import time
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from inventory.history.layout import snapshot_id, stamp_of
from stack.place import LOCAL_CREDENTIALS
from stack.state import Stack
from support.shop import Body, Shop, done, line, wait_until
from support.stack import Operator
from support.stream_invariants import StreamWatch

pytestmark = pytest.mark.timeout(600)

_RUN_S_MAX = 200


@pytest.fixture(scope="module")
def session(stack: Stack) -> Any:
    def client(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=stack.aws_endpoint_url,
            region_name=stack.region,
            aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    return client


def take_snapshot(shop: Shop) -> int:
    """A complete snapshot of now; gives its instant."""
    as_of = int(time.time()) + 1
    wait_until(lambda: shop.post("/v1/snapshots", {"as_of": as_of}).status == 200, 90, "the instant is in the past")
    over(shop, f"/v1/snapshots/{snapshot_id(as_of * 1000)}")
    return as_of * 1000


def over(shop: Shop, path: str) -> Body:
    """What there is at a path, when it is pending no more."""

    def ended() -> Body | None:
        found = done(shop.get(path))
        return None if found["status"] == "pending" else found

    found = wait_until(ended, _RUN_S_MAX, f"{path} is done")
    assert found is not None
    assert found["status"] == "complete", found
    return found


def findings(session: Any, stack: Stack, as_of_ms: int, audit: str, folder: Path) -> list[tuple[str, str]]:
    """Check and record of what an audit found. Other tests damage the stack: there may be more than is looked for."""
    s3, bucket = session("s3"), stack.outputs["HistoryBucket"]
    key = f"audit_findings/as_of={stamp_of(as_of_ms)}/{audit}.parquet"
    if not s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]:
        return []
    s3.download_file(bucket, key, str(folder / "findings.parquet"))
    rows = duckdb.execute("SELECT check_name, record FROM read_parquet(?)", [str(folder / "findings.parquet")])
    return [(check, record or "") for check, record in rows.fetchall()]


def test_a_snapshot_is_audited_by_itself_and_an_edited_counter_is_found_and_told(
    shop: Shop, stack: Stack, operator: Operator, streams: StreamWatch, session: Any, tmp_path: Path
) -> None:
    item = shop.item("cup")
    shop.receive(item, 10)
    done(shop.execute(done(shop.place(line(item, 3)))))
    shop.await_counters(item, 7, 0)
    as_of_ms = take_snapshot(shop)

    def by_itself() -> Body | None:
        audits = done(shop.get("/v1/audits", limit=100))["data"]
        return next((each for each in audits if each["snapshot"] == snapshot_id(as_of_ms)), None)

    first = wait_until(by_itself, _RUN_S_MAX, "the snapshot's own audit")
    assert first is not None
    assert not [each for each in findings(session, stack, as_of_ms, first["id"], tmp_path) if item in each[1]]

    (shard,) = operator.scan("StockTable", f"{item}#berlin#", "#key", {"#key": "stock_id"})
    streams.forged.add(shard["stock_id"])
    with operator.listening("Audit found discrepancies") as heard:
        operator.put("StockTable", {**shard, "available": shard["available"] + 1})
        try:
            began = done(shop.post("/v1/audits", {"snapshot": snapshot_id(as_of_ms)}))
            second = over(shop, f"/v1/audits/{began['id']}")
        finally:
            operator.put("StockTable", shard)
        assert second["discrepancies"] >= 1
        named = findings(session, stack, as_of_ms, second["id"], tmp_path)
        checks = {check for check, record in named if record.startswith(shard["stock_id"])}
        # The edit has an event, too, of an id that the archive has already: what was archived first is believed.
        assert "live_stock" in checks, named
        assert wait_until(lambda: second["id"] in {told["id"] for _, told in heard()}, 20, "the event")
    told = [each for each in operator.logged("audit-report") if each.get("check") in checks]
    assert max(each["AuditDiscrepancies"][0] for each in told if "AuditDiscrepancies" in each) >= 1
