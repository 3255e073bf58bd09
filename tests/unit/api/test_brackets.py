import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.api.brackets import Tree, bracketed, tree_from
from inventory.domain.errors import InvalidRequest
from inventory.domain.limits import ITEMS_PER_READ_MAX, LINES_MAX

LISTS = frozenset({"lines", "items"})


def refusal(*pairs: tuple[str, str]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as raised:
        tree_from(pairs, lists=LISTS)
    return raised.value


def test_a_location_is_named_in_brackets() -> None:
    assert bracketed(["lines", 0, "item"]) == "lines[0][item]"
    assert bracketed(["quantity"]) == "quantity"


def test_objects_in_lists_and_in_fields_are_nested() -> None:
    pairs = [("lines[1][item]", "B"), ("lines[0][item]", "A"), ("metadata[k]", "v"), ("metadata[0]", "w"), ("n", "1")]
    assert tree_from(pairs, lists=LISTS) == {
        "lines": [{"item": "A"}, {"item": "B"}],
        "metadata": {"k": "v", "0": "w"},
        "n": "1",
    }


@pytest.mark.parametrize(
    "pairs",
    [
        [("items", "A"), ("items", "B")],
        [("items[]", "A"), ("items[]", "B")],
        [("items[0]", "A"), ("items[1]", "B")],
        [("items[1]", "B"), ("items[0]", "A")],
    ],
)
def test_a_list_can_be_repeated_empty_bracketed_or_numbered(pairs: list[tuple[str, str]]) -> None:
    assert tree_from(pairs, lists=LISTS) == {"items": ["A", "B"]}


@pytest.mark.parametrize(("entry", "most"), [("lines[{}][item]", LINES_MAX), ("items[{}]", ITEMS_PER_READ_MAX)])
def test_more_entries_than_allowed_are_read_so_that_the_model_can_say_so(entry: str, most: int) -> None:
    tree = tree_from([(entry.format(number), "A") for number in range(most + 1)], lists=LISTS)
    assert len(tree[entry.partition("[")[0]]) == most + 1


@pytest.mark.parametrize("name", ["", "[a]", "a[", "a]", "a[b", "a[b]c", "a[[b]]", "a[b]]", "a]b["])
def test_malformed_brackets_are_refused(name: str) -> None:
    error = refusal((name, "x"))
    assert (error.code, error.param) == ("parameter_invalid", name)
    assert "malformed" in error.message


@pytest.mark.parametrize(
    ("pairs", "param", "says"),
    [
        ([("a", "1"), ("a", "1")], "a", "more than once"),
        ([("items[0]", "A"), ("items[0]", "B")], "items[0]", "more than once"),
        ([("a", "1"), ("a[b]", "1")], "a[b]", "both as a value and as an object"),
        ([("a[b]", "1"), ("a", "1")], "a", "both as a value and as an object"),
        ([("lines[0]", "1"), ("lines[0][item]", "A")], "lines[0][item]", "both as a value and as an object"),
        ([("a[b][c][d]", "1")], "a[b][c][d]", "more than 3 deep"),
        ([("a[]", "1")], "a[]", "only a list"),
        ([("lines[0][]", "1")], "lines[0][]", "only a list"),
        ([("lines[][item]", "A")], "lines[][item]", "named by its number"),
        ([("lines[x][item]", "A")], "lines[x][item]", "named by its number"),
        ([("lines[00][item]", "A")], "lines[00][item]", "named by its number"),
        ([("lines[-1][item]", "A")], "lines[-1][item]", "named by its number"),
        ([("lines[99999][item]", "A")], "lines[99999][item]", "named by its number"),
        ([("lines[1][item]", "A")], "lines[0]", "without gaps"),
        ([("lines[0][item]", "A"), ("lines[2][item]", "A")], "lines[1]", "without gaps"),
    ],
)
def test_names_that_contradict_each_other_are_refused(pairs: list[tuple[str, str]], param: str, says: str) -> None:
    error = refusal(*pairs)
    assert (error.code, error.param) == ("parameter_invalid", param)
    assert says in error.message


def test_a_name_without_end_is_cut_in_the_message() -> None:
    error = refusal(("a[" * 10_000, "x"))
    assert len(error.message) < 400


def read_or_refuse(pairs: list[tuple[str, str]]) -> Tree | InvalidRequest:
    try:
        return tree_from(pairs, lists=LISTS)
    except InvalidRequest as error:
        return error


@given(st.lists(st.tuples(st.text(alphabet="ab[]0123lines", max_size=12), st.text(max_size=3)), max_size=6))
def test_any_names_make_a_tree_or_are_refused(pairs: list[tuple[str, str]]) -> None:
    result = read_or_refuse(pairs)
    if isinstance(result, InvalidRequest):
        assert result.code == "parameter_invalid"
    else:
        assert bool(result) == bool(pairs)
