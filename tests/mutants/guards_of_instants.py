"""Guards of the clock rule: every instant is a consistent cut."""

from typing import Final

from mutants.mutant import SNAPSHOTS, Edit, Mutant

_GUARDS = "tests/unit/storage/test_guards.py::"
_PROTOCOL = "tests/unit/protocol/"
_STOCK = "storage/stock_records.py"
_HOLDS = "storage/hold_records.py"
_AT_OF_SHARDS = (_GUARDS + "TestShards::test_time_never_goes_back",)
_AT_OF_DIRECTORIES = (_GUARDS + "TestDirectory::test_time_never_goes_back",)
_AT_OF_HOLDS = (_GUARDS + "TestHolds::test_time_never_goes_back",)

INSTANTS: Final = (
    Mutant(
        "gapless",
        "time never goes back on a shard",
        _STOCK,
        'conditions = ["#at <= :at"]',
        'conditions = ["(#at <= :at OR #at > :at)"]',
        _AT_OF_SHARDS,
    ),
    Mutant(
        "gapless",
        "nor on one that gains",
        _STOCK,
        '"attribute_not_exists(#at) OR #at <= :at"',
        '"attribute_not_exists(#at) OR #at <= :at OR #at > :at"',
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
        covered="it is the revision that was read, and the instant is no earlier than that one's",
        also=(
            Edit(
                "protocol/extend.py",
                "core.clock.stamp(hold.at, attempts.seen_at)",
                "core.clock.stamp(attempts.seen_at)",
            ),
        ),
    ),
    Mutant(
        "gapless",
        "nor on one that is settled",
        _HOLDS,
        "AND #status = :status AND #at <= :at",
        "AND #status = :status",
        (_GUARDS + "TestSettlement::test_time_never_goes_back",),
        covered="what has ended is not written again before it is settled, and the instant is no earlier than its end",
        also=(
            Edit(
                "protocol/settle.py",
                "core.clock.stamp(attempts.seen_at, *(hold.at for hold in left.values()))",
                "core.clock.stamp(attempts.seen_at)",
            ),
        ),
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
    *(
        Mutant(
            "atomic_instant",
            f"no write is sent long after its instant was taken: {how}",
            file,
            code,
            without,
            ("tests/unit/adapters/test_in_time.py",),
            beyond=SNAPSHOTS,
        )
        for how, file, code, without in (
            ("a repetition is not sent", "adapters/in_time.py", "if now_ms - began_ms > SENT_WITHIN_MS:", "if False:"),
            ("its call's first try counts", "adapters/in_time.py", ".setdefault(_BEGAN_MS, now_ms)", ".get(0, now_ms)"),
            ("by whoever writes", "wiring.py", "client or sent_in_time(", "client or (lambda client, _: client)("),
        )
    ),
    Mutant(
        "atomic_instant",
        "nor hours later, by a thread that was frozen: where one fails, those under way end first",
        "storage/at_once.py",
        "        wait(under_way)\n",
        "",
        ("tests/unit/test_wiring.py",),
        beyond=SNAPSHOTS,
    ),
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
    *(
        Mutant(
            "atomic_instant",
            f"stock comes into a warehouse no sooner than its entry in the directory, by {how}",
            f"protocol/{file}.py",
            "core.clock.stamp(seen_at, seen.directory_at)",
            "core.clock.stamp(seen_at)",
            (_PROTOCOL + "test_adjust.py::TestAdding",),
            beyond=SNAPSHOTS,
        )
        for how, file in (("an adjustment", "adjust"), ("a transfer", "transfer"))
    ),
)
