"""A request as the gateway hands it over (REST API, Lambda proxy integration)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

_TRACE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the authorizer found out from the key."""

    account: str
    actor: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What one request carries, nothing of it checked yet.

    Attributes:
        method: In capitals.
        path: The path below the stage, decoded, without a slash at its end: one spelling for all.
        headers: By name in small letters; one that was sent several times has all its values.
        query: Names and values, decoded, in the order of each name.
        body: As the gateway hands it over.
        body_is_base64: Whether the body has to be decoded first.
        request_id: The gateway's id of this request, by which a person finds it. A caller may have chosen it.
        invocation_id: The id of this one invocation, which nobody chooses: no other request has it.
        correlation_id: The caller's id of what the request is part of, or the request's own.
        caller: Who asks, or None where no authorizer has said.
        begun_ms: When the gateway took it, milliseconds since 1970; None where it does not say.
    """

    method: str
    path: str
    headers: Mapping[str, Sequence[str]]
    query: Sequence[tuple[str, str]]
    body: str
    body_is_base64: bool
    request_id: str
    invocation_id: str
    correlation_id: str
    caller: Caller | None
    begun_ms: int | None = None

    def header(self, name: str) -> str | None:
        """The header's value; where it was sent several times, the last; None where it was not sent."""
        values = self.headers.get(name)
        return values[-1] if values else None


def request_from(event: Mapping[str, Any], invocation_id: str) -> HttpRequest:
    """The request in a gateway's event. `invocation_id` stands in where the gateway gave the request no id."""
    context = event.get("requestContext") or {}
    headers = _headers(event)
    request_id = _trace_id(context.get("requestId")) or invocation_id
    return HttpRequest(
        method=str(event.get("httpMethod") or "").upper(),
        path="/" + unquote(str(event.get("path") or "").strip("/")),
        headers=headers,
        query=list(_pairs(event.get("multiValueQueryStringParameters"), event.get("queryStringParameters"))),
        body=event.get("body") or "",
        body_is_base64=bool(event.get("isBase64Encoded")),
        request_id=request_id,
        invocation_id=invocation_id,
        correlation_id=_trace_id(headers.get("x-correlation-id", [""])[-1]) or request_id,
        caller=_caller(context.get("authorizer") or {}),
        begun_ms=epoch if isinstance(epoch := context.get("requestTimeEpoch"), int) else None,
    )


def _headers(event: Mapping[str, Any]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in _pairs(event.get("multiValueHeaders"), event.get("headers")):
        headers.setdefault(name.lower(), []).append(value)
    return headers


def _pairs(multiple: Mapping[str, Sequence[str]] | None, single: Mapping[str, str] | None) -> Iterable[tuple[str, str]]:
    if multiple:
        return ((str(name), str(value)) for name, values in multiple.items() for value in values or ())
    return ((str(name), str(value)) for name, value in (single or {}).items())


def _trace_id(text: object) -> str | None:
    return text if isinstance(text, str) and _TRACE_ID.fullmatch(text) else None


def _caller(authorizer: Mapping[str, Any]) -> Caller | None:
    account, actor = authorizer.get("account"), authorizer.get("actor")
    if not account or not actor:
        return None
    return Caller(str(account), str(actor), frozenset(str(authorizer.get("scopes") or "").split()))
