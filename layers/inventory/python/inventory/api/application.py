"""One request from event to answer: route, check, run, answer, log. The only place where errors become answers."""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from inventory.api.bodies import body_of, check_text
from inventory.api.brackets import tree_from
from inventory.api.errors import Internal, MethodNotAllowed, ScopeMissing, Unauthenticated, error_answer
from inventory.api.fields import P, checked, list_fields
from inventory.api.operations import Call, Context, Operation, Operations
from inventory.api.requests import Caller, HttpRequest, request_from
from inventory.api.text import shown
from inventory.domain.errors import ClocksApart, InvalidRequest, InventoryError, Missing
from inventory.domain.ids import Requester, fingerprint
from inventory.domain.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from inventory.metric import Metric
from inventory.telemetry import flush, logger, report

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_KEY: Final = re.compile(rf"[ -~]{{1,{IDEMPOTENCY_KEY_LENGTH_MAX}}}")


class Application(Generic[Context]):
    """A Lambda handler that serves some operations of the API.

    Args:
        operations: The operations.
        context: What they work with.
        docs_url: Where the errors are explained, or empty.
        begun: Told first, when the gateway took the request, milliseconds since 1970; None where it does not say.
    """

    def __init__(
        self,
        operations: Operations[Context],
        context: Context,
        *,
        docs_url: str,
        begun: Callable[[int | None], None] = lambda _: None,
    ) -> None:
        self._context = context
        self._begun = begun
        self._docs_url = docs_url
        self._resolver = APIGatewayRestResolver()
        for operation in operations:
            self._serve(operation)
        for path in {operation.path for operation in operations}:
            self._refuse_others(path, sorted(each.method for each in operations if each.path == path))
        self._resolver.not_found(self._not_found)
        self._resolver.exception_handler(Exception)(self._failed)

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answers one request of the gateway, whatever happens; writes one line of log for it."""
        started = time.perf_counter()
        request = request_from(event, context.aws_request_id)
        self._begun(request.begun_ms)
        logger.append_keys(request_id=request.request_id, correlation_id=request.correlation_id)
        story: dict[str, Any] = {"method": request.method}
        self._resolver.append_context(request=request, story=story)  # type: ignore[no-untyped-call]
        # A gateway may have decoded the path, and the resolver passes over a line's end behind an id.
        path = str(event.get("path") or "").replace("\n", "%0A")
        answer = self._resolver.resolve({**event, "path": path}, context)
        story |= {"status": answer["statusCode"], "duration_ms": round((time.perf_counter() - started) * 1000, 1)}
        _log(story)
        flush()
        return answer

    def _serve(self, operation: Operation[Any, Context]) -> None:
        @self._resolver.route(_rule(operation.path), method=[operation.method])
        def serve(**path: str) -> Response[str]:
            return self._carry_out(operation, {name: unquote(part) for name, part in path.items()})

    def _refuse_others(self, path: str, allowed: list[str]) -> None:
        @self._resolver.route(_rule(path), method=[method for method in _METHODS if method not in allowed])
        def refuse(**_path: str) -> Response[str]:
            raise MethodNotAllowed(shown(self._asked()[0].method), tuple(allowed))

    def _carry_out(self, operation: Operation[Any, Context], path: Mapping[str, str]) -> Response[str]:
        request, story = self._asked()
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
        reply = operation.run(self._context, Call(parameters, path, _requester(request, caller, parameters)))
        story["replayed"] = reply.replayed
        return _response(request, 200, reply.view, {"Idempotent-Replayed": "true"} if reply.replayed else {})

    def _not_found(self, _error: Exception) -> Response[str]:
        return self._failed(Missing("path", shown(self._asked()[0].path), param=None))

    def _failed(self, error: Exception) -> Response[str]:
        request, story = self._asked()
        answer = error_answer(
            self._named(error, story),
            request_id=request.request_id,
            docs_url=self._docs_url,
            safe=request.method != "POST" or request.header("idempotency-key") is not None,
        )
        story["code"] = answer.error["code"]
        return _response(request, answer.status, {"error": answer.error}, answer.headers)

    def _asked(self) -> tuple[HttpRequest, dict[str, Any]]:
        return self._resolver.context["request"], self._resolver.context["story"]

    def _named(self, error: Exception, story: dict[str, Any]) -> InventoryError:
        if isinstance(error, ClocksApart):
            report(Metric.CLOCK_SKEW, 1)
        if isinstance(error, InventoryError):
            return error
        story["exc_info"] = error
        return Internal()


def _rule(path: str) -> str:
    """A path as the resolver spells it."""
    return path.replace("{", "<").replace("}", ">")


def _response(request: HttpRequest, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response[str]:
    return Response(
        status_code=status,
        content_type="application/json",
        # Escaped, a page of the largest holds would be more than the 6 MB that Lambda lets a function answer.
        body=json.dumps(body, separators=(",", ":"), ensure_ascii=False),
        headers={
            "Cache-Control": "no-store",
            "Request-Id": request.request_id,
            "X-Correlation-Id": request.correlation_id,
            **headers,
        },
    )


def _parameters(operation: Operation[P, Any], request: HttpRequest) -> P:
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
            "parameter_unknown", "A POST request takes its parameters in the body, not in the URL.", param=shown(name)
        )
    body, typed = body_of(request, lists=lists)
    return checked(operation.parameters, body, typed=typed)


def _requester(request: HttpRequest, caller: Caller, parameters: P) -> Requester:
    return Requester(
        account=caller.account,
        actor=caller.actor,
        invocation_id=request.invocation_id,
        fingerprint=fingerprint(parameters.model_dump(by_alias=True, exclude_defaults=True)),
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
