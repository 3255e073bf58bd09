"""What every function has, and where the failures of the asynchronous ones end."""

import tomllib
from typing import Any

import pytest
from bench.prime_day.assumptions import COLLECTING_LANES, PEAK_SALES_PER_S
from bench.prime_day.assumptions import STREAM_SHARDS as BOTH_TABLES_SHARDS

from inventory.domain.heat import Thresholds
from inventory.settings import Settings
from inventory.wiring import core_from
from stack.invoke import folder_of
from stack.place import ROOT
from support.machines import definition
from support.needs import NEEDED
from support.template import load_template, properties, resources

FUNCTIONS = sorted(resources("AWS::Serverless::Function"))
QUEUES = sorted(resources("AWS::SQS::Queue"))


def events(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Every event source of a kind, with its function."""
    return [
        (function, event["Properties"])
        for function in FUNCTIONS
        for event in properties(function).get("Events", {}).values()
        if event["Type"] == kind
    ]


def sources(kind: str) -> dict[str, dict[str, Any]]:
    """The event sources of a kind, by their function; the last one where there are several."""
    return dict(events(kind))


STREAMS = [*events("DynamoDB"), *events("Kinesis")]
STREAM_FUNCTIONS = sorted({*sources("DynamoDB"), *sources("Kinesis")})


def own(function: str, suffix: str) -> str:
    """The logical id of what belongs to one function alone: ``HoldsFunction`` and ``Role`` give ``HoldsRole``."""
    return function.removesuffix("Function") + suffix


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_its_own_role_and_its_own_log_that_ends(function: str) -> None:
    settings = properties(function)
    assert settings["Role"] == {"Fn::GetAtt": [own(function, "Role"), "Arn"]}
    assert settings["LoggingConfig"] == {"LogGroup": {"Ref": own(function, "Logs")}}
    assert properties(own(function, "Logs"))["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_log_ends() -> None:
    assert all("RetentionInDays" in group["Properties"] for group in resources("AWS::Logs::LogGroup").values())


def test_every_function_is_traced_and_bounded_in_time() -> None:
    settings = load_template()["Globals"]["Function"]
    assert settings["Tracing"] == "Active"
    for function in FUNCTIONS:
        longest = 900 if function.startswith(("Snapshot", "Audit")) else 120
        assert properties(function).get("Timeout", settings["Timeout"]) <= longest


def test_a_write_cannot_outlive_the_ten_seconds_that_its_instant_may_be_old() -> None:
    limit = load_template()["Globals"]["Function"]["Timeout"]
    assert all(properties(function).get("Timeout", limit) <= 10 for function in sources("Api"))


def test_streams_feed_the_settler_the_collector_the_projector_and_the_archiver() -> None:
    fed = sorted((function, source["Stream"]["Fn::GetAtt"][0]) for function, source in STREAMS)
    assert fed == [
        ("ArchiverFunction", "AdjustmentsTable"),
        ("ArchiverFunction", "HoldsTable"),
        ("ArchiverFunction", "StockTable"),
        ("CollectorFunction", "CollectingStream"),
        ("ProjectorFunction", "StockTable"),
        ("SettlerFunction", "HoldsTable"),
    ]


@pytest.mark.parametrize(("function", "source"), STREAMS)
def test_a_stream_that_fails_is_tried_until_an_age_halved_and_then_set_aside(
    function: str, source: dict[str, Any]
) -> None:
    assert source["MaximumRetryAttempts"] == -1, "a denied call takes 0.1 s: a number of them is no time"
    if function == "ArchiverFunction":  # what it gives up is missing from the history
        assert source["MaximumRecordAgeInSeconds"] == 22 * 3600, "2 h of the stream are left to redrive it"
    else:
        assert source["MaximumRecordAgeInSeconds"] == {"Ref": "StreamRecordAgeSeconds"}
    assert source["BisectBatchOnFunctionError"] is True
    queue = {"Fn::GetAtt": [own(function, "OnFailureQueue"), "Arn"]}
    assert source["DestinationConfig"] == {"OnFailure": {"Type": "SQS", "Destination": queue}}


def test_a_record_is_given_up_before_the_stream_forgets_it() -> None:
    age = load_template()["Parameters"]["StreamRecordAgeSeconds"]
    assert 6 * 3600 <= age["Default"] < age["MaxValue"] <= 22 * 3600, "a bad deployment is mended before"


def prods_parameters() -> dict[str, str]:
    """What `make deploy ENV=prod` says otherwise than the template's defaults."""
    told = tomllib.loads((ROOT / "samconfig.toml").read_text())["prod"]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=", 1) for pair in told.split())


def test_prods_ceiling_for_holds_carries_the_peak_that_capacity_reckons_with() -> None:
    """What is reserved for a function is also the most that it gets."""
    instances = prods_parameters()["HoldsReservedConcurrency"]
    requests_a_sale, milliseconds = 2, 50
    assert int(instances) >= PEAK_SALES_PER_S * requests_a_sale * milliseconds / 1000 * 1.25


def reserved(function: str) -> int:
    """What ReservedConcurrency=large keeps for a function, which is also the most that it gets."""
    condition, instances, otherwise = properties(function)["ReservedConcurrentExecutions"]["Fn::If"]
    assert (condition, otherwise) == ("ReserveForAll", {"Ref": "AWS::NoValue"})
    return int(instances)


LARGE = {name for name in FUNCTIONS if "ReservedConcurrentExecutions" in properties(name)} - {"HoldsFunction"}
STREAM_SHARDS = {"SettlerFunction": BOTH_TABLES_SHARDS // 2, "CollectorFunction": COLLECTING_LANES // 10}
QUOTA, LEFT_MIN = 5_000, 100  # of docs/capacity.md, and of Lambda


def test_what_a_sale_needs_has_its_own_instances_and_what_may_wait_has_a_ceiling() -> None:
    for_sales, may_wait = (
        {"AuthorizerFunction", "SettlerFunction", "CollectorFunction"},
        {"StockFunction", "StockAtFunction"},
    )
    assert for_sales | may_wait | {"SnapshotFunction", "AuditFunction"} == LARGE
    for function, source in STREAMS:
        if function in for_sales:
            assert reserved(function) >= STREAM_SHARDS[function] * source["ParallelizationFactor"]
    for batch in ("Snapshot", "Audit"):
        maps = [state for state in definition(f"{batch}Machine")["States"].values() if state["Type"] == "Map"]
        assert reserved(f"{batch}Function") >= 2 * max(state["MaxConcurrency"] for state in maps), (
            "an hour and a rebuild"
        )


def test_an_account_can_keep_what_prod_reserves_and_has_something_left() -> None:
    overrides = prods_parameters()
    assert overrides["ReservedConcurrency"] == "large"
    together = int(overrides["HoldsReservedConcurrency"]) + sum(map(reserved, LARGE))
    assert together <= QUOTA - LEFT_MIN
    section = (ROOT / "docs/capacity.md").read_text().split("\n### What Lambda keeps for whom\n")[1]
    assert f"| **together** | **{together:,}** | {QUOTA - together} are left" in section
    told = load_template()["Parameters"]["ReservedConcurrency"]
    assert told["Default"] == "none", "a new account has a fifth of that, and less"
    assert f"{sum(map(reserved, LARGE)):,} instances" in " ".join(told["Description"].split())


def test_a_stream_is_read_from_its_beginning_so_that_no_deploy_skips_records() -> None:
    assert {source["StartingPosition"] for _, source in STREAMS} == {"TRIM_HORIZON"}


def test_what_is_hot_and_cold_is_what_the_domain_says_unless_a_deployment_says_otherwise() -> None:
    parameters = load_template()["Parameters"]
    told = {name: parameters[name]["Default"] for name in ("ChangesPerShard", "HeatTries", "ColdAfterSeconds")}
    on_aws = Thresholds()
    assert told == {
        "ChangesPerShard": on_aws.changes_per_shard,
        "HeatTries": on_aws.tries,
        "ColdAfterSeconds": on_aws.cold_after_ms // 1000,
    }
    variables = {
        name: value.get("Ref")
        for function in ("ProjectorFunction", "SweeperFunction")
        for name, value in properties(function)["Environment"]["Variables"].items()
    }
    assert variables.items() >= {
        ("CHANGES_PER_SHARD", "ChangesPerShard"),
        ("HEAT_TRIES", "HeatTries"),
        ("COLD_AFTER_S", "ColdAfterSeconds"),
    }
    core = core_from(Settings(changes_per_shard=1, heat_tries=2, cold_after_s=3), client=object())
    assert core.thresholds == Thresholds(changes_per_shard=1, tries=2, cold_after_ms=3_000)


def test_what_the_settler_passes_on_goes_to_the_collector_by_an_encrypted_stream_within_about_a_second() -> None:
    variables = properties("SettlerFunction")["Environment"]["Variables"]
    assert variables["COLLECTING_STREAM"] == {"Ref": "CollectingStream"}
    stream = properties("CollectingStream")
    assert stream["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    assert stream["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}, "a rush finds 4,000 records a second there"
    ((_, source),) = events("Kinesis")
    assert "MaximumBatchingWindowInSeconds" not in source, "Lambda asks once a second: that gathers enough"
    assert (source["ParallelizationFactor"], source["BatchSize"]) == (10, 500)
    assert (properties("CollectorFunction")["Timeout"], stream["RetentionPeriodHours"]) == (60, 24)


def test_an_event_reaches_the_archive_within_five_seconds() -> None:
    """By default; a deployment with much to archive may trade that for fewer objects."""
    windows = [source["MaximumBatchingWindowInSeconds"] for name, source in STREAMS if name == "ArchiverFunction"]
    assert windows == 3 * [{"Ref": "ArchiveWindowSeconds"}]
    assert load_template()["Parameters"]["ArchiveWindowSeconds"]["Default"] <= 3


def test_a_snapshot_waits_for_longer_than_the_archiver_gathers_a_batch() -> None:
    parameters = load_template()["Parameters"]
    for told in ({}, prods_parameters()):
        window, lag = (
            int(told.get(name, parameters[name]["Default"])) for name in ("ArchiveWindowSeconds", "ArchiveLagSeconds")
        )
        assert lag >= 1.5 * window


@pytest.mark.parametrize("function", STREAM_FUNCTIONS)
def test_a_stream_function_knows_where_to_set_poison_aside(function: str) -> None:
    variables = properties(function)["Environment"]["Variables"]
    assert variables["POISON_QUEUE_URL"] == {"Ref": own(function, "OnFailureQueue")}


def test_the_sweeper_runs_every_minute_and_its_failures_are_kept() -> None:
    schedule = sources("ScheduleV2")["SweeperFunction"]
    queue = {"Fn::GetAtt": ["SweeperOnFailureQueue", "Arn"]}
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["DeadLetterConfig"] == {"Arn": queue}
    assert schedule["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert schedule["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 60
    asynchronous = properties("SweeperFunction")["EventInvokeConfig"]
    assert asynchronous["MaximumRetryAttempts"] == 0
    assert asynchronous["DestinationConfig"] == {"OnFailure": {"Type": "SQS", "Destination": queue}}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_failure_waits_fourteen_days_encrypted_and_reachable_by_tls_only(queue: str) -> None:
    settings = properties(queue)
    assert settings["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert settings["SqsManagedSseEnabled"] is True
    assert resources("AWS::SQS::QueuePolicy")["OnFailureQueuesTlsOnly"]["Condition"] == "NotEmbedded"
    policy = properties("OnFailureQueuesTlsOnly")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert {"Ref": queue} in policy["Queues"]
    assert statement["Resource"] == "*"  # SQS takes no list of queues; a policy is about the queue that has it
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_is_left_out_is_left_out_of_the_embedded_emulator_alone() -> None:
    local = {"Fn::Equals": [{"Ref": "Environment"}, "local"]}
    assert load_template()["Conditions"]["NotEmbedded"] == {"Fn::Not": [local]}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_all_that_it_cannot_do_without(function: str) -> None:
    given = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    own = properties(function).get("Environment", {}).get("Variables", {})
    assert set(NEEDED[folder_of(function)]) <= {name for name, value in (given | own).items() if value}


def test_a_function_is_played_to_by_the_name_of_its_folder() -> None:
    folders = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert {folder_of(function): function for function in FUNCTIONS}.keys() == folders
    assert {properties(function)["CodeUri"] for function in FUNCTIONS} == {f"functions/{name}" for name in folders}


def test_the_sweeper_looks_into_every_slice_that_there_may_ever_have_been() -> None:
    """A hold keeps its slice when OpenHoldSlices is lowered, also by the rollback of a deployment that raised it."""
    sweeper, holds = (
        properties(name)["Environment"]["Variables"]["OPEN_SLICES"] for name in ("SweeperFunction", "HoldsFunction")
    )
    most = load_template()["Parameters"]["OpenHoldSlices"]["MaxValue"]
    assert holds == {"Ref": "OpenHoldSlices"}
    assert sweeper == {"Fn::If": ["OnAws", most, holds]}


def test_in_the_emulators_it_looks_into_those_alone_that_are_used() -> None:
    """Nobody lowers OpenHoldSlices there, and 1,024 are 2,048 queries a minute."""
    emulated = [{"Fn::Equals": [{"Ref": "Environment"}, name]} for name in ("local", "localstack")]
    assert load_template()["Conditions"]["OnAws"] == {"Fn::Not": [{"Fn::Or": emulated}]}
