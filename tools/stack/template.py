"""template.yaml as data."""

from functools import cache
from typing import Any, cast

import yaml

from stack.place import ROOT

Template = dict[str, Any]


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
def load_template() -> Template:
    """The whole template, intrinsics in their long form. One shared copy: don't change it."""
    with (ROOT / "template.yaml").open(encoding="utf-8") as file:
        return cast(Template, yaml.load(file, _Loader))  # noqa: S506 - a SafeLoader underneath
