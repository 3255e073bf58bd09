"""Where an implementation is known to differ from DynamoDB. Each test named here must still fail, or the suite fails.

By implementation and reason: the tests, each with its case in brackets where it has several.
"""

_PUT = "test_a_wrong_put_is_refused_and_changes_nothing"
_QUERY = "test_a_wrong_query_is_refused"
_UPDATE = "test_a_wrong_update_is_refused_and_changes_nothing"
_VALUE = "test_a_wrong_value_is_refused"
_DOES_NOT_HOLD = "test_a_condition_does_not_hold"
_DOES_NOT_FIT = "test_an_update_that_does_not_fit_its_item_cancels_with_a_validation_error"

DEVIATIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "moto": {
        "ignores ClientRequestToken": (
            "test_the_same_token_takes_effect_once",
            "test_the_same_token_with_another_request_is_refused",
            "test_a_token_is_at_most_36_characters",
        ),
        "counts capacity by calls, not by size, consistency, index or transaction": (
            "test_a_batch_get_costs_what_its_reads_cost",
            "test_a_query_costs_by_all_that_it_read_together",
            "test_a_read_costs_half_if_it_may_be_stale",
            "test_a_repeated_token_costs_reads",
            "test_a_transaction_costs_twice_and_checks_too",
            "test_a_transaction_enters_an_index_for_one_unit",
            "test_a_write_costs_a_unit_for_each_kilobyte_begun",
            "test_an_index_costs_a_unit_to_enter_two_to_move_and_one_to_leave",
            "test_an_update_costs_by_the_larger_of_both_images",
            "test_an_update_of_a_small_item_costs_one_unit",
        ),
        "reads conditions loosely: ignores mistakes in them, or fails in itself": (
            f"{_PUT}[a function of updates]",
            f"{_PUT}[a path alone]",
            f"{_PUT}[an attribute with itself]",
            f"{_PUT}[bounds reversed]",
            f"{_PUT}[empty condition]",
            f"{_PUT}[order of a boolean]",
            f"{_PUT}[prefix of a number]",
            f"{_PUT}[two arguments]",
            f"{_PUT}[unbalanced]",
            f"{_PUT}[undefined name]",
            f"{_PUT}[undefined value]",
            f"{_PUT}[unknown function]",
            f"{_PUT}[unknown type]",
            f"{_PUT}[unused value]",
            f"{_PUT}[values without expression]",
            f"{_UPDATE}[undefined name]",
            "test_a_wrong_expression_refuses_the_whole_request",
        ),
        "reads key conditions loosely": (
            f"{_QUERY}[OR]",
            f"{_QUERY}[another type]",
            f"{_QUERY}[attributes not in the index]",
            f"{_QUERY}[bounds reversed]",
            f"{_QUERY}[filter on a key]",
            f"{_QUERY}[half a starting key]",
            f"{_QUERY}[not equal]",
            f"{_QUERY}[two conditions on one key]",
            f"{_QUERY}[unused value]",
        ),
        "fails in itself where types differ": (
            f"{_DOES_NOT_HOLD}[n < :v-{{'v': '9'}}]",
            f"{_DOES_NOT_HOLD}[size(n) > :v-{{'v': 0}}]",
        ),
        "does not check keys of other types, or empty ones of updates": (
            "test_a_key_of_another_type_is_refused",
            "test_an_empty_key_of_an_update_is_refused",
            "test_an_index_key_of_another_type_is_refused",
        ),
        "does not check values": (
            f"{_VALUE}[{{'N': '{'1' * 39}'}}]",
            f"{_VALUE}[{{'N': '1_000'}}]",
            f"{_VALUE}[{{'N': '1e126'}}]",
            f"{_VALUE}[{{'S': 'a', 'N': '1'}}]",
            f"{_VALUE}[{{'SS': ['a', 'a']}}]",
        ),
        "keeps numbers as they were written": ("test_numbers_come_back_in_one_notation",),
        "counts an item's size otherwise": ("test_an_item_of_400_kilobytes_is_taken",),
        "refuses the whole transaction where an update does not fit its item": (
            f"{_DOES_NOT_FIT}[SET absent.north = :v]",
            f"{_DOES_NOT_FIT}[SET rev = absent + :v]",
            "test_an_update_over_the_size_limit_cancels_with_a_validation_error",
        ),
        "replaces what is no map": ("test_a_nested_member_cannot_be_set_where_its_map_is_missing",),
        "fails in itself on an update without expression": ("test_an_update_without_expression_makes_the_item",),
        "does not find a name that stands before an index": ("test_get_gives_only_what_is_projected",),
        "gives no LastEvaluatedKey where a page's limit ends with the last item": (
            "test_a_page_that_ends_with_its_limit_says_there_may_be_more",
        ),
        "reports an unknown index as ResourceNotFoundException": ("test_a_query_on_an_unknown_index_is_refused",),
        "reads an item twice in one transaction": ("test_a_transactional_get_takes_an_item_once",),
        "leaves a stream record where nothing changed": (
            "test_a_put_that_changes_nothing_leaves_no_record",
            "test_an_update_that_changes_nothing_leaves_no_record",
        ),
    },
    "emulator": {
        "counts reads by calls, not by size": (
            "test_a_read_costs_half_if_it_may_be_stale",
            "test_a_query_costs_by_all_that_it_read_together",
        ),
        "gives no capacity for a batch get": ("test_a_batch_get_costs_what_its_reads_cost",),
        "takes a number's digits for the text they are written in": (
            f"{_DOES_NOT_HOLD}[begins_with(n, :v)-{{'v': '5'}}]",
        ),
        "reads conditions loosely": (
            f"{_PUT}[an attribute with itself]",
            f"{_PUT}[order of a boolean]",
            f"{_PUT}[unknown function]",
            f"{_PUT}[unknown type]",
        ),
        "reads key conditions loosely": (
            f"{_QUERY}[OR]",
            f"{_QUERY}[all attributes of an index of keys]",
            f"{_QUERY}[attributes not in the index]",
            f"{_QUERY}[filter on a key]",
            f"{_QUERY}[not equal]",
        ),
        "reads updates loosely, and adds to a text": (
            f"{_UPDATE}[a number added to text]",
            f"{_UPDATE}[a text added]",
            f"{_UPDATE}[no equals sign]",
            f"{_UPDATE}[one path twice]",
            f"{_UPDATE}[one section twice]",
            f"{_UPDATE}[removal from nothing]",
            f"{_UPDATE}[two equals signs]",
        ),
        "takes the first of several operations in one entry": ("test_an_entry_holds_one_operation",),
        "calculates with 28 digits": ("test_arithmetic_is_exact_on_38_digits",),
        "removes list elements one after the other": ("test_two_list_elements_are_removed_by_the_index_they_had",),
        "counts the keys of a batch get table by table": ("test_batch_get_counts_the_keys_of_all_tables",),
    },
    "dynamodb-local": {
        "counts a transaction's index writes twice, and a repeated token as writes": (
            "test_a_repeated_token_costs_reads",
            "test_a_transaction_enters_an_index_for_one_unit",
        ),
        "refuses the whole transaction where an update does not fit its item": (
            f"{_DOES_NOT_FIT}[SET absent.north = :v]",
            f"{_DOES_NOT_FIT}[SET rev = absent + :v]",
        ),
        "keeps numbers as they were written": ("test_numbers_come_back_in_one_notation",),
        "returns the whole attribute around an updated member": (
            "test_updated_new_shows_only_the_member_that_was_set",
        ),
    },
}
