"""What is asked of the function that knows the past, and how its answers and failures come back."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError
from urllib3.exceptions import ProtocolError

from inventory.adapters.past import AskedPast, answer
from inventory.domain.availability import ItemStock, WarehouseStock
from inventory.domain.errors import InstantNotSealed, InventoryError, Missing, Overloaded, SnapshotNeeded
from inventory.protocol.core import ReadPast, no_past

STOCK = ItemStock("cup", (WarehouseStock("berlin", 8, 2, 4), WarehouseStock("lyon", 5, 0, 1)), 1000)


class Client:
    """Lambda, with one function behind it; or one that fails."""

    def __init__(
        self,
        read: ReadPast = no_past,
        *,
        fails: Exception | None = None,
        broken: bool = False,
        cut: Exception | None = None,
    ) -> None:
        self._read, self._fails, self._broken, self._cut = read, fails, broken, cut
        self.asked: list[Any] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.asked.append((FunctionName, json.loads(Payload)))
        if self._fails is not None:
            raise self._fails
        if self._broken:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b"{}")}
        if self._cut is not None:
            return {"Payload": CutOff(self._cut)}
        return {"Payload": io.BytesIO(json.dumps(answer(self._read, json.loads(Payload))).encode())}


class CutOff(io.BytesIO):
    """An answer whose connection breaks while it is read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, _size: int | None = -1, /) -> bytes:
        raise self._error


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Invoke")


def raising(error: InventoryError) -> ReadPast:
    def read(_item: str, _at_ms: int) -> ItemStock:
        raise error

    return read


def test_stock_comes_back_as_it_was_told() -> None:
    client = Client(lambda _item, _at_ms: STOCK)
    assert AskedPast(lambda: client, "past")("cup", 1000) == STOCK
    assert client.asked == [("past", {"item": "cup", "at_ms": 1000})]


@pytest.mark.parametrize(
    "error",
    [
        InstantNotSealed(77),
        InstantNotSealed(None),
        InstantNotSealed(77, lost_until_s=99),
        SnapshotNeeded("cup"),
        Missing("item", "cup", param="item"),
        Overloaded("The past could not be read in time."),
    ],
)
def test_a_refusal_comes_back_as_the_same_error(error: InventoryError) -> None:
    with pytest.raises(type(error)) as told:
        AskedPast(lambda: Client(raising(error)), "past")("cup", 1000)
    assert (told.value.code, told.value.message, told.value.param) == (error.code, error.message, error.param)


@pytest.mark.parametrize(
    "client",
    [
        Client(fails=ReadTimeoutError(endpoint_url="https://lambda")),
        Client(fails=refused("TooManyRequestsException")),
        Client(broken=True),
        Client(cut=ProtocolError("Connection broken")),
        Client(cut=IncompleteReadError(actual_bytes=1, expected_bytes=2)),
    ],
)
def test_no_answer_is_overload_which_may_pass(client: Client) -> None:
    with pytest.raises(Overloaded):
        AskedPast(lambda: client, "past")("cup", 1000)


def test_a_right_that_is_missing_is_no_overload() -> None:
    with pytest.raises(ClientError):
        AskedPast(lambda: Client(fails=refused("AccessDeniedException")), "past")("cup", 1000)


def test_the_client_is_made_for_the_first_question_only() -> None:
    made: list[Client] = []

    def make() -> Client:
        made.append(Client(lambda _item, _at_ms: STOCK))
        return made[0]

    past = AskedPast(make, "past")
    assert made == []
    past("cup", 1000)
    assert len(made) == 1
