"""What callers were told, against what is there in the end."""

from collections import Counter, defaultdict
from collections.abc import Set
from operator import itemgetter

from inventory.domain.holds import Status
from inventory.storage.codec import Record
from inventory.storage.hold_records import hold_from
from simulation.shop import Ask, Shop
from simulation.violation import Violation
from support.gateway import Answer

_DAY_MS = 86_400_000
_ENDINGS = {"execute": "executed", "release": "released"}
_TOLD = {"hold_already_executed": "executed", "hold_already_released": "released"}


def check_answers(shop: Shop) -> None:
    """Judges all answers of a run by the records that are there in the end.

    Raises:
        Violation: A caller was told what is not so.
    """
    service = shop.service
    holds = _Holds([*service.history.removed, *service.history.folded(service.tables.holds).values()])
    adjustments = service.history.folded(service.tables.adjustments)
    made: dict[str, list[Record]] = defaultdict(list)
    for record in (*holds.all, *adjustments.values()):
        made[record["metadata"].get("ask", "")].append(record)
    for ask in shop.asks:
        if "metadata" in ask.body:
            _check_made(ask, made[str(ask.number)], service.came_late)
        elif ask.path.startswith("/v1/holds/"):
            _check_ended(ask, holds.meant_by(ask))
    _check_bought(shop, holds)
    _check_extended(shop)


class _Holds:
    """Every hold that there ever was, also those of one id that came one after the other, weeks apart."""

    def __init__(self, records: list[Record]) -> None:
        self.all = sorted(records, key=itemgetter("created"))
        self._lives: defaultdict[str, list[Record]] = defaultdict(list)
        for record in self.all:
            self._lives[record["hold_id"]].append(record)

    def meant_by(self, ask: Ask) -> Record:
        """The hold that had the id in the path, when it was asked for."""
        lives = self._lives[ask.path.split("/")[3]]
        return [life for life in lives if life["created"] <= ask.begun_us // 1000 + _DAY_MS][-1]


def _check_made(ask: Ask, made: list[Record], late: Set[str]) -> None:
    """One request makes one thing, which is the one it was told of; and nothing where it was refused.

    (Unless a try that was given up as lost arrived after the refusal: the hold then ends by its time.)
    """
    if len(made) > 1:
        raise Violation("held_matches_holds", f"{ask} made {len(made)} records: {made}")
    ids = {answer.body["id"] for answer in ask.succeeded}
    there = {str(record.get("hold_id") or record.get("adjustment_id")) for record in made}
    if not ids <= there:
        raise Violation("resolved_once", f"{ask} was told of {ids}, but there is {there}")
    if there and not ids and not ask.in_doubt and not ask.forged and not there & late:
        raise Violation("held_matches_holds", f"{ask} was never told of {there}")


def _check_ended(ask: Ask, hold: Record) -> None:
    """A hold has ended as everybody was told."""
    what = ask.path.split("/")[4:]
    for _, answer in ask.answers:
        if answer is None:
            continue
        told = _told_ending(answer, what[0] if what else "")
        if told and told != hold["status"]:
            raise Violation("resolved_once", f"{ask} was told {told}, but the hold is {hold}")


def _told_ending(answer: Answer, what: str) -> str | None:
    if answer.status == 200:
        return _ENDINGS.get(what)
    return _TOLD.get(str(answer.error["code"]))


def _check_bought(shop: Shop, holds: _Holds) -> None:
    """What is executed was asked for, and as much was sold as the buyer was told."""
    asked: dict[int, list[Ask]] = defaultdict(list)
    for ask in shop.asks:
        if ask.path.endswith("/execute"):
            asked[id(holds.meant_by(ask))].append(ask)
    for record in holds.all:
        if record["status"] != "executed":
            continue
        hold, asks = hold_from(record), asked[id(record)]
        sold = [(line.item, line.warehouse, hold.executed(line)) for line in hold.lines]
        if not any(ask.succeeded or ask.in_doubt or ask.forged for ask in asks):
            raise Violation("resolved_once", f"{hold} was executed, but {asks}")
        for answer in (answer for ask in asks for answer in ask.succeeded):
            told = [(line["item"], line["warehouse"], line["executed"]) for line in answer.body["lines"]]
            if told != sold:
                raise Violation("settled_once", f"{hold.id} sold {sold}, but the buyer was told {told}")


def _check_extended(shop: Shop) -> None:
    """One request changes a hold once at most, however often it is sent; without a key each try is another request."""
    asked: Counter[str] = Counter()
    for ask in shop.asks:
        if ask.path.count("/") == 3 and ask.path.startswith("/v1/holds/"):
            asked[ask.path.split("/")[3]] += 1 if ask.key is not None else len(ask.answers)
    changed: Counter[str] = Counter()
    for call in shop.service.history.calls:
        for before, after in call.holds:
            if before and after and after.status is Status.ACTIVE:
                changed[after.id] += 1
    for hold_id, times in changed.items():
        if times > asked[hold_id]:
            raise Violation("resolved_once", f"{hold_id} was changed {times} times, and {asked[hold_id]} asked for it")
