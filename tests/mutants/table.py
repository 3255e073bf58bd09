"""Each guard of the protocol, with what the code would be without it, and the tests that notice.

A guard that no test misses is either not needed or not tested; `mutants.runner` shows that there is none such.
"""

from typing import Final, NamedTuple

#: The invariants, in words.
INVARIANTS: Final = {
    "never_oversold": "No counter shard ever has fewer than 0 units available or held, after any single write.",
    "never_falsely_refused": "A hold is refused for lack of stock only if at some instant, at most 1 s before the "
    "answer, all shards of that line together had too little. So no unit may lie where nobody looks, and a request "
    "is not refused for what an earlier try of itself has taken.",
    "resolved_once": "A hold leaves `active` at most once: to `executed`, `released` or `expired`. Who asks again for "
    "the same is told what was done; who asks for something else is told so.",
    "expiry_exact": "A hold is executed or extended only at an `at` before its `expires_at`, and expires only at or "
    "after it.",
    "settled_once": "A resolved hold changes the counters exactly once, whatever is retried, duplicated, reordered or "
    "crashes; and exactly by what it says.",
    "held_matches_holds": "The sum of `held` over the shards is the sum of what unsettled holds have drawn from them, "
    "shard by shard; so one request makes one hold.",
    "stock_conserved": "What is on hand (`available` + `held`) is what adjustments brought less what was executed and "
    "settled; so one request makes one adjustment, transfer or count.",
    "gapless": "A record's `rev` grows by exactly 1 with each write, and its `at` never goes back.",
    "atomic_instant": "All records written by one transaction carry the same `at`, and it is no earlier than that of "
    "any record that the transaction checked.",
    "archive_complete": "Folding the events of a record up to `rev` r gives exactly that record at r; and what readers "
    "see, the projection of the same events, is the same whatever the order in which they came.",
    "everything_settles": "Once faults stop, every resolved hold settles and every expired hold is released, with no "
    "person's help; nothing that cannot be handled stops what can.",
}


class Mutant(NamedTuple):
    """The code without one of its guards.

    Attributes:
        invariant: Which invariant the guard serves first.
        guard: What the guard says, in words.
        file: Where it is, below the package.
        code: The guard itself, as it stands there once.
        without: What would stand there without it.
        tests: Tests (pytest's node ids) of which at least one fails then.
    """

    invariant: str
    guard: str
    file: str
    code: str
    without: str
    tests: tuple[str, ...]


_GUARDS = "tests/unit/storage/test_guards.py::"
_PROTOCOL = "tests/unit/protocol/"
_PIPELINES = "tests/unit/pipeline/test_pipelines.py::"
_REBALANCE = _PROTOCOL + "test_rebalance.py::"
_HEAT = "tests/unit/domain/test_heat.py::"
_STOCK = "storage/stock_records.py"
_HOLDS = "storage/hold_records.py"

_AT_OF_SHARDS = (_GUARDS + "TestShards::test_time_never_goes_back",)
_AT_OF_DIRECTORIES = (_GUARDS + "TestDirectory::test_time_never_goes_back",)
_AT_OF_HOLDS = (_GUARDS + "TestHolds::test_time_never_goes_back",)

MUTANTS: Final = (
    # never_oversold
    Mutant(
        "never_oversold",
        "what is taken is available",
        _STOCK,
        'conditions.append("#available >= :taken")\n            values["taken"] = -change.available',
        "pass",
        (_GUARDS + "TestShards::test_more_than_is_available_is_not_taken",),
    ),
    Mutant(
        "never_oversold",
        "what is settled is held",
        _STOCK,
        'conditions.append("#held >= :settled")\n            values["settled"] = -change.held',
        "pass",
        (_GUARDS + "TestShards::test_more_than_is_held_is_not_settled",),
    ),
    # never_falsely_refused
    Mutant(
        "never_falsely_refused",
        "a second pass: one alone proves nothing",
        "protocol/refuse.py",
        "if earlier is not None and earlier.available < short.wanted and fresh and earlier.only_fell_until(current):",
        "earlier = earlier or current\n        if True:",
        (_PROTOCOL + "test_refuse.py::TestStockThatMovesMeanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "no shard gained between the passes",
        "protocol/lookout.py",
        "return inflows == later_inflows and",
        "return",
        (_PROTOCOL + "test_refuse.py::TestStockThatMovesMeanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "the directory stood still between the passes",
        "protocol/lookout.py",
        "return inflows == later_inflows and _rev(self.directory) == _rev(later.directory)",
        "return all(later_inflows.get(key) == inflow for key, inflow in inflows.items())",
        (_PROTOCOL + "test_refuse.py::TestStockThatMovesMeanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "the proof is at most a second old",
        "protocol/refuse.py",
        "current.ended_ms - current.started_ms <= REFUSAL_AGE_MAX_MS",
        "True",
        (_PROTOCOL + "test_refuse.py::TestSlowReads",),
    ),
    Mutant(
        "never_falsely_refused",
        "of both passes already the earlier one saw too little",
        "protocol/refuse.py",
        "earlier is not None and earlier.available < short.wanted",
        "earlier is not None",
        (_PROTOCOL + "test_refuse.py::TestStockThatMovesMeanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "memory refuses only more than was proved to be there",
        "protocol/hints.py",
        "if available is not None and available < short.wanted else None",
        "if available is not None else None",
        (_PROTOCOL + "test_refuse.py::TestMemory",),
    ),
    Mutant(
        "never_falsely_refused",
        "memory lasts a second",
        "protocol/hints.py",
        "if known_at is not None and self._now() - known_at < self._age_max_ms else None",
        "if known_at is not None else None",
        (_PROTOCOL + "test_refuse.py::TestMemory",),
    ),
    Mutant(
        "never_falsely_refused",
        "nothing remembered gets younger where the clock is set back",
        "domain/clock.py",
        "max(0, wall - self._last[0], uptime - self._last[1])",
        "wall - self._last[0]",
        ("tests/unit/domain/test_clock.py::TestElapsed",),
    ),
    Mutant(
        "never_falsely_refused",
        "memory counts from the instant of the proof",
        "protocol/refuse.py",
        "short.warehouse, earlier.available, current.started_ms)",
        "short.warehouse, earlier.available, core.clock.elapsed())",
        (_PROTOCOL + "test_refuse.py::TestMemory",),
    ),
    Mutant(
        "never_falsely_refused",
        "a request that was refused looks for its own hold",
        "protocol/place.py",
        "if order.by.keyed else None\n        if placed is None and",
        "if False else None\n        if placed is None and",
        (_PROTOCOL + "test_place.py::TestIdempotency",),
    ),
    Mutant(
        "never_falsely_refused",
        "and only after the proof: before it, a twin may still be on its way",
        "protocol/place.py",
        """    try:
        for _ in order.wants:
            short = shortage(order.wants, views)
            if short is None:
                break
            refuse_from_memory(core, short)
            _remember(core, views, short.item, short.warehouse, refuse_or_find(core, short))
    except InsufficientStock as refusal:
        placed = core.database.get(core.tables.hold(order.hold_id)) if order.by.keyed else None
""",
        """    placed = core.database.get(core.tables.hold(order.hold_id)) if order.by.keyed else None
    try:
        for _ in order.wants:
            short = shortage(order.wants, views)
            if short is None:
                break
            refuse_from_memory(core, short)
            _remember(core, views, short.item, short.warehouse, refuse_or_find(core, short))
    except InsufficientStock as refusal:
""",
        (_PROTOCOL + "test_place.py::TestIdempotency",),
    ),
    Mutant(
        "never_falsely_refused",
        "so does an adjustment, count or transfer",
        "protocol/record_once.py",
        "            made = _made(core, identifier)\n            if made is not None:",
        "            made = None\n            if made is not None:",
        (_PROTOCOL + "test_adjust.py::TestRetries",),
    ),
    Mutant(
        "never_falsely_refused",
        "the proof is still at most a second old after the look for its own hold",
        "protocol/place.py",
        "if placed is None and stands(core, refusal):",
        "if placed is None:",
        (_PROTOCOL + "test_refuse.py::TestSlowReads",),
    ),
    Mutant(
        "never_falsely_refused",
        "and after that for its own adjustment or transfer",
        "protocol/record_once.py",
        "if isinstance(refusal, InsufficientStock) and not stands(core, refusal):",
        "if False:",
        (_PROTOCOL + "test_refuse.py::TestSlowReads",),
    ),
    Mutant(
        "never_falsely_refused",
        "a receipt lands on a shard that the directory covers",
        "protocol/flow.py",
        "    elif number > 0:",
        "    elif number < 0:",
        (_PROTOCOL + "test_adjust.py::TestOthersMeanwhile", _PROTOCOL + "test_transfer.py::TestMoving"),
    ),
    Mutant(
        "never_falsely_refused",
        "so does a move",
        "protocol/move.py",
        "        if highest > 0:",
        "        if highest < 0:",
        (_PROTOCOL + "test_split.py::test_a_move_does_not_land_on_a_shard_given_up_meanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "so does a count",
        "protocol/count.py",
        "highest = max((change.key.number for change in changes if change.available > 0), default=0)",
        "highest = 0",
        (_PROTOCOL + "test_count.py::TestOthersMeanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "the directory covers the shard that a count writes",
        _STOCK,
        'AND #warehouses.#w.#shards > :highest",\n        values={"next"',
        'AND (#warehouses.#w.#shards > :highest OR #warehouses.#w.#shards <= :highest)",\n        values={"next"',
        (_GUARDS + "TestDirectory::test_a_count_writes_only_to_shards_that_are_covered",),
    ),
    Mutant(
        "never_falsely_refused",
        "the directory covers the shard that gains",
        _STOCK,
        "#warehouses.#w.#shards > :highest AND #at <= :at",
        "(#warehouses.#w.#shards > :highest OR #warehouses.#w.#shards <= :highest) AND #at <= :at",
        (_GUARDS + "TestDirectory::test_a_shard_above_the_covered_ones_is_not_covered",),
    ),
    Mutant(
        "never_falsely_refused",
        "a merge checks each shard that it gives up",
        "protocol/split.py",
        "for number in range(reached, current)]",
        "for number in range(current, reached)]",
        (_PROTOCOL + "test_split.py::TestMerge",),
    ),
    Mutant(
        "never_falsely_refused",
        "a shard that is given up has nothing available",
        _STOCK,
        "(#available = :zero AND #held",
        "(#held",
        (_GUARDS + "TestGivingUpAShard",),
    ),
    Mutant(
        "never_falsely_refused",
        "and nothing held, which could come back",
        _STOCK,
        "AND #held = :zero AND #at",
        "AND #at",
        (_GUARDS + "TestGivingUpAShard",),
    ),
    Mutant(
        "never_falsely_refused",
        "a shard that never was can be given up",
        _STOCK,
        "attribute_not_exists(#at) OR (#available",
        "(#available",
        (_GUARDS + "TestGivingUpAShard",),
    ),
    Mutant(
        "never_falsely_refused",
        "the number of shards is changed only from what was seen",
        _STOCK,
        "#warehouses.#w.#shards = :current",
        "(#warehouses.#w.#shards = :current OR #warehouses.#w.#shards <> :current)",
        (_GUARDS + "TestDirectory::test_shards_change_only_from_the_number_that_was_seen",),
    ),
    Mutant(
        "never_falsely_refused",
        "an item's directory is made once",
        _STOCK,
        '"attribute_not_exists(#stock_id)"',
        '"attribute_not_exists(#stock_id) OR attribute_exists(#stock_id)"',
        (_GUARDS + "TestDirectory::test_the_first_entry_makes_it_once",),
    ),
    Mutant(
        "never_falsely_refused",
        "a warehouse is entered once",
        _STOCK,
        '"attribute_not_exists(#warehouses.#w)"',
        '"(attribute_not_exists(#warehouses.#w) OR attribute_exists(#warehouses.#w))"',
        (_GUARDS + "TestDirectory::test_a_warehouse_is_added_once",),
    ),
    # resolved_once
    Mutant(
        "resolved_once",
        "only an active hold is executed, released or expired",
        _HOLDS,
        "#status = :active AND #at <= :at{guard}",
        "(#status = :active OR #status <> :active) AND #at <= :at{guard}",
        (_GUARDS + "TestHolds::test_what_has_ended_is_not_changed",),
    ),
    Mutant(
        "resolved_once",
        "only an active hold is extended",
        _HOLDS,
        "#status = :active AND #expires_at > :at AND",
        "(#status = :active OR #status <> :active) AND #expires_at > :at AND",
        (_GUARDS + "TestHolds::test_what_has_ended_is_not_changed",),
    ),
    Mutant(
        "resolved_once",
        "an extension is of the hold as it was seen",
        _HOLDS,
        "AND #rev = :rev",
        "AND (#rev = :rev OR #rev <> :rev)",
        (
            _GUARDS + "TestHolds::test_it_is_extended_only_as_it_was_seen",
            _PROTOCOL + "test_extend.py::TestOthersMeanwhile",
        ),
    ),
    Mutant(
        "resolved_once",
        "a retry recognises its own resolution, and no other's",
        "protocol/resolve.py",
        "hold.resolution is not None and hold.resolution.key == by.token",
        "hold.resolution is not None",
        (_PROTOCOL + "test_resolve.py::TestRetries::test_another_key_is_another_request",),
    ),
    Mutant(
        "resolved_once",
        "an execution with the same key and other takes is a mismatch",
        "protocol/resolve.py",
        "if hold.resolution.fingerprint != by.fingerprint:",
        "if False:",
        (_PROTOCOL + "test_resolve.py::TestRetries::test_the_same_key_with_other_takes_is_a_mismatch",),
    ),
    Mutant(
        "resolved_once",
        "an extension with the same key and other parameters is a mismatch",
        "protocol/extend.py",
        'if request is not None and request["fingerprint"] != by.fingerprint:',
        "if False:",
        (_PROTOCOL + "test_extend.py::TestRetries",),
    ),
    Mutant(
        "resolved_once",
        "a keyed request that makes no record of its own is noted once",
        "storage/adjustment_records.py",
        '"attribute_not_exists(#request_id)"',
        '"attribute_not_exists(#request_id) OR attribute_exists(#request_id)"',
        (_GUARDS + "TestMadeOnce::test_a_keyed_request",),
    ),
    Mutant(
        "resolved_once",
        "and noted with the change it makes",
        "protocol/extend.py",
        "writes = [write, put_request(core.tables, by, hold_id, at)] if by.keyed else [write]",
        "writes = [write]",
        (_PROTOCOL + "test_extend.py::TestRetries",),
    ),
    Mutant(
        "resolved_once",
        "a replayed extension shows the hold as it is now",
        "protocol/extend.py",
        "return Answer(get_hold(core, hold_id), replayed=True)",
        "return Answer(hold, replayed=True)",
        (_PROTOCOL + "test_extend.py::TestRetries",),
    ),
    # expiry_exact
    Mutant(
        "expiry_exact",
        "executed before its time",
        _HOLDS,
        'condition="#expires_at > :at",',
        'condition="(#expires_at > :at OR #expires_at <= :at)",',
        (_GUARDS + "TestHolds::test_it_is_used_only_before_its_time",),
    ),
    Mutant(
        "expiry_exact",
        "extended before its time",
        _HOLDS,
        "AND #expires_at > :at AND #at <= :at AND #rev",
        "AND #at <= :at AND #rev",
        (_GUARDS + "TestHolds::test_it_is_used_only_before_its_time",),
    ),
    Mutant(
        "expiry_exact",
        "expired at its time",
        _HOLDS,
        'condition="#expires_at <= :at")',
        'condition="(#expires_at <= :at OR #expires_at > :at)")',
        (_GUARDS + "TestHolds::test_it_expires_only_at_its_time",),
    ),
    Mutant(
        "expiry_exact",
        "a hold that is only ahead of this clock is not called expired, and one that is called so has expired for good",
        "protocol/resolve.py",
        "if expire(core, hold_id) is not None:",
        "if True:",
        (_PROTOCOL + "test_resolve.py::TestRetries::test_a_hold_that_is_ahead_of_the_clock_sets_the_instant",),
    ),
    Mutant(
        "expiry_exact",
        "a clock that is wrong does not write",
        "domain/clock.py",
        "if self._trusted is False:",
        "if False:",
        ("tests/unit/domain/test_clock.py::TestSkew",),
    ),
    Mutant(
        "expiry_exact",
        "every answer of the database is compared with the clock",
        "storage/database.py",
        "        self._observe(sent_ms, answer)\n        return answer",
        "        return answer",
        ("tests/unit/storage/test_database.py::TestTheDatabasesClock",),
    ),
    Mutant(
        "expiry_exact",
        "the clock is measured before the first write",
        "domain/clock.py",
        "            self._measure()",
        "            pass",
        ("tests/unit/domain/test_clock.py::TestSkew",),
    ),
    # settled_once
    Mutant(
        "settled_once",
        "a hold that is settled is not settled again",
        _HOLDS,
        "attribute_not_exists(#settlement) AND #status = :status",
        "#status = :status",
        (_GUARDS + "TestSettlement::test_a_settled_one_is_not", _PROTOCOL + "test_settle.py::TestTwice"),
    ),
    Mutant(
        "settled_once",
        "it has ended as its settlement says",
        _HOLDS,
        "attribute_not_exists(#settlement) AND #status = :status",
        "attribute_not_exists(#settlement) AND (#status = :status OR #status <> :status)",
        (_GUARDS + "TestSettlement::test_one_that_has_not_ended_so_is_not",),
    ),
    Mutant(
        "settled_once",
        "an active hold is not settled",
        "protocol/settle.py",
        "if hold.status is Status.ACTIVE or hold.settlement is not None:",
        "if hold.settlement is not None:",
        (_PROTOCOL + "test_settle.py::TestTwice::test_active_and_settled_holds_are_passed_over",),
    ),
    Mutant(
        "settled_once",
        "a transaction takes 99 holds and their shard",
        "protocol/settle.py",
        "_HOLDS_MAX = TRANSACTION_RECORDS_MAX - 1",
        "_HOLDS_MAX = TRANSACTION_RECORDS_MAX",
        (_PROTOCOL + "test_settle.py::TestBatches::test_a_transaction_takes_99_holds_and_their_shard",),
    ),
    Mutant(
        "settled_once",
        "a hold is called broken only where nothing else stood in the way",
        "protocol/settle.py",
        "if broken and not dropped and len(broken) == len(failed):",
        "if broken and not dropped:",
        (_PROTOCOL + "test_settle.py::TestWhatCannotBe",),
    ),
    Mutant(
        "settled_once",
        "nor one that a later try, at a later instant, can settle",
        "protocol/attempts.py",
        'if reason.condition_failed and (reason.record is None or reason.record["at"] <= at)',
        "if reason.condition_failed",
        (_PROTOCOL + "test_settle.py::TestDisturbances",),
    ),
    Mutant(
        "settled_once",
        "what was executed does not come back",
        "domain/holds.py",
        "so_far.available + draw.quantity - gone",
        "so_far.available + draw.quantity",
        ("tests/unit/domain/test_holds.py::TestSettling",),
    ),
    # held_matches_holds
    Mutant(
        "held_matches_holds",
        "a hold is made once",
        _HOLDS,
        '"attribute_not_exists(#hold_id)"',
        '"attribute_not_exists(#hold_id) OR attribute_exists(#hold_id)"',
        (_GUARDS + "TestHolds::test_a_hold_is_made_once", _PROTOCOL + "test_place.py::TestFaults"),
    ),
    Mutant(
        "held_matches_holds",
        "a keyed request derives its hold's id",
        "protocol/place.py",
        "_Order(by.object_id(HOLD, core.new_uuid),",
        '_Order(f"{HOLD}_{core.new_uuid().hex}",',
        (_PROTOCOL + "test_place.py::TestIdempotency",),
    ),
    Mutant(
        "held_matches_holds",
        "the same key with other parameters is a mismatch",
        "protocol/place.py",
        "if hold.fingerprint != by.fingerprint:",
        "if False:",
        (_PROTOCOL + "test_place.py::TestIdempotency",),
    ),
    Mutant(
        "held_matches_holds",
        "a key is of one account, method and path",
        "domain/ids.py",
        'digest("key", self.account, self.method, self.path, self.idempotency_key)',
        'digest("key", self.idempotency_key)',
        ("tests/unit/domain/test_ids.py::TestTokens",),
    ),
    Mutant(
        "held_matches_holds",
        "draws on one shard are one change",
        "domain/drawing.py",
        "line[draw.shard] = line.get(draw.shard, 0) + draw.quantity",
        "line[draw.shard] = draw.quantity",
        ("tests/unit/domain/test_drawing.py::TestPlan",),
    ),
    Mutant(
        "held_matches_holds",
        "a line too scattered for one transaction is gathered first",
        "protocol/place.py",
        "if sum(len(line.drawn) for line in lines) > _DRAWS_MAX:",
        "if False:",
        (_PROTOCOL + "test_place.py::TestScatteredStock",),
    ),
    Mutant(
        "held_matches_holds",
        "scattered lines are gathered together, within the tries that there are",
        "protocol/place.py",
        "        if too_many > 0:",
        "        if too_many > 0 and line is max(lines, key=lambda line: len(line.drawn)):",
        (_PROTOCOL + "test_place.py::TestScatteredStock",),
    ),
    # stock_conserved
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
        "if recorded.fingerprint != by.fingerprint:",
        "if False:",
        (_PROTOCOL + "test_adjust.py::TestRetries", _PROTOCOL + "test_transfer.py::TestRetries"),
    ),
    Mutant(
        "stock_conserved",
        "also for a split",
        "protocol/split.py",
        'if made is not None and made["fingerprint"] != by.fingerprint:',
        "if False:",
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
        "protocol/lookout.py",
        "return on_hand == later_on_hand and self.only_fell_until(later)",
        "return True",
        (_PROTOCOL + "test_count.py::TestOthersMeanwhile",),
    ),
    Mutant(
        "stock_conserved",
        "and between which none came back",
        "protocol/lookout.py",
        "return on_hand == later_on_hand and self.only_fell_until(later)",
        "return on_hand == later_on_hand and _rev(self.directory) == _rev(later.directory)",
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
    # gapless
    Mutant(
        "gapless",
        "time never goes back on a shard",
        _STOCK,
        'if makes else "#at <= :at"]',
        'if makes else "(#at <= :at OR #at > :at)"]',
        _AT_OF_SHARDS,
    ),
    Mutant(
        "gapless",
        "nor on one that gains",
        _STOCK,
        '"(attribute_not_exists(#at) OR #at <= :at)"',
        '"(attribute_not_exists(#at) OR #at <= :at OR #at > :at)"',
        _AT_OF_SHARDS,
    ),
    Mutant(
        "gapless",
        "nor on a directory",
        _STOCK,
        'f"{condition} AND #at <= :at"',
        'f"{condition} AND (#at <= :at OR #at > :at)"',
        _AT_OF_DIRECTORIES,
    ),
    Mutant(
        "gapless",
        "nor on a hold that ends",
        _HOLDS,
        "#status = :active AND #at <= :at{guard}",
        "#status = :active AND (#at <= :at OR #at > :at){guard}",
        _AT_OF_HOLDS,
    ),
    Mutant(
        "gapless",
        "nor on one that is extended",
        _HOLDS,
        "AND #at <= :at AND #rev = :rev",
        "AND #rev = :rev",
        _AT_OF_HOLDS,
    ),
    Mutant(
        "gapless",
        "nor on one that is settled",
        _HOLDS,
        "AND #status = :status AND #at <= :at",
        "AND #status = :status",
        (_GUARDS + "TestSettlement::test_time_never_goes_back",),
    ),
    Mutant(
        "gapless",
        "an instant is no earlier than what was seen",
        "domain/clock.py",
        "at = max(tick_at_or_after(now_ms), *seen) if seen else tick_at_or_after(now_ms)",
        "at = tick_at_or_after(now_ms)",
        ("tests/unit/domain/test_clock.py::TestStamps",),
    ),
    Mutant(
        "gapless",
        "a failed try tells the next one the instant that it met",
        "protocol/attempts.py",
        'self.seen_at = max(self.seen_at, record.get("at", 0))',
        "pass",
        (_PROTOCOL + "test_resolve.py::TestRetries::test_a_hold_that_is_ahead_of_the_clock_sets_the_instant",),
    ),
    Mutant(
        "gapless",
        "a record too far ahead is not followed",
        "domain/clock.py",
        "if at > now_ms + AHEAD_MAX_MS:",
        "if False:",
        ("tests/unit/domain/test_clock.py::TestStamps",),
    ),
    # atomic_instant
    Mutant(
        "atomic_instant",
        "a directory that is only checked is not later",
        _STOCK,
        "#warehouses.#w.#shards > :highest AND #at <= :at",
        "#warehouses.#w.#shards > :highest AND (#at <= :at OR #at > :at)",
        _AT_OF_DIRECTORIES,
    ),
    Mutant(
        "atomic_instant",
        "nor is a shard that is only given up",
        _STOCK,
        "AND #held = :zero AND #at <= :at)",
        "AND #held = :zero AND (#at <= :at OR #at > :at))",
        (_GUARDS + "TestGivingUpAShard",),
    ),
    # archive_complete
    Mutant(
        "archive_complete",
        "the projection is changed only as it was seen",
        "storage/availability_records.py",
        '"#version = :seen" if',
        '"(#version = :seen OR #version <> :seen)" if',
        (_GUARDS + "TestProjection::test_a_record_is_changed_only_as_it_was_seen",),
    ),
    Mutant(
        "archive_complete",
        "and made once",
        "storage/availability_records.py",
        'else "attribute_not_exists(#version)"',
        'else "attribute_not_exists(#version) OR attribute_exists(#version)"',
        (_GUARDS + "TestProjection::test_a_first_record_is_made_once",),
    ),
    Mutant(
        "archive_complete",
        "an entry gives way only to a higher revision",
        "domain/availability.py",
        "if number not in merged or count.rev > merged[number].rev:",
        "if True:",
        (_PIPELINES + "TestProjector", _PROTOCOL + "test_project.py::TestFolding"),
    ),
    Mutant(
        "archive_complete",
        "also a directory's",
        "domain/availability.py",
        "directory = max(known.directory, news.directory)",
        "directory = news.directory if news.directory.rev else known.directory",
        (_PIPELINES + "TestProjector", "tests/property/test_domain.py"),
    ),
    Mutant(
        "archive_complete",
        "a hold that is extended while it is listed is listed once",
        "protocol/holds_view.py",
        " if hold.id not in seen]",
        "]",
        (_PROTOCOL + "test_views.py::TestListOfHolds",),
    ),
    # everything_settles
    Mutant(
        "everything_settles",
        "the sweeper settles what nobody else has settled",
        "protocol/sweep.py",
        "return resolved and now_ms - hold.at > UNSETTLED_AFTER_MS",
        "return False",
        (_PROTOCOL + "test_sweep.py::TestSettling",),
    ),
    Mutant(
        "everything_settles",
        "the sweeper ends what is past its time",
        "protocol/sweep.py",
        "if hold.status is Status.ACTIVE and hold.expires_at <= now_ms:",
        "if False:",
        (_PROTOCOL + "test_sweep.py::TestExpiry",),
    ),
    Mutant(
        "everything_settles",
        "each run begins with another slice",
        "protocol/sweep.py",
        "first = now_ms // 60_000 % core.open_slices",
        "first = 0",
        (_PROTOCOL + "test_sweep.py::TestTime",),
    ),
    Mutant(
        "everything_settles",
        "a run stops in time",
        "protocol/sweep.py",
        "if core.clock.now() >= until_ms:\n                    return swept",
        "if False:\n                    return swept",
        (_PROTOCOL + "test_sweep.py::TestTime",),
    ),
    Mutant(
        "everything_settles",
        "what is due comes first",
        "protocol/sweep.py",
        'for low, high in (("", horizon), (horizon, "~")):',
        'for low, high in (("", "~"),):',
        (_PROTOCOL + "test_sweep.py::TestTime",),
    ),
    Mutant(
        "everything_settles",
        "an extended hold is looked for at its new time",
        _HOLDS,
        "SET #expires_at = :expires_at, #due = :due,",
        "SET #expires_at = :expires_at, #metadata = :metadata, #last_due = :due,",
        (_PROTOCOL + "test_views.py::TestListOfHolds",),
    ),
    Mutant(
        "everything_settles",
        "one contended group stops no other",
        "protocol/settle.py",
        "groups = [left for group in groups for left in _tried(core, group, report)]",
        "groups = _tried(core, groups[0], report) or groups[1:]",
        (_PROTOCOL + "test_settle.py::TestDisturbances",),
    ),
    Mutant(
        "everything_settles",
        "a poison record is set aside",
        "pipeline/stream.py",
        "except (KeyError, TypeError, ValueError, AttributeError) as error:",
        "except ZeroDivisionError as error:",
        (_PIPELINES + "TestSettler",),
    ),
    Mutant(
        "everything_settles",
        "also a hold that only the arithmetic shows to be one",
        _HOLDS,
        "    _ = settling_changes(hold), hold.at + hold.rev + hold.expires_at",
        "    _ = None",
        (_PIPELINES + "TestSettler",),
    ),
    Mutant(
        "everything_settles",
        "also where a run of the sweeper meets it",
        "protocol/sweep.py",
        "except (KeyError, TypeError, ValueError):",
        "except ZeroDivisionError:",
        (_PROTOCOL + "test_sweep.py",),
    ),
    Mutant(
        "everything_settles",
        "a run stops in time, also within a page",
        "protocol/sweep.py",
        "        if core.clock.now() >= until_ms:\n            return\n",
        "",
        (_PROTOCOL + "test_sweep.py::TestTime",),
    ),
    Mutant(
        "everything_settles",
        "also a shard",
        "pipeline/projector.py",
        '        _ = alone.version + alone.available + alone.held + change.after["at"]',
        "        _ = alone",
        (_PIPELINES + "TestProjector",),
    ),
    Mutant(
        "everything_settles",
        "a hold that cannot be settled is set aside with the reason",
        "pipeline/settler.py",
        "        put_aside(resolved[hold.id][1], why, set_aside)",
        "        pass",
        (_PIPELINES + "TestSettler",),
    ),
    Mutant(
        "everything_settles",
        "all tries are bounded",
        "protocol/attempts.py",
        "for number in range(self._most):",
        "for number in range(10 * self._most):",
        (_PROTOCOL + "test_place.py::TestFaults",),
    ),
    # everything_settles: what rebalances by itself neither repeats itself nor stops the stream
    Mutant(
        "everything_settles",
        "what hinders a rebalancing does not stop the stream",
        "pipeline/projector.py",
        "except InventoryError as hindered:",
        "except ZeroDivisionError as hindered:",
        (_REBALANCE + "TestSplit::test_contention_puts_it_off_and_the_stream_goes_on",),
    ),
    Mutant(
        "everything_settles",
        "one looks after an item at a time",
        "domain/rebalancing.py",
        " or now_ms - heat.rebalanced < REBALANCED_EVERY_MS",
        "",
        (_REBALANCE + "TestSplit::test_one_looks_after_it_at_a_time", _HEAT + "TestWhen"),
    ),
    Mutant(
        "everything_settles",
        "news told twice warms once",
        "domain/availability.py",
        "if number not in known.shards or rev > known.shards[number].rev",
        "if rev",
        (_HEAT + "TestFolding",),
    ),
    Mutant(
        "everything_settles",
        "a rush that is over splits nothing",
        "domain/rebalancing.py",
        "now_ms - heat.at > HEAT_AGE_MAX_MS or ",
        "",
        (_HEAT + "TestWhen",),
    ),
    Mutant(
        "everything_settles",
        "a shard that is drawn from does not keep a move from the others",
        "protocol/move.py",
        "given.pop(reason.write.about.number, None)",
        "pass",
        (_REBALANCE + "TestSplit::test_a_shard_that_is_drawn_from_is_left_out_of_the_move",),
    ),
    Mutant(
        "never_falsely_refused",
        "what a rebalancing gives lands where the directory covers it",
        "protocol/move.py",
        "writes.append(check_covered(core.tables, item, warehouse, max(given), at))",
        "pass",
        (_REBALANCE + "TestLevelling::test_no_unit_lands_on_a_shard_given_up_meanwhile",),
    ),
    Mutant(
        "everything_settles",
        "what is sold meanwhile is not merged",
        "protocol/rebalance.py",
        "return None  # it is not cold any more",
        "pass",
        (_REBALANCE + "TestMerge::test_what_is_sold_meanwhile_is_not_cold",),
    ),
    Mutant(
        "everything_settles",
        "a merge leaves the shards that carry holds",
        "protocol/rebalance.py",
        "for key, shard in seen.shards.items() if shard.held), default=0)",
        "for key, shard in seen.shards.items() if False), default=0)",
        (_REBALANCE + "TestMerge::test_shards_that_carry_holds_stay_and_those_above_go",),
    ),
    Mutant(
        "everything_settles",
        "a merge that cannot be is not tried again for an hour",
        "domain/rebalancing.py",
        "max(seen.heat.at, seen.heat.rebalanced)",
        "seen.heat.at",
        (_REBALANCE + "TestMerge::test_a_try_that_changes_nothing_is_not_made_again_for_an_hour",),
    ),
    Mutant(
        "everything_settles",
        "an event that cannot be published stops nothing",
        "wiring.py",
        "except (BotoCoreError, ClientError) as error:",
        "except ZeroDivisionError as error:",
        ("tests/unit/pipeline/test_announcing.py",),
    ),
    Mutant(
        "everything_settles",
        "however many items a batch finds unbalanced, it ends in time",
        "pipeline/projector.py",
        "if core.clock.now() >= until_ms:",
        "if False:",
        (_REBALANCE + "TestSplit::test_of_many_items_in_a_batch_those_that_find_no_time_wait_for_the_next",),
    ),
    Mutant(
        "everything_settles",
        "a rebalancing ends in time, however many moves are left",
        "protocol/rebalance.py",
        "if core.clock.now() >= until_ms:\n            break",
        "pass",
        (_REBALANCE + "TestSplit::test_it_ends_in_time",),
    ),
    Mutant(
        "never_oversold",
        "what was seen to be gone is not tried for again because the projection is behind",
        "protocol/lookout.py",
        "if shard.rev > (known.rev if known else 0):",
        "if False:",
        (_PROTOCOL + "test_hints.py::TestHints", _PROTOCOL + "test_last_units.py"),
    ),
)
