"""A measured figure, its bound, and the one table that shows them all."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from rich.console import Console
from rich.markup import escape
from rich.table import Table

#: What is counted misses its bound or not. What is timed on a busy machine may be a quarter off.
NOISE = 1.25
_MANY = 100


class Verdict(Enum):
    """Whether a figure is within its bound, and how that is shown."""

    SHOWN = " "
    NOT_MEASURED = "[yellow]–[/]"
    MET = "[green]✓[/]"
    NOISE = "[yellow]≈[/]"
    KNOWN = "[red]✗[/]"
    MISSED = "[red bold]✗[/]"
    STALE = "[red bold]![/]"

    @property
    def good(self) -> bool:
        """Whether nobody has to look into it."""
        return self not in (Verdict.MISSED, Verdict.STALE)


@dataclass(frozen=True)
class KnownMiss:
    """A bound that cannot be met, as docs/performance.md explains. Only what is worse than this, or met, is news.

    Attributes:
        why: What stands against it.
        worst: How far off it may be.
    """

    why: str
    worst: float


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        value: How much, or None where what it takes is not here: `note` says what.
        unit: Of what.
        bound: How much it may be (at least, where `at_least`), or None where it is only shown.
        at_least: Whether more is better.
        timed: Whether noise can move it.
        note: What to know about it.
        known: Why it is missed, where that is known.
    """

    name: str
    value: float | None
    unit: str = ""
    bound: float | None = None
    at_least: bool = False
    timed: bool = False
    note: str = ""
    known: KnownMiss | None = None

    @property
    def verdict(self) -> Verdict:
        """Met, missed, or missed by no more than noise or a known reason explains."""
        if self.value is None:
            return Verdict.NOT_MEASURED
        if self.bound is None:
            return Verdict.SHOWN
        if _within(self.value, self.bound, at_least=self.at_least):
            return Verdict.STALE if self.known else Verdict.MET
        if self.known:
            return Verdict.KNOWN if _within(self.value, self.known.worst, at_least=self.at_least) else Verdict.MISSED
        with_noise = self.bound / NOISE if self.at_least else self.bound * NOISE
        explained = self.timed and _within(self.value, with_noise, at_least=self.at_least)
        return Verdict.NOISE if explained else Verdict.MISSED

    @property
    def measured(self) -> str:
        """The value as it is shown."""
        if self.value is None:
            return "not measured"
        return f"{self.value:,.{0 if self.value >= _MANY else 2}f}".removesuffix(".00") + f" {self.unit}".rstrip()

    @property
    def must_be(self) -> str:
        """The bound as it is shown."""
        return "" if self.bound is None else self._limit(self.bound)

    @property
    def remark(self) -> str:
        """Its note, and what there is to say of a known miss."""
        said = {
            Verdict.KNOWN: "known: {why}",
            Verdict.STALE: "met, so this is out of date: {why}",
            Verdict.MISSED: "known, but it was {worst}: {why}",
        }
        if self.known is None or self.verdict not in said:
            return self.note
        told = said[self.verdict].format(why=self.known.why, worst=self._limit(self.known.worst))
        return "; ".join(filter(None, (self.note, told)))

    def _limit(self, limit: float) -> str:
        return f"{'≥' if self.at_least else '≤'} {limit:,} {self.unit}".rstrip()


def _within(value: float, limit: float, *, at_least: bool) -> bool:
    return value >= limit if at_least else value <= limit


@dataclass(frozen=True)
class Section:
    """Figures that belong together. `about` says how they were taken."""

    title: str
    about: str
    figures: tuple[Figure, ...]


def show(sections: Iterable[Section], console: Console) -> bool:
    """Prints each section as soon as it is there; whether no figure is off but by noise, or as it is known to be."""
    verdicts: Counter[Verdict] = Counter()
    for section in sections:
        table = Table(title=f"[bold]{section.title}[/]", caption=section.about, title_justify="left",
                      caption_justify="left", box=None, pad_edge=False, expand=True)  # fmt: skip
        table.add_column("figure", ratio=5)
        table.add_column("measured", justify="right", ratio=2)
        table.add_column("must be", justify="right", ratio=2)
        table.add_column("", width=1)
        table.add_column("note", style="dim", ratio=5)
        for figure in section.figures:
            table.add_row(
                escape(figure.name), figure.measured, figure.must_be, figure.verdict.value, escape(figure.remark)
            )
            verdicts[figure.verdict] += 1
        console.print(table)
        console.print()
    console.print(
        f"[dim]✓ met · ≈ timed, and off by less than {NOISE - 1:.0%}, which noise explains · ✗ missed · ! met, though "
        "known as missed · – not measured[/]"
    )
    missed, known, lacking = (verdicts[each] for each in (Verdict.MISSED, Verdict.KNOWN, Verdict.NOT_MEASURED))
    console.print(
        f"{missed} missed, {known} more as known, {verdicts[Verdict.STALE]} out of date, {lacking} not measured"
    )
    return all(verdict.good for verdict in verdicts)
