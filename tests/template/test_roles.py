"""Least privilege: what each function may do, and that nothing is granted by a wildcard."""

import re
from typing import Any

import pytest

from support.template import properties, resources

READS = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"}
ROLES = sorted(f"{function.removesuffix('Function')}Role" for function in resources("AWS::Serverless::Function"))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: str) -> list[dict[str, Any]]:
    found = properties(role)["Policies"]
    return [statement for policy in found for statement in policy["PolicyDocument"]["Statement"]]


def granted(role: str, service: str = "dynamodb") -> dict[str, set[str]]:
    """Actions by the logical id of what they are allowed on, indexes and streams with their table."""
    grants: dict[str, set[str]] = {}
    for statement in statements(role):
        for resource in as_list(statement["Resource"]):
            target = resource["Fn::GetAtt"][0] if "Fn::GetAtt" in resource else resource["Fn::Sub"].split(".")[0][2:]
            actions = {action for action in as_list(statement["Action"]) if action.startswith(f"{service}:")}
            if actions:
                grants.setdefault(target, set()).update(actions)
    return grants


def writable(role: str) -> set[str]:
    """Tables in which a role can change something. A check within a transaction changes nothing."""
    harmless = READS | {"dynamodb:ConditionCheckItem"}
    stream = {f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")}
    return {table for table, actions in granted(role).items() if actions - harmless - stream}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_taken_by_lambda_alone(role: str) -> None:
    (statement,) = properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_every_action_and_every_resource(role: str) -> None:
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        assert not [action for action in as_list(statement["Action"]) if "*" in action]
        for resource in as_list(statement["Resource"]):
            assert isinstance(resource, dict), "a resource is this stack's own, by reference"
            named = str(resource).replace("/stream/*", "")  # a stream's label is known to AWS alone
            named = re.sub(r":execution:\$\{[A-Za-z]+Machine\.Name\}:\*", "", named)  # a machine's own executions
            assert "*" not in re.sub(r"\$\{(History|Scratch)Bucket\.Arn\}/(partials/)?[a-z_]+/\*", "", named), (
                "objects by their folder"
            )


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (
            "SweeperScheduleRole",
            {"SweeperFunction": {"lambda:InvokeFunction"}, "SweeperOnFailureQueue": {"sqs:SendMessage"}},
        ),
        (
            "SnapshotScheduleRole",
            {"SnapshotMachine": {"states:StartExecution"}, "SnapshotScheduleQueue": {"sqs:SendMessage"}},
        ),
    ],
)
def test_a_schedule_s_role_is_taken_by_this_account_s_schedules_alone_and_starts_one_thing(
    role: str, allowed: dict[str, set[str]]
) -> None:
    (taken,) = properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert taken == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    granted_on = {
        (resource.get("Ref") or resource["Fn::GetAtt"][0]): set(statement["Action"])
        for statement in statements(role)
        for resource in as_list(statement["Resource"])
    }
    assert granted_on == allowed
    assert "ManagedPolicyArns" not in properties(role)


def test_sam_makes_no_role() -> None:
    """It makes one for each function, machine and schedule that names none."""
    served = resources("AWS::Serverless::Function") | resources("AWS::Serverless::StateMachine")
    for name in served:
        declared = properties(name)
        assert declared["Role"]["Fn::GetAtt"][0] in resources("AWS::IAM::Role")
        for event in declared.get("Events", {}).values():
            if event["Type"] == "ScheduleV2":
                assert event["Properties"]["RoleArn"]["Fn::GetAtt"][0] in resources("AWS::IAM::Role")


def test_only_tracing_is_granted_on_everything_because_it_has_nothing_to_name() -> None:
    (statement,) = properties("TracingPolicy")["PolicyDocument"]["Statement"]
    assert statement["Resource"] == "*"
    assert set(statement["Action"]) == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    for role in ROLES:
        assert properties(role)["ManagedPolicyArns"] == [{"Ref": "TracingPolicy"}]
    (statement,) = properties("SamplingPolicy")["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == {"xray:GetSamplingRules", "xray:GetSamplingTargets"}
    for role in ("SnapshotMachineRole", "AuditMachineRole"):
        assert properties(role)["ManagedPolicyArns"] == [{"Ref": "TracingPolicy"}, {"Ref": "SamplingPolicy"}]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_deletes_records_and_only_seal_and_audit_scan(role: str) -> None:
    actions: set[str] = set().union(*granted(role).values())
    assert not actions & {"dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteTable"}
    assert ("dynamodb:Scan" in actions) == (role in ("SnapshotScanRole", "AuditScanRole"))


def test_each_role_writes_only_the_records_that_are_its_business() -> None:
    assert {role: writable(role) for role in ROLES} == {
        "StockRole": set(),
        "StockAtRole": set(),
        "AuthorizerRole": set(),
        "HoldsRole": {"HoldsTable", "StockTable", "RequestsTable"},
        "AdjustmentsRole": {"StockTable", "AdjustmentsTable", "RequestsTable"},
        "HistoryRole": {"RequestsTable"},
        "SettlerRole": {"HoldsTable", "StockTable"},
        "CollectorRole": {"HoldsTable", "StockTable"},
        "SweeperRole": {"HoldsTable", "StockTable", "AvailabilityTable"},
        "ProjectorRole": {"AvailabilityTable", "StockTable"},
        "ArchiverRole": set(),
        "SnapshotRole": set(),
        "SnapshotScanRole": set(),
        "SnapshotCommitRole": set(),
        "AuditRole": set(),
        "AuditScanRole": set(),
        "AuditReportRole": set(),
    }


def test_the_holds_function_looks_for_what_a_key_did_to_a_hold_that_has_ended() -> None:
    assert granted("HoldsRole")["RequestsTable"] >= {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem"}


def test_only_the_authorizer_reads_keys_and_it_reads_nothing_else() -> None:
    assert [role for role in ROLES if "ApiKeysTable" in granted(role)] == ["AuthorizerRole"]
    assert granted("AuthorizerRole") == {"ApiKeysTable": {"dynamodb:GetItem"}}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_to_its_own_log_alone(role: str) -> None:
    assert list(granted(role, "logs")) == [f"{role.removesuffix('Role')}Logs"]
    assert set().union(*granted(role, "logs").values()) == {"logs:CreateLogStream", "logs:PutLogEvents"}


@pytest.mark.parametrize("role", ["SettlerRole", "CollectorRole", "ProjectorRole", "SweeperRole", "ArchiverRole"])
def test_an_asynchronous_role_can_reach_its_own_failure_queue_alone(role: str) -> None:
    assert granted(role, "sqs") == {f"{role.removesuffix('Role')}OnFailureQueue": {"sqs:SendMessage"}}


def test_only_the_settler_passes_holds_on_and_only_the_collector_hears_of_them() -> None:
    heard = {f"kinesis:{each}" for each in ("DescribeStream", "DescribeStreamSummary", "GetRecords", "ListShards")}
    assert {role: granted(role, "kinesis") for role in ROLES if granted(role, "kinesis")} == {
        "SettlerRole": {"CollectingStream": {"kinesis:PutRecords"}},
        "CollectorRole": {"CollectingStream": heard | {"kinesis:GetShardIterator"}},
    }
    assert granted("CollectorRole")["HoldsTable"] == {"dynamodb:UpdateItem"}, "it hears of no hold but by this stream"


def test_the_archiver_adds_to_the_archive_and_can_do_nothing_else_there() -> None:
    assert granted("ArchiverRole", "s3") == {"HistoryBucket": {"s3:PutObject"}}
    allowed = [each["Resource"] for each in statements("ArchiverRole") if each["Action"] == ["s3:PutObject"]]
    assert allowed == [{"Fn::Sub": "${HistoryBucket.Arn}/archive/*"}]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_remove_a_part_of_the_history_or_lift_its_lock(role: str) -> None:
    actions: set[str] = set().union(*granted(role, "s3").values())
    assert not {
        action for action in actions if re.search("Delete|Retention|LegalHold|Bypass|PutBucket|Lifecycle", action)
    }


def folders_written(role: str) -> set[str]:
    """The history's folders in which a role may write."""
    written = [each["Resource"] for each in statements(role) if "s3:PutObject" in as_list(each["Action"])]
    return {
        each["Fn::Sub"].partition("/")[2].removesuffix("/*") for resources_ in written for each in as_list(resources_)
    }


def test_only_the_commit_and_the_report_of_an_audit_write_what_a_reader_sees() -> None:
    assert {role: folders_written(role) for role in ROLES if folders_written(role)} == {
        "ArchiverRole": {"archive"},
        "SnapshotRole": {"partials/map", "partials/run", "partials/live"},
        "SnapshotScanRole": {"partials/live"},
        "SnapshotCommitRole": {
            *("snapshots", "holds", "ledger", "state", "opened"),
            *("manifests", "published", "listed", "keys", "partials/commit"),
        },
        "AuditRole": {"partials/audit"},
        "AuditScanRole": {"partials/audit"},
        "AuditReportRole": {"audits", "audit_findings"},
    }


def test_what_a_snapshot_publishes_and_what_an_audit_reports_nobody_else_can_have_written() -> None:
    """A commit takes sealed files into the locked history, a report the results of its checks."""
    written = {role: folders_written(role) for role in ROLES}
    assert {role for role in ROLES if written[role] & {"partials/run", "partials/map"}} == {"SnapshotRole"}
    assert {role for role in ROLES if "partials/audit" in written[role]} == {"AuditRole", "AuditScanRole"}


def test_who_answers_for_the_history_starts_its_machines_and_reads_what_is_told_of_it() -> None:
    assert granted("HistoryRole", "s3") == {"HistoryBucket": {"s3:ListBucket", "s3:GetObject"}}
    assert "HistoryRole" not in {role for role in ROLES if folders_written(role)}
    for machine in ("SnapshotMachine", "AuditMachine"):
        assert granted("HistoryRole", "states")[machine] == {"states:StartExecution"}
    assert [role for role in ROLES if "SnapshotMachine" in granted(role, "states")] == ["HistoryRole"]


def test_reads_of_stock_reach_the_past_by_one_function_that_reads_what_is_published_and_writes_nothing() -> None:
    assert {role: granted(role, "lambda") for role in ROLES if granted(role, "lambda")} == {
        "StockRole": {"StockAtFunction": {"lambda:InvokeFunction"}}
    }
    assert granted("StockAtRole", "s3") == {"HistoryBucket": {"s3:ListBucket", "s3:GetObject"}}
    (read,) = (each["Resource"] for each in statements("StockAtRole") if each["Action"] == ["s3:GetObject"])
    assert [each["Fn::Sub"].split("/")[1] for each in read] == ["listed", "manifests", "state", "ledger"]
    assert granted("StockAtRole") == {}


def test_snapshots_read_the_archive_the_chain_and_their_base() -> None:
    (read,) = (each["Resource"] for each in statements("SnapshotRole") if each["Action"] == ["s3:GetObject"])
    prefixes = {each["Fn::Sub"].split("/")[1] for each in read if "HistoryBucket" in each["Fn::Sub"]}
    assert prefixes == {"archive", "manifests", "listed", "state", "snapshots"}


def test_only_the_commit_starts_audits_of_its_own_accord() -> None:
    starting = {role: granted(role, "states").get("AuditMachine", set()) for role in ROLES}
    assert {role for role, actions in starting.items() if "states:StartExecution" in actions} - {"HistoryRole"} == {
        "SnapshotCommitRole"
    }


def test_work_in_progress_is_in_its_own_bucket_and_nothing_else_is() -> None:
    text = str([statements(role) for role in ROLES])
    assert set(re.findall(r"\$\{ScratchBucket\.Arn\}/(\w+)", text)) == {"partials"}
    assert "partials" not in re.findall(r"\$\{HistoryBucket\.Arn\}/(\w+)", text)


def test_only_the_commit_signs() -> None:
    assert {role: granted(role, "kms") for role in ROLES if granted(role, "kms")} == {
        "SnapshotCommitRole": {"ManifestKey": {"kms:Sign", "kms:Verify", "kms:GetPublicKey"}},
        "AuditRole": {"ManifestKey": {"kms:Verify", "kms:GetPublicKey"}},
    }


def test_audits_and_the_commit_believe_earlier_keys_and_nobody_signs_with_them() -> None:
    policy = properties("EarlierManifestKeysPolicy")
    assert policy["Roles"] == [{"Ref": "AuditRole"}, {"Ref": "SnapshotCommitRole"}]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == {"kms:Verify", "kms:GetPublicKey"}
    assert statement["Resource"] == {"Fn::Split": [",", {"Ref": "EarlierManifestKeys"}]}
    for function in ("AuditFunction", "SnapshotCommitFunction"):
        variables = properties(function)["Environment"]["Variables"]
        assert variables["EARLIER_SIGNING_KEYS"] == {"Ref": "EarlierManifestKeys"}


def test_what_happened_by_itself_is_published_by_whoever_did_it_on_this_stack_s_own_bus() -> None:
    assert {role: granted(role, "events") for role in ROLES if granted(role, "events")} == {
        role: {"EventBus": {"events:PutEvents"}} for role in ("ProjectorRole", "SweeperRole", "AuditReportRole")
    }
