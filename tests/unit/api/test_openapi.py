"""docs/openapi.json and docs/errors.md: up to date, complete, and true to what the API answers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from inventory.api.bodies import FORM, JSON
from inventory.api.brackets import tree_from
from inventory.api.error_reference import CODES
from inventory.api.fields import Parameters, checked, list_fields
from inventory.history.layout import snapshot_id
from openapi.__main__ import pages
from openapi.document import OPERATIONS, STATUSES, document
from support.bureau import Bureau
from support.gateway import Answer, Gateway
from support.world import World

HOLD = "hold_" + "0" * 32

#: What the contract lists for this part of the service.
ROUTES = {
    ("POST", "/v1/holds"),
    ("GET", "/v1/holds"),
    ("GET", "/v1/holds/{id}"),
    ("POST", "/v1/holds/{id}"),
    ("POST", "/v1/holds/{id}/execute"),
    ("POST", "/v1/holds/{id}/release"),
    ("POST", "/v1/adjustments"),
    ("GET", "/v1/adjustments/{id}"),
    ("POST", "/v1/transfers"),
    ("GET", "/v1/transfers/{id}"),
    ("GET", "/v1/stock/{item}"),
    ("POST", "/v1/stock/{item}/split"),
    ("GET", "/v1/stock"),
    ("POST", "/v1/snapshots"),
    ("GET", "/v1/snapshots"),
    ("GET", "/v1/snapshots/{id}"),
    ("POST", "/v1/audits"),
    ("GET", "/v1/audits"),
    ("GET", "/v1/audits/{id}"),
}


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return document()


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_the_committed_page_is_what_would_be_written_now(path: Any) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run: python -m openapi"


def test_every_route_of_the_contract_is_there_once() -> None:
    routes = [(operation.method, operation.path) for operation in OPERATIONS]
    assert len(routes) == len(ROUTES)
    assert set(routes) == ROUTES


def test_every_reference_leads_somewhere(openapi: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(openapi)))
    assert len(references) > 20
    for reference in references:
        found = openapi
        for part in reference.split("/"):
            found = found[part]


def test_every_schema_is_one_and_its_examples_fit(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    for name, schema in schemas.items():
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
        for example in schema.get("examples", []):
            fits(openapi, name, example)
    assert sum("examples" in schema for schema in schemas.values()) == 6


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.example], ids=lambda each: each.name)
def test_the_example_of_an_operation_is_accepted(operation: Any, openapi: dict[str, Any]) -> None:
    assert operation.parameters.model_validate(operation.example, strict=True)
    if operation.method == "POST":
        fits(openapi, operation.parameters.__name__, operation.example)
    else:
        told = {each["name"]: each for each in openapi["paths"][operation.path]["get"]["parameters"]}
        for name, value in operation.example.items():
            Draft202012Validator(told[name]["schema"]).validate(value)


def test_a_form_is_an_object_of_its_own_whose_example_says_the_same_as_that_in_json(openapi: dict[str, Any]) -> None:
    """A client tells by the class of a body what to send it as: one that JSON and the form share is sent as a form."""
    with_example = 0
    for operation in OPERATIONS:
        body = openapi["paths"][operation.path][operation.method.lower()].get("requestBody")
        if body is None:
            continue
        json_body, form = body["content"][JSON], body["content"][FORM]
        assert json_body["schema"] != form["schema"] == {"$ref": "#/components/schemas/Form"}
        if "example" in json_body:
            fits(openapi, "Form", form["example"], closed=False)
            model: type[Parameters] = operation.parameters
            tree = tree_from(form["example"].items(), lists=list_fields(model))
            assert checked(model, tree, typed=False) == checked(model, json_body["example"], typed=True)
            with_example += 1
    assert with_example == 6


def test_every_component_is_referred_to(openapi: dict[str, Any]) -> None:
    """Generators make what nothing refers to as well, and some of it does not compile."""
    components = dict(openapi["components"])
    assert list(components.pop("securitySchemes")) == [name for each in openapi["security"] for name in each]
    there = {f"#/components/{kind}/{name}" for kind, named in components.items() for name in named}
    assert there == set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(openapi)))


def test_every_schema_says_its_type(openapi: dict[str, Any]) -> None:
    """Without it a generator guesses, or takes a choice between objects for a choice between anything."""
    told = list(schemas_in(openapi))
    assert len(told) > 200
    assert [schema for schema in told if not {"type", "$ref", "anyOf"} & schema.keys()] == []


def test_every_integer_has_64_bits(openapi: dict[str, Any]) -> None:
    """Without a format it has 32 in Java, Go and C#, which times and sums of quantities do not fit in."""
    integers = [schema for schema in schemas_in(openapi) if schema.get("type") == "integer"]
    assert len(integers) > 30
    assert [schema for schema in integers if schema.get("format") != "int64"] == []


def test_no_body_or_answer_has_a_default(openapi: dict[str, Any]) -> None:
    """TypeScript takes a field with a default for one that is always there, and asks for it in every request."""
    assert [schema for schema in schemas_in(openapi["components"]) if "default" in schema] == []
    assert "Left out: 900." in openapi["components"]["schemas"]["PlaceHold"]["properties"]["expires_in"]["description"]


def test_no_field_has_the_name_of_its_schema(openapi: dict[str, Any]) -> None:
    """A generated class cannot have the name of what is in it."""
    for name, schema in openapi["components"]["schemas"].items():
        assert name.lower() not in schema.get("properties", {})


def test_a_map_of_texts_is_told_as_one(openapi: dict[str, Any]) -> None:
    """Said by patterns of the names, its values are of any type in generated clients."""
    assert "patternProperties" not in json.dumps(openapi)
    for name, count in {"PlaceHold": 20, "ChangeHold": 40, "Adjust": 20, "TransferStock": 20}.items():
        metadata = openapi["components"]["schemas"][name]["properties"]["metadata"]
        assert metadata["additionalProperties"]["type"] == "string"
        right = {"k" * 40: "v" * 200, "empty": ""}
        wrong = [{"": "v"}, {"k" * 41: "v"}, {"\nk": "v"}, {"k": "v" * 201}, {"k": "\nv"}, {"k": 1}]
        wrong.append({str(number): "" for number in range(count + 1)})
        assert Draft202012Validator(metadata).is_valid(right)
        assert [value for value in wrong if Draft202012Validator(metadata).is_valid(value)] == []


@pytest.mark.parametrize("name", ["PlaceHold", "WantedLine", "ExecuteHold", "TakenLine", "Adjust", "SplitStock"])
def test_a_body_has_nothing_that_the_document_does_not_name(name: str, openapi: dict[str, Any]) -> None:
    assert openapi["components"]["schemas"][name]["additionalProperties"] is False


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_documents_the_errors_that_it_can_have(operation: Any, openapi: dict[str, Any]) -> None:
    responses = set(openapi["paths"][operation.path][operation.method.lower()]["responses"])
    assert {"200", "400", "401", "403", "429", "500", "503"} <= responses
    assert ("404" in responses) == (operation.path_parameter is not None)
    assert ("409" in responses) == (operation.method == "POST")
    assert "405" not in responses, "no documented method is refused"


def test_every_status_is_described(openapi: dict[str, Any]) -> None:
    assert set(openapi["components"]["responses"]) == {name for name, _ in STATUSES.values()}


def test_what_the_api_answers_is_what_the_document_says(
    world: World, bureau: Bureau, api: Gateway, openapi: dict[str, Any]
) -> None:
    world.receive("A", 10)
    place = {"lines": [{"item": "A", "quantity": 1}]}
    hold = api.post("/v1/holds", place).body["id"]
    adjustment = api.post("/v1/adjustments", {"item": "A", "warehouse": "W1", "quantity": 1, "reason": "found"})
    transfer = api.post("/v1/transfers", {"item": "A", "from": "W1", "to": "W2", "quantity": 1})
    audit = api.post("/v1/audits", {"snapshot": bureau.publish(1000)}).body["id"]
    bureau.conclude(audit, snapshot_id(1_000_000), discrepancies=1)
    answers: dict[str, list[Answer]] = {
        "HoldView": [api.get(f"/v1/holds/{hold}"), api.post(f"/v1/holds/{hold}/execute")],
        "HoldList": [api.get("/v1/holds")],
        "StockView": [api.get("/v1/stock/A"), api.post("/v1/stock/A/split", {"warehouse": "W1", "shards": 2})],
        "StockList": [api.get("/v1/stock", [("items", "A")])],
        "AdjustmentView": [adjustment, api.get(f"/v1/adjustments/{adjustment.body['id']}")],
        "TransferView": [transfer, api.get(f"/v1/transfers/{transfer.body['id']}")],
        "SnapshotView": [api.post("/v1/snapshots", {"as_of": 1000}), api.get(f"/v1/snapshots/{bureau.publish(2000)}")],
        "SnapshotList": [api.get("/v1/snapshots")],
        "AuditView": [api.post("/v1/audits"), api.get(f"/v1/audits/{audit}")],
        "AuditList": [api.get("/v1/audits")],
    }
    for name, given in answers.items():
        for answer in given:
            assert answer.status == 200
            fits(openapi, name, answer.body)
    refusals = [
        api.post("/v1/holds", {}),
        api.post("/v1/holds", {"lines": [{"item": "A", "quantity": 99}]}),
        api.get(f"/v1/holds/{HOLD}"),
        api.send("PUT", "/v1/holds"),
    ]
    assert [answer.status for answer in refusals] == [400, 402, 404, 405]
    for answer in refusals:
        fits(openapi, "ErrorAnswer", answer.body)


def test_the_errors_page_has_a_heading_for_every_code() -> None:
    page = next(text for path, text in pages().items() if path.name == "errors.md")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(CODES)


def fits(openapi: dict[str, Any], name: str, value: object, *, closed: bool = True) -> None:
    """Checks a value against a schema of the document, with (closed) nothing in it that the schema does not name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
    Draft202012Validator(schema).validate(value)
    if isinstance(value, dict) and closed:
        assert set(value) <= set(openapi["components"]["schemas"][name]["properties"])


def schemas_in(part: Any, *, is_schema: bool = False) -> Iterator[dict[str, Any]]:
    """Every schema in a part of the document, those in others included."""
    if isinstance(part, list):
        for each in part:
            yield from schemas_in(each, is_schema=is_schema)
    if not isinstance(part, dict):
        return
    if is_schema:
        yield part
    for key, value in part.items():
        if key in {"properties", "schemas"}:
            yield from schemas_in(list(value.values()), is_schema=True)
        elif key not in {"example", "examples"}:
            is_one = key in {"schema", "items", "additionalProperties", "anyOf", "oneOf", "allOf"}
            yield from schemas_in(value, is_schema=is_one)
