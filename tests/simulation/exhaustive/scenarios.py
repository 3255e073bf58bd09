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
    Scenario(
        "crash at expiry",
        "the holds' time comes, a minute passes, and one call is the last of its process",
        (_ANN, _BOB, Settler(), Sweeper(2)),
        ticks=(EXPIRY, MINUTE),
        faults=CRASHES,
    ),
)
