"""A measured figure, its bound, and the one table that shows them all."""

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
    MET = "[green]✓[/]"
    NOISE = "[yellow]≈[/]"
    MISSED = "[red bold]✗[/]"


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        value: How much.
        unit: Of what.
        bound: How much it may be (at least, where `at_least`), or None where it is only shown.
        at_least: Whether more is better.
        timed: Whether noise can move it.
        note: What to know about it.
    """

    name: str
    value: float
    unit: str = ""
    bound: float | None = None
    at_least: bool = False
    timed: bool = False
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Met, missed, or missed by no more than noise explains."""
        if self.bound is None:
            return Verdict.SHOWN
        more, less = (self.bound, self.value) if self.at_least else (self.value, self.bound)
        if more <= less:
            return Verdict.MET
        return Verdict.NOISE if self.timed and more <= less * NOISE else Verdict.MISSED

    @property
    def measured(self) -> str:
        """The value as it is shown."""
        return f"{self.value:,.{0 if self.value >= _MANY else 2}f}".removesuffix(".00") + f" {self.unit}".rstrip()

    @property
    def must_be(self) -> str:
        """The bound as it is shown."""
        return "" if self.bound is None else f"{'≥' if self.at_least else '≤'} {self.bound:,} {self.unit}".rstrip()


@dataclass(frozen=True)
class Section:
    """Figures that belong together. `about` says how they were taken."""

    title: str
    about: str
    figures: tuple[Figure, ...]


def show(sections: Iterable[Section], console: Console) -> bool:
    """Prints each section as soon as it is there; whether every figure is within its bound, or off by noise alone."""
    good = True
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
                escape(figure.name), figure.measured, figure.must_be, figure.verdict.value, escape(figure.note)
            )
            good &= figure.verdict is not Verdict.MISSED
        console.print(table)
        console.print()
    console.print(f"[dim]✓ met · ≈ timed, and off by less than {NOISE - 1:.0%}, which noise explains · ✗ missed[/]")
    return good
