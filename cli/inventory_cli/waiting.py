"""Waiting for what a workflow makes: asks again and again, with something to look at meanwhile."""

from typing import Any, Final

from inventory_cli import render
from inventory_cli.errors import Unreachable
from inventory_cli.session import Session

_PAUSE_FIRST_S: Final = 1.0
_PAUSE_MAX_S: Final = 10.0


def wait_for(session: Session, path: str, what: str, *, at_most_s: float) -> dict[str, Any]:
    """Waits until a snapshot or audit is no longer pending, and gives it.

    Args:
        session: Where to ask.
        path: Its path.
        what: What is waited for, for a person: "the snapshot".
        at_most_s: How long to wait.

    Raises:
        Unreachable: It is still pending; the message says how to go on.
        ApiError: The API said no.
    """
    began = session.world.elapsed()
    pause_s = _PAUSE_FIRST_S
    with session.output.notes.status(f"waiting for {what}") as status:
        while (found := session.api.get(path))["status"] == "pending":
            waited_s = session.world.elapsed() - began
            if waited_s >= at_most_s:
                raise Unreachable(
                    f"{found['id']} is still pending after {render.span(waited_s)}. "
                    "It goes on by itself: look again later."
                )
            status.update(f"waiting for {what}: {render.span(waited_s)}")
            session.world.pause(min(pause_s, at_most_s - waited_s))
            pause_s = min(_PAUSE_MAX_S, pause_s * 1.5)
    return found
