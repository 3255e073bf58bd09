"""One request from event to answer: route, check, run, answer, log. The only place where errors become answers."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from inventory.api.bodies import body_of, check_text
from inventory.api.brackets import tree_from
from inventory.api.errors import Internal, ScopeMissing, Unauthenticated, error_answer
from inventory.api.fields import P, checked, list_fields
from inventory.api.operations import Call, Operation, Operations, Reply, route
from inventory.api.requests import Caller, HttpRequest, request_from
from inventory.domain.errors import ClockSkewed, InvalidRequest, InvariantBroken, InventoryError
from inventory.domain.ids import Requester, fingerprint
from inventory.domain.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from inventory.protocol.core import Core
from inventory.telemetry import Metric, flush, logger, report

_KEY: Final = re.compile(rf"[ -~]{{1,{IDEMPOTENCY_KEY_LENGTH_MAX}}}")


class InvocationContext(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str


class Application:
    """A Lambda handler that serves some operations of the API.

    Args:
        operations: The operations.
        core: What they work with.
        docs_url: Where the errors are explained, or empty.
    """

    def __init__(self, operations: Operations, core: Core, *, docs_url: str) -> None:
        self._operations = operations
        self._core = core
        self._docs_url = docs_url

    def __call__(self, event: Mapping[str, Any], context: InvocationContext) -> dict[str, Any]:
        """Answers one request of the gateway, whatever happens; writes one line of log for it."""
        started = time.perf_counter()
        request = request_from(event, context.aws_request_id)
        logger.append_keys(request_id=request.request_id, correlation_id=request.correlation_id)
        story: dict[str, Any] = {"method": request.method}
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "Request-Id": request.request_id,
            "X-Correlation-Id": request.correlation_id,
        }
        body: Mapping[str, Any]
        try:
            reply = self._reply(request, story)
            status, body = 200, reply.view
            if reply.replayed:
                headers["Idempotent-Replayed"] = "true"
                story["replayed"] = True
        except Exception as error:  # noqa: BLE001 the one place where nothing may get past
            answer = error_answer(
                self._named(error, story),
                request_id=request.request_id,
                docs_url=self._docs_url,
                safe=request.method != "POST" or request.header("idempotency-key") is not None,
            )
            status, body = answer.status, {"error": answer.error}
            headers.update(answer.headers)
            story["code"] = answer.error["code"]
        story |= {"status": status, "duration_ms": round((time.perf_counter() - started) * 1000, 1)}
        _log(story)
        flush()
        return {"statusCode": status, "headers": headers, "body": json.dumps(body, separators=(",", ":"))}

    def _reply(self, request: HttpRequest, story: dict[str, Any]) -> Reply:
        operation, path = route(self._operations, request.method, request.parts)
        story["operation"] = operation.name
        caller = request.caller
        if caller is None:
            raise Unauthenticated
        story |= {"account": caller.account, "actor": caller.actor}
        if operation.scope not in caller.scopes:
            raise ScopeMissing(operation.scope)
        if operation.path_parameter is not None:
            operation.path_parameter.check(path[operation.path_parameter.name])
        parameters = _parameters(operation, request)
        return operation.run(self._core, Call(parameters, path, _requester(request, caller, parameters)))

    def _named(self, error: Exception, story: dict[str, Any]) -> InventoryError:
        if isinstance(error, ClockSkewed):
            report(Metric.CLOCK_SKEW, 1)
        if isinstance(error, InventoryError):
            return error
        if isinstance(error, InvariantBroken):
            report(Metric.INVARIANT_BROKEN, 1)
        story["exc_info"] = error
        return Internal()


def _parameters(operation: Operation[P], request: HttpRequest) -> P:
    """What the request carries, checked.

    Raises:
        InvalidRequest: It cannot be read, or is not what the operation takes.
    """
    lists = list_fields(operation.parameters)
    if operation.method == "GET":
        query = tree_from(request.query, lists=lists)
        check_text(query)
        return checked(operation.parameters, query, typed=False)
    for name, _ in request.query:
        raise InvalidRequest(
            "parameter_unknown", "A POST request takes its parameters in the body, not in the URL.", param=name[:200]
        )
    body, typed = body_of(request, lists=lists)
    return checked(operation.parameters, body, typed=typed)


def _requester(request: HttpRequest, caller: Caller, parameters: P) -> Requester:
    return Requester(
        account=caller.account,
        actor=caller.actor,
        request_id=request.request_id,
        fingerprint=fingerprint(parameters.model_dump(by_alias=True)),
        method=request.method,
        path=request.path,
        idempotency_key=_idempotency_key(request) if request.method == "POST" else None,
    )


def _idempotency_key(request: HttpRequest) -> str | None:
    values = set(request.headers.get("idempotency-key", ()))
    if not values:
        return None
    key = values.pop()
    if values or not _KEY.fullmatch(key):
        raise InvalidRequest(
            "parameter_invalid",
            f"The Idempotency-Key should be one value of 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters.",
            param="Idempotency-Key",
        )
    return key


def _log(story: dict[str, Any]) -> None:
    exc_info = story.pop("exc_info", None)
    level = logger.error if exc_info is not None else logger.info
    level("request", exc_info=exc_info, extra=story)
