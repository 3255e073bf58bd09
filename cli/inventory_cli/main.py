"""The root command: what holds for all of them."""

import signal
from typing import Annotated, Any

import typer
from typer.core import TyperGroup, TyperOption

from inventory_cli.commands import audit, change, hold, keys, redrive, snapshot
from inventory_cli.commands import history as history_command
from inventory_cli.commands import load as load_command
from inventory_cli.commands import query as query_command
from inventory_cli.commands import stock as stock_command
from inventory_cli.commands import verify as verify_command
from inventory_cli.errors import CliError
from inventory_cli.output import Output
from inventory_cli.session import Session, World
from inventory_cli.target import Options

_EPILOG = """
Options above may stand anywhere on the line: `inventory stock espresso-cup --json` works too.

Exit codes: 0 done · 1 failed · 2 wrong use of the command · 3 not enough stock · 4 not found ·
5 no answer, or too busy: try again later · 6 verify or audit found discrepancies · 130 interrupted · 143 stopped.

A request that is not answered, or whose answer says so, is tried again up to 3 times. That is safe: whatever changes
something carries an Idempotency-Key, so that it happens once.
"""


class _Root(TyperGroup):
    """Takes its own options from anywhere on the line, and turns errors into messages and exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._own_first(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CliError as error:
            session = ctx.find_object(Session)
            output = session.output if session else Output(as_json=False)
            output.error(error)
            raise typer.Exit(error.exit_code) from None

    def _own_first(self, args: list[str]) -> list[str]:
        """The arguments, with the root's own options in front; what follows ``--`` is left alone.

        Those are the callback's: completion is asked of no command, and help of whatever it stands behind.
        """
        options = [each for each in self.params if isinstance(each, TyperOption) and each.expose_value]
        flags = {name for each in options if each.is_flag for name in each.opts}
        with_value = {name for each in options if not each.is_flag for name in each.opts}
        own, rest = [], []
        remaining = iter(args)
        for argument in remaining:
            if argument == "--":
                rest.append(argument)
                rest.extend(remaining)
            elif argument in flags or argument.startswith(tuple(f"{name}=" for name in with_value)):
                own.append(argument)
            elif argument in with_value:
                own.extend((argument, *[value for value in (next(remaining, None),) if value is not None]))
            else:
                rest.append(argument)
        return own + rest


app = typer.Typer(
    cls=_Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("stock")(stock_command.stock)
app.add_typer(hold.app, name="hold")
# A negative quantity is no option.
app.command("adjust", context_settings={"ignore_unknown_options": True})(change.adjust)
app.command("load")(load_command.load)
app.command("transfer")(change.transfer)
app.command("split")(change.split)
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(audit.app, name="audit")
app.command("history")(history_command.history)
app.command("query")(query_command.query)
app.command("verify")(verify_command.verify)
app.add_typer(keys.app, name="keys")
app.add_typer(redrive.app, name="redrive")


@app.callback()
def root(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The API's base, without /v1 (or INVENTORY_URL).", show_default=False),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="An API key (or INVENTORY_API_KEY).", show_default=False)
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of --url: a stack's name in CloudFormation, or a stack.json (or INVENTORY_STACK). "
            "Default: the local stack of the checkout around this folder.",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="With --stack: its region, if not yours.", show_default=False)
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(metavar="URL", help="With --stack: an emulator instead of AWS.", show_default=False)
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=60, metavar="SECONDS", help="How long one try of a request may take.")
    ] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")] = False,
) -> None:
    """Stock and holds of an inventory service, its history with snapshots, audits and proofs, API keys and queues.

    Choose the service with --url and --key, with --stack, or in the environment. Inside a checkout whose local stack is
    up, you need none of these.
    """
    world = context.obj if isinstance(context.obj, World) else World()
    options = Options(url, key, stack, region, endpoint_url)
    context.obj = Session(options, Output(as_json=as_json), world, timeout_s=timeout)


def main() -> None:
    """The `inventory` command."""
    signal.signal(signal.SIGTERM, _stop)
    app()


def _stop(number: int, _frame: object) -> None:
    """Ends the command as Ctrl-C does, what it wrote for itself removed: a copy of the history is not left behind."""
    raise SystemExit(128 + number)
