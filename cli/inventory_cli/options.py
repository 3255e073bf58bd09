"""Options that several commands have."""

from typing import Annotated

import typer

IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="The same text for each try of one thing: it happens once.",
        show_default=False,
    ),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Anything to find again; may be repeated.", show_default=False),
]
Reference = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Your own paper: an order, a delivery, a hold.", show_default=False)
]
Item = Annotated[str, typer.Argument(metavar="ITEM", show_default=False)]
Warehouse = Annotated[str, typer.Argument(metavar="WAREHOUSE", show_default=False)]
