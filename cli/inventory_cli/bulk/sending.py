"""Sends changes, several at once; those of one item in one warehouse in the order of their lines."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Event
from typing import Final

from inventory_cli.api_client import ApiClient
from inventory_cli.bulk.changes import Change, Keyed
from inventory_cli.errors import ApiError, CliError, ExitCode

_WAVE_MAX: Final = 1_000
#: The key opens nothing, whatever the line.
_NO_ENTRY: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass
class Loaded:
    """How far a load has come.

    Attributes:
        lines: How many there are.
        done: How many are carried out; `replayed` of them by an earlier run, as far as that is certain.
        rejected: Lines that the API refused, and why.
        stopped: Why the load stopped before its end, if it did.
    """

    lines: int
    done: int = 0
    replayed: int = 0
    rejected: list[tuple[Change, ApiError]] = field(default_factory=list)
    stopped: CliError | None = None

    @property
    def left(self) -> int:
        """Lines that are not carried out, or of which nobody knows."""
        return self.lines - self.done - len(self.rejected)


def send(api: ApiClient, changes: Sequence[Keyed], loaded: Loaded, *, at_once: int) -> Iterator[None]:
    """Sends them all, and yields after each; stops where the next would fare no better, as `loaded.stopped` says."""
    stopped = Event()

    def post(keyed: Keyed) -> tuple[Change, bool | CliError] | None:
        if stopped.is_set():
            return None
        try:
            reply = api.post("/v1/adjustments", keyed.change.body, idempotency_key=keyed.key)
        except CliError as error:
            if not _is_refusal(error):
                stopped.set()
            return keyed.change, error
        return keyed.change, reply.replayed and reply.tries == 1  # else this run's own first try may have done it

    with ThreadPoolExecutor(at_once) as pool:
        for wave in waves(changes):
            for sent in pool.map(post, wave):
                if sent is not None:
                    _take(loaded, *sent)
                    yield
            if stopped.is_set():
                return


def waves(changes: Iterable[Keyed]) -> Iterator[list[Keyed]]:
    """Cuts them so that none has two changes of one item in one warehouse: what comes first is done first."""
    wave: list[Keyed] = []
    places: set[tuple[str, str]] = set()
    for keyed in changes:
        place = (keyed.change.item, keyed.change.warehouse)
        if place in places or len(wave) == _WAVE_MAX:
            yield wave
            wave, places = [], set()
        wave.append(keyed)
        places.add(place)
    if wave:
        yield wave


def _take(loaded: Loaded, change: Change, outcome: bool | CliError) -> None:
    if isinstance(outcome, bool):
        loaded.done += 1
        loaded.replayed += outcome
    elif isinstance(outcome, ApiError) and _is_refusal(outcome):
        if outcome.error["code"] == "idempotency_key_mismatch":
            outcome.message = "An earlier run did it, as it said then. Correct what that did by `inventory adjust`."
        loaded.rejected.append((change, outcome))
    else:
        loaded.stopped = loaded.stopped or outcome


def _is_refusal(error: CliError) -> bool:
    """Whether it is about this line, and says nothing of the next. What has no code is not the API's own."""
    if not isinstance(error, ApiError) or not error.error.get("code"):
        return False
    return error.exit_code is not ExitCode.TRY_LATER and error.status not in _NO_ENTRY
