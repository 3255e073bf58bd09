"""Putting the parts together: what no test of a single part can see."""

from hashlib import sha256
from threading import Barrier
from types import SimpleNamespace

import boto3
import pytest

from inventory.settings import Settings
from inventory.wiring import CLIENT_CONFIG, READS_AT_ONCE, auditor_from, core_from


def test_several_readings_are_made_at_a_time_and_come_in_their_order() -> None:
    core = core_from(Settings(), client=object())
    all_under_way = Barrier(READS_AT_ONCE, timeout=30)

    def read(number: int) -> int:
        all_under_way.wait()
        return number

    assert list(core.at_once(read, range(READS_AT_ONCE))) == list(range(READS_AT_ONCE))


def test_none_of_them_waits_for_a_connection() -> None:
    assert CLIENT_CONFIG.max_pool_connections > READS_AT_ONCE  # type: ignore[attr-defined]


def test_an_audit_believes_the_key_that_signs_and_all_that_signed_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kms = SimpleNamespace(get_public_key=lambda **asked: {"PublicKey": asked["KeyId"].encode()})
    monkeypatch.setattr(boto3, "client", lambda *_, **__: kms)
    for earlier, trusted in (("", ["new"]), ("old", ["new", "old"]), ("old,,older", ["new", "old", "older"])):
        auditor = auditor_from(Settings(signing_key="new", earlier_signing_keys=earlier))
        assert set(auditor.trusted()) == {sha256(key.encode()).hexdigest() for key in trusted}
