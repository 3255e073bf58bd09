"""Putting the parts together: what no test of a single part can see."""

from threading import Barrier

from inventory.settings import Settings
from inventory.wiring import CLIENT_CONFIG, READS_AT_ONCE, core_from


def test_several_readings_are_made_at_a_time_and_come_in_their_order() -> None:
    core = core_from(Settings(), client=object())
    all_under_way = Barrier(READS_AT_ONCE, timeout=30)

    def read(number: int) -> int:
        all_under_way.wait()
        return number

    assert list(core.at_once(read, range(READS_AT_ONCE))) == list(range(READS_AT_ONCE))


def test_none_of_them_waits_for_a_connection() -> None:
    assert CLIENT_CONFIG.max_pool_connections > READS_AT_ONCE  # type: ignore[attr-defined]
