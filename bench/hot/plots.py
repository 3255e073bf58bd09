"""Plots for docs/performance.md: small SVGs, the same bytes for the same figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")  # before pyplot chooses one that needs a screen

import matplotlib.pyplot as plt
from bench.hot.cases import Result
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "inventory",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.facecolor": "white",
}
_SIZE = (6.4, 3.2)
_MILLISECONDS = (25, 50, 100, 200, 500)
_COLOURS = {"this design": "#1b7f5c", "one counter": "#b5482f", "static shards": "#4a6fa5", "nested holds": "#8a8a8a"}


def growth(reached: Mapping[int, float], folder: Path) -> None:
    """Sales a second by the number of shards, beside what linear growth would be."""
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=_SIZE)
        shards, one = list(reached), reached[min(reached)]
        axes.loglog(shards, [one * count for count in shards], "--", color="#8a8a8a", label="linear")
        axes.loglog(shards, list(reached.values()), "o-", color=_COLOURS["this design"], label="this design")
        axes.set_xticks(shards, [str(count) for count in shards])
        axes.set_yticks(list(reached.values()), [f"{rate:,.0f}" for rate in reached.values()])
        axes.minorticks_off()
        _named(axes, "shards", "sales/s on one item")
        axes.legend(frameon=False)
        _save(figure, folder / "hot-item-growth.svg")


def kept(offered: Mapping[float, Sequence[tuple[float, float]]], folder: Path) -> None:
    """The 99th percentile of place by the load of a shard, for each time that a transaction may keep an item."""
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=_SIZE)
        for (kept_ms, points), shade in zip(offered.items(), ("#7fc4aa", "#1b7f5c", "#0b3d2b"), strict=True):
            loads, p99 = zip(*points, strict=True)
            axes.semilogy(loads, p99, "o-", color=shade, label=f"kept {kept_ms:.0f} ms")
        axes.axhline(150, color="#b5482f", linewidth=0.8, linestyle=":")
        axes.set_yticks(_MILLISECONDS, [str(each) for each in _MILLISECONDS])
        axes.minorticks_off()
        _named(axes, "sales/s offered to each of 4 shards", "p99 of place, ms")
        axes.legend(frameon=False)
        _save(figure, folder / "hot-item-kept.svg")


def rush(result: Result, path: Path) -> None:
    """Who came and who was served, second by second, and when the item was split."""
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=_SIZE)
        seconds = range(len(result.came) - 1)  # of those of the last second some are still on their way
        axes.plot(seconds, [result.came[s] for s in seconds], color="#8a8a8a", label="buyers who came")
        axes.plot(
            seconds, [result.served[s] for s in seconds], "--", color=_COLOURS["this design"], label="got their hold"
        )
        for second, shards in result.splits:
            axes.axvline(second, color="#4a6fa5", linewidth=0.8, linestyle=":")
            axes.annotate(f"{shards}", (second, max(result.came) * 0.96), fontsize=8, color="#4a6fa5")
        _named(axes, "seconds since the rush began (dotted: split into so many shards)", "a second")
        axes.legend(frameon=False, loc="lower right")
        _save(figure, path)


def designs(sales: Mapping[str, tuple[float, float]], folder: Path) -> None:
    """Sales a second of each design, on one hot item and on Zipf's mix."""
    with mpl.rc_context(_STYLE):
        figure, both = plt.subplots(1, 2, figsize=_SIZE)
        for axes, index, title, offered in (
            (both[0], 0, "one hot item", 1_000),
            (both[1], 1, "Zipf over 1,000 items", 2_000),
        ):
            names = list(sales)
            bars = axes.barh(names, [sales[name][index] for name in names], color=[_COLOURS[name] for name in names])
            axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
            axes.axvline(offered, color="#333333", linewidth=0.8, linestyle=":")
            axes.set_xlim(0, offered * 1.25)
            axes.invert_yaxis()
            axes.set_title(title, fontsize=9)
            _named(axes, f"sales/s of {offered:,} offered", "")
        both[1].set_yticklabels([])
        _save(figure, folder / "hot-item-designs.svg")


def _named(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
