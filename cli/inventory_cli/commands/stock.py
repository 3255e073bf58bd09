"""`inventory stock`: what there is, once or again and again."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from inventory_cli import render
from inventory_cli.api_client import ApiClient
from inventory_cli.errors import NotFound, WrongUse
from inventory_cli.instants import unix_seconds
from inventory_cli.paths import item_path
from inventory_cli.session import Session, session_of

_ITEMS_PER_CALL_MAX = 100


def stock(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    items: Annotated[list[str] | None, typer.Argument(metavar="ITEM", help="Which items.", show_default=False)] = None,
    consistent: Annotated[
        bool, typer.Option("--consistent", help="Read the counters themselves, not their copy of a second ago.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="What there was then: '2026-11-22 18:00:00' (UTC) or Unix seconds, up to the latest snapshot.",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Read again and again, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two readings.")] = 1.0,
    warehouse: Annotated[str | None, typer.Option(help="With --in-stock: the warehouse.", show_default=False)] = None,
    in_stock: Annotated[bool, typer.Option("--in-stock", help="All that the warehouse has available.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="With --in-stock: at most so many items.")] = 100,
) -> None:
    """Show how many there are: available, held, and by warehouse.

    For example:

        inventory stock espresso-cup

        inventory stock espresso-cup saucer --watch

        inventory stock espresso-cup --at '2026-11-22 18:00:00'

        inventory stock --warehouse berlin --in-stock --json
    """
    session = session_of(context)
    if in_stock:
        if items or consistent or at or watch or warehouse is None:
            raise WrongUse("--in-stock stands beside --warehouse alone: no items, --consistent, --at or --watch.")
        query = {"warehouse": warehouse, "in_stock": "true"}
        session.list("/v1/stock", query, limit, render.stocks, f"{warehouse} has nothing available.")
    elif warehouse is not None:
        raise WrongUse("--warehouse needs --in-stock beside it.")
    elif not items:
        raise WrongUse("Say which items, or --warehouse W --in-stock.")
    elif at is not None:
        if consistent or watch:
            raise WrongUse("--at is of the past: no --consistent or --watch beside it.")
        instant = str(unix_seconds(at))
        then = [session.api.get(item_path(item), {"at": instant}) for item in items]
        session.output.show(_data(items, then), *map(render.stock, then))
    elif watch:
        _watch(session, items, consistent=consistent, interval=interval)
    else:
        found = _read(session.api, items, consistent=consistent)
        session.output.show(_data(items, found), *map(render.stock, found))
        _tell_unknown(items, found)


def _read(api: ApiClient, items: Sequence[str], *, consistent: bool) -> list[dict[str, Any]]:
    """One call for all, or where the counters themselves are asked for, one for each."""
    if len(items) == 1 or consistent:
        flag = "true" if consistent else None
        return [api.get(item_path(item), {"consistent": flag}) for item in items]
    several = (items[start : start + _ITEMS_PER_CALL_MAX] for start in range(0, len(items), _ITEMS_PER_CALL_MAX))
    pages = (api.get("/v1/stock", {"items": ",".join(some)}) for some in several)
    return [item for page in pages for item in page["data"]]


def _watch(session: Session, items: Sequence[str], *, consistent: bool, interval: float) -> None:
    if session.output.json:
        while True:
            session.output.line(_data(items, _read(session.api, items, consistent=consistent)))
            session.world.pause(interval)
    with Live(console=session.output.console, auto_refresh=False) as live:
        while True:
            found = _read(session.api, items, consistent=consistent)
            live.update(_screen(found), refresh=True)
            session.world.pause(interval)


def _screen(found: Sequence[dict[str, Any]]) -> RenderableType:
    return Group(*map(render.stock, found))


def _data(items: Sequence[str], found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One item as itself, several as a list."""
    return found[0] if len(items) == 1 else {"object": "list", "has_more": False, "data": list(found)}


def _tell_unknown(items: Sequence[str], found: Sequence[dict[str, Any]]) -> None:
    known = {item["item"] for item in found}
    if unknown := [item for item in items if item not in known]:
        raise NotFound(f"Unknown: {', '.join(unknown)}.")
