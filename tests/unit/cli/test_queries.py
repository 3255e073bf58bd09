"""A question is asked of Athena until it is answered, fails or takes too long, and no longer."""

from collections.abc import Iterator
from typing import Any

import pytest

from inventory_cli.errors import CliError, ExitCode, Unreachable
from inventory_cli.history.queries import run


class Athena:
    """Tells one state after the other of its one query."""

    def __init__(self, states: Iterator[dict[str, str]]) -> None:
        self.states = states
        self.stopped: list[str] = []

    def start_query_execution(self, **_: Any) -> dict[str, str]:
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": next(self.states)}}

    def stop_query_execution(self, QueryExecutionId: str) -> None:  # noqa: N803 - boto3's names
        self.stopped.append(QueryExecutionId)


def asked(*states: dict[str, str], then: str | None = None) -> tuple[Athena, list[float], CliError]:
    """What came of a query with these states, all of which are told, and with the last one if any for ever."""

    def told() -> Iterator[dict[str, str]]:
        yield from states
        while then is not None:
            assert sum(pauses) < 3600, "it would never end"
            yield {"State": then}

    pauses: list[float] = []
    athena: Any = Athena(told())
    with pytest.raises(CliError) as error:
        run(athena, "SELECT 1", database="d", workgroup="w", pause=pauses.append)
    return athena, pauses, error.value


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_ended_without_an_answer_is_not_waited_for(state: str) -> None:
    athena, pauses, error = asked({"State": "QUEUED"}, {"State": state, "StateChangeReason": "TABLE_NOT_FOUND"})
    assert "TABLE_NOT_FOUND" in error.message
    assert (error.exit_code, len(pauses), athena.stopped) == (ExitCode.FAILED, 1, [])
    assert state in asked({"State": state})[2].message, "without a reason the state says something"


def test_a_query_that_takes_ten_minutes_is_stopped() -> None:
    athena, pauses, error = asked(then="RUNNING")
    assert isinstance(error, Unreachable)
    assert (sum(pauses), athena.stopped) == (600, ["q1"])
