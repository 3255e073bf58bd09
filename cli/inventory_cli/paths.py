"""The API's paths of single things. What a user typed stays one segment of them."""

from urllib.parse import quote

from inventory_cli.errors import WrongUse


def item_path(item: str) -> str:
    """An item's stock.

    Raises:
        WrongUse: A path with this id in it leads elsewhere, however it is quoted.
    """
    if item in ("", ".", ".."):
        raise WrongUse(f"No path leads to an item called {item!r}.")
    return f"/v1/stock/{quote(item, safe='')}"


def object_path(listed: str, identifier: str, what: str) -> str:
    """What stands in a list under an id.

    Args:
        listed: The list's path.
        identifier: The id.
        what: What it is an id of, and how that begins, for a person: "a hold: it begins with hold_".

    Raises:
        WrongUse: Nothing can have this id.
    """
    if not identifier.isascii() or not identifier.replace("_", "").isalnum():
        raise WrongUse(f"{identifier!r} is no id of {what}.")
    return f"{listed}/{identifier}"
