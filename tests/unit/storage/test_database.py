"""The port to DynamoDB: each way to fail has its name, and nothing is tried without end."""

from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError
from urllib3.exceptions import ProtocolError

from inventory.domain.errors import ClockSkewed, InvariantBroken, Overloaded
from inventory.domain.limits import TRANSACTION_RECORDS_MAX
from inventory.storage.codec import decode, encode
from inventory.storage.database import ConditionFailed, Contended, Database, Throttled, TransactionCancelled
from inventory.storage.request_records import put_request
from inventory.storage.tables import Key
from inventory.storage.writes import Write, spelled
from simulated_dynamodb.errors import Refused, as_client_error
from support.world import World

KEY = Key("HoldsTable", {"hold_id": "h"})


def _put(name: str = "h", condition: str = "attribute_not_exists(#hold_id)") -> Write:
    return Write("Put", Key(KEY.table, {"hold_id": name}), condition, name, record={"at": 1})


def _failing(error: Exception) -> Database:
    world = World()

    def fail(*_: object) -> None:
        raise error

    world.database.before_call = fail
    return world.core.database


def _error(code: str, status: int = 400, **details: Any) -> ClientError:
    error = as_client_error(Refused(code, "…", **details), "PutItem")
    error.response["ResponseMetadata"]["HTTPStatusCode"] = status
    return error


def _unsigned(why: str) -> ClientError:
    return as_client_error(Refused("InvalidSignatureException", why), "PutItem")


class TestNamedErrors:
    @pytest.mark.parametrize(
        ("error", "named"),
        [
            (_error("TransactionConflictException"), Contended),
            (_error("TransactionInProgressException"), Contended),
            (_error("ProvisionedThroughputExceededException"), Throttled),
            (_error("RequestLimitExceeded"), Throttled),
            (_error("ThrottlingException"), Throttled),
            (_error("InternalServerError", 500), Overloaded),
            (_error("ServiceUnavailable", 503), Overloaded),
            (_error("502", 502), Overloaded),
            (EndpointConnectionError(endpoint_url="x"), Overloaded),
            (ConnectionClosedError(endpoint_url="x"), Overloaded),
            (ProtocolError("broken off in the middle of the answer"), Overloaded),
            (_error("ValidationException"), ClientError),
            (_error("AccessDeniedException"), ClientError),
            (_error("RequestTimeTooSkewed", 403), ClockSkewed),
            (_unsigned("Signature expired: 20261201T010308Z is now earlier than …"), ClockSkewed),
            (_unsigned("Signature not yet current: 20261201T020308Z is still later than …"), ClockSkewed),
            (_unsigned("The request signature we calculated does not match the one you provided."), ClientError),
        ],
    )
    def test_each_way_to_fail_has_its_name(self, error: Exception, named: type[Exception]) -> None:
        with pytest.raises(named) as caught:
            _failing(error).write(_put())
        assert type(caught.value) is named or named is ClientError

    @pytest.mark.parametrize("sent_again", [0, 1])
    def test_a_conflict_tells_whether_an_earlier_send_may_have_written(self, sent_again: int) -> None:
        error = _error("TransactionConflictException")
        error.response["ResponseMetadata"]["RetryAttempts"] = sent_again
        with pytest.raises(Contended) as contended:
            _failing(error).write(_put())
        assert contended.value.resent is bool(sent_again)

    def test_a_failed_condition_tells_what_stood_there(self) -> None:
        database = World().core.database
        database.write(_put())
        with pytest.raises(ConditionFailed) as failure:
            database.write(_put())
        assert failure.value.record == {"hold_id": "h", "at": 1}

    def test_or_that_nothing_did(self) -> None:
        with pytest.raises(ConditionFailed) as failure:
            World().core.database.write(_put(condition="attribute_exists(#hold_id)"))
        assert failure.value.record is None

    def test_a_cancelled_transaction_tells_each_reason(self) -> None:
        database = World().core.database
        database.write(_put("b"))
        with pytest.raises(TransactionCancelled) as cancelled:
            database.transact([_put("a"), _put("b")])
        assert [reason.condition_failed for reason in cancelled.value.reasons] == [False, True]
        [failed] = cancelled.value.failed
        assert (failed.write.about, failed.record) == ("b", {"hold_id": "b", "at": 1})

    @pytest.mark.parametrize(
        ("code", "flags"),
        [
            ("TransactionConflict", (False, True, False)),
            ("ThrottlingError", (False, False, True)),
            ("ProvisionedThroughputExceeded", (False, False, True)),
            ("ConditionalCheckFailed", (True, False, False)),
        ],
    )
    def test_each_reason_has_its_name(self, code: str, flags: tuple[bool, bool, bool]) -> None:
        error = _error("TransactionCanceledException", CancellationReasons=[{"Code": code}])
        with pytest.raises(TransactionCancelled) as cancelled:
            _failing(error).transact([_put()])
        [reason] = cancelled.value.reasons
        assert (reason.condition_failed, reason.contended, reason.throttled) == flags

    def test_a_mistake_of_ours_is_never_tried_again(self) -> None:
        reasons = [{"Code": "ValidationError", "Message": "wrong type"}]
        with pytest.raises(InvariantBroken, match="wrong type"):
            _failing(_error("TransactionCanceledException", CancellationReasons=reasons)).transact([_put()])

    @pytest.mark.parametrize(
        ("met", "why"),
        [
            ({"hold_id": {"S": "h"}}, "has no instant"),
            ({"hold_id": {"S": "h"}, "at": {"S": "1"}}, "has no instant"),
            ({"hold_id": {"S": "h"}, "at": {"N": "1.5"}}, "cannot be read"),
        ],
    )
    def test_a_record_that_was_edited_by_hand_is_told_where_it_is_met(self, met: dict[str, Any], why: str) -> None:
        reasons = [{"Code": "ConditionalCheckFailed", "Item": met}]
        with pytest.raises(InvariantBroken, match=f"^h {why}"):
            _failing(_error("TransactionCanceledException", CancellationReasons=reasons)).transact([_put("h")])

    def test_a_transaction_over_the_limit_is_a_mistake_of_ours(self) -> None:
        World().core.database.transact([_put(str(number)) for number in range(TRANSACTION_RECORDS_MAX)])
        with pytest.raises(AssertionError):
            World().core.database.transact([_put(str(number)) for number in range(TRANSACTION_RECORDS_MAX + 1)])


class TestReading:
    def test_what_is_read_is_the_latest_unless_less_will_do(self) -> None:
        world = World()
        asked: list[bool] = []

        def note(operation: str, request: dict[str, Any]) -> None:
            of_tables = request["RequestItems"].values() if operation == "BatchGetItem" else [request]
            asked.extend(each["ConsistentRead"] for each in of_tables)

        world.database.before_call = note
        database = world.core.database
        database.get(KEY)
        database.batch_get([KEY])
        assert asked == [True, True]
        database.get(KEY, consistent=False)
        database.batch_get([KEY], consistent=False)
        assert asked[2:] == [False, False]

    def test_a_batch_of_more_than_a_hundred_takes_several_calls(self) -> None:
        world = World()
        for number in range(130):
            world.core.database.write(_put(str(number)))
        calls: list[str] = []
        world.database.before_call = lambda operation, _request: calls.append(operation)
        keys = [Key(KEY.table, {"hold_id": str(number)}) for number in range(150)]
        assert len(world.core.database.batch_get(keys)) == 130
        assert calls == ["BatchGetItem"] * 2

    def test_several_calls_are_made_at_once_and_a_single_one_by_itself(self) -> None:
        world = World()
        together: list[int] = []

        def at_once(function: Callable[[Any], Any], arguments: Iterable[Any], /) -> Iterator[Any]:
            asked = list(arguments)
            together.append(len(asked))
            return iter([function(each) for each in asked])

        keys = [Key(KEY.table, {"hold_id": str(number)}) for number in range(250)]
        for number in (0, 100, 249):
            world.core.database.write(_put(str(number)))
        found = world.core.database.batch_get(keys, at_once=at_once)
        assert [record["hold_id"] for record in found] == ["0", "100", "249"]
        world.core.database.batch_get(keys[:100], at_once=at_once)
        assert together == [3]

    def test_keys_that_were_left_over_are_asked_for_again_and_nobody_waits_for_nothing(self) -> None:
        asked: list[Any] = []
        waits: list[float] = []

        def leaves_all(*, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
            asked.append(RequestItems)
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

        database = Database(SimpleNamespace(batch_get_item=leaves_all), lambda: 0, waits.append)
        with pytest.raises(Throttled):
            database.batch_get([KEY])
        assert asked == [asked[0]] * 6
        assert len(waits) == len(asked) - 1
        assert waits == sorted(set(waits))

    def test_no_keys_take_no_call(self) -> None:
        assert _failing(RuntimeError()).batch_get([]) == []

    def test_a_query_goes_on_over_all_pages(self) -> None:
        world = World()
        for number in range(9):
            key = world.tables.availability_of("A", f"W{number}")
            world.core.database.write(Write("Put", key, "attribute_not_exists(#x)", "", {"pad": "x" * 300_000}))
        assert len(world.core.database.query(world.tables.availability, "#item_id = :item", {"item": "A"})) == 9

    @pytest.mark.parametrize("pages", [16, 17])
    def test_there_are_never_more_pages_than_the_limits_allow(self, pages: int) -> None:
        asked: list[Any] = []

        def page(**request: Any) -> dict[str, Any]:
            asked.append(request)
            more = {"LastEvaluatedKey": {"item_id": {"S": "A"}}} if len(asked) < pages else {}
            return {"Items": [{"item_id": {"S": "A"}}], **more}

        database = Database(SimpleNamespace(query=page), lambda: 0, lambda _: None)
        if pages == 16:
            assert len(database.query("AvailabilityTable", "#item_id = :item", {"item": "A"})) == 16
        else:
            with pytest.raises(AssertionError):
                database.query("AvailabilityTable", "#item_id = :item", {"item": "A"})
        assert len(asked) == 16

    @pytest.mark.parametrize("consistent", [True, False])
    def test_a_read_is_as_strong_as_asked_for(self, *, consistent: bool) -> None:
        world = World()
        seen: list[Any] = []
        world.database.before_call = lambda _operation, request: seen.append(request)
        world.core.database.get(KEY, consistent=consistent)
        world.core.database.batch_get([KEY], consistent=consistent)
        assert seen[0]["ConsistentRead"] is seen[1]["RequestItems"][KEY.table]["ConsistentRead"] is consistent


class TestTheDatabasesClock:
    def test_each_answer_shows_it_to_this_instance(self) -> None:
        world = World()
        seen: list[tuple[int, int, int]] = []
        world.core.database.observe = lambda *told: seen.append(told)
        world.core.database.get(KEY)
        with pytest.raises(ConditionFailed):
            world.core.database.write(_put(condition="attribute_exists(#hold_id)"))
        now_ms = world.clock.now_ms
        assert seen == [(now_ms, now_ms // 1000, now_ms)] * 2


class TestShapes:
    def test_what_is_none_is_left_out_and_numbers_stay_whole(self) -> None:
        record = {"a": 1, "b": None, "c": {"d": [10**30, "x", True]}}
        assert decode(encode(record)) == {"a": 1, "c": {"d": [10**30, "x", True]}}

    def test_a_number_that_is_not_whole_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"1\.5"):
            decode({"a": {"N": "1.5"}})

    def test_every_name_of_an_expression_is_spelled_out(self) -> None:
        assert spelled("#status = :x AND #lines[0].#executed > :y") == {
            "#status": "status",
            "#lines": "lines",
            "#executed": "executed",
        }

    def test_a_request_s_record_outlives_the_thirty_days_that_are_promised(self) -> None:
        world = World()
        write = put_request(world.tables, world.by("k"), "x", world.clock.now_ms)
        assert write.record["ttl"] - world.clock.now_ms // 1000 > 30 * 86_400
