"""A question about the past, asked of the stack's own Athena."""

from inventory_cli.aws import explained
from inventory_cli.history.queries import Rows, run
from inventory_cli.session import Session


def asked_of(session: Session, sql: str, *, rows_max: int) -> Rows:
    """What the stack's history answers.

    Raises:
        CliError: It cannot be asked, or the question failed.
    """
    with explained():
        return run(
            session.stack.aws.athena,
            sql,
            database=session.stack.output("HistoryDatabase"),
            workgroup=session.stack.output("HistoryWorkgroup"),
            pause=session.world.pause,
            rows_max=rows_max,
        )
