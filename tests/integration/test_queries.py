"""Each question of queries/*.sql, asked of the emulator's Athena over Glue tables as the template has them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlglot
from sqlglot import exp

from contract.implementations import started_emulator
from inventory.domain.events import Source
from inventory.storage.hold_records import hold_from
from inventory_cli.errors import CliError, WrongUse
from inventory_cli.history.queries import Query, Rows, all_queries, query_called, run
from support.folding import fold
from support.sealed import Row, Sealer, write_parquet
from support.tape import Tape
from support.template import properties, resources
from support.terminal import Terminal, write_stack
from support.trade import trade
from support.world import World

BUCKET, DATABASE, WORKGROUP = "history", "inventory_test", "inventory-test"
FINDINGS = "check_name VARCHAR, what VARCHAR, path VARCHAR, record VARCHAR, evidence VARCHAR, audit VARCHAR"
HOLD_TYPES = ("hold_placed", "hold_executed")
KINDS = {"VARCHAR": "string", "BIGINT": "bigint", "INTEGER": "int", "TIMESTAMP": "timestamp", "BOOLEAN": "boolean"}

Ask = Callable[..., list[Row]]


@pytest.fixture(scope="module")
def sealer(tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    world = World(seed=8)
    tape = Tape(world)
    trade(world, 150, seed=8)
    world.clock.pass_s(5_000)  # into another hour
    trade(world, 60, seed=9)
    sealer = Sealer(tmp_path_factory.mktemp("bucket"), {source: tape.events(source) for source in Source}, buckets=2)
    told = tape.instants()
    for part in (3, 2):
        sealer.seal(told[len(told) * (4 - part) // 3] // 1000 * 1000)
    sealer.seal(told[-1] // 1000 * 1000 + 1000)
    sealer.seal(told[len(told) // 2] // 1000 * 1000)  # asked for later, of an earlier instant
    rows = [
        {"check_name": name, "what": "It is wrong.", "record": record, "evidence": '{"expected":1}', "audit": "audit_1"}
        for name, record in (("gapless", "cup#berlin#0@3"), ("late_events", "cup#berlin#0@9"))
    ]
    path = sealer.folder / f"audit_findings/as_of={newest(sealer)}/findings.parquet"
    write_parquet(path, FINDINGS, "check_name", rows)
    return sealer


def newest(sealer: Sealer) -> str:
    return max(path.name for path in (sealer.folder / "snapshots").iterdir()).removeprefix("as_of=")


@pytest.fixture(scope="module")
def athena(sealer: Sealer) -> Iterator[Any]:
    with started_emulator() as endpoint:
        s3, glue = boto3.client("s3", endpoint_url=endpoint), boto3.client("glue", endpoint_url=endpoint)
        s3.create_bucket(Bucket=BUCKET)
        for path in sealer.folder.rglob("*.parquet"):
            s3.upload_file(str(path), BUCKET, path.relative_to(sealer.folder).as_posix())
        glue.create_database(DatabaseInput={"Name": DATABASE})
        for table in resources("AWS::Glue::Table").values():
            told = table["Properties"]["TableInput"]
            storage = {**told["StorageDescriptor"], "Location": f"s3://{BUCKET}/{told['Name']}/"}
            glue.create_table(DatabaseName=DATABASE, TableInput=told | {"StorageDescriptor": storage})
        client = boto3.client("athena", endpoint_url=endpoint)
        place = f"s3://{BUCKET}/results/"
        client.create_work_group(Name=WORKGROUP, Configuration={"ResultConfiguration": {"OutputLocation": place}})
        yield client


@pytest.fixture
def ask(athena: Any) -> Ask:
    def asking(name: str, **values: str) -> list[Row]:
        sql = query_called(name).filled(values)
        answer = run(athena, sql, database=DATABASE, workgroup=WORKGROUP, pause=lambda _: None)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

    return asking


def text(instant_ms: int) -> str:
    return datetime.fromtimestamp(instant_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def stock_by_fold(sealer: Sealer, until_ms: int) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for record in fold(sealer.events[Source.STOCK], until=until_ms).values():
        if "warehouses" not in record:
            sums = found[(record["item_id"], record["warehouse_id"])]
            sums[0] += record["available"]
            sums[1] += record["held"]
    return {key: (sums[0], sums[1]) for key, sums in found.items()}


def as_stock(rows: list[Row]) -> dict[tuple[str, str], tuple[int, int]]:
    return {(row["item_id"], row["warehouse_id"]): (int(row["available"]), int(row["held"])) for row in rows}


def test_what_was_where_at_any_instant(ask: Ask, sealer: Sealer) -> None:
    instants = sorted({event["at"] for event in sealer.events[Source.STOCK]})
    first = min(path.name for path in (sealer.folder / "snapshots").iterdir())
    sealed = [instant for instant in instants if text(instant).replace("-", "").replace(":", "") > first[6:14]]
    for instant in [*sealed[len(sealed) // 2 :: len(sealed) // 7], sealed[-1]]:
        rows = ask("stock_at", at=text(instant))
        assert as_stock(rows) == stock_by_fold(sealer, instant)
        assert all(int(row["on_hand"]) == int(row["available"]) + int(row["held"]) for row in rows)
    assert as_stock(ask("stock_at")) == stock_by_fold(sealer, instants[-1])
    assert set(as_stock(ask("stock_at", item="cu%", warehouse="lyon"))) == {("cup", "lyon")}


@pytest.mark.parametrize(
    ("query", "instant", "edits"),
    [
        (
            "stock_at",
            "at",
            {
                "    WHERE s.as_of <= ": "    WHERE s.as_of = '{}' AND s.as_of <= ",
                "ON s.as_of = b.as_of\n": "ON s.as_of = b.as_of WHERE s.as_of = '{}'\n",
                "WHERE l.as_of > b.as_of": "WHERE l.as_of > b.as_of AND l.as_of > '{}'",
            },
        ),
        (
            "holds_open",
            "as_of",
            {
                "    WHERE s.as_of <= ": "    WHERE s.as_of = '{}' AND s.as_of <= ",
                "WHERE h.item_id": "WHERE h.as_of = '{}' AND h.item_id",
            },
        ),
    ],
)
def test_the_nearest_snapshot_may_be_written_in_as_a_literal(
    athena: Any, ask: Ask, sealer: Sealer, query: str, instant: str, edits: dict[str, str]
) -> None:
    """As docs/audit.md says: Athena opens none of the partitions that it rules out."""
    answered = 0
    for path in sorted((sealer.folder / "snapshots").iterdir()):
        name = path.name.removeprefix("as_of=")
        at = datetime.strptime(f"{name}+0000", "%Y%m%dT%H%M%SZ%z").strftime("%Y-%m-%d %H:%M:%S.9")
        sql = query_called(query).filled({instant: at})
        for found, put in edits.items():
            assert sql.count(found) == 1
            sql = sql.replace(found, put.format(name))
        answer = run(athena, sql, database=DATABASE, workgroup=WORKGROUP, pause=lambda _: None)
        assert answer.records == ask(query, **{instant: at})
        answered += len(answer.records)
    assert answered


@pytest.mark.parametrize(
    "spelled",
    [
        lambda instant: instant.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda instant: instant.strftime("%Y%m%dT%H%M%SZ"),
        lambda instant: instant.astimezone(timezone(timedelta(hours=2))).isoformat(),
        lambda instant: str(round(instant.timestamp())),
    ],
)
def test_an_instant_may_be_spelled_in_other_ways(ask: Ask, sealer: Sealer, spelled: Callable[[datetime], str]) -> None:
    instants = sorted({event["at"] for event in sealer.events[Source.STOCK]})
    instant = datetime.fromtimestamp(instants[len(instants) // 2] // 1000, UTC)
    wanted = stock_by_fold(sealer, round(instant.timestamp()) * 1000)
    assert wanted != stock_by_fold(sealer, instants[-1])
    assert as_stock(ask("stock_at", at=spelled(instant))) == wanted


def test_a_day_is_its_midnight(ask: Ask, sealer: Sealer) -> None:
    day = text(min(event["at"] for event in sealer.events[Source.STOCK]))[:10]
    assert ask("stock_at", at=day) == ask("holds_open", as_of=day) == []


@pytest.mark.parametrize("query", ["stock_at", "holds_open", "movements", "shrinkage", "discrepancies"])
def test_what_is_no_instant_is_refused_before_it_is_asked(query: str) -> None:
    for parameter in query_called(query).parameters:
        if "instant" in parameter.meaning:
            with pytest.raises(WrongUse, match="An instant is"):
                query_called(query).filled({parameter.name: "junk"})


def test_an_underscore_in_a_name_is_one(ask: Ask, sealer: Sealer) -> None:
    items = {event["event_id"].split("#")[0] for event in sealer.events[Source.STOCK]}
    item = min(items)
    assert ask("stock_at", item=item)
    assert ask("stock_at", item=item[:-1] + "_") == ask("holds_open", item=item[:-1] + "_") == []
    assert ask("movements", item=item, warehouse="l_on") == ask("shrinkage", warehouse="l_on") == []
    assert ask("discrepancies", check_name="g_pless") == []


def test_what_was_where_before_the_first_snapshot_is_told_by_the_ledger_alone(ask: Ask, sealer: Sealer) -> None:
    first = min(path.name for path in (sealer.folder / "snapshots").iterdir()).removeprefix("as_of=")
    instants = sorted({event["at"] for event in sealer.events[Source.STOCK]})
    sealed_from = datetime.strptime(first, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000
    earlier = [each for each in instants if each < sealed_from]
    for instant in (earlier[len(earlier) // 2], earlier[-1]):
        assert as_stock(ask("stock_at", at=text(instant))) == stock_by_fold(sealer, instant) != {}
    assert ask("stock_at", at=text(earlier[0] - 1)) == []


def test_every_movement_of_an_item_and_why(ask: Ask, sealer: Sealer) -> None:
    rows = ask("movements", item="cup")
    told = [each for each in sealer.events[Source.STOCK] if each["event_id"].startswith("cup#")]
    expected = {each["event_id"]: each for each in told if each["type"] == "shard_changed"}
    assert {row["event_id"] for row in rows} == set(expected)
    assert len(rows) == len(expected)
    for row in rows:
        event = expected[row["event_id"]]
        before, after, cause = event["before"] or {"available": 0, "held": 0}, event["after"], event["cause"]
        assert int(row["available_change"]) == after["available"] - before["available"]
        assert int(row["held_change"]) == after["held"] - before["held"]
        assert (row["cause"], row["cause_id"], row["actor"]) == (cause["type"], cause["id"], cause["actor"])
        assert (row["reason"] or None) == cause.get("reason")
    middle = rows[len(rows) // 2]["happened_at"]
    assert len(ask("movements", item="cup", until=middle)) < len(rows)
    assert ask("movements", item="o'clock") == []


def test_what_is_asked_since_an_instant_is_all_that_happened_from_then_on(ask: Ask, sealer: Sealer) -> None:
    holds = sealer.events[Source.HOLDS]
    names = [path.name.removeprefix("as_of=") + "+0000" for path in (sealer.folder / "snapshots").iterdir()]
    sealed_ms = [round(datetime.strptime(name, "%Y%m%dT%H%M%SZ%z").timestamp() * 1000) for name in names]
    every = ask("movements", item="cup")
    for since_ms in (instant + more for instant in sealed_ms for more in (-100, 0, 100)):
        since = text(since_ms)
        assert ask("movements", item="cup", since=since) == [row for row in every if row["happened_at"] >= since]
        times = {kind: sum(each["type"] == kind and each["at"] >= since_ms for each in holds) for kind in HOLD_TYPES}
        outcomes = ask("holds_by_outcome", since=since)
        assert sum(int(row["holds"]) for row in outcomes) == times["hold_placed"]
        assert all(row["units"] for row in outcomes), "each hold's draws were found"
        assert sum(int(row["sales"]) for row in ask("sales_per_hour", since=since)) == times["hold_executed"]


def test_holds_by_outcome(ask: Ask, sealer: Sealer) -> None:
    holds, units = Counter[str](), Counter[str]()
    for hold in map(hold_from, fold(sealer.events[Source.HOLDS]).values()):
        holds[hold.status] += 1
        units[hold.status] += sum(line.quantity for line in hold.lines)
    assert {row["outcome"]: (int(row["holds"]), int(row["units"])) for row in ask("holds_by_outcome")} == {
        status: (count, units[status]) for status, count in holds.items()
    }
    assert ask("holds_by_outcome", until="2000-01-01 00:00:00") == []


def test_holds_that_were_open_at_a_snapshot(ask: Ask, sealer: Sealer) -> None:
    expected: Counter[tuple[str, str, str]] = Counter()
    for hold in map(hold_from, fold(sealer.events[Source.HOLDS]).values()):
        if hold.settlement is None:
            for line in hold.lines:
                expected[hold.id, line.item, line.warehouse] += line.quantity
    rows = ask("holds_open")
    assert {(r["hold_id"], r["item_id"], r["warehouse_id"]): int(r["quantity"]) for r in rows} == expected
    assert expected
    assert ask("holds_open", as_of="20000101T000000Z") == []


def test_shrinkage_by_reason_and_warehouse(ask: Ask, sealer: Sealer) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for record in fold(sealer.events[Source.ADJUSTMENTS]).values():
        if "warehouse" in record and (record["quantity"] < 0 or "count" in record):
            expected[record["reason"], record["warehouse"]] -= record["quantity"]
    rows = ask("shrinkage")
    assert {(row["reason"], row["warehouse_id"]): int(row["shrinkage"]) for row in rows} == dict(expected)
    assert all(int(row["lost"]) - int(row["found"]) == int(row["shrinkage"]) for row in rows)
    assert {row["reason"] for row in rows} == {"damaged", "count"}


def test_sales_per_hour(ask: Ask, sealer: Sealer) -> None:
    sales: Counter[str] = Counter()
    for event in sealer.events[Source.HOLDS]:
        if event["type"] == "hold_executed":
            sales[text(event["at"])[:13]] += 1
    rows = ask("sales_per_hour")
    assert {row["sold_in"][:13]: int(row["sales"]) for row in rows if int(row["sales"])} == dict(sales)
    assert len(sales) == 2
    sold = [hold for hold in map(hold_from, fold(sealer.events[Source.HOLDS]).values()) if hold.settlement]
    assert sum(int(row["units"]) for row in rows) == sum(hold.executed(line) for hold in sold for line in hold.lines)


def test_discrepancies(ask: Ask, sealer: Sealer) -> None:
    rows = ask("discrepancies")
    assert [(row["check_name"], row["as_of"]) for row in rows] == [
        (name, newest(sealer)) for name in ("gapless", "late_events")
    ]
    assert rows[0]["evidence"] == '{"expected":1}'
    assert [row["check_name"] for row in ask("discrepancies", check_name="late%")] == ["late_events"]
    assert ask("discrepancies", since="9998-01-01") == []


@pytest.mark.parametrize("query", all_queries(), ids=lambda query: query.name)
def test_each_question_is_athena_sql_over_columns_that_there_are(query: Query) -> None:
    [statement] = sqlglot.parse(query.text, dialect="athena")
    assert isinstance(statement, exp.Select)
    tables = {table.name for table in statement.find_all(exp.Table)} - {cte.alias for cte in statement.ctes}
    known = {each["Properties"]["TableInput"]["Name"] for each in resources("AWS::Glue::Table").values()}
    assert tables
    assert tables <= known
    assert query.parameters
    assert query.filled({}) == query.text
    for parameter in query.parameters:
        if "instant" in parameter.meaning:  # nothing else gets through
            continue
        other = sqlglot.parse_one(query.filled({parameter.name: "' OR 1 = 1 --"}), dialect="athena")
        assert len(list(other.find_all(exp.Or))) == len(list(statement.find_all(exp.Or)))


def partitions_from(sql: str) -> list[list[str]]:
    """For each scan of the ledger the literals that its partitions do not come before."""
    found = []
    for select in sqlglot.parse_one(sql, dialect="athena").find_all(exp.Select):
        conditions = list(select.args["where"].find_all(exp.GTE)) if "where" in select.args else []
        bounds = [each.expression for each in conditions if each.this == exp.column("as_of", table="l")]
        read = {table.name for table in select.find_all(exp.Table) if table.parent_select is select}
        if "ledger" in read:
            found.append([bound.name for bound in bounds if isinstance(bound, exp.Literal)])
    return found


@pytest.mark.parametrize("name", ["movements", "shrinkage", "sales_per_hour", "holds_by_outcome"])
@pytest.mark.parametrize(
    ("since", "stamp"),
    [
        ("2026-11-22 18:00:00", "20261122T180000Z"),
        ("2026-11-22T20:00:00.999+02:00", "20261122T180000Z"),
        ("1795370400", "20261122T180000Z"),
        ("0001-01-01", "00010101T000000Z"),
    ],
)
def test_no_scan_of_the_ledger_opens_partitions_from_before_what_is_asked(name: str, since: str, stamp: str) -> None:
    query = query_called(name)
    asked = partitions_from(query.filled({"since": since}))
    assert asked
    assert asked == [[stamp]] * len(asked)
    as_it_stands = [["19700101T000000Z"]] * len(asked)
    assert partitions_from(query.text) == partitions_from(query.filled({"until": since})) == as_it_stands


@pytest.mark.parametrize("query", all_queries(), ids=lambda query: query.name)
def test_athena_has_each_question_word_for_word(query: Query) -> None:
    named = {each["Properties"]["Name"]: each for each in resources("AWS::Athena::NamedQuery").values()}
    assert named[query.name]["Properties"]["QueryString"] == query.text
    assert named[query.name]["Condition"] == "NamedQueries"


def test_a_parameter_that_there_is_not_is_told() -> None:
    with pytest.raises(WrongUse, match="it has item, warehouse, since, until"):
        query_called("movements").filled({"sku": "cup"})


@pytest.mark.parametrize("logical_id", ["HistorySnapshotsTable", "HistoryLedgerTable", "HistoryHoldsTable"])
def test_glue_has_the_columns_that_are_sealed(sealer: Sealer, logical_id: str) -> None:
    import duckdb

    told = properties(logical_id)["TableInput"]
    path: Path = next((sealer.folder / told["Name"]).rglob("*.parquet"))
    found = duckdb.execute("SELECT * FROM read_parquet(?, hive_partitioning = false) LIMIT 0", [str(path)]).description
    columns = [{"Name": name, "Type": KINDS[str(kind)]} for name, kind, *_ in found or []]
    assert told["StorageDescriptor"]["Columns"] == columns


def test_what_athena_could_not_run_is_told(athena: Any) -> None:
    with pytest.raises(CliError, match=r"Athena could not run it: .+"):
        run(athena, "SELECT nothing FROM nowhere", database=DATABASE, workgroup=WORKGROUP, pause=lambda _: None)


def test_an_answer_without_rows_has_its_columns(athena: Any) -> None:
    sql = query_called("movements").filled({"item": "none"})
    answer = run(athena, sql, database=DATABASE, workgroup=WORKGROUP, pause=lambda _: None)
    assert isinstance(answer, Rows)
    assert (answer.columns[0], answer.rows) == ("happened_at", [])


@pytest.fixture
def terminal(athena: Any, tmp_path: Path) -> Terminal:
    outputs = {"HistoryDatabase": DATABASE, "HistoryWorkgroup": WORKGROUP}
    write_stack(tmp_path, outputs, aws_endpoint_url=athena.meta.endpoint_url)
    return Terminal(tmp_path)


def test_the_command_lists_the_questions_and_what_can_be_asked_differently(terminal: Terminal) -> None:
    listed = terminal.run("query", "--json").json
    assert [each["name"] for each in listed] == [query.name for query in all_queries()]
    assert listed[0]["parameters"][0].keys() == {"name", "meaning", "default"}
    assert "shrinkage" in terminal.run("query").out


def test_the_command_prints_a_table_csv_or_json(terminal: Terminal) -> None:
    asked = ("query", "stock-at", "--param", "item=cup", "--param", "warehouse=lyon")
    [row] = terminal.run(*asked, "--json").json
    assert (row["item_id"], row["warehouse_id"]) == ("cup", "lyon")
    header, line = terminal.run(*asked, "--csv").out.splitlines()
    assert line.split(",") == [row[name] for name in header.split(",")]
    assert row["on_hand"] in terminal.run(*asked).out
    assert "'cup' AS item" in terminal.run(*asked, "--sql").out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (("query", "nothing"), 4, "there are discrepancies"),
        (("query", "movements", "--param", "item"), 2, "NAME=VALUE"),
        (("query", "movements", "--csv", "--json"), 2, "not both"),
        (("query", "stock_at", "--param", "at=noon"), 2, "An instant is"),
    ],
)
def test_the_command_says_what_is_wrong(
    terminal: Terminal, arguments: tuple[str, ...], exit_code: int, told: str
) -> None:
    result = terminal.run(*arguments)
    assert result.exit_code == exit_code
    assert told in result.err


def test_the_command_shows_every_movement_of_an_item_with_its_cause_and_actor(terminal: Terminal) -> None:
    asked = ("history", "pot", "--warehouse", "lyon", "--since", "2027-01-15 08:00:01")
    rows = terminal.run(*asked, "--json").json
    assert rows
    assert {row["warehouse_id"] for row in rows} == {"lyon"}
    out = terminal.run(*asked).out
    assert rows[0]["actor"] in out
    assert rows[0]["cause_id"] in out.replace("\n", "")
    assert "Nothing moved of none" in terminal.run("history", "none", "--until", "2000-01-01 00:00:00").out
