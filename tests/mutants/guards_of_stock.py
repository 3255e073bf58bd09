"""Guards of the counters and of refusals: what is taken is there, and what is refused was not."""

from typing import Final

from mutants.mutant import Edit, Mutant

_GUARDS = "tests/unit/storage/test_guards.py::"
_PROTOCOL = "tests/unit/protocol/"
_REBALANCE = _PROTOCOL + "test_rebalance.py::"
_STOCK = "storage/stock_records.py"
#: Nobody looks whether a refusal's proof still stands.
_UNCHECKED: Final = Edit("protocol/place.py", "placed is None and stands(self._core, refusal):", "placed is None:")

STOCK: Final = (
    Mutant(
        "never_oversold",
        "what is taken is available",
        _STOCK,
        'conditions.append("#available >= :taken")\n        values["taken"] = -change.available',
        "pass",
        (_GUARDS + "TestShards::test_more_than_is_available_is_not_taken",),
    ),
    Mutant(
        "never_oversold",
        "what is settled is held",
        _STOCK,
        'conditions.append("#held >= :settled")\n        values["settled"] = -change.held',
        "pass",
        (_GUARDS + "TestShards::test_more_than_is_held_is_not_settled",),
    ),
    Mutant(
        "never_oversold",
        "what was seen to be gone is not tried for again because the projection is behind",
        "protocol/lookout.py",
        "if shard.rev > (known.rev if known else 0):",
        "if False:",
        (_PROTOCOL + "test_hints.py::TestHints", _PROTOCOL + "test_last_units.py"),
    ),
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
        "domain/passes.py",
        "return self._agrees(later, lambda shard: shard.inflow)",
        "return _rev(self.directory) == _rev(later.directory)",
        (_PROTOCOL + "test_refuse.py::TestStockThatMovesMeanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "the directory stood still between the passes",
        "domain/passes.py",
        "return self._agrees(later, lambda shard: shard.inflow)",
        "seen = {key: shard.inflow for key, shard in later.shards.items()}\n"
        "        return all(seen.get(key) == shard.inflow for key, shard in self.shards.items())",
        (_PROTOCOL + "test_refuse.py::TestStockThatMovesMeanwhile",),
    ),
    Mutant(
        "never_falsely_refused",
        "the proof is at most a second old",
        "protocol/refuse.py",
        "current.ended_ms - current.started_ms <= REFUSAL_AGE_MAX_MS",
        "True",
        (_PROTOCOL + "test_refuse.py::TestSlowReads",),
        covered="whether the proof still stands is looked at once more before anybody is refused",
        also=(_UNCHECKED,),
    ),
    Mutant(
        "never_falsely_refused",
        "of both passes already the earlier one saw too little",
        "protocol/refuse.py",
        "earlier is not None and earlier.available < short.wanted",
        "earlier is not None",
        (_PROTOCOL + "test_refuse.py::TestStockThatMovesMeanwhile",),
        covered="a refusal stands only on fewer units than were wanted, which is looked at before anybody is refused",
        also=(_UNCHECKED,),
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
        "protocol/ttl_cache.py",
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
        "placed = self.own()\n            if placed is None and",
        "placed = None\n            if placed is None and",
        (_PROTOCOL + "test_place.py::TestIdempotency",),
    ),
    Mutant(
        "never_falsely_refused",
        "and only after the proof: before it, a twin may still be on its way",
        "protocol/place.py",
        """        try:
            for _ in self._wants:
                short = shortage(self._wants, self._views)
                if short is None:
                    break
                refuse_from_memory(self._core, short)
                found = refuse_or_find(self._core, short, self._patience)
                self._remember(short.item, short.warehouse, found)
        except InsufficientStock as refusal:
            placed = self.own()
""",
        """        placed = self.own()
        try:
            for _ in self._wants:
                short = shortage(self._wants, self._views)
                if short is None:
                    break
                refuse_from_memory(self._core, short)
                found = refuse_or_find(self._core, short, self._patience)
                self._remember(short.item, short.warehouse, found)
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
        "if placed is None and stands(self._core, refusal):",
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
    Mutant(
        "never_falsely_refused",
        "what a rebalancing gives lands where the directory covers it",
        "protocol/move.py",
        "writes.append(check_covered(core.tables, item, warehouse, max(given), at))",
        "pass",
        (_REBALANCE + "TestLevelling::test_no_unit_lands_on_a_shard_given_up_meanwhile",),
    ),
)
