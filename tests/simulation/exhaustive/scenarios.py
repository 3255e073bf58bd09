"""The small worlds: two buyers, the settler and the sweeper over two shards with three units, in several situations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from simulation.exhaustive.actors import Actor, Buyer, Settler, Sweeper
from simulation.exhaustive.clerks import Clerk

#: What can happen to a call beside its success. "killed after", "answer lost" and "sent twice" have had their effect.
KILLED_BEFORE, KILLED_AFTER = "killed before", "killed after"
UNREACHABLE, ANSWER_LOST, CONFLICT, SENT_TWICE = "unreachable", "answer lost", "conflict", "sent twice"
CRASHES: Final = (KILLED_BEFORE, KILLED_AFTER)
#: A batch of reads is no snapshot: the first record of it, or the last, is read later than the others.
FIRST_UNREAD, LAST_UNREAD = "first unread", "last unread"
#: Where a transaction was cancelled: another one is on the first of its records, too, whose condition nobody looked at.
CONFLICT_TOO: Final = "conflict, too"
FAULTS: Final = (*CRASHES, UNREACHABLE, ANSWER_LOST, CONFLICT, SENT_TWICE, FIRST_UNREAD, LAST_UNREAD)


class Tick(NamedTuple):
    """A jump of the clock, whenever it is its turn: at any moment, or only while no request is under way."""

    to_ms: int
    quiet: bool = False


#: Holds expire a second after they were placed: a jump to just that instant.
EXPIRY: Final = Tick(1_000)
#: So long after that the sweeper settles what is unsettled. No request takes as long as that.
MINUTE: Final = Tick(62_100, quiet=True)


@dataclass(frozen=True)
class Scenario:
    """A small world.

    Attributes:
        name: For the command line.
        about: What it is about.
        actors: Who acts.
        shards: The units on each shard in the beginning.
        ticks: When (milliseconds from the start) the clock jumps.
        faults: What may happen to calls.
        faults_max: To how many of them in one schedule.
        projected: Whether the projection knows the stock; else buyers must look strongly.
        preemptions: How often an actor that could go on may be interrupted in one schedule; None: without limit.
        on_hand: How many units there must be in the end, where that is certain.
        ahead_ms: By how much the clock was ahead that the first stock was written by.
        answered: Whether every buyer gets an answer.
    """

    name: str
    about: str
    actors: Sequence[Actor]
    shards: Sequence[int] = (2, 1)
    ticks: Sequence[Tick] = ()
    faults: Sequence[str] = FAULTS
    faults_max: int = 1
    projected: bool = True
    preemptions: int | None = None
    on_hand: int | None = None
    ahead_ms: int = 0
    answered: bool = True

    @property
    def projects(self) -> bool:
        """Whether somebody writes the projection."""
        return any(isinstance(actor, Clerk) and "project" in actor.job for actor in self.actors)

    @property
    def holds_are_shared(self) -> bool:
        """Whether two actors ask for something of one hold."""
        return any(isinstance(actor, Buyer) and (actor.key or actor.others_hold) for actor in self.actors)


_ANN, _BOB = Buyer("ann", 2, "execute"), Buyer("bob", 2, "release")

SCENARIOS: Final = (
    Scenario(
        "rush",
        "two buyers want two of three units; one executes, one releases",
        (_ANN, _BOB, Settler(), Sweeper(1)),
    ),
    Scenario(
        "scattered",
        "one buyer takes all three units, from both shards; another wants one",
        (Buyer("ann", 3, "release"), Buyer("bob", 1, "execute"), Settler(), Sweeper(1)),
    ),
    Scenario(
        "twins",
        "two tries of one request at once: one hold, and no refusal for what the other try took",
        (
            Buyer("ann", 2, "execute", key="same", refusable=False),
            Buyer("twin", 2, "execute", key="same", refusable=False),
            Settler(),
            Sweeper(1),
        ),
    ),
    Scenario(
        "unseen",
        "the same, where the projection knows of no stock",
        (
            Buyer("ann", 2, "execute", key="same", refusable=False),
            Buyer("twin", 2, "execute", key="same", refusable=False),
        ),
        projected=False,
    ),
    Scenario(
        "one hold",
        "one buyer executes its hold while another one releases it",
        (_ANN, Buyer("bob", 2, "release", others_hold="ann"), Settler(), Sweeper(1)),
    ),
    Scenario(
        "moved",
        "a buyer wants all three units, which are there all the time, while one moves to and fro",
        (
            Buyer("ann", 3, "execute", refusable=False),
            Clerk("down", "move down"),
            Clerk("up", "move up"),
            Settler(),
        ),
        projected=False,
    ),
    Scenario(
        "split",
        "a buyer wants all three units while their shards become three",
        (Buyer("ann", 3, "release", refusable=False), Clerk("clerk", "split"), Settler()),
    ),
    Scenario(
        "merge",
        "a unit comes in, and another is bought and given back, while two shards become one",
        (Buyer("ann", 1, "release"), Clerk("clerk", "merge"), Clerk("keeper", "receive")),
        shards=(1, 0),
    ),
    Scenario(
        "resharded",
        "one makes three shards of two, another one",
        (Clerk("splitter", "split"), Clerk("merger", "merge")),
    ),
    Scenario(
        "skewed",
        "the same rush, by clocks that are 1.9 s apart from true, both ways",
        (
            Buyer("ann", 2, "execute", skew_ms=1_900),
            Buyer("bob", 1, "release", skew_ms=-1_900),
            Settler(skew_ms=-1_900),
            Sweeper(1),
        ),
        faults=CRASHES,
    ),
    Scenario(
        "skewed clerks",
        "stock comes and shards go, by clocks that are 1.9 s apart from true, both ways",
        (
            Clerk("sender", "send", skew_ms=1_900),
            Clerk("merger", "merge", skew_ms=-1_900),
            Clerk("keeper", "receive", skew_ms=-1_900),
        ),
        shards=(2, 0),
        faults_max=0,
    ),
    Scenario(
        "books",
        "units are taken out, and sent away to a warehouse that is new to the item, each request tried twice at once",
        (
            Clerk("taker", "remove"),
            Clerk("taker's twin", "remove", key="taker"),
            Clerk("sender", "send"),
            Clerk("sender's twin", "send", key="sender"),
        ),
    ),
    Scenario(
        "alone",
        "one buyer, whose hold's time comes, and a minute passes",
        (_ANN, Settler(), Sweeper(2)),
        ticks=(EXPIRY, MINUTE),
    ),
    Scenario(
        "minute",
        "a minute passes: the sweeper settles what the settler has not settled, or is just settling",
        (_ANN, _BOB, Settler(), Sweeper(2)),
        ticks=(MINUTE,),
        faults=("killed before", "killed after"),
    ),
    Scenario(
        "settled twice",
        "a minute passes: the sweeper and the settler settle the same hold, each perhaps still at it",
        (Buyer("ann", 2, "release"), Settler(), Sweeper(2)),
        ticks=(MINUTE,),
        faults=(*CRASHES, CONFLICT_TOO),
    ),
    Scenario(
        "expiry",
        "the holds' time comes at any moment, also between an instant taken and the write that carries it",
        (_ANN, _BOB, Settler(), Sweeper(1)),
        ticks=(EXPIRY,),
        faults_max=0,
    ),
    Scenario(
        "extended",
        "a hold is extended, and another one executes it, by clocks that are 1.9 s apart from true",
        (
            Buyer("ann", 2, "extend", skew_ms=-1_900),
            Buyer("bob", 2, "execute", others_hold="ann", skew_ms=1_900),
            Settler(),
        ),
    ),
    Scenario(
        "extension",
        "a hold is extended while its time comes and another one executes it; the clocks are 1.9 s apart from true",
        (
            Buyer("ann", 2, "extend", skew_ms=-1_900),
            Buyer("bob", 2, "execute", others_hold="ann", skew_ms=1_900),
            Settler(),
            Sweeper(1),
        ),
        ticks=(EXPIRY,),
    ),
    # Those below are about one guard, or a few, each.
    Scenario(
        "torn",
        "the same as moved, but no batch of reads is of one instant",
        (Buyer("ann", 3, "execute", refusable=False), Clerk("mover", "move down, then move up, then move down")),
        projected=False,
        faults=(LAST_UNREAD,),
        faults_max=2,
    ),
    Scenario(
        "covered",
        "a buyer wants all three units, while a second shard is made, and goes dry again",
        (Buyer("ann", 3, "execute", refusable=False), Clerk("clerk", "split to 2, then move down")),
        shards=(3,),
        projected=False,
        faults_max=0,
    ),
    Scenario(
        "regular",
        "who bought a unit of four, and saw them all, wants the other three when its hints are forgotten; one moves",
        (Clerk("ann", "buy 1, then buy 3", refusable=False), Clerk("mover", "move down")),
        shards=(2, 2),
        ticks=(Tick(1_100, quiet=True),),
        projected=False,
        faults=(LAST_UNREAD,),
    ),
    Scenario(
        "all out",
        "all units are taken out, the request tried twice at once; the second must not be told that there are too few",
        (Clerk("taker", "remove 3"), Clerk("taker's twin", "remove 3", key="taker")),
        faults_max=0,
    ),
    Scenario(
        "moved up",
        "a unit moves to a shard that is just given up",
        (Clerk("mover", "move up"), Clerk("merger", "merge")),
        shards=(1, 0),
    ),
    Scenario(
        "levelled",
        "half of the stock moves by itself to a shard that is just given up",
        (Clerk("projector", "level"), Clerk("merger", "merge")),
        shards=(4, 0),
    ),
    Scenario(
        "counted up",
        "a count finds more units, while the shard that is to have them is given up",
        (Clerk("counter", "count 5", insists=True), Clerk("merger", "merge")),
        shards=(2, 0),
        faults=CRASHES,
        on_hand=5,
    ),
    Scenario(
        "held on",
        "a unit of the shard that is given up is held, and given back",
        (Buyer("ann", 1, "release"), Clerk("merger", "merge"), Settler()),
        shards=(0, 1),
        faults=CRASHES,
    ),
    Scenario(
        "never made",
        "shards that no unit ever lay on are covered, and given up again",
        (Clerk("clerk", "split, then merge", insists=True),),
        shards=(1,),
    ),
    Scenario(
        "new item",
        "the first units of an item come into two warehouses at once",
        (Clerk("near", "receive new", insists=True), Clerk("far", "receive new far", insists=True)),
    ),
    Scenario(
        "new warehouse",
        "units are sent to a new warehouse, and spread there, while others are on their way to it",
        (Clerk("sender", "send 2, then split far"), Clerk("other", "send")),
        shards=(3,),
        faults_max=0,
    ),
    Scenario(
        "given up",
        "a shard is emptied by a clock that is ahead, and given up by one that is behind",
        (Clerk("mover", "move down", skew_ms=1_900), Clerk("merger", "merge", skew_ms=-1_900, insists=True)),
        shards=(1, 1),
        faults_max=0,
    ),
    Scenario(
        "ahead",
        "the stock was written by a clock that was minutes ahead: nobody may follow it there",
        (Buyer("ann", 1, "execute"), Clerk("keeper", "receive")),
        ahead_ms=180_000,
        faults_max=0,
        answered=False,
    ),
    Scenario(
        "behind",
        "a hold is placed by a clock that is ahead, and others by clocks that are behind want it, or more stock",
        (
            Buyer("ann", 2, "label", skew_ms=1_900),
            Buyer("bob", 2, "execute", others_hold="ann", skew_ms=-1_900),
            Buyer("cat", 1, "release", skew_ms=-1_900),
        ),
        faults_max=0,
    ),
    Scenario(
        "two counts",
        "two count five units where three are: two are new, not four",
        (Clerk("first", "count 5", insists=True), Clerk("second", "count 5", insists=True)),
        faults=CRASHES,
        on_hand=5,
    ),
    Scenario(
        "one count",
        "one counts the three units that there are, while one of them moves, and no batch of reads is of one instant",
        (Clerk("counter", "count 3"), Clerk("mover", "move down, then move up, then move down")),
        faults=(LAST_UNREAD,),
        faults_max=2,
        on_hand=3,
    ),
    Scenario(
        "count twins",
        "five units are counted, and two taken out, the count tried twice at once",
        (Clerk("counter", "count 5"), Clerk("twin", "count 5", key="counter"), Clerk("taker", "remove")),
    ),
    Scenario(
        "late extension",
        "a hold is extended by a clock that is behind while the sweeper looks at it, as its time is over",
        (Buyer("ann", 2, "extend", skew_ms=-1_900), Sweeper(1)),
        ticks=(EXPIRY,),
    ),
    Scenario(
        "labels",
        "two tries of one request change a hold",
        (Buyer("ann", 1, "label"), Buyer("twin", 1, "label", key="ann")),
    ),
    Scenario(
        "two labels",
        "two requests change a hold, and neither change is lost",
        (Buyer("ann", 1, "label"), Buyer("bob", 1, "label", others_hold="ann")),
    ),
    Scenario(
        "marked",
        "a hold is changed while another one changes or executes it; the clocks are 1.9 s apart from true",
        (
            Buyer("ann", 1, "label", skew_ms=1_900),
            Buyer("bob", 1, "label", others_hold="ann", skew_ms=-1_900),
            Buyer("cat", 1, "execute", others_hold="ann", skew_ms=1_900),
        ),
        faults_max=0,
    ),
    Scenario(
        "projectors",
        "two shards' news are projected at once",
        (Clerk("one", "project shard 0", insists=True), Clerk("other", "project shard 1", insists=True)),
    ),
    Scenario(
        "new projection",
        "the same, of an item that nobody has heard of",
        (Clerk("one", "project new shard 0", insists=True), Clerk("other", "project new shard 1", insists=True)),
    ),
    Scenario(
        "old news",
        "news of the directory are projected in any order, and some again",
        (
            Clerk("one", "project directory 102, then project directory 101"),
            Clerk("other", "project directory 101"),
        ),
    ),
    Scenario(
        "crash at expiry",
        "the holds' time comes, a minute passes, and one call is the last of its process",
        (_ANN, _BOB, Settler(), Sweeper(2)),
        ticks=(EXPIRY, MINUTE),
        faults=CRASHES,
    ),
)
