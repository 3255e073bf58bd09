"""`inventory keys`: create, list and revoke API keys, in the stack's own table."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from inventory.domain.keys import ALL_SCOPES, ApiKey, Scope
from inventory.domain.limits import TEXT_LENGTH_MAX
from inventory_cli import render
from inventory_cli.aws import explained
from inventory_cli.errors import WrongUse
from inventory_cli.key_store import KeyStore
from inventory_cli.session import Session, session_of

app = typer.Typer(
    no_args_is_help=True,
    help="API keys: create, list, revoke. With the operator's AWS credentials, not through the API.",
)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="What you call it: the service that gets it.", show_default=False)],
    account: Annotated[str, typer.Option(help="Idempotency keys are kept apart by it.", show_default=False)],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; repeat it for more.", show_default=False)
    ] = None,
    all_scopes: Annotated[bool, typer.Option("--all-scopes", help="It may do everything.")] = False,
) -> None:
    """Create a key. Its text is shown now, and never again.

    For example:

        inventory keys create --name shop --account acct_shop --scope holds:read --scope holds:write

        inventory keys create --name ops --account acct_ops --all-scopes --json
    """
    if bool(scope) == all_scopes:
        raise WrongUse("Say what it may do: --scope, repeated for more than one, or --all-scopes.")
    for option, given in (("--name", name), ("--account", account)):
        _check_readable(option, given)
    session = session_of(context)
    with explained():
        key, text = _store(session).create(name, account, sorted(set(scope or ALL_SCOPES)), _now_ms(session))
    session.output.show(
        _data(key) | {"key": text},
        Text.assemble((key.id, "bold"), f"  {key.name}, of {key.account}, in {session.stack.name}"),
        Text.assemble("  ", (text, "bold green")),
    )
    session.output.note("  Keep it now: only its hash is stored. It works at once.")


@app.command("list")
def list_keys(context: typer.Context) -> None:
    """List the keys: whose they are, what they may do, and which are revoked."""
    session = session_of(context)
    with explained():
        keys = _store(session).all()
    session.output.show([_data(key) for key in keys], _table(keys) if keys else "No keys.")


@app.command()
def revoke(
    context: typer.Context, key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="key_…", show_default=False)]
) -> None:
    """Revoke a key: within 60 seconds nothing takes it any more. This cannot be undone."""
    session = session_of(context)
    with explained():
        key = _store(session).revoke(key_id, _now_ms(session))
    session.output.show(_data(key), Text.assemble((key.id, "bold"), f"  {key.name}  ", ("revoked", "red")))
    session.output.note("  Gateways that have just seen it may let it in for another 60 s.")


def _check_readable(option: str, given: str) -> None:
    """A key without an account opens nothing, and what is listed must not move a terminal's cursor.

    Raises:
        WrongUse: It is empty, too long, or has characters that cannot be seen.
    """
    if not given.strip() or len(given) > TEXT_LENGTH_MAX or not given.isprintable():
        raise WrongUse(f"{option}: 1 to {TEXT_LENGTH_MAX} readable characters, please, not spaces alone.")


def _store(session: Session) -> KeyStore:
    return KeyStore(session.stack.aws.dynamodb, session.stack.output("ApiKeysTable"))


def _now_ms(session: Session) -> int:
    return int(session.world.now() * 1000)


def _data(key: ApiKey) -> dict[str, Any]:
    """A key for a script, without its hash; times are Unix seconds, as in the API."""
    return {
        "id": key.id,
        "name": key.name,
        "account": key.account,
        "scopes": [scope.value for scope in key.scopes],
        "created": key.created // 1000,
        "revoked": None if key.revoked is None else key.revoked // 1000,
    }


def _table(keys: list[ApiKey]) -> Table:
    table = render.grid("key!", "account", "may", "since")
    for key in keys:
        named = Text.assemble((key.name, "bold" if key.revoked is None else "strike"), f"\n{key.id}")
        since = Text(render.clock(key.created / 1000)[:10])
        if key.revoked is not None:
            since.append(f"\nrevoked {render.clock(key.revoked / 1000)[:10]}", style="red")
        table.add_row(named, key.account, _may(key), since)
        table.add_section()
    return table


def _may(key: ApiKey) -> str:
    """Scopes by what they are for, so that a line has room for them."""
    rights: dict[str, list[str]] = {}
    for scope in key.scopes:
        thing, _, right = scope.value.partition(":")
        rights.setdefault(thing, []).append(right)
    return "\n".join(f"{thing}: {', '.join(sorted(each))}" for thing, each in sorted(rights.items()))
