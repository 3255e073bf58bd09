"""Guards of the books: adjustments, transfers and counts, each applied once."""

from typing import Final

from mutants.mutant import Mutant

_GUARDS = "tests/unit/storage/test_guards.py::"
_PROTOCOL = "tests/unit/protocol/"
_STOCK = "storage/stock_records.py"

BOOKS: Final = (
    Mutant(
        "stock_conserved",
        "an adjustment is made once",
        "storage/adjustment_records.py",
        'key=tables.adjustment(adjustment.id),\n        condition="attribute_not_exists(#adjustment_id)"',
        "key=tables.adjustment(adjustment.id),\n"
        '        condition="attribute_not_exists(#adjustment_id) OR attribute_exists(#adjustment_id)"',
        (_GUARDS + "TestMadeOnce::test_an_adjustment", _PROTOCOL + "test_adjust.py::TestRetries"),
    ),
    Mutant(
        "stock_conserved",
        "a transfer is made once",
        "storage/adjustment_records.py",
        'key=tables.adjustment(transfer.id),\n        condition="attribute_not_exists(#adjustment_id)"',
        "key=tables.adjustment(transfer.id),\n"
        '        condition="attribute_not_exists(#adjustment_id) OR attribute_exists(#adjustment_id)"',
        (_GUARDS + "TestMadeOnce::test_a_transfer",),
    ),
    Mutant(
        "stock_conserved",
        "a keyed adjustment derives its id",
        "protocol/adjust.py",
        "by.object_id(ADJUSTMENT, core.new_uuid)",
        "core.new_id(ADJUSTMENT)",
        (_PROTOCOL + "test_adjust.py::TestRetries",),
    ),
    Mutant(
        "stock_conserved",
        "so does a count",
        "protocol/count.py",
        "by.object_id(ADJUSTMENT, core.new_uuid)",
        "core.new_id(ADJUSTMENT)",
        (_PROTOCOL + "test_count.py::TestRetries",),
    ),
    Mutant(
        "stock_conserved",
        "so does a transfer",
        "protocol/transfer.py",
        "by.object_id(TRANSFER, core.new_uuid)",
        "core.new_id(TRANSFER)",
        (_PROTOCOL + "test_transfer.py::TestRetries",),
    ),
    Mutant(
        "stock_conserved",
        "the same key with other parameters is a mismatch",
        "protocol/record_once.py",
        "by.recognise(recorded.fingerprint)",
        "pass",
        (_PROTOCOL + "test_adjust.py::TestRetries", _PROTOCOL + "test_transfer.py::TestRetries"),
    ),
    Mutant(
        "stock_conserved",
        "a split that a twin has just made is a replay",
        "protocol/split.py",
        "return step is _Step.DONE_BY_TWIN",
        "return False",
        (_PROTOCOL + "test_split.py::TestRetries",),
    ),
    Mutant(
        "stock_conserved",
        "two counts do not both apply",
        _STOCK,
        "#warehouses.#w.#counts = :counts AND",
        "(#warehouses.#w.#counts = :counts OR #warehouses.#w.#counts <> :counts) AND",
        (
            _GUARDS + "TestDirectory::test_a_count_applies_only_on_the_one_it_was_taken_after",
            _PROTOCOL + "test_count.py::TestOthersMeanwhile",
        ),
    ),
    Mutant(
        "stock_conserved",
        "a count is taken between passes that saw the same units",
        "domain/passes.py",
        "return self._agrees(later, lambda shard: (shard.on_hand, shard.inflow))",
        "return True",
        (_PROTOCOL + "test_count.py::TestOthersMeanwhile",),
    ),
    Mutant(
        "stock_conserved",
        "and between which none came back",
        "domain/passes.py",
        "return self._agrees(later, lambda shard: (shard.on_hand, shard.inflow))",
        "return self._agrees(later, lambda shard: shard.on_hand)",
        (_PROTOCOL + "test_count.py::TestOthersMeanwhile",),
    ),
    Mutant(
        "stock_conserved",
        "a count takes nothing that is held",
        "protocol/count.py",
        "if seen.available < -quantity:",
        "if False:",
        (_PROTOCOL + "test_count.py::TestTheDifference::test_fewer_than_are_held_cannot_be",),
    ),
)
