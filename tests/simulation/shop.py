"""The callers' side: requests with and without a key, asked again where no answer came, and what was answered."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from simulation.faults import Fault
from simulation.kernel import Task
from simulation.service import Service
from simulation.violation import Violation
from support.gateway import Answer, Gateway

Body = Mapping[str, Any]

TRIES_MAX: Final = 6
_PATIENCE_S: Final = 12.0
_NETWORK_S: Final = 0.02
_FUNCTIONS: Final = {"holds": "holds", "adjustments": "adjustments", "transfers": "adjustments", "stock": "adjustments"}


@dataclass
class Ask:
    """Something that a caller wants done once, however often it is sent.

    Attributes:
        number: Which; what is made for it carries the number in its metadata.
        path: Where it is sent.
        body: What is sent.
        key: Its Idempotency-Key, or None.
        begun_us: When it was first sent.
        answers: What came back, with the times; None for a try without an answer.
        forged: What came back where another request, with other parameters, used its key.
        account: Who asks.
    """

    number: int
    path: str
    body: Body
    key: str | None
    begun_us: int
    answers: list[tuple[int, Answer | None]] = field(default_factory=list)
    forged: list[Answer | None] = field(default_factory=list)
    account: str = "acct_test"

    @property
    def final(self) -> Answer | None:
        """The last answer that says for good what became of it."""
        return next((answer for _, answer in reversed(self.answers) if answer and is_final(answer)), None)

    @property
    def succeeded(self) -> list[Answer]:
        """The answers that say that it was done."""
        return [answer for _, answer in self.answers if answer and answer.status == 200]

    @property
    def in_doubt(self) -> bool:
        """Whether a try may have had an effect that no answer told of."""
        return any(answer is None or answer.status >= 500 for _, answer in self.answers)


class Shop:
    """All callers of one run, and the list of what they asked.

    Args:
        service: Whom they ask.

    Attributes:
        asks: Everything that was to be done.
        callers: The tasks that ask.
        looks: How many strong readings were answered.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.rng = service.rng
        self.asks: list[Ask] = []
        self.callers: list[Task] = []
        self.looks = 0
        self._numbers = itertools.count(1)

    def by_turn(self, cases: Sequence[str]) -> str:
        """One of the cases that a workload has: each seed another."""
        return cases[self.service.number % len(cases)]

    def caller(self, name: str, *work: Any) -> Task:
        """Starts a caller: a function and its arguments."""
        task = self.service.kernel.spawn(name, lambda: work[0](*work[1:]), after_s=self.rng.uniform(0, 0.5))
        self.callers.append(task)
        return task

    def wait(self, mean_s: float) -> None:
        """A caller thinks."""
        self.service.kernel.wait(self.rng.expovariate(1 / mean_s))

    def new_ask(
        self,
        path: str,
        body: Body,
        *,
        keyed: bool = True,
        marked: bool = True,
        key: str = "",
        account: str = "acct_test",
    ) -> Ask:
        """Something new to ask, under a key of its own or this one; `marked`, where what it makes carries metadata."""
        number = next(self._numbers)
        body = {**body, "metadata": {"ask": str(number)}} if marked else body
        name = (key or f"key-{number}") if keyed else None
        ask = Ask(number, path, body, name, self.service.kernel.now_us, account=account)
        self.asks.append(ask)
        return ask

    def send(self, ask: Ask, *, patience_s: float = _PATIENCE_S, body: Body | None = None) -> Answer | None:
        """Sends it once."""
        service = self.service
        service.kernel.wait(_NETWORK_S * self.rng.random())
        function = "adjustments" if ask.path.endswith("/split") else _FUNCTIONS[ask.path.split("/")[2]]
        sent = ask.body if body is None else body

        def post(gateway: Gateway) -> Answer:
            gateway.account = ask.account
            return gateway.post(ask.path, sent, key=ask.key)

        service.trace.note(f"caller {ask.number}", f"POST {ask.path}", lambda: f"{sent} key={ask.key}")
        asked_us = service.kernel.now_us
        if body is not None:
            ask.forged.append(None)
            number = len(ask.forged) - 1
        answer = service.invoke(function, post, patience_s=patience_s)
        if body is not None:
            ask.forged[number] = answer
        else:
            ask.answers.append((service.kernel.now_us, answer))
            check_at_once(service, ask, answer)
            check_as_it_is(service, ask.path, answer, asked_us)
        check_key(ask)
        return answer

    def look(self, item: str) -> None:
        """Reads an item's stock strongly.

        Raises:
            Violation: It was never so meanwhile.
        """
        service, asked_us = self.service, self.service.kernel.now_us
        query = [("consistent", "true")]
        answer = service.invoke(
            "stock", lambda gateway: gateway.get(f"/v1/stock/{item}", query), patience_s=_PATIENCE_S
        )
        if answer is not None and answer.status == 200:
            now_us = service.kernel.now_us
            service.judged(service.timeline.strong_reads_linearizable, answer.body, asked_us, now_us)
            self.looks += 1

    def find(self, hold_id: str) -> Answer | None:
        """Looks at a hold.

        Raises:
            Violation: It was never so meanwhile, or was there and is said to be missing.
        """
        service, asked_us = self.service, self.service.kernel.now_us
        path = f"/v1/holds/{hold_id}"
        answer = service.invoke("holds", lambda gateway: gateway.get(path), patience_s=_PATIENCE_S)
        check_as_it_is(service, path, answer, asked_us)
        self.looks += answer is not None
        return answer

    def leaf(self, limit: int) -> None:
        """Looks at the active holds, a page of so many.

        Raises:
            Violation: One is listed twice, or was not active, or is missing.
        """
        service, asked_us = self.service, self.service.kernel.now_us
        query = [("limit", str(limit))]
        answer = service.invoke("holds", lambda gateway: gateway.get("/v1/holds", query), patience_s=_PATIENCE_S)
        if answer is not None and answer.status == 200:
            now_us, ids = service.kernel.now_us, [hold["id"] for hold in answer.body["data"]]
            last = not answer.body["has_more"]
            service.judged(partial(service.timeline.check_page, last=last), ids, asked_us, now_us)
            self.looks += 1

    def insist(self, ask: Ask, *, patience_s: float = _PATIENCE_S) -> Answer | None:
        """Sends it until an answer says for good what became of it; without a key only where that is safe.

        Returns:
            The answer, or None where none came.
        """
        for number in range(TRIES_MAX):
            answer = self.send(ask, patience_s=patience_s)
            if answer is not None and is_final(answer):
                if ask.key is not None and self.service.faults.happens(Fault.ASKED_AGAIN):
                    self.send(ask)
                return answer
            if ask.key is None:
                return None
            self.service.kernel.wait(self.rng.random() * 0.5 * 2**number)
        return None

    def do(
        self, path: str, body: Body, *, keyed: bool = True, marked: bool = True, patience_s: float = _PATIENCE_S
    ) -> Answer | None:
        """Asks for something new, and insists."""
        ask = self.new_ask(path, body, keyed=keyed, marked=marked)
        answer = self.insist(ask, patience_s=patience_s)
        while answer is None and not keyed and self.service.faults.happens(Fault.ASKED_ANEW):
            answer = self.insist(self.new_ask(path, body, keyed=False, marked=marked), patience_s=patience_s)
        return answer

    def learn_the_rest(self) -> None:
        """When all is calm, every request with a key that has no answer yet gets one.

        Except for shards to be given up: that has to wait for the holds on them.

        Raises:
            Violation: One does not.
        """
        for ask in self.asks:
            if ask.path.endswith("/split"):
                continue
            if ask.key is not None and ask.final is None and self.insist(ask) is None:
                raise Violation(
                    "everything_settles", f"no answer to {ask.path} {ask.body} when all was calm: {ask.answers}"
                )


def is_final(answer: Answer) -> bool:
    """Whether asking again would be answered in the same way: not a conflict, nor a failure."""
    return answer.status < 500 and answer.status != 409


def check_at_once(service: Service, ask: Ask, answer: Answer | None) -> None:
    """What a caller is told was done has been done by then: the effect lies between the request and its answer.

    (Not before the request: its number was new then.)

    Raises:
        Violation: It has not.
    """
    if answer is None or answer.status != 200:
        return
    records, told = service.history.records, answer.body
    if told["object"] == "hold":
        done = (service.tables.holds, told["id"]) in records
        if ask.path == "/v1/holds":
            done = done and units(told["lines"]) == units(ask.body["lines"])
        what = ask.path.split("/")[-1]
        if what in ENDINGS.values():
            done = ENDINGS.get(told["status"]) == what
            done = done and records[service.tables.holds, told["id"]]["status"] == told["status"]
    else:
        done = told["object"] == "stock" or (service.tables.adjustments, told["id"]) in records
    if not done:
        raise Violation("linearizable", f"{ask} was told of what is not there: {told}")


def units(lines: Iterable[Mapping[str, Any]]) -> Mapping[str, int]:
    """Units by item."""
    added: Counter[str] = Counter()
    for line in lines:
        added[line["item"]] += line["quantity"]
    return added


def check_as_it_is(service: Service, path: str, answer: Answer | None, asked_us: int) -> None:
    """A hold is told as it was at an instant between the question and the answer, also to whoever asks again.

    So it is where there is none any more: who asks for it, or for its end, is told that it is missing.

    Raises:
        Violation: It was never so meanwhile.
    """
    if answer is not None and answer.status == 200 and answer.body["object"] == "hold":
        service.judged(service.timeline.holds_linearizable, answer.body, asked_us, service.kernel.now_us)
    if answer is not None and answer.status == MISSING and path.startswith("/v1/holds/"):
        hold_id = path.split("/")[3]
        service.judged(service.timeline.missing_linearizable, hold_id, asked_us, service.kernel.now_us)


def check_key(ask: Ask) -> None:
    """A key stands for one request: with other parameters it is a mismatch, and done again it is told as such.

    Raises:
        Violation: It stood for two, or for none.
    """
    forged = [answer for answer in ask.forged if answer is not None]
    if ask.succeeded and any(answer.status == 200 for answer in forged):
        raise Violation("resolved_once", f"one key, other parameters, and both were done: {ask}")
    mismatched = [answer for _, answer in ask.answers if answer and answer.status == 400 and answer.code == MISMATCH]
    if mismatched and not ask.forged:
        raise Violation("resolved_once", f"a mismatch, though nothing else was asked under this key: {ask}")
    if ask.key is not None and sum(REPLAYED not in answer.headers for answer in ask.succeeded) > 1:
        raise Violation("resolved_once", f"done again, and not said so: {ask}")


MISSING: Final = 404
MISMATCH: Final = "idempotency_key_mismatch"
REPLAYED: Final = "Idempotent-Replayed"
#: What a call makes of a hold, by the hold's status then.
ENDINGS: Final = {"executed": "execute", "released": "release"}
