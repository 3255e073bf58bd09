"""The OpenAPI 3.1 document of the API."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from inventory.api import adjustments, audits, holds, snapshots, stock
from inventory.api.bodies import FORM, JSON
from inventory.api.error_reference import CODES
from inventory.api.errors import FAMILIES
from inventory.api.fields import NoParameters
from inventory.api.operations import Operation, Operations
from inventory.domain.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from openapi.examples import EXAMPLES

Json = dict[str, Any]

OPERATIONS: Final[Operations[Any]] = (
    *holds.OPERATIONS,
    *stock.OPERATIONS,
    *adjustments.OPERATIONS,
    *snapshots.OPERATIONS,
    *audits.OPERATIONS,
)

#: What each status says. 405 is no answer of any operation here: it is what a path says to a method that it lacks.
STATUSES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("InvalidRequest", "The request can never succeed as it stands"),
    401: ("Unauthenticated", "The API key is missing, malformed, unknown or revoked"),
    402: ("InsufficientStock", "Valid, but there is not enough"),
    403: ("ScopeMissing", "The API key may not do this"),
    404: ("NotFound", "There is nothing under this id"),
    405: ("MethodNotAllowed", "The path is there, but not for this method"),
    409: ("Conflict", "Others were faster for too long; the same request may be sent again"),
    413: ("RequestTooLarge", "The gateway takes no request of over 10 MB; on AWS the body is its own"),
    429: ("RateLimited", "Too many requests, or too many snapshots under way"),
    500: ("Internal", "A defect of the service"),
    503: ("Overloaded", "A part of the service did not answer in time"),
}
_ANY_CALL: Final = (400, 401, 403, 429, 500, 503)
_REQUEST_ID: Final[Json] = {
    "description": "The id of this request; it stands in the service's log.",
    "required": True,
    "schema": {"type": "string"},
}

_ABOUT: Final = """\
How many of an item are in which warehouse, and two-step holds on them that never oversell.

Bodies are JSON or forms with bracket notation (`lines[0][item]=A`), answers are JSON. Times are Unix seconds.
Any POST may carry an `Idempotency-Key`: sent again within 30 days with the same parameters, the request is not carried
out again, but answered with the object as it is now and `Idempotent-Replayed: true`.
A key is for one request: do not use it for another one later either.
Every answer has a `Request-Id`; every error says in `Stripe-Should-Retry` whether to try again."""


def document() -> Json:
    """The whole document."""
    schemas = _schemas()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Inventory", "version": "1.0.0", "description": _ABOUT},
        "servers": [{"url": "{url}", "variables": {"url": {"default": "http://127.0.0.1"}}}],
        "security": [{"api_key": []}],
        "tags": [
            {"name": "holds", "description": "Stock reserved for a purchase."},
            {"name": "stock", "description": "How many there are."},
            {"name": "adjustments", "description": "Changes of stock other than by a sale."},
            {"name": "snapshots", "description": "What was where at an instant, sealed for auditors."},
            {"name": "audits", "description": "Snapshots held against the live tables and the archive."},
        ],
        "paths": _paths(schemas),
        "components": {
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
            "headers": {
                "Request-Id": _REQUEST_ID,
                "Stripe-Should-Retry": {
                    "description": "Whether the same request may succeed later.",
                    "schema": {"enum": ["true", "false"]},
                },
                "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "string"}},
                "Idempotent-Replayed": {
                    "description": "The request had been carried out before.",
                    "schema": {"const": "true"},
                },
                "Allow": {"description": "The methods that the path takes.", "schema": {"type": "string"}},
            },
            "responses": {name: _error_response(status) for status, (name, _) in STATUSES.items()},
            "schemas": {**schemas, "Error": _error_schema()},
        },
    }


def _schemas() -> dict[str, Json]:
    """Every model and answer by name, as pydantic describes it."""
    types: list[Any] = [operation.answer for operation in OPERATIONS]
    inputs: list[tuple[str, Any, TypeAdapter[Any]]] = [
        (operation.name, "validation", TypeAdapter(operation.parameters)) for operation in OPERATIONS
    ]
    inputs += [(answer.__name__, "serialization", TypeAdapter(answer)) for answer in dict.fromkeys(types)]
    _, definitions = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Json] = definitions["$defs"]
    for schema in schemas.values():
        schema.pop("title", None)
        schema["properties"] = {name: _given(field) for name, field in schema.get("properties", {}).items()}
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    return dict(sorted(schemas.items()))


def _given(field: Json) -> Json:
    """A field as it may be given. None is how the code says that it was not; a caller leaves it out instead."""
    choices = field.get("anyOf", [])
    if field.get("default", ...) is None:
        (only,) = [choice for choice in choices if choice.get("type") != "null"]
        return {**{key: value for key, value in field.items() if key not in {"anyOf", "default", "title"}}, **only}
    return {key: value for key, value in field.items() if key != "title"}


def _paths(schemas: Mapping[str, Json]) -> dict[str, Json]:
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        entry = paths.setdefault(operation.path, {})
        if operation.path_parameter is not None:
            entry["parameters"] = [
                {
                    "name": operation.path_parameter.name,
                    "in": "path",
                    "required": True,
                    "description": f"The id of the {operation.path_parameter.kind}.",
                    "schema": {"type": "string", "pattern": operation.path_parameter.pattern},
                }
            ]
        entry[operation.method.lower()] = _operation(operation, schemas)
    return paths


def _operation(operation: Operation[Any, Any], schemas: Mapping[str, Json]) -> Json:
    described: Json = {
        "operationId": operation.name,
        "tags": [operation.path.split("/")[2].replace("transfers", "adjustments")],
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`.",
        "responses": _responses(operation),
    }
    if operation.method == "GET":
        described["parameters"] = list(_query(schemas[operation.parameters.__name__], operation.example or {}))
        return described
    described["parameters"] = [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Makes it safe to send the request again.",
            "schema": {"type": "string", "pattern": f"^[!-~]([ -~]{{0,{IDEMPOTENCY_KEY_LENGTH_MAX - 2}}}[!-~])?$"},
        }
    ]
    if operation.parameters is not NoParameters:
        described["requestBody"] = _body(operation, schemas[operation.parameters.__name__])
    return described


def _query(schema: Json, example: Mapping[str, Any]) -> Iterable[Json]:
    for name, field in schema.get("properties", {}).items():
        described: Json = {"name": name, "in": "query"}
        if "description" in field:
            described["description"] = field["description"]
        described["schema"] = {key: value for key, value in field.items() if key != "description"}
        if field.get("type") == "array":
            described |= {"style": "form", "explode": True}
        if name in example:
            described["example"] = example[name]
        yield described


def _body(operation: Operation[Any, Any], schema: Json) -> Json:
    reference = {"$ref": f"#/components/schemas/{operation.parameters.__name__}"}
    content: Json = {JSON: {"schema": reference}, FORM: {"schema": reference}}
    if operation.example is not None:
        content[JSON]["example"] = operation.example
    needed = "required" in schema or "minProperties" in schema
    return {"required": needed, "content": content}


def _responses(operation: Operation[Any, Any]) -> Json:
    answer = operation.answer.__name__
    headers: Json = {"Request-Id": {"$ref": "#/components/headers/Request-Id"}}
    if operation.method == "POST":
        headers["Idempotent-Replayed"] = {"$ref": "#/components/headers/Idempotent-Replayed"}
    links = {
        other.name: {"operationId": other.name, "parameters": {"id": "$response.body#/id"}}
        for other in OPERATIONS
        if other.path.startswith(operation.path + "/{id}") and operation.method == "POST"
    }
    statuses = sorted({*_ANY_CALL, *operation.errors, *((413,) if operation.method == "POST" else ())})
    return {
        "200": {
            "description": "Done." if operation.method == "POST" else "As it is.",
            "headers": headers,
            "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{answer}"}}},
            **({"links": links} if links else {}),
        },
        **{str(status): {"$ref": f"#/components/responses/{STATUSES[status][0]}"} for status in statuses},
    }


def _error_response(status: int) -> Json:
    headers = ["Request-Id", "Stripe-Should-Retry"]
    headers += ["Retry-After"] if status in {409, 429, 500, 503} else []
    headers += ["Allow"] if STATUSES[status][0] == "MethodNotAllowed" else []
    return {
        "description": STATUSES[status][1] + ".",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _error_schema() -> Json:
    """The one shape of all errors. What is short stands in it for 402 only."""
    text: Json = {"type": "string"}
    optional: Json = {"type": ["string", "null"]}
    fields: Json = {
        "type": {"enum": sorted({family.type for family in FAMILIES.values()})},
        "code": {**text, "description": "One of those in docs/errors.md.", "examples": sorted(CODES)[:1]},
        "message": {**text, "description": "One sentence for a person."},
        "param": {**optional, "description": "The field to blame, in bracket notation."},
        "request_id": text,
        "doc_url": optional,
    }
    shortage: Json = {
        "item": text,
        "warehouse": optional,
        "wanted": {"type": "integer"},
        "available": {"type": "integer"},
    }
    error = {"type": "object", "properties": {**fields, **shortage}, "required": list(fields)}
    return {
        "type": "object",
        "properties": {"error": {**error, "additionalProperties": False}},
        "required": ["error"],
        "additionalProperties": False,
    }
