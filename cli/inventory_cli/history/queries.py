"""The questions in `queries/*.sql`: each runs as it stands; its first lines have what can be asked differently."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from inventory_cli.errors import CliError, NotFound, Unreachable, WrongUse
from inventory_cli.instants import in_sql, stamp

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

#: As many rows as a person, or a spreadsheet, makes anything of.
ROWS_MAX: Final = 100_000
_PACKAGED: Final = Path(__file__).parents[1] / "queries"
#: Installed by itself, the command brings them; in a checkout they stand beside it.
FOLDER: Final = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[3] / "queries"
_PARAMETER: Final = re.compile(
    r"^(?P<before> +)'(?P<value>[^']*)'(?P<after> AS (?P<name>\w+),? -- (?P<meaning>.+))$", re.MULTILINE
)
#: No partition has an event that happened after it. What it opens no partition by must stand there as a literal.
_PARTITION: Final = re.compile(r"'\w+'(?P<after> -- (?P<name>\w+), as partitions are named)$", re.MULTILINE)
_POLL_SECONDS: Final = 0.5
_SECONDS_MAX: Final = 600
_PAGE_ROWS: Final = 1000


class Parameter(NamedTuple):
    """What can be asked differently: its name, what it means, and what it is if nothing is said."""

    name: str
    meaning: str
    default: str


class Rows(NamedTuple):
    """An answer: names of columns, and rows of text, None where there is nothing; and whether there are more."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | None]]
    has_more: bool

    @property
    def records(self) -> list[dict[str, str | None]]:
        """The rows by their columns' names."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Query:
    """One of the questions."""

    name: str
    text: str

    @property
    def title(self) -> str:
        """Its first line."""
        return self.text.splitlines()[0].removeprefix("-- ")

    @property
    def parameters(self) -> list[Parameter]:
        """What can be asked differently."""
        found = _PARAMETER.finditer(self.text)
        return [Parameter(each["name"], each["meaning"], each["value"]) for each in found]

    def filled(self, values: Mapping[str, str]) -> str:
        """The SQL with other values, each as a literal that cannot be anything else.

        Raises:
            WrongUse: It has no such parameter, or what should be an instant is none.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in values:
            if name not in names:
                raise WrongUse(f"The query {self.name} has no parameter {name}: it has {', '.join(names)}.")

        def literal(match: re.Match[str]) -> str:
            value = values.get(match["name"])
            if value is None:
                return match[0]
            value = (in_sql(value) if "instant" in match["meaning"] else value).replace("'", "''")
            return f"{match['before']}'{value}'{match['after']}"

        def partition(match: re.Match[str]) -> str:
            value = values.get(match["name"])
            return match[0] if value is None else f"'{stamp(value)}'{match['after']}"

        return _PARTITION.sub(partition, _PARAMETER.sub(literal, self.text))


def all_queries() -> list[Query]:
    """Every question, by name."""
    return [Query(path.stem, path.read_text()) for path in sorted(FOLDER.glob("*.sql"))]


def query_called(name: str) -> Query:
    """The question of this name.

    Raises:
        NotFound: There is none.
    """
    for query in all_queries():
        if query.name == name.replace("-", "_"):
            return query
    raise NotFound(f"There is no query {name}: there are {', '.join(query.name for query in all_queries())}.")


def run(
    athena: AthenaClient,
    sql: str,
    *,
    database: str,
    workgroup: str,
    pause: Callable[[float], None],
    rows_max: int = ROWS_MAX,
) -> Rows:
    """Asks Athena, and waits for the answer; of a long one it fetches the first rows.

    Raises:
        CliError: Athena could not run it; says why.
        Unreachable: It took longer than ten minutes.
    """
    started = athena.start_query_execution(
        QueryString=sql, QueryExecutionContext={"Database": database}, WorkGroup=workgroup
    )
    execution = started["QueryExecutionId"]
    for _ in range(round(_SECONDS_MAX / _POLL_SECONDS)):
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return _rows(athena, execution, rows_max)
        if status["State"] in ("FAILED", "CANCELLED"):
            raise CliError(f"Athena could not run it: {status.get('StateChangeReason', status['State'])}")
        pause(_POLL_SECONDS)
    athena.stop_query_execution(QueryExecutionId=execution)
    raise Unreachable(f"Athena took longer than {_SECONDS_MAX} s; the query was stopped.")


def _rows(athena: AthenaClient, execution: str, rows_max: int) -> Rows:
    names, *rows = islice(_told(athena, execution), rows_max + 2)
    return Rows([name or "" for name in names], rows[:rows_max], len(rows) > rows_max)


def _told(athena: AthenaClient, execution: str) -> Iterator[list[str | None]]:
    """All rows; the first has the names of the columns."""
    pages = athena.get_paginator("get_query_results").paginate(
        QueryExecutionId=execution, PaginationConfig={"PageSize": _PAGE_ROWS}
    )
    for page in pages:
        for row in page["ResultSet"]["Rows"]:
            yield [cell.get("VarCharValue") for cell in row["Data"]]
