"""The API's objects as a person sees them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from inventory_cli.harmless import harmless_text

Object = Mapping[str, Any]

_STATUS_STYLES: Final = {
    "active": "bold cyan",
    "executed": "bold green",
    "released": "yellow",
    "expired": "red",
    "pending": "bold cyan",
    "complete": "bold green",
    "failed": "bold red",
}
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_BETWEEN: Final = 3  # characters between two columns


def stock(item: Object) -> RenderableType:
    """An item's stock, all together and by warehouse."""
    style = "bold green" if item["in_stock"] else "bold red"
    title = Text.assemble(
        (item["item"], "bold"), "  ", (f"{item['available']:,} available", style),
        f" · {item['held']:,} held · {item['on_hand']:,} on hand", (f"  as of {clock(item['as_of'])}", "dim"),
    )  # fmt: skip
    table = grid("warehouse", "available>", "held>", "on hand>", "shards>")
    for each in item["warehouses"]:
        numbers = (f"{each[name]:,}" for name in ("available", "held", "on_hand", "shards"))
        table.add_row(each["warehouse"], *numbers)
    return Group(title, Padding(table, (0, 0, 0, 2))) if item["warehouses"] else title


def stocks(found: Sequence[Object]) -> RenderableType:
    """Items, one line each."""
    table = grid("item", "available>", "held>", "on hand>")
    for item in found:
        table.add_row(item["item"], *(f"{item[name]:,}" for name in ("available", "held", "on_hand")))
    return table


def hold(held: Object, now: float) -> RenderableType:
    """A hold with its lines."""
    title = Text.assemble((held["id"], "bold"), "  ", status(held["status"]), Text(_when(held, now), style="dim"))
    table = grid("item", "warehouse", "quantity>", "executed>")
    for line in held["lines"]:
        table.add_row(line["item"], line["warehouse"], f"{line['quantity']:,}", f"{line['executed']:,}")
    parts: list[RenderableType] = [title, Padding(table, (0, 0, 0, 2))]
    if held["metadata"]:
        parts.append(Padding(Text(_pairs(held["metadata"]), style="dim"), (0, 0, 0, 2)))
    return Group(*parts)


def holds(found: Sequence[Object], now: float) -> RenderableType:
    """Holds, one line each."""
    table = grid("hold!", "status!", "expires!", "lines")
    for held in found:
        lines = ", ".join(f"{line['item']}@{line['warehouse']}:{line['quantity']}" for line in held["lines"])
        table.add_row(held["id"], status(held["status"]), _until(held["expires_at"], now), lines)
    return table


def change(made: Object) -> RenderableType:
    """An adjustment or a transfer."""
    if made["object"] == "transfer":
        what = f"{made['quantity']:,} of {made['item']} from {made['from']} to {made['to']}"
    else:
        what = f"{made['quantity']:+,} of {made['item']} in {made['warehouse']}: {made['reason']}"
    reference = f" ({made['reference']})" if made.get("reference") else ""
    return Text.assemble((made["id"], "bold"), "\n  ", what, (reference, "dim"))


def snapshot(taken: Object) -> RenderableType:
    """A snapshot, with its totals and what seals it."""
    title = Text.assemble(
        (taken["id"], "bold"), "  ", status(taken["status"]), (f"  as of {utc(taken['as_of'])}", "dim")
    )
    if taken["status"] != "complete":
        return title
    table = grid("total", "number>")
    for name, number in taken["totals"].items():
        table.add_row(name.replace("_", " "), f"{number:,}")
    sealed = Text(f"manifest {taken['manifest']['number']}, SHA-256 {taken['manifest']['sha256']}", style="dim")
    return Group(title, Padding(Group(table, sealed), (0, 0, 0, 2)))


def snapshots(found: Sequence[Object]) -> RenderableType:
    """Complete snapshots, one line each."""
    table = grid("snapshot!", "as of (UTC)!", "items>", "available>", "held>", "manifest>")
    for taken in found:
        totals = (f"{taken['totals'][name]:,}" for name in ("items", "available", "held"))
        table.add_row(taken["id"], utc(taken["as_of"]), *totals, str(taken["manifest"]["number"]))
    return table


def audit(audited: Object) -> RenderableType:
    """An audit, with what each check found."""
    title = Text.assemble(
        (audited["id"], "bold"), "  ", status(audited["status"]), (f"  of {audited['snapshot']}", "dim")
    )
    if audited["status"] != "complete":
        return title
    table = grid("check", "looked at>", "discrepancies>")
    for check in audited["checks"]:
        style = "bold red" if check["discrepancies"] else "green"
        table.add_row(check["name"], f"{check['looked_at']:,}", Text(f"{check['discrepancies']:,}", style=style))
    end = [] if audited["discrepancies"] else [Text("Nothing is wrong.", style="bold green")]
    return Group(title, Padding(Group(table, *end), (0, 0, 0, 2)))


def audits(found: Sequence[Object]) -> RenderableType:
    """Complete audits, one line each."""
    table = grid("audit!", "asked for (UTC)!", "snapshot!", "discrepancies>")
    for audited in found:
        style = "bold red" if audited["discrepancies"] else "green"
        number = Text(f"{audited['discrepancies']:,}", style=style)
        table.add_row(audited["id"], utc(audited["created"]), audited["snapshot"], number)
    return table


def movements(rows: Sequence[Mapping[str, str | None]]) -> Table:
    """Every change of an item's counters, as the query `movements` tells it."""
    table = grid("when (UTC)!", "warehouse!", "available>", "held>", "left>", "cause", "by")
    for row in rows:
        table.add_row(
            (row["happened_at"] or "")[:21],
            f"{row['warehouse_id']} #{row['shard']}",
            _signed(row["available_change"]),
            _signed(row["held_change"]),
            row["available_after"] or "-",
            _cause(row),
            row["actor"] or "",
        )
    return table


def _cause(row: Mapping[str, str | None]) -> Text:
    more = " · ".join(part for part in (row["reason"], row["reference"]) if part)
    return Text.assemble(row["cause"] or "", f" {row['cause_id'] or ''}", (f"\n{more}" if more else "", "dim"))


def _signed(number: str | None) -> Text:
    value = int(number or 0)
    return Text(f"{value:+,}" if value else "", style="red" if value < 0 else "green")


def status(name: str) -> Text:
    """A status."""
    return Text(name, style=_STATUS_STYLES.get(name, ""))


class Grid(Table):
    """A table that cuts nothing off: where what should stay whole has no room, it is folded like everything else."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """As Rich does. A styled text is measured as it is: the console, which makes texts harmless, sees it later."""
        super().add_row(*(harmless_text(cell) if isinstance(cell, Text) else cell for cell in cells), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, as wide as there is room for."""
        least = sum(_width(column, console, options) if column.no_wrap else 1 for column in self.columns)
        if least + _BETWEEN * (len(self.columns) - 1) > options.max_width:
            for column in self.columns:
                column.no_wrap = False
        yield from super().__rich_console__(console, options)


def _width(column: Column, console: Console, options: ConsoleOptions) -> int:
    return max(Measurement.get(console, options, cell).maximum for cell in (column.header, *column.cells))


def grid(*columns: str) -> Table:
    """An empty table. A column named ``…>`` has numbers; it, and one named ``…!``, stays whole where there is room."""
    table = Grid(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, show_edge=False)
    for column in columns:
        name = column.rstrip(">!")
        justify: Literal["left", "right"] = "right" if column.endswith(">") else "left"
        table.add_column(name, justify=justify, no_wrap=name != column, overflow="fold")
    return table


def clock(seconds: float) -> str:
    """An instant, in this machine's zone."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def utc(seconds: float) -> str:
    """An instant in UTC, as options of commands take it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> str:
    """A length of time, in the two largest units."""
    whole = max(0, round(seconds))
    for unit, name, smaller, its_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit} {name}" + (f" {rest} {its_name}" if rest else "")
    return f"{whole} s"


def _when(held: Object, now: float) -> str:
    if held["status"] == "active":
        return f"  expires {_until(held['expires_at'], now)}"
    return "  settled" if held["settled"] else "  not settled yet"


def _until(instant: float, now: float) -> str:
    return f"in {span(instant - now)}" if instant > now else f"{span(now - instant)} ago"


def _pairs(metadata: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in metadata.items())
