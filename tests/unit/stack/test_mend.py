"""What the emulator drops of the template is applied, and where it is not taken, said: each thing for itself."""

import json
from types import SimpleNamespace
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from stack import mend
from stack.buckets import wrong_with_bucket
from stack.console import StackError

TABLE: Final = {
    "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "SSESpecification": {"SSEEnabled": True},
}
BUCKET: Final = {
    "ObjectLockConfiguration": {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": {"Ref": "LockDays"}}},
    },
    "LifecycleConfiguration": {
        "Rules": [
            {"Id": "gets-cheaper", "Status": "Enabled", "Prefix": "archive/"}
            | {"Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 1}]},
            {"Id": "goes", "Status": "Enabled", "ExpirationInDays": 7},
        ]
    },
}
TEMPLATE: Final = {
    "Resources": {
        "Holds": {"Type": "AWS::DynamoDB::Table", "Properties": TABLE},
        "History": {"Type": "AWS::S3::Bucket", "Properties": BUCKET},
    }
}


class Emulator:
    """A stack of a table and a bucket, and what was set of them by API; some writes it ignores without a word.

    Attributes:
        ignored: The operations that do nothing.
        refused: The operations that answer with this error.
        told: What was set, by operation.
    """

    def __init__(self) -> None:
        self.ignored: set[str] = set()
        self.refused: dict[str, str] = {}
        self.told: dict[str, Any] = {}
        described = {"Parameters": [{"ParameterKey": "LockDays", "ParameterValue": "3"}]}
        names = [{"LogicalResourceId": name, "PhysicalResourceId": f"the-{name}"} for name in TEMPLATE["Resources"]]
        self.cloudformation = SimpleNamespace(
            get_template=lambda **_: {"TemplateBody": json.dumps(TEMPLATE)},
            describe_stacks=lambda **_: {"Stacks": [described]},
            get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": names}]),
        )
        self.dynamodb = SimpleNamespace(
            update_time_to_live=lambda **how: self._set("ttl", how["TimeToLiveSpecification"]["AttributeName"]),
            update_continuous_backups=lambda **how: self._set("backups", how["PointInTimeRecoverySpecification"]),
            update_table=lambda **how: self._set("encryption", how["SSESpecification"]),
            describe_time_to_live=lambda **_: {
                "TimeToLiveDescription": {"AttributeName": self.told["ttl"]} if "ttl" in self.told else {}
            },
            describe_continuous_backups=lambda **_: {
                "ContinuousBackupsDescription": {
                    "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": self._status("backups")}
                }
            },
            describe_table=lambda **_: {"Table": {"SSEDescription": {"Status": self._status("encryption")}}},
        )
        self.s3 = SimpleNamespace(
            put_object_lock_configuration=lambda **how: self._set("lock", how["ObjectLockConfiguration"]),
            put_bucket_lifecycle_configuration=lambda **how: self._set("lifecycle", how["LifecycleConfiguration"]),
            get_object_lock_configuration=lambda **_: {
                "ObjectLockConfiguration": self._found("lock", "ObjectLockConfigurationNotFoundError")
            },
            get_bucket_lifecycle_configuration=lambda **_: {
                "Rules": self._found("lifecycle", "NoSuchLifecycleConfiguration")["Rules"]
            },
        )

    def _set(self, what: str, value: Any) -> None:
        if what not in self.ignored:
            self.told[what] = value

    def _status(self, what: str) -> str:
        return "ENABLED" if what in self.told else "DISABLED"

    def _found(self, what: str, or_error: str) -> Any:
        if what in self.told and what not in self.refused:
            return self.told[what]
        raise ClientError({"Error": {"Code": self.refused.get(what, or_error), "Message": "m"}}, what)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(mend, "_SETTLE_SECONDS_MAX", 0)
    return Emulator()


def test_a_stack_becomes_as_its_template_says(aws: Any) -> None:
    mend.mend(aws, "local")
    assert aws.told == {
        "ttl": "ttl",
        "backups": {"PointInTimeRecoveryEnabled": True},
        "encryption": {"Enabled": True},
        "lock": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
        },
        "lifecycle": {
            "Rules": [
                {"ID": "gets-cheaper", "Status": "Enabled", "Filter": {"Prefix": "archive/"}}
                | {"Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "Days": 1}]},
                {"ID": "goes", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}},
            ]
        },
    }


@pytest.mark.parametrize(
    ("ignored", "said"),
    [
        ("ttl", "Holds: TTL is"),
        ("backups", "Holds: point-in-time recovery is off"),
        ("encryption", "Holds: encryption is off"),
        ("lock", "History: Object Lock is"),
        ("lifecycle", "History: lifecycle is"),
    ],
)
def test_what_is_not_taken_is_named_and_nothing_else(aws: Any, ignored: str, said: str) -> None:
    aws.ignored.add(ignored)
    with pytest.raises(StackError) as error:
        mend.mend(aws, "local")
    assert said in str(error.value)
    assert str(error.value).count(" is ") == 1


def test_what_is_taken_late_is_waited_for(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mend, "_SETTLE_SECONDS_MAX", 60)
    monkeypatch.setattr("time.sleep", lambda _: aws.told.update(ttl="ttl"))
    aws.ignored.add("ttl")
    mend.mend(aws, "local")


def test_a_bucket_without_lock_and_lifecycle_is_as_one_should_be_that_needs_none(aws: Any) -> None:
    assert wrong_with_bucket(aws, "the-History", {}) == []
    mend.mend(aws, "local")
    assert len(wrong_with_bucket(aws, "the-History", {})) == 2


@pytest.mark.parametrize("refused", ["lock", "lifecycle"])
@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_a_bucket_that_cannot_be_asked_is_not_taken_for_one_without(aws: Any, refused: str, code: str) -> None:
    aws.refused[refused] = code
    with pytest.raises(ClientError, match=code):
        wrong_with_bucket(aws, "the-History", {})
