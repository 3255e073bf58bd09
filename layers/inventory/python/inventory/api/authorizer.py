"""Who asks: the Lambda authorizer (TOKEN) that stands before every call."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from inventory.domain.keys import ApiKey, is_key_text, key_hash
from inventory.metric import Metric
from inventory.telemetry import flush, logger, report

FindKey = Callable[[str], ApiKey | None]

_SCHEME: Final = "bearer"
_NOBODY: Final = "nobody"


class Authorizer:
    """A Lambda handler that answers who a key belongs to.

    One answer covers the whole stage, so that the gateway can keep it for all of a key's requests; the scopes in it
    are checked by the functions.

    It never raises. A missing, malformed, unknown or revoked key is denied, and the gateway may keep that. Where the
    keys cannot be read, neither answer would be true, and either would be kept for a minute: the answer then has
    no policy at all, which the gateway takes for a failure of the authorizer, answers with 503, and does not keep.

    Args:
        find: Finds a key by its hash; raises where it cannot look.
    """

    def __init__(self, find: FindKey) -> None:
        self._find = find

    def __call__(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        """Answers one question of the gateway; writes one line of log for it."""
        token = event.get("authorizationToken")
        text = _bearer(token) if isinstance(token, str) else None
        if text is None:
            return self._denied(event, "malformed")
        try:
            key = self._find(key_hash(text))
        except Exception:  # noqa: BLE001 it never raises
            logger.exception("authorization", extra={"outcome": "unverified"})
            report(Metric.UNVERIFIED_KEYS, 1)
            flush()
            return {"principalId": _NOBODY}
        if key is None:
            return self._denied(event, "unknown")
        if key.revoked is not None:
            return self._denied(event, "revoked", key.id)
        logger.info("authorization", extra={"outcome": "allowed", "actor": key.id, "account": key.account})
        return _policy(
            "Allow",
            _stage(event),
            principal=key.id,
            context={"account": key.account, "actor": key.id, "scopes": " ".join(sorted(key.scopes))},
        )

    def _denied(self, event: Mapping[str, Any], outcome: str, actor: str = _NOBODY) -> dict[str, Any]:
        logger.info("authorization", extra={"outcome": outcome, "actor": actor})
        return _policy("Deny", _stage(event), principal=actor, context={})


def _bearer(token: str) -> str | None:
    scheme, _, text = token.partition(" ")
    text = text.strip()
    return text if scheme.lower() == _SCHEME and is_key_text(text) else None


def _stage(event: Mapping[str, Any]) -> str:
    """All methods and paths of the stage that is asked for."""
    api, _, rest = str(event.get("methodArn") or "").partition("/")
    stage = rest.partition("/")[0]
    return f"{api}/{stage}/*/*" if stage else "*"


def _policy(effect: str, resource: str, *, principal: str, context: Mapping[str, str]) -> dict[str, Any]:
    return {
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}],
        },
        "context": dict(context),
    }
