"""A workload of weeks: holds that settled long ago are removed by TTL, and the keys that made them come again."""

from typing import Final

from inventory.domain.limits import KEPT_AFTER_SETTLEMENT_S
from simulation.faults import Fault
from simulation.removal import LATE_MAX_S
from simulation.setting import Setting
from simulation.shop import MISSING, Ask, Shop
from simulation.trials import ended, must, opened, placed, together

_DAY_S: Final = 86_400
#: A hold is kept for weeks after it has settled, so that streams, which keep a day, have long told of all it was.
OUTLIVED: Final = Setting(
    sweep_every_s=6 * 3_600,
    rates={
        **dict.fromkeys((Fault.STALE, Fault.BATCH_SPLIT, Fault.BATCH_TWICE), 0.2),
        **dict.fromkeys((Fault.BATCH_LATE, Fault.BATCH_MERGED, Fault.OBJECT_REFUSED, Fault.OBJECT_LOST), 0.1),
        **dict.fromkeys((Fault.STREAM_FULL, Fault.STREAM_LOST, Fault.CONSUMER_DOWN), 0.05),
    },
    callers_done_s=(KEPT_AFTER_SETTLEMENT_S + LATE_MAX_S) + 5 * _DAY_S,
)


def outlived(shop: Shop) -> None:
    """Holds that settled long ago are removed by TTL: what they took stays taken, and whoever looks misses them.

    A key that made one of them makes another hold then, of the same id.
    """
    opened(shop, "A", 60)
    together(shop, "buyer", *(lambda: _forget(shop, 4) for _ in range(5)))


def _forget(shop: Shop, times: int) -> None:
    rng = shop.rng
    for _ in range(times):
        hold_id = placed(shop, ("A", rng.randint(1, 2)), seconds=rng.choice((5, 60)))
        if hold_id is not None:
            if rng.random() < 0.3:
                shop.do(f"/v1/holds/{hold_id}", {"expires_in": 30}, marked=False)
            if rng.random() < 0.7:
                ended(shop, hold_id, rng.choice(("execute", "execute", "release")))
            shop.caller(f"reader of {hold_id}", _look_until_gone, shop, hold_id)
        shop.wait(20)


def _look_until_gone(shop: Shop, hold_id: str) -> None:
    """Looks at it until it is missing, and then tries to execute what is not there any more."""
    service, kernel = shop.service, shop.service.kernel
    while "ttl" not in service.history.records[service.tables.holds, hold_id]:
        shop.find(hold_id)
        shop.wait(3_600)
    settled = service.history.records[service.tables.holds, hold_id]
    ttl_s = int(settled["ttl"])
    must(ttl_s >= settled["at"] // 1000 + KEPT_AFTER_SETTLEMENT_S, f"{hold_id} is removed too soon: {settled}")
    kernel.wait(ttl_s - _DAY_S * shop.rng.random() - kernel.now_us / 1_000_000)
    answer = shop.find(hold_id)
    while answer is None or answer.status != MISSING:
        must(kernel.now_us / 1_000_000 < ttl_s + LATE_MAX_S + _DAY_S, f"{hold_id} is not removed")
        shop.wait(3 * 3_600)
        answer = shop.find(hold_id)
    ended(shop, hold_id)
    if shop.rng.random() < 0.5:
        _use_again(shop, hold_id)


def _use_again(shop: Shop, hold_id: str) -> None:
    before = next(ask for ask in shop.asks if ask.path == "/v1/holds" and ask.succeeded[:1] and _id_of(ask) == hold_id)
    again = shop.new_ask("/v1/holds", {**before.body, "expires_in": 60}, key=str(before.key))
    shop.insist(again)
    must(not again.succeeded or _id_of(again) == hold_id, f"{again} made another hold than {hold_id}")
    if again.succeeded:
        ended(shop, hold_id, shop.rng.choice(("execute", "release")))


def _id_of(ask: Ask) -> str:
    return str(ask.succeeded[0].body["id"])
