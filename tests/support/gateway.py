"""The gateway, as tests need it: makes events for a handler, and reads its answers."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

from aws_lambda_powertools.utilities.typing import LambdaContext

from inventory.domain.keys import ALL_SCOPES

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
#: What Lambda takes of a function, as the runtimes from Python 3.12 on write it.
ANSWER_BYTES_MAX = 6 * 1024 * 1024

Pairs = Iterable[tuple[str, str]]
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What a caller gets."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        """The error in it; a test that reads it expects one."""
        return dict(self.body["error"])

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.error["code"])


@dataclass
class Gateway:
    """Calls a handler as API Gateway does.

    Attributes:
        handler: The function.
        scopes: What the caller's key may do; None where no authorizer has said who asks.
        account: Whose key it is.
    """

    handler: Handler
    scopes: Iterable[str] | None = field(default_factory=lambda: list(ALL_SCOPES))
    requests: int = 0
    invocations: int = 0
    account: str = "acct_test"

    def get(self, path: str, query: Pairs = (), *, headers: Mapping[str, str] | None = None) -> Answer:
        """A GET request."""
        return self.send("GET", path, query=query, headers=headers)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Answer:
        """A POST request with a JSON body."""
        headers = {"Content-Type": JSON} | ({"Idempotency-Key": key} if key is not None else {})
        return self.send("POST", path, headers=headers, body=None if body is None else json.dumps(body))

    def post_form(self, path: str, pairs: Pairs, *, key: str | None = None) -> Answer:
        """A POST request with a form."""
        headers = {"Content-Type": FORM} | ({"Idempotency-Key": key} if key is not None else {})
        return self.send("POST", path, headers=headers, body=urlencode(list(pairs)))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Pairs = (),
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
    ) -> Answer:
        """Any request; a body of bytes goes as base64."""
        self.requests += 1
        event = event_for(method, path, query=query, headers=headers or {}, body=body, scopes=self.scopes)
        event["requestContext"]["requestId"] = f"req-{self.requests}"
        if event["requestContext"]["authorizer"]:
            event["requestContext"]["authorizer"]["account"] = self.account
        return self.deliver(event)

    def deliver(self, event: Mapping[str, Any]) -> Answer:
        """Any event at all."""
        self.invocations += 1
        context = SimpleNamespace(aws_request_id=f"invocation-{self.invocations}")
        answer = self.handler(dict(event), cast(LambdaContext, context))
        assert len(json.dumps(answer, ensure_ascii=False).encode()) <= ANSWER_BYTES_MAX
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return Answer(answer["statusCode"], headers, json.loads(answer["body"]))


def event_for(
    method: str,
    path: str,
    *,
    query: Pairs = (),
    headers: Mapping[str, str],
    body: str | bytes | None = None,
    scopes: Iterable[str] | None = (),
) -> dict[str, Any]:
    """An event of a REST API with Lambda proxy integration."""
    values: dict[str, list[str]] = {}
    for name, value in query:
        values.setdefault(name, []).append(value)
    authorizer = {"account": "acct_test", "actor": "key_test", "principalId": "key_test"}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(headers) or None,
        "multiValueHeaders": {name: [value] for name, value in headers.items()} or None,
        "queryStringParameters": {name: given[-1] for name, given in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "requestContext": {
            "requestId": "req-0",
            "authorizer": None if scopes is None else {**authorizer, "scopes": " ".join(scopes)},
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }
