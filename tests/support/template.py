"""template.yaml as data: what tests know about tables, functions and roles comes from it, never from a second list."""

from typing import Any, cast

from stack.template import load_template

__all__ = ["Properties", "load_template"]

Properties = dict[str, Any]


def resources(kind: str) -> dict[str, Properties]:
    """All resources of a type (``AWS::SQS::Queue``), by logical id, as they stand in the template."""
    found = load_template()["Resources"]
    return {name: resource for name, resource in found.items() if resource["Type"] == kind}


def properties(logical_id: str) -> Properties:
    """The ``Properties`` of one resource."""
    return cast(Properties, load_template()["Resources"][logical_id]["Properties"])


def table_names() -> dict[str, str]:
    """Environment variable (``STOCK_TABLE``) to the table's logical id (``StockTable``)."""
    variables = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    return {name: value["Ref"] for name, value in variables.items() if name.endswith("_TABLE")}


def table_definitions() -> dict[str, Properties]:
    """Environment variable to the arguments of DynamoDB's ``create_table``; the table's name is its logical id."""
    return {variable: _create_table_arguments(logical_id) for variable, logical_id in table_names().items()}


def _create_table_arguments(logical_id: str) -> Properties:
    table = properties(logical_id)
    taken = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    arguments: Properties = {"TableName": logical_id, **{key: table[key] for key in taken if key in table}}
    if stream := table.get("StreamSpecification"):
        arguments["StreamSpecification"] = {"StreamEnabled": True, **stream}
    return arguments


def ttl_attributes() -> dict[str, str]:
    """Environment variable to the table's TTL attribute, for the tables that have one."""
    ttls = {variable: properties(name).get("TimeToLiveSpecification") for variable, name in table_names().items()}
    return {variable: cast(str, ttl["AttributeName"]) for variable, ttl in ttls.items() if ttl}
