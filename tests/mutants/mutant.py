"""What is known of a guard: the invariant that it serves, where it is, and what the code would be without it."""

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


#: Why some guards are out of the simulation's reach.
POISON: Final = (
    "is about records that nobody of the service writes, in the collecting stream: there are no others there"
)
COST: Final = "is about what settling costs: without it all is settled too"
REDRIVEN: Final = "is about what operators give back: nobody does in the simulation"
DEFECTS: Final = "is about deployments that went wrong: functions of the simulation are told the same, and understand"
LOAD: Final = "is about load: there how much is asked decides nothing about what is refused"
TOLD: Final = "is about what a caller of an extension was told: the simulation judges what the records say"
EDGE: Final = "is about the HTTP edge: nobody chooses a request's id in the simulation"
UNKNOWN: Final = "is about what a caller without a key is told: in the simulation those do not ask again"
CLOCKS: Final = "is about clocks that go wrong: those of the simulation stay as far off as they were"
MOVING: Final = "is about an index that moves while a page of it is read: those of the simulation stand still"
WIDE: Final = "is about items of a thousand shards: those of the simulation have fewer"
LARGE: Final = "is about carts drawn from a hundred shards: those of the simulation are smaller"
EDITED: Final = "is about records that were edited by hand: nobody does in the simulation"
SNAPSHOTS: Final = "is about snapshots: none are made in the simulation"


class Edit(NamedTuple):
    """A change to the code: below the package, this text, which stands there once, gives way to that."""

    file: str
    code: str
    without: str


class Mutant(NamedTuple):
    """The code without one of its guards.

    Attributes:
        invariant: Which invariant the guard serves first.
        guard: What the guard says, in words.
        file: Where it is, below the package.
        code: The guard itself, as it stands there once.
        without: What would stand there without it.
        tests: Tests (pytest's node ids) of which at least one fails then.
        beyond: Why the simulation cannot find it missing; empty, where it can and must.
        covered: Which other guards see to the same thing, so that nothing goes wrong without this one alone.
        also: What takes those away: the simulation must find all of them missing together.
    """

    invariant: str
    guard: str
    file: str
    code: str
    without: str
    tests: tuple[str, ...]
    beyond: str = ""
    covered: str = ""
    also: tuple[Edit, ...] = ()

    @property
    def edit(self) -> Edit:
        """What takes the guard itself away."""
        return Edit(self.file, self.code, self.without)
