"""template.yaml as data: what tests know about tables, functions and roles comes from it, never from a second list."""

from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

Properties = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags written out: ``!Ref X`` becomes ``{"Ref": "X"}``."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(cast(yaml.MappingNode, node), deep=True)
    if suffix == "GetAtt":
        return {"Fn::GetAtt": value.split(".", 1) if isinstance(value, str) else value}
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


@cache
def load_template() -> Properties:
    """The whole template, intrinsics in their long form. One shared copy: don't change it."""
    with TEMPLATE.open(encoding="utf-8") as file:
        return cast(Properties, yaml.load(file, _Loader))  # noqa: S506 - a SafeLoader underneath


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
