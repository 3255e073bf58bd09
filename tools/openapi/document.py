"""The OpenAPI 3.1 document of the API."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from inventory.api import adjustments, audits, holds, snapshots, stock
from inventory.api.bodies import FORM, JSON
from inventory.api.brackets import bracketed
from inventory.api.operations import Operation, Operations
from inventory.domain.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from openapi.schemas import ERROR_NAME, FORM_NAME, Json, has_body, query_fields, schemas_of

OPERATIONS: Final[Operations[Any]] = (
    *holds.OPERATIONS,
    *stock.OPERATIONS,
    *adjustments.OPERATIONS,
    *snapshots.OPERATIONS,
    *audits.OPERATIONS,
)

#: What each status says. Without 405: that is what a path says to a method that it lacks, so no operation answers so.
STATUSES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("InvalidRequest", "The request can never succeed as it stands"),
    401: ("Unauthenticated", "The API key is missing, malformed, unknown or revoked"),
    402: ("InsufficientStock", "Valid, but there is not enough"),
    403: ("ScopeMissing", "The API key may not do this"),
    404: ("NotFound", "There is nothing under this id"),
    409: ("Conflict", "Others were faster for too long; the same request may be sent again"),
    413: ("RequestTooLarge", "The gateway takes no request of over 10 MB; on AWS the body is its own"),
    429: ("RateLimited", "Too many requests, or too many snapshots or audits under way"),
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
Integers have no point and no exponent: `2.0` and `2e0`, which JSON Schema takes for integers too, are refused.
Any POST may carry an `Idempotency-Key`: sent again within 30 days with the same parameters, the request is not carried
out again, but answered with the object as it is now and `Idempotent-Replayed: true`.
A key is for one request: do not use it for another one later either.
Every answer has a `Request-Id`; every error says in `Stripe-Should-Retry` whether to try again."""


def document() -> Json:
    """The whole document."""
    schemas = schemas_of(OPERATIONS)
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
                    "schema": {"type": "string", "enum": ["true", "false"]},
                },
                "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "string"}},
                "Idempotent-Replayed": {
                    "description": "The request had been carried out before.",
                    "schema": {"type": "string", "const": "true"},
                },
            },
            "responses": {name: _error_response(status) for status, (name, _) in STATUSES.items()},
            "schemas": schemas,
        },
    }


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
        described["parameters"] = list(_query(query_fields(operation.parameters), operation.example or {}))
        return described
    described["parameters"] = [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Makes it safe to send the request again.",
            "schema": {"type": "string", "pattern": f"^[!-~]([ -~]{{0,{IDEMPOTENCY_KEY_LENGTH_MAX - 2}}}[!-~])?$"},
        }
    ]
    if has_body(operation):
        described["requestBody"] = _body(operation, schemas[operation.parameters.__name__])
    return described


def _query(fields: Mapping[str, Json], example: Mapping[str, Any]) -> Iterable[Json]:
    for name, field in fields.items():
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
    content: Json = {
        JSON: {"schema": {"$ref": f"#/components/schemas/{operation.parameters.__name__}"}},
        FORM: {"schema": {"$ref": f"#/components/schemas/{FORM_NAME}"}},
    }
    if operation.example is not None:
        content[JSON]["example"] = operation.example
        content[FORM]["example"] = dict(_form_fields(operation.example))
    needed = "required" in schema or "minProperties" in schema
    return {"required": needed, "content": content}


def _form_fields(value: Any, location: tuple[str | int, ...] = ()) -> Iterable[tuple[str, str]]:
    """The fields of a form that say the same as a JSON body."""
    if not isinstance(value, Mapping | list):
        yield bracketed(location), str(value)
        return
    for name, entry in value.items() if isinstance(value, Mapping) else enumerate(value):
        yield from _form_fields(entry, (*location, name))


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
    return {
        "description": STATUSES[status][1] + ".",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{ERROR_NAME}"}}},
    }
