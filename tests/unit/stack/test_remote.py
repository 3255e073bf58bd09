"""`make deploy` says what is missing before it builds for minutes, and what nobody would notice after it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_cloudformation import CloudFormationClient

from stack import deployed, protection, remote, sam
from stack.console import StackError
from stack.place import LOCAL_CREDENTIALS


@pytest.fixture(autouse=True)
def account() -> Iterator[str]:
    """An account of AWS."""
    with mock_aws():
        yield boto3.client("sts").get_caller_identity()["Account"]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What SAM was asked to do."""
    asked: list[str] = []
    monkeypatch.setattr(remote, "ROOT", tmp_path)
    for command in ("build", "deploy"):
        monkeypatch.setattr(sam, command, lambda *_, command=command, **__: asked.append(command))
    monkeypatch.setattr(protection, "protect", lambda *_: None)
    monkeypatch.setattr(deployed, "find", lambda *_: {"StackStatus": "UPDATE_COMPLETE"})
    return asked


@pytest.mark.parametrize(
    ("missing", "said"),
    [(["AWS_DEFAULT_REGION"], "No region"), (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "No AWS credentials")],
)
def test_without_a_region_or_credentials_nothing_is_built(
    missing: list[str], said: str, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in missing:
        monkeypatch.delenv(variable)
    with pytest.raises(StackError, match=said):
        remote.deploy("staging", {})
    assert done == []


@pytest.mark.parametrize(("configured", "region"), [(None, "us-east-1"), ("ap-south-1", "ap-south-1")])
def test_account_region_and_stack_are_said_before_anything_is_built(
    configured: str | None,
    region: str,
    account: str,
    given_to_sam: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sam, "region", lambda _: configured)
    said = []
    monkeypatch.setattr(sam, "build", lambda *_: said.append(capsys.readouterr().out))
    remote.deploy("staging", {})
    assert said[0].startswith(f"inventory-staging in account {account}, {region}\n")
    assert given_to_sam["AWS_DEFAULT_REGION"] == region


@pytest.mark.parametrize(
    ("environment", "protected"), [("prod", ["inventory-prod eu-west-1"]), ("staging", []), ("localstack", [])]
)
def test_prod_alone_is_protected_once_it_is_deployed(
    environment: str, protected: list[str], done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def protect(client: CloudFormationClient, stack: str) -> None:
        done.append(f"{stack} {client.meta.region_name}")

    monkeypatch.setattr(protection, "protect", protect)
    monkeypatch.setattr(sam, "region", lambda _: "eu-west-1")
    remote.deploy(environment, {})
    assert done == ["build", "deploy", *protected]


def test_a_prod_whose_first_changeset_was_declined_has_nothing_to_protect(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SAM ends well then."""
    monkeypatch.setattr(deployed, "find", lambda *_: None)
    monkeypatch.setattr(protection, "protect", lambda *_: done.append("protect"))
    remote.deploy("prod", {})
    assert done == ["build", "deploy"]


def test_each_parameter_that_changes_is_said_before_anything_is_built(
    done: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been set by other means than samconfig.toml, and some are dear to change."""
    stands = sam.parameters("staging", {}) | {"ObjectLockMode": "COMPLIANCE", "AlarmEmail": "ops[red]@shop.test"}
    told = [{"ParameterKey": name, "ParameterValue": value} for name, value in stands.items()]
    monkeypatch.setattr(deployed, "find", lambda *_: {"StackStatus": "UPDATE_COMPLETE", "Parameters": told})
    said = []
    monkeypatch.setattr(sam, "build", lambda *_: said.append(capsys.readouterr().out))
    remote.deploy("staging", {"Architecture": "x86_64"})
    assert said[0].splitlines()[1:] == [
        "This deployment changes:",
        "  Architecture 'arm64' -> 'x86_64'",
        "  ObjectLockMode 'COMPLIANCE' -> 'GOVERNANCE'",
        "  AlarmEmail 'ops[red]@shop.test' -> ''",
    ]


@pytest.mark.parametrize("found", [None, {"StackStatus": "UPDATE_COMPLETE"}])
def test_where_none_does_nothing_is_said(
    found: Any, done: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployed, "find", lambda *_: found)
    remote.deploy("staging", {})
    assert "changes" not in capsys.readouterr().out


def test_credentials_that_aws_does_not_take_are_said_before_anything_is_built(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = ClientError({"Error": {"Code": "ExpiredToken", "Message": "has expired"}}, "GetCallerIdentity")
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", Mock(side_effect=refused))
    with pytest.raises(StackError, match="has expired"):
        remote.deploy("staging", {})
    assert done == []


@pytest.mark.parametrize(
    ("environment", "overrides", "warned"),
    [("prod", {}, True), ("prod", {"AlarmEmail": "ops@shop.test"}, False), ("staging", {}, False)],
)
def test_a_prod_whose_alarms_reach_nobody_is_told_so_at_the_end(
    environment: str, overrides: dict[str, str], done: list[str], capsys: pytest.CaptureFixture[str], *, warned: bool
) -> None:
    remote.deploy(environment, overrides)
    assert done == ["build", "deploy"]
    assert ("Nobody is told of alarms" in capsys.readouterr().out) is warned


@pytest.fixture
def given_to_sam(done: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment variables that SAM deploys with."""
    given: dict[str, str] = {}

    def deploy(_environment: str, _folder: Path, _overrides: Any, variables: dict[str, str], **_: Any) -> None:
        given.update(variables)

    monkeypatch.setattr(sam, "deploy", deploy)
    return given


def test_to_localstack_nobodys_own_credentials_are_sent(
    given_to_sam: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "ENDPOINT_URL_S3"):
        monkeypatch.setenv(f"AWS_{name}", "mine")
    remote.deploy("localstack", {})
    settings = {name: value for name, value in given_to_sam.items() if name.startswith("AWS_")}
    assert settings.pop("AWS_ENDPOINT_URL").startswith("http://")
    assert settings == LOCAL_CREDENTIALS
    assert given_to_sam["PATH"] == os.environ["PATH"]


def test_to_aws_it_is_the_callers_own_credentials(
    given_to_sam: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    remote.deploy("staging", {})
    assert given_to_sam["AWS_SESSION_TOKEN"] == "mine"
    assert "AWS_ENDPOINT_URL" not in given_to_sam


@pytest.mark.parametrize(("environment", "said"), [("local", "make up"), ("nowhere", "No environment 'nowhere'")])
def test_what_is_no_environment_elsewhere_is_not_deployed(environment: str, said: str, done: list[str]) -> None:
    with pytest.raises(StackError, match=said):
        remote.deploy(environment, {})
    assert done == []
