"""The gateway's sample events, played to the functions' own modules."""

import pytest

from support.bureau import TOTALS, audited, listed
from support.functions import SAMPLES, Functions

CUP = "espresso-cup"

_REFUSALS = {
    "write-off-too-much": (402, "insufficient_stock", "quantity"),
    "count-below-held": (400, "count_below_held", "count"),
    "transfer-too-much": (402, "insufficient_stock", "quantity"),
    "split-unknown-item": (404, "resource_missing", "item"),
    "place-hold-other-parameters": (400, "idempotency_key_mismatch", None),
    "place-hold-refused": (402, "insufficient_stock", "lines[0][quantity]"),
    "place-hold-on-unknown-item": (402, "insufficient_stock", "lines[0][quantity]"),
    "place-hold-too-many-lines": (400, "parameter_invalid", "lines"),
    "place-hold-bad-json": (400, "body_invalid", None),
    "place-hold-duplicate-key": (400, "body_invalid", None),
    "place-hold-not-a-number": (400, "body_invalid", None),
    "place-hold-wrong-type": (400, "parameter_invalid", "lines[0][quantity]"),
    "place-hold-unknown-field": (400, "parameter_unknown", "expire_in"),
    "place-hold-as-text": (400, "content_type_unsupported", None),
    "place-hold-without-scope": (403, "scope_missing", None),
    "place-hold-unauthenticated": (401, "api_key_missing", None),
    "show-hold-missing": (404, "resource_missing", "id"),
    "list-holds-foreign-cursor": (400, "parameter_invalid", "starting_after"),
    "change-nothing": (400, "parameter_missing", "expires_in"),
    "execute-more-than-held": (400, "parameter_invalid", "lines[0][quantity]"),
    "read-stock-at-not-sealed": (400, "instant_not_sealed", "at"),
    "read-stock-unknown-item": (404, "resource_missing", "item"),
    "list-stock-of-nothing": (400, "parameter_missing", "items"),
    "take-snapshot-other-parameters": (400, "idempotency_key_mismatch", None),
    "take-snapshot-too-recent": (400, "instant_too_recent", "as_of"),
    "take-snapshot-without-scope": (403, "scope_missing", None),
    "show-snapshot-missing": (404, "resource_missing", "id"),
    "list-snapshots-foreign-cursor": (400, "parameter_invalid", "starting_after"),
    "run-audit-of-pending-snapshot": (400, "snapshot_not_complete", "snapshot"),
    "run-audit-without-snapshots": (400, "snapshot_required", "snapshot"),
    "run-audit-without-scope": (403, "scope_missing", None),
    "show-audit-missing": (404, "resource_missing", "id"),
    "list-audits-foreign-cursor": (400, "parameter_invalid", "starting_after"),
    "unknown-path": (404, "resource_missing", None),
    "method-not-allowed": (405, "method_not_allowed", None),
}


@pytest.mark.parametrize("event", _REFUSALS)
def test_a_refusal_is_of_the_one_shape_and_changes_nothing(functions: Functions, event: str) -> None:
    functions.prepare(f"apigateway/{event}")
    before = [list(functions.database.items(table)) for table in ("StockTable", "HoldsTable", "AdjustmentsTable")]

    answer = functions.request(event)

    assert (answer.status, answer.code, answer.error["param"]) == _REFUSALS[event]
    assert answer.error["request_id"] == answer.headers["Request-Id"] == f"sample-{event}"
    assert answer.error["message"].endswith(".")
    assert answer.headers["Stripe-Should-Retry"] == "false"
    after = [list(functions.database.items(table)) for table in ("StockTable", "HoldsTable", "AdjustmentsTable")]
    assert after == before


def test_read_stock_at_an_instant_before_there_was_a_snapshot(functions: Functions) -> None:
    refused = functions.request("read-stock-at")
    assert (refused.status, refused.code) == (400, "instant_not_sealed")
    assert "none yet" in refused.error["message"]


def test_receive_stock(functions: Functions) -> None:
    adjustment = functions.request("receive-stock").body

    assert (adjustment["quantity"], adjustment["reason"], adjustment["reference"]) == (10, "received", "delivery-1")
    assert functions.counters(CUP) == (10, 0)
    (shard,) = (record for record in functions.records("StockTable") if "available" in record)
    assert shard["cause"] == {
        "type": "adjustment",
        "id": adjustment["id"],
        "actor": "key_sample",
        "reason": "received",
        "reference": "delivery-1",
    }


def test_receive_stock_elsewhere_and_by_form(functions: Functions) -> None:
    assert functions.request("receive-stock-elsewhere").body["warehouse"] == "lyon"
    by_form = functions.request("receive-stock-by-form").body
    assert (by_form["item"], by_form["quantity"], by_form["metadata"]) == ("saucer", 7, {"truck": "B-1042"})
    assert functions.counters("saucer") == (7, 0)


def test_write_stock_off(functions: Functions) -> None:
    assert functions.after_all("write-stock-off").body["quantity"] == -3
    assert functions.counters(CUP) == (7, 0)


def test_count_stock(functions: Functions) -> None:
    assert functions.after_all("count-stock").body["quantity"] == 2
    assert functions.counters(CUP) == (10, 2)


def test_return_goods(functions: Functions) -> None:
    functions.prepare("apigateway/return-goods")
    functions.flow()
    assert functions.counters(CUP) == (8, 0)

    returned = functions.request("return-goods").body

    (hold,) = functions.records("HoldsTable")
    assert (returned["reason"], returned["reference"]) == ("returned", hold["hold_id"])
    assert functions.counters(CUP) == (9, 0)


def test_show_adjustment_and_transfer(functions: Functions) -> None:
    made = functions.request("receive-stock").body
    assert functions.request("show-adjustment").body == made
    moved = functions.request("transfer-stock").body
    assert functions.request("show-transfer").body == moved


def test_transfer_stock(functions: Functions) -> None:
    moved = functions.after_all("transfer-stock").body
    assert (moved["from"], moved["to"], moved["quantity"]) == ("berlin", "lyon", 4)
    by_warehouse = functions.request("read-stock-consistent").body["warehouses"]
    assert {each["warehouse"]: each["available"] for each in by_warehouse} == {"berlin": 6, "lyon": 4}


def test_split_and_merge_stock(functions: Functions) -> None:
    split = functions.after_all("split-stock").body
    assert (split["available"], split["warehouses"][0]["shards"]) == (10, 4)
    assert sorted(each["available"] for each in functions.records("StockTable") if "available" in each) == [2, 2, 3, 3]

    merged = functions.request("merge-stock").body

    assert (merged["available"], merged["warehouses"][0]["shards"]) == (10, 1)
    assert sorted(each["available"] for each in functions.records("StockTable") if "available" in each) == [0, 0, 0, 10]


def test_place_hold_and_send_it_again(functions: Functions) -> None:
    placed = functions.after_all("place-hold")
    again = functions.request("place-hold")

    assert placed.body["status"] == "active"
    assert placed.body["lines"] == [{"item": CUP, "warehouse": "berlin", "quantity": 2, "executed": 0}]
    assert placed.body["expires_at"] - placed.body["created"] == 600
    assert "Idempotent-Replayed" not in placed.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.body == placed.body
    assert functions.counters(CUP) == (8, 2)


def test_place_hold_anywhere(functions: Functions) -> None:
    lines = functions.after_all("place-hold-anywhere").body["lines"]
    assert {(each["warehouse"], each["quantity"]) for each in lines} == {("berlin", 10), ("lyon", 2)}


def test_place_hold_by_form(functions: Functions) -> None:
    hold = functions.after_all("place-hold-by-form").body
    assert hold["expires_at"] - hold["created"] == 60
    assert functions.counters(CUP) == (8, 2)


def test_a_refusal_for_lack_of_stock_says_of_what(functions: Functions) -> None:
    error = functions.after_all("place-hold-refused").error
    assert error["type"] == "stock_error"
    assert (error["item"], error["warehouse"], error["wanted"], error["available"]) == (CUP, "berlin", 1001, 10)


def test_show_hold(functions: Functions) -> None:
    functions.prepare("apigateway/show-hold")
    assert functions.request("show-hold").body == functions.request("place-hold").body


def test_list_holds_page_by_page(functions: Functions) -> None:
    functions.prepare("apigateway/list-holds")
    first = functions.request("list-holds").body
    assert first["has_more"]
    (soonest,) = first["data"]
    assert soonest["expires_at"] - soonest["created"] == 60, "the cart has more time left"
    assert [hold["id"] for hold in functions.request("list-holds-after").body["data"]] == []


def test_extend_hold(functions: Functions) -> None:
    extended = functions.after_all("extend-hold").body
    assert 3600 <= extended["expires_at"] - extended["created"] <= 3605
    assert extended["metadata"] == {"step": "payment"}
    assert functions.request("extend-hold").headers["Idempotent-Replayed"] == "true"


def test_execute_hold_once(functions: Functions) -> None:
    executed = functions.after_all("execute-hold")
    again = functions.request("execute-hold")
    too_late = functions.request("release-hold")

    assert executed.body["status"] == "executed"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert too_late.code == "hold_already_executed"
    functions.flow()
    assert functions.counters(CUP) == (8, 0)
    assert functions.request("show-hold").body["settled"]


def test_execute_hold_too_late(functions: Functions) -> None:
    functions.prepare("apigateway/execute-hold")
    functions.pass_s(601)
    assert functions.request("execute-hold").code == "hold_expired"
    assert functions.request("show-hold").body["status"] == "expired"


def test_execute_hold_partly(functions: Functions) -> None:
    (line,) = functions.after_all("execute-hold-partly").body["lines"]
    assert (line["quantity"], line["executed"]) == (2, 1)
    functions.flow()
    assert functions.counters(CUP) == (9, 0)


def test_release_hold(functions: Functions) -> None:
    assert functions.after_all("release-hold").body["status"] == "released"
    assert functions.request("execute-hold").code == "hold_already_released"
    functions.flow()
    assert functions.counters(CUP) == (10, 0)


def test_read_stock(functions: Functions) -> None:
    functions.prepare("apigateway/read-stock")
    functions.flow()
    functions.request("execute-hold")
    functions.invoke("settler", {"Records": functions.database.stream("HoldsTable").drain()})

    projected, consistent = functions.request("read-stock").body, functions.request("read-stock-consistent").body

    assert (projected["available"], projected["held"], projected["on_hand"]) == (8, 2, 10), "not projected yet"
    assert (consistent["available"], consistent["held"], consistent["on_hand"]) == (8, 0, 8)


def test_list_stock_of_items(functions: Functions) -> None:
    functions.prepare("apigateway/list-stock-of-items")
    functions.flow()
    listed = functions.request("list-stock-of-items").body
    assert [(stock["item"], stock["available"]) for stock in listed["data"]] == [("saucer", 7), (CUP, 10)]


def test_list_stock_of_warehouse(functions: Functions) -> None:
    functions.prepare("apigateway/list-stock-of-warehouse")
    functions.flow()
    listed = functions.request("list-stock-of-warehouse").body
    assert [(stock["item"], stock["available"]) for stock in listed["data"]] == [(CUP, 10), ("saucer", 7)]
    assert not listed["has_more"]


def test_take_snapshot_and_send_it_again(functions: Functions) -> None:
    taken = functions.request("take-snapshot")
    again = functions.request("take-snapshot")
    assert (taken.body["status"], taken.body["as_of"], taken.body["error"]) == ("pending", 1_700_000_000, None)
    assert again.body == taken.body == functions.request("show-snapshot").body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert functions.states.names == [f"{taken.body['id']}-0"]


def test_take_snapshot_by_form_and_take_the_latest(functions: Functions) -> None:
    assert functions.request("take-snapshot-by-form").body["as_of"] == 1_600_000_000
    latest = functions.request("take-latest-snapshot").body
    assert latest["created"] - 62 <= latest["as_of"] <= latest["created"] - 60


def test_show_snapshot_that_failed_and_that_is_complete(functions: Functions) -> None:
    taken = functions.request("take-snapshot").body
    functions.states.end(f"{taken['id']}-0", "FAILED", error="SnapshotOvertaken", cause="Start it again.")
    failed = functions.request("show-snapshot").body
    assert failed["error"] == {"code": "snapshot_overtaken", "message": "Start it again."}
    functions.shelf.objects.update([listed(1_700_000_000, 1, 1_700_000_100_000)])
    complete = functions.request("show-snapshot").body
    assert (complete["status"], complete["totals"], complete["error"]) == ("complete", TOTALS, None)
    assert complete["manifest"] == {"number": 1, "sha256": f"{1:064x}"}


def test_list_snapshots_page_by_page(functions: Functions) -> None:
    functions.shelf.objects.update(
        listed(as_of, number, 1_700_000_100_000) for number, as_of in enumerate((1_600_000_000, 1_700_000_000), 1)
    )
    first = functions.request("list-snapshots").body
    assert ([each["as_of"] for each in first["data"]], first["has_more"]) == ([1_700_000_000], True)
    rest = functions.request("list-snapshots-after").body
    assert ([each["as_of"] for each in rest["data"]], rest["has_more"]) == ([1_600_000_000], False)


@pytest.fixture
def audited_snapshot(functions: Functions) -> str:
    """A complete snapshot, which can be audited."""
    key, content = listed(1_700_000_000, 1, 1_700_000_100_000)
    functions.shelf.objects[key] = content
    return str(functions.request("show-snapshot").body["id"])


def test_run_audit_and_send_it_again(functions: Functions, audited_snapshot: str) -> None:
    begun = functions.request("run-audit")
    again = functions.request("run-audit")
    assert (begun.body["status"], begun.body["snapshot"], begun.body["checks"]) == ("pending", audited_snapshot, [])
    assert (again.body, again.headers["Idempotent-Replayed"]) == (begun.body, "true")
    assert functions.request("run-audit-other-parameters").code == "idempotency_key_mismatch"
    assert functions.states.names == [begun.body["id"]]


def test_run_audit_by_form_and_of_the_latest_snapshot(functions: Functions, audited_snapshot: str) -> None:
    by_form, latest = functions.request("run-audit-by-form").body, functions.request("run-latest-audit").body
    assert by_form["snapshot"] == audited_snapshot
    assert latest == by_form, "one audit of a snapshot is under way at a time"
    assert functions.states.names == [by_form["id"]]


def test_show_audit_and_list_audits_page_by_page(functions: Functions, audited_snapshot: str) -> None:
    shown = functions.request("show-audit")
    assert shown.status == 404, "it has no result yet"
    newest = SAMPLES["apigateway/show-audit"].load()["path"].rpartition("/")[2]
    earlier = f"audit_{1_600_000_000_000:012x}" + "0" * 20
    functions.shelf.objects.update(audited(audit, audited_snapshot, 2) for audit in (earlier, newest))
    shown = functions.request("show-audit")
    assert (shown.body["status"], shown.body["discrepancies"]) == ("complete", 2)
    assert shown.body["checks"] == [{"name": "stock_conserved", "looked_at": 3, "discrepancies": 2}]
    first, rest = functions.request("list-audits").body, functions.request("list-audits-after").body
    assert (first["data"], first["has_more"]) == ([shown.body], True)
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([earlier], False)


def test_what_cannot_be_done_says_what_can(functions: Functions) -> None:
    assert functions.request("method-not-allowed").headers["Allow"] == "GET"


def test_every_event_of_the_gateway_says_who_asks_in_the_same_way() -> None:
    for event, sample in SAMPLES.items():
        if event.startswith("apigateway/") and event != "apigateway/place-hold-unauthenticated":
            authorizer = sample.load()["requestContext"]["authorizer"]
            assert (authorizer["account"], authorizer["actor"]) == ("acct_sample", "key_sample")
