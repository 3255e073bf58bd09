"""`inventory adjust`, `transfer` and `split`: stock that changes other than by a sale."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from inventory_cli import render
from inventory_cli.errors import WrongUse
from inventory_cli.lines import metadata_from, whole
from inventory_cli.options import IdempotencyKey, Item, Metadata, Reference, Warehouse
from inventory_cli.paths import item_path
from inventory_cli.session import session_of


def adjust(  # noqa: PLR0913, PLR0917 - options are arguments
    context: typer.Context,
    item: Item,
    warehouse: Warehouse,
    reason: Annotated[str, typer.Option(help="Why: received, damaged, returned, counted, …", show_default=False)],
    quantity: Annotated[
        str | None, typer.Argument(metavar="±N", help="Units to add, or to take away.", show_default=False)
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=0, help="Instead: the units on the shelf, held ones included.", show_default=False)
    ] = None,
    reference: Reference = None,
    metadata: Metadata = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Add units, take them away, or correct them by a count.

    A return is `--reason returned --reference hold_…`.

    For example:

        inventory adjust espresso-cup berlin +100 --reason received --reference PO-77

        inventory adjust espresso-cup berlin -3 --reason damaged

        inventory adjust espresso-cup berlin --count 97 --reason counted
    """
    if (quantity is None) == (count is None):
        raise WrongUse("Say either how many to add or take away (+5, -5), or --count N.")
    body = {
        "item": item,
        "warehouse": warehouse,
        "quantity": None if quantity is None else whole(quantity, quantity),
        "count": count,
        "reason": reason,
        "reference": reference,
        "metadata": metadata_from(metadata),
    }
    _change(context, "/v1/adjustments", body, idempotency_key)


def transfer(
    context: typer.Context,
    item: Item,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The warehouse that gives.", show_default=False)],
    destination: Annotated[str, typer.Argument(metavar="TO", help="The one that gets.", show_default=False)],
    quantity: Annotated[int, typer.Argument(metavar="N", min=1, show_default=False)],
    reference: Reference = None,
    metadata: Metadata = None,
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Move units from one warehouse to another.

    For example:

        inventory transfer espresso-cup berlin lyon 20
    """
    body = {
        "item": item,
        "from": source,
        "to": destination,
        "quantity": quantity,
        "reference": reference,
        "metadata": metadata_from(metadata),
    }
    _change(context, "/v1/transfers", body, idempotency_key)


def split(
    context: typer.Context,
    item: Item,
    warehouse: Warehouse,
    shards: Annotated[int, typer.Argument(metavar="SHARDS", min=1, show_default=False)],
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Count an item's stock in a warehouse on more shards, so that more buyers can hold it at once; or on fewer.

    One shard takes about a hundred holds a second. 64 are right for a launch.

    For example:

        inventory split espresso-cup berlin 16
    """
    session = session_of(context)
    body = {"warehouse": warehouse, "shards": shards}
    counted = session.change(f"{item_path(item)}/split", body, idempotency_key)
    session.output.show(counted, render.stock(counted))


def _change(context: typer.Context, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> None:
    session = session_of(context)
    made = session.change(path, body, idempotency_key)
    session.output.show(made, render.change(made))
