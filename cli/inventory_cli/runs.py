"""What the service makes in the background: snapshots and audits are begun, waited for, listed and shown alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from inventory_cli.errors import CliError
from inventory_cli.paths import object_path
from inventory_cli.session import Session
from inventory_cli.waiting import wait_for

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Runs:
    """One kind of them.

    Attributes:
        url: Their list.
        noun: What one is called.
        prefix: How their ids begin.
        show_one: One, for a person.
        show_many: A list of them.
    """

    url: str
    noun: str
    prefix: str
    show_one: Callable[[Json], RenderableType]
    show_many: Callable[[Sequence[Json]], RenderableType]

    def begin(
        self, session: Session, body: Mapping[str, Any], idempotency_key: str | None, *, at_most_s: float | None
    ) -> Json:
        """Asks for one and shows it, having waited for it where a time is given.

        Raises:
            CliError: It failed, or is not done in time.
        """
        return self._shown(session, session.change(self.url, body, idempotency_key), at_most_s)

    def list(self, session: Session, limit: int) -> None:
        """Lists the complete ones."""
        session.list(self.url, {}, limit, self.show_many, f"No {self.noun}s yet.")

    def show(self, session: Session, identifier: str, *, at_most_s: float | None) -> Json:
        """Shows one, also one that is under way, having waited for it where a time is given.

        Raises:
            WrongUse: None can have this id.
            CliError: It failed, or is not done in time.
        """
        return self._shown(session, session.api.get(self._path(identifier)), at_most_s)

    def _path(self, identifier: str) -> str:
        article = "an" if self.noun[0] in "aeiou" else "a"
        return object_path(self.url, identifier, f"{article} {self.noun}: it begins with {self.prefix}")

    def _shown(self, session: Session, found: Json, at_most_s: float | None) -> Json:
        if at_most_s is not None and found["status"] == "pending":
            found = wait_for(session, self._path(found["id"]), f"the {self.noun}", at_most_s=at_most_s)
        session.output.show(found, self.show_one(found))
        if found["status"] == "failed":
            error = found["error"]
            raise CliError(f"The {self.noun} failed: {error['message']}", details={"code": error["code"]})
        return found
