"""A live table becomes as the restored one is, and Availability as Stock is: what the runbook's restore relies on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from stack import __main__ as commands
from stack.__main__ import app
from stack.restored import compare, copy, project_anew, tables
from support.template import table_definitions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

CAUSE = {"type": "adjustment", "id": "adj_1", "actor": "key_1"}


@pytest.fixture
def named() -> "Iterator[dict[str, Table]]":
    """The stack's tables and an empty copy of Stock, by name."""
    with mock_aws():
        definitions: list[dict[str, Any]] = [*table_definitions().values()]
        definitions.append({**table_definitions()["STOCK_TABLE"], "TableName": "Restored"})
        client = boto3.client("dynamodb")
        for definition in definitions:
            client.create_table(**definition)
        yield {definition["TableName"]: tables(definition["TableName"])[0] for definition in definitions}


def shard(item: str, rev: int, available: int) -> dict[str, Any]:
    names = {"stock_id": f"{item}#berlin#0", "item_id": item, "warehouse_id": "berlin", "shard": 0}
    return {**names, "available": available, "held": 0, "inflow": available, "rev": rev, "at": rev, "cause": CAUSE}


def put(table: "Table", *records: dict[str, Any]) -> None:
    for record in records:
        table.put_item(Item=record)


def test_what_the_restored_table_lacks_goes_and_what_differs_is_as_it_was(named: "dict[str, Table]") -> None:
    live, restored = named["StockTable"], named["Restored"]
    put(live, shard("same", 1, 5), shard("changed", 9, 1), shard("later", 1, 7))
    put(restored, shard("same", 1, 5), shard("changed", 3, 4), shard("deleted", 2, 8))
    found = compare(live, restored)
    assert found.surplus == {("later#berlin#0",)}
    assert found.other == {("changed#berlin#0",), ("deleted#berlin#0",)}, "no stream tells what is equal"
    copy(live, restored, found)
    assert sorted(map(str, live.scan()["Items"])) == sorted(map(str, restored.scan()["Items"]))
    again = compare(live, restored)
    assert (again.surplus, again.other) == (frozenset(), frozenset())


def test_readers_see_restored_stock_though_its_revisions_are_lower_than_what_was_projected(
    named: "dict[str, Table]",
) -> None:
    stock, availability = named["StockTable"], named["AvailabilityTable"]
    put(stock, shard("cup", 9, 1), shard("later", 1, 7))
    assert project_anew(stock, availability) == 2
    stock.delete_item(Key={"stock_id": "later#berlin#0"})
    put(stock, shard("cup", 3, 4))
    assert project_anew(stock, availability) == 1
    [seen] = availability.scan()["Items"]
    assert (seen["item_id"], seen["available"], seen["version"]) == ("cup", 4, 3)


def test_the_live_table_is_written_on_demand_only(named: "dict[str, Table]") -> None:
    live, restored = named["StockTable"], named["Restored"]
    put(live, shard("changed", 9, 1), shard("later", 1, 7))
    put(restored, shard("changed", 3, 4))
    before = live.scan()["Items"]
    for option, after in (((), before), (("--write",), restored.scan()["Items"])):
        result = CliRunner().invoke(app, ["copy-table", live.name, restored.name, *option])
        assert result.exit_code == 0
        assert "1 records to delete, 1 to write" in result.output
        assert live.scan()["Items"] == after


@pytest.mark.parametrize("command", ["copy-table", "project-anew"])
@pytest.mark.parametrize("given", [("StockTable", "StokTable"), ("StokTable", "StockTable")])
def test_a_table_that_is_not_there_is_named_in_one_line(
    named: "dict[str, Table]",
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    given: tuple[str, str],
) -> None:
    monkeypatch.setattr("sys.argv", ["stack", command, *given])
    with pytest.raises(SystemExit, match="1"):
        commands.main()
    said = capsys.readouterr().out
    assert said.startswith("error: The table StokTable cannot be used: ")
    assert ("ResourceNotFoundException" in said, said.count("\n")) == (True, 1)


@pytest.mark.parametrize("command", [["copy-table", "--write"], ["project-anew"]])
@pytest.mark.parametrize("forbidden", ["DescribeTable", "Scan", "BatchWriteItem"])
def test_what_aws_refuses_is_said_in_one_line(
    named: "dict[str, Table]",
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    forbidden: str,
) -> None:
    put(named["Restored"], shard("cup", 1, 1))
    put(named["AvailabilityTable"], {"item_id": "cup", "warehouse_id": "berlin"})
    call = vars(BaseClient)["_make_api_call"]

    def refuses(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        if operation == forbidden:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, operation)
        return call(client, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuses)
    other = "Restored" if command[0] == "copy-table" else "AvailabilityTable"
    monkeypatch.setattr("sys.argv", ["stack", *command, "StockTable", other])
    with pytest.raises(SystemExit, match="1"):
        commands.main()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("error: The table StockTable")
    assert f"(AccessDeniedException) when calling the {forbidden} operation: not authorized" in last


def test_what_was_written_last_is_read(named: "dict[str, Table]") -> None:
    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params)

    asked: list[dict[str, Any]] = []
    for table in named.values():
        table.meta.client.meta.events.register("provide-client-params.dynamodb.Scan", note)
    live, restored = named["StockTable"], named["Restored"]
    put(restored, shard("cup", 9, 1))
    copy(live, restored, compare(live, restored))
    project_anew(live, named["AvailabilityTable"])
    assert {each["TableName"] for each in asked} == {"StockTable", "Restored", "AvailabilityTable"}
    assert all(each["ConsistentRead"] is True for each in asked)
