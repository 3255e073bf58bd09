"""The schemas of the document, in the words that generators of clients know."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from inventory.api.error_reference import CODES
from inventory.api.errors import FAMILIES
from inventory.api.fields import NoParameters, Parameters
from inventory.api.operations import Operation, Operations
from openapi.examples import EXAMPLES

Json = dict[str, Any]

FORM_NAME: Final = "Form"
#: Not "Error": its one field is called so, and generated classes cannot share a name with what is in them.
ERROR_NAME: Final = "ErrorAnswer"

# One for all operations: only patterns could tell which names with brackets there are, and no generator makes types of
# them. And none of JSON's: a generated client tells by the class of a body what to send it as.
_FORM: Final[Json] = {
    "type": "object",
    "description": "The fields of the JSON body in bracket notation: `lines[0][item]`, `metadata[cart]`. "
    "Numbers are text too.",
    "additionalProperties": {"type": "string"},
}


def has_body(operation: Operation[Any, Any]) -> bool:
    """Whether a request may carry parameters in its body."""
    return operation.method == "POST" and operation.parameters is not NoParameters


def schemas_of(operations: Operations[Any]) -> dict[str, Json]:
    """Every body and answer by name, and what is in them."""
    answers: list[Any] = [operation.answer for operation in operations]
    inputs: list[tuple[str, Any, TypeAdapter[Any]]] = [
        (operation.name, "validation", TypeAdapter(operation.parameters))
        for operation in operations
        if has_body(operation)
    ]
    inputs += [(answer.__name__, "serialization", TypeAdapter(answer)) for answer in dict.fromkeys(answers)]
    _, definitions = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Json] = definitions["$defs"] | {FORM_NAME: _FORM, ERROR_NAME: _error_schema()}
    schemas = {name: _for_clients(_component(schema)) for name, schema in sorted(schemas.items())}
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    return schemas


def query_fields(model: type[Parameters]) -> dict[str, Json]:
    """The schema of each field that a query may have."""
    return {name: _for_clients(field) for name, field in _fields(model.model_json_schema()).items()}


def _component(schema: Json) -> Json:
    """A body or an answer without its title, which is its name, and without defaults.

    Generated types take a field with a default for one that is always there, and so ask for it in each request.
    """
    told = {key: value for key, value in schema.items() if key != "title"}
    if "properties" in told:
        told["properties"] = {
            name: {key: value for key, value in field.items() if key != "default"}
            for name, field in _fields(schema).items()
        }
    return told


def _fields(schema: Json) -> dict[str, Json]:
    return {name: _given(field) for name, field in schema.get("properties", {}).items()}


def _given(field: Json) -> Json:
    """A field as it may be given. None is how the code says that it was not; a caller leaves it out instead."""
    choices = field.get("anyOf", [])
    if field.get("default", ...) is None:
        (only,) = [choice for choice in choices if choice.get("type") != "null"]
        return {**{key: value for key, value in field.items() if key not in {"anyOf", "default", "title"}}, **only}
    return {key: value for key, value in field.items() if key != "title"}


def _for_clients(schema: Any) -> Any:
    """A schema, and all in it, so that generated clients have the right types: the same values fit it.

    An integer without a format has 32 bits in many languages; times, and sums of quantities, have more. What is said of
    fields by patterns of their names is no type in most, but a map with a rule for its names is.
    """
    if isinstance(schema, list):
        return [_for_clients(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    told = {key: _for_clients(value) for key, value in schema.items()}
    if told.get("type") == "integer":
        told["format"] = "int64"
    if "patternProperties" in told:
        ((pattern, value),) = told.pop("patternProperties").items()
        told |= {"additionalProperties": value, "propertyNames": {**told["propertyNames"], "pattern": pattern}}
    return told


def _error_schema() -> Json:
    """The one shape of all errors. What is short stands in it for 402 only."""
    text: Json = {"type": "string"}
    optional: Json = {"type": ["string", "null"]}
    fields: Json = {
        "type": {**text, "enum": sorted({family.type for family in FAMILIES.values()})},
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
