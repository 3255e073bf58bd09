"""Options that several commands have."""

from typing import Annotated

import typer

IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Use the same value for every retry of one request: it is carried out once.",
        show_default=False,
    ),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A name and value of your own, stored with the record; may be repeated.",
        show_default=False,
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Your own reference: an order, a delivery, a hold.", show_default=False),
]
Item = Annotated[str, typer.Argument(metavar="ITEM", show_default=False)]
Warehouse = Annotated[str, typer.Argument(metavar="WAREHOUSE", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is done; it takes minutes.")]
AtMost = Annotated[float, typer.Option(min=1, max=86_400, metavar="SECONDS", help="With --wait: no longer than this.")]
