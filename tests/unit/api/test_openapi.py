"""docs/openapi.json and docs/errors.md: up to date, complete, and true to what the API answers."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from inventory.api.error_reference import CODES
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
    fits(openapi, operation.parameters.__name__, operation.example)
    assert operation.parameters.model_validate(operation.example, strict=True)


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
        fits(openapi, "Error", answer.body)


def test_the_errors_page_has_a_heading_for_every_code() -> None:
    page = next(text for path, text in pages().items() if path.name == "errors.md")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(CODES)


def fits(openapi: dict[str, Any], name: str, value: object) -> None:
    """Checks a value against a schema of the document, with nothing in it that the schema does not name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
    Draft202012Validator(schema).validate(value)
    if isinstance(value, dict) and name != "Error":
        assert set(value) <= set(openapi["components"]["schemas"][name]["properties"])
