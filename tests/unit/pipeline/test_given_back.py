import pytest

from inventory.pipeline.stream import RecordChange, StillPoison, StreamRecord, aside_for, understood

POISON: StreamRecord = {"eventID": "e1", "dynamodb": {}}


def _understand(event: dict[str, object], aside: list[str]) -> None:
    set_aside = aside_for(event, lambda _, why: aside.append(why))
    list(understood([POISON], lambda change: change, set_aside))


def test_poison_in_a_stream_is_set_aside() -> None:
    aside: list[str] = []
    _understand({"Records": [POISON]}, aside)
    assert len(aside) == 1


def test_poison_given_back_by_an_operator_fails_and_is_not_set_aside_again() -> None:
    aside: list[str] = []
    with pytest.raises(StillPoison, match="no image"):
        _understand({"Records": [POISON], "redrive": True}, aside)
    assert aside == []


def test_what_can_be_handled_by_now_is_handled() -> None:
    record = {"dynamodb": {"Keys": {"k": {"S": "a"}}, "NewImage": {"k": {"S": "a"}}}}
    seen = understood([record], lambda change: change, aside_for({"redrive": True}, lambda *_: None))
    assert [change for _, change in seen] == [RecordChange(None, {"k": "a"})]
