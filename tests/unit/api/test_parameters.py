"""What each request may carry: one case for each way of being wrong, and that what is right gets through."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.api.adjustments import Adjust, SplitStock, TransferStock
from inventory.api.brackets import tree_from
from inventory.api.fields import NoParameters, Parameters, checked, list_fields
from inventory.api.holds import ChangeHold, ExecuteHold, ListHolds, PlaceHold
from inventory.api.stock import ListStock, ReadStock
from inventory.domain.errors import InvalidRequest

LINE: Final = {"item": "A", "quantity": 1}
TAKEN: Final = {"item": "A", "warehouse": "W", "quantity": 1}
ADJUST: Final = {"item": "A", "warehouse": "W", "quantity": 1, "reason": "received"}
MOVE: Final = {"item": "A", "from": "W", "to": "V", "quantity": 1}
HOLD: Final = "hold_" + "0" * 32
MODELS: Final = [Adjust, TransferStock, SplitStock, NoParameters, ChangeHold, ExecuteHold, ListHolds, PlaceHold]
MODELS_READ: Final = [ListStock, ReadStock, ListHolds]

CASES: Final[list[tuple[type[Parameters], dict[str, Any], str, str | None]]] = [
    (NoParameters, {"x": 1}, "parameter_unknown", "x"),
    # place
    (PlaceHold, {}, "parameter_missing", "lines"),
    (PlaceHold, {"lines": []}, "parameter_invalid", "lines"),
    (PlaceHold, {"lines": [LINE] * 51}, "parameter_invalid", "lines"),
    (PlaceHold, {"lines": LINE}, "parameter_invalid", "lines"),
    (PlaceHold, {"lines": "A"}, "parameter_invalid", "lines"),
    (PlaceHold, {"lines": ["A"]}, "parameter_invalid", "lines[0]"),
    (PlaceHold, {"lines": [{"item": "A"}]}, "parameter_missing", "lines[0][quantity]"),
    (PlaceHold, {"lines": [LINE, {"quantity": 1}]}, "parameter_missing", "lines[1][item]"),
    (PlaceHold, {"lines": [{**LINE, "colour": "red"}]}, "parameter_unknown", "lines[0][colour]"),
    (PlaceHold, {"lines": [LINE], "colour": "red"}, "parameter_unknown", "colour"),
    *[
        (PlaceHold, {"lines": [{"item": "A", "quantity": bad}]}, "parameter_invalid", "lines[0][quantity]")
        for bad in (0, -1, 1_000_000_001, 1.0, 1.5, "1", True, [1], {"a": 1}, 1e300, float("inf"))
    ],
    *[
        (PlaceHold, {"lines": [{"item": bad, "quantity": 1}]}, "parameter_invalid", "lines[0][item]")
        for bad in ("", "a" * 65, "a b", "ä", "a/b", "a\n", "a#b", "*", 7, True, ["A"])
    ],
    (PlaceHold, {"lines": [{**LINE, "warehouse": ""}]}, "parameter_invalid", "lines[0][warehouse]"),
    *[
        (PlaceHold, {"lines": [LINE], "expires_in": bad}, "parameter_invalid", "expires_in")
        for bad in (0, -5, 604_801, "900", 900.0, True)
    ],
    (PlaceHold, {"lines": [LINE], "metadata": "x"}, "parameter_invalid", "metadata"),
    (PlaceHold, {"lines": [LINE], "metadata": {"": "v"}}, "parameter_invalid", "metadata[]"),
    (PlaceHold, {"lines": [LINE], "metadata": {"k" * 41: "v"}}, "parameter_invalid", f"metadata[{'k' * 41}]"),
    (PlaceHold, {"lines": [LINE], "metadata": {"k": "v" * 201}}, "parameter_invalid", "metadata[k]"),
    (PlaceHold, {"lines": [LINE], "metadata": {"k": 1}}, "parameter_invalid", "metadata[k]"),
    (PlaceHold, {"lines": [LINE], "metadata": {str(n): "" for n in range(21)}}, "parameter_invalid", "metadata"),
    # change
    (ChangeHold, {}, "parameter_missing", "expires_in"),
    (ChangeHold, {"expires_in": 0}, "parameter_invalid", "expires_in"),
    # execute
    (ExecuteHold, {"lines": []}, "parameter_invalid", "lines"),
    (ExecuteHold, {"lines": [TAKEN] * 100}, "parameter_invalid", "lines"),
    (ExecuteHold, {"lines": [LINE]}, "parameter_missing", "lines[0][warehouse]"),
    (ExecuteHold, {"lines": [{**TAKEN, "quantity": 0}]}, "parameter_invalid", "lines[0][quantity]"),
    # adjust
    (Adjust, {**ADJUST, "quantity": 0}, "parameter_invalid", "quantity"),
    (Adjust, {**ADJUST, "quantity": -1_000_000_001}, "parameter_invalid", "quantity"),
    (Adjust, {**ADJUST, "count": 1}, "parameter_invalid", "count"),
    (Adjust, {"item": "A", "warehouse": "W", "reason": "r"}, "parameter_missing", "quantity"),
    (Adjust, {"item": "A", "warehouse": "W", "reason": "r", "count": -1}, "parameter_invalid", "count"),
    (Adjust, {"item": "A", "warehouse": "W", "quantity": 1}, "parameter_missing", "reason"),
    (Adjust, {**ADJUST, "reason": ""}, "parameter_invalid", "reason"),
    (Adjust, {**ADJUST, "reason": "r" * 201}, "parameter_invalid", "reason"),
    (Adjust, {**ADJUST, "reference": ""}, "parameter_invalid", "reference"),
    # transfer
    (TransferStock, {**MOVE, "to": "W"}, "parameter_invalid", "to"),
    (TransferStock, {"item": "A", "to": "V", "quantity": 1}, "parameter_missing", "from"),
    (TransferStock, {**MOVE, "source": "W"}, "parameter_unknown", "source"),
    (TransferStock, {**MOVE, "quantity": -1}, "parameter_invalid", "quantity"),
    (TransferStock, {**MOVE, "reason": "r"}, "parameter_unknown", "reason"),
    # split
    (SplitStock, {"warehouse": "W", "shards": 0}, "parameter_invalid", "shards"),
    (SplitStock, {"warehouse": "W", "shards": 257}, "parameter_invalid", "shards"),
    (SplitStock, {"shards": 4}, "parameter_missing", "warehouse"),
]


@pytest.mark.parametrize(("model", "body", "code", "param"), CASES)
def test_a_wrong_body_is_refused_and_the_field_blamed(
    model: type[Parameters], body: dict[str, Any], code: str, param: str | None
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        checked(model, body, typed=True)
    assert (raised.value.code, raised.value.param) == (code, param)
    assert raised.value.message.endswith(".")
    assert "pydantic" not in raised.value.message


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (NoParameters, {}),
        (PlaceHold, {"lines": [LINE] * 50}),
        (
            PlaceHold,
            {"lines": [{**LINE, "warehouse": "w.-_9"}], "expires_in": 604_800, "metadata": {"k" * 40: "v" * 200}},
        ),
        (ChangeHold, {"expires_in": 1}),
        (ChangeHold, {"metadata": {}}),
        (ChangeHold, {"metadata": {f"old{n}": "" for n in range(20)} | {f"new{n}": "x" for n in range(20)}}),
        (ExecuteHold, {}),
        (ExecuteHold, {"lines": [TAKEN]}),
        (ExecuteHold, {"lines": [TAKEN] * 99}),
        (Adjust, {**ADJUST, "quantity": -1_000_000_000, "reference": HOLD, "metadata": {"a": ""}}),
        (Adjust, {"item": "A", "warehouse": "W", "count": 0, "reason": "counted"}),
        (TransferStock, MOVE),
        (SplitStock, {"warehouse": "W", "shards": 256}),
    ],
)
def test_a_right_body_gets_through_unchanged(model: type[Parameters], body: dict[str, Any]) -> None:
    assert checked(model, body, typed=True).model_dump(by_alias=True, exclude_unset=True) == body


def test_what_is_left_out_has_its_default() -> None:
    placed = checked(PlaceHold, {"lines": [LINE]}, typed=True)
    assert (placed.expires_in, placed.metadata, placed.lines[0].warehouse) == (900, {}, None)


def test_a_form_says_the_same_as_json() -> None:
    form = {"lines[0][item]": "A", "lines[0][quantity]": "2", "expires_in": "60", "metadata[k]": "1"}
    body = {"lines": [{"item": "A", "quantity": 2}], "expires_in": 60, "metadata": {"k": "1"}}
    from_form = checked(PlaceHold, tree_from(form.items(), lists=list_fields(PlaceHold)), typed=False)
    assert from_form == checked(PlaceHold, body, typed=True)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"lines": ["A"]}, "'lines[0]' is invalid. It should be an object."),
        ({"lines": [LINE], "metadata": "A"}, "'metadata' is invalid. It should be an object."),
        ({"lines": [LINE], "metadata": []}, "'metadata' is invalid. It should be an object."),
        (
            {"lines": [LINE], "metadata": {f"k{number}": "" for number in range(21)}},
            "'metadata' is invalid. It should have at most 20 items, not more.",
        ),
        ({"lines": [LINE] * 51}, "'lines' is invalid. It should have at most 50 items, not 51."),
        (
            {"lines": [LINE], "metadata": {"k": "v" * 201}},
            "'metadata[k]' is invalid. It should have at most 200 characters.",
        ),
    ],
)
def test_what_is_wrong_is_said_of_the_parameter(body: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        checked(PlaceHold, body, typed=True)
    assert raised.value.message == f"The parameter {says}"


@pytest.mark.parametrize("quantity", [-5, 1, -1_000_000_000])
def test_a_number_in_a_form_may_be_negative_where_the_field_may(quantity: int) -> None:
    taken = checked(Adjust, {**ADJUST, "quantity": str(quantity)}, typed=False)
    assert taken == checked(Adjust, {**ADJUST, "quantity": quantity}, typed=True)


@pytest.mark.parametrize("text", ["1.0", " 1", "1 ", "1_0", "+1", "1e3", "٣", "0x1", "", "one", "9" * 21])
def test_a_number_in_a_form_is_plain_digits(text: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        checked(PlaceHold, {"lines": [{"item": "A", "quantity": text}]}, typed=False)
    assert raised.value.param == "lines[0][quantity]"


def read(model: type[Parameters], *pairs: tuple[str, str]) -> Parameters:
    return checked(model, tree_from(pairs, lists=list_fields(model)), typed=False)


@pytest.mark.parametrize("yes", ["true", "True", "1"])
def test_booleans_in_a_query(yes: str) -> None:
    assert read(ReadStock, ("consistent", yes)) == ReadStock(consistent=True)
    assert read(ListStock, ("warehouse", "W"), ("in_stock", yes)) == ListStock(warehouse="W", in_stock=True)


@pytest.mark.parametrize(
    "pairs",
    [
        [("items", "A,B"), ("items", "C")],
        [("items", "A,B,C")],
        [("items[]", "A"), ("items[]", "B"), ("items[]", "C")],
        [("items[0]", "A"), ("items[1]", "B"), ("items[2]", "C")],
        [("items", "A,B,A,C,B")],
    ],
)
def test_items_in_a_query_can_be_written_in_any_of_the_usual_ways(pairs: list[tuple[str, str]]) -> None:
    listed = read(ListStock, *pairs)
    assert isinstance(listed, ListStock)
    assert listed.items == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("model", "pairs", "code", "param"),
    [
        (ReadStock, [("consistent", "maybe")], "parameter_invalid", "consistent"),
        (ReadStock, [("as_of", "1")], "parameter_unknown", "as_of"),
        (ListHolds, [("limit", "0")], "parameter_invalid", "limit"),
        (ListHolds, [("limit", "101")], "parameter_invalid", "limit"),
        (ListHolds, [("limit", "x")], "parameter_invalid", "limit"),
        (ListHolds, [("starting_after", "hold_1")], "parameter_invalid", "starting_after"),
        (ListHolds, [("ending_before", HOLD)], "parameter_unknown", "ending_before"),
        (ListStock, [], "parameter_missing", "items"),
        (ListStock, [("items", "A,,B")], "parameter_invalid", "items[1]"),
        (ListStock, [("items", "")], "parameter_invalid", "items[0]"),
        (ListStock, [("items", ",".join(["A"] * 101))], "parameter_invalid", "items"),
        (ListStock, [("items", "A"), ("warehouse", "W")], "parameter_invalid", "warehouse"),
        (ListStock, [("items", "A"), ("in_stock", "true")], "parameter_invalid", "in_stock"),
        (ListStock, [("items", "A"), ("starting_after", "A")], "parameter_invalid", "starting_after"),
        (ListStock, [("warehouse", "W")], "parameter_missing", "in_stock"),
        (ListStock, [("warehouse", "W"), ("in_stock", "false")], "parameter_invalid", "in_stock"),
        (ListStock, [("in_stock", "true")], "parameter_missing", "items"),
    ],
)
def test_a_wrong_query_is_refused_and_the_parameter_blamed(
    model: type[Parameters], pairs: list[tuple[str, str]], code: str, param: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(model, *pairs)
    assert (raised.value.code, raised.value.param) == (code, param)


names = st.sampled_from([*"abk", "lines", "item", "warehouse", "quantity", "expires_in", "metadata", "count", "reason"])
values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("A"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


def checked_or_refused(model: type[Parameters], body: dict[str, Any]) -> Parameters | InvalidRequest:
    try:
        return checked(model, body, typed=True)
    except InvalidRequest as error:
        return error


@given(st.sampled_from(MODELS), st.dictionaries(names, values, max_size=6))
def test_any_json_object_is_a_valid_model_or_refused(model: type[Parameters], body: dict[str, Any]) -> None:
    result = checked_or_refused(model, body)
    if isinstance(result, InvalidRequest):
        assert result.code in {"parameter_missing", "parameter_unknown", "parameter_invalid"}
    else:
        assert result.model_dump(by_alias=True, exclude_unset=True) == body


form_names = st.builds(
    "{}{}{}".format,
    names,
    st.sampled_from(["", "[]", "[0]", "[1]", "[k]"]),
    st.sampled_from(["", "[item]", "[quantity]"]),
)


def read_or_refused(model: type[Parameters], pairs: list[tuple[str, str]]) -> Parameters | InvalidRequest:
    try:
        return read(model, *pairs)
    except InvalidRequest as error:
        return error


@given(
    st.sampled_from([*MODELS, *MODELS_READ]),
    st.lists(st.tuples(form_names, st.sampled_from(["A", "1", "-1", "true", "", "1.5", "x y"])), max_size=8),
)
def test_any_form_is_a_valid_model_or_refused(model: type[Parameters], pairs: list[tuple[str, str]]) -> None:
    result = read_or_refused(model, pairs)
    if isinstance(result, InvalidRequest):
        assert result.code in {"parameter_missing", "parameter_unknown", "parameter_invalid"}
    else:
        fields = {name.partition("[")[0] for name, _ in pairs}
        assert set(result.model_dump(by_alias=True, exclude_unset=True)) == fields
