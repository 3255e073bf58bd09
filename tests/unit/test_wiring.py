"""Putting the parts together: what no test of a single part can see."""

from hashlib import sha256
from threading import Barrier, Event
from time import sleep
from types import SimpleNamespace

import boto3
import pytest

from inventory import wiring
from inventory.adapters.aside import ASIDE_MAX, ASIDE_MS
from inventory.adapters.signing import KmsVerifier
from inventory.domain.errors import Overloaded
from inventory.settings import Settings
from inventory.wiring import CLIENT_CONFIG, READS_AT_ONCE, auditor_from, core_from, publisher_from


def test_several_readings_are_made_at_a_time_and_come_in_their_order() -> None:
    core = core_from(Settings(), client=object())
    all_under_way = Barrier(READS_AT_ONCE, timeout=30)

    def read(number: int) -> int:
        all_under_way.wait()
        return number

    assert list(core.at_once(read, range(READS_AT_ONCE))) == list(range(READS_AT_ONCE))


def test_where_one_fails_those_under_way_end_before_anybody_hears_of_it_and_no_more_begin() -> None:
    """What goes on when the invocation is over is frozen with its instance, and written hours later."""
    core = core_from(Settings(), client=object())
    all_under_way, failed = Barrier(READS_AT_ONCE, timeout=30), Event()
    ended: list[int] = []

    def write(number: int) -> int:
        if number < READS_AT_ONCE:
            all_under_way.wait()
        if number == 0:
            failed.set()
            raise Overloaded("no answer")
        failed.wait()
        sleep(0.05)
        ended.append(number)
        return number

    with pytest.raises(Overloaded):
        list(core.at_once(write, range(10 * READS_AT_ONCE)))
    told = sorted(ended)
    sleep(0.15)
    assert sorted(ended) == told
    assert {*range(1, READS_AT_ONCE)} <= {*told} <= {*range(1, 2 * READS_AT_ONCE)}


def test_none_of_them_waits_for_a_connection() -> None:
    assert CLIENT_CONFIG.max_pool_connections > READS_AT_ONCE  # type: ignore[attr-defined]


def test_what_is_set_aside_is_counted_by_the_clock_on_the_wall_where_the_other_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An instance is frozen between its invocations."""
    wall_ms, told = [0], []
    monkeypatch.setattr(wiring, "now_ms", lambda: wall_ms[0])
    monkeypatch.setattr(wiring, "uptime_ms", lambda: 0)
    sqs = SimpleNamespace(send_message=lambda **sent: told.append(sent))
    monkeypatch.setattr(boto3, "client", lambda *_, **__: sqs)
    set_aside = wiring.aside_on("https://sqs.invalid/poison")
    for _ in range(ASIDE_MAX):
        set_aside({"eventID": "e1"}, "poison")
    wall_ms[0] += ASIDE_MS
    set_aside({"eventID": "e1"}, "poison")
    assert len(told) == ASIDE_MAX + 1


def test_audits_and_commits_believe_the_key_that_signs_and_all_that_signed_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kms = SimpleNamespace(get_public_key=lambda **asked: {"PublicKey": asked["KeyId"].encode()})
    monkeypatch.setattr(boto3, "client", lambda *_, **__: kms)
    for earlier, trusted in (("", ["new"]), ("old", ["new", "old"]), ("old,,older", ["new", "old", "older"])):
        settings = Settings(signing_key="new", earlier_signing_keys=earlier)
        for verifier in (auditor_from(settings).verifier, publisher_from(settings).verifier):
            assert isinstance(verifier, KmsVerifier)
            assert set(verifier.fingerprints) == {sha256(key.encode()).hexdigest() for key in trusted}
