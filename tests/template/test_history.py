"""The history's bucket: nothing in it can be changed or removed, and nobody reads it from outside."""

import pytest

from support.template import load_template, properties


def test_every_object_is_versioned_locked_and_encrypted() -> None:
    bucket = properties("HistoryBucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["ObjectLockEnabled"] is True
    rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert rule == {"Mode": {"Ref": "ObjectLockMode"}, "Days": {"Ref": "ObjectLockDays"}}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert load_template()["Parameters"]["ObjectLockMode"]["AllowedValues"] == ["GOVERNANCE", "COMPLIANCE"]


def test_buckets_and_the_key_outlive_the_stack() -> None:
    """Buckets, but for those of one that never came up: they are empty, and would stay for ever."""
    for kept in ("HistoryBucket", "ScratchBucket", "QueryResultsBucket"):
        resource = load_template()["Resources"][kept]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    key = load_template()["Resources"]["ManifestKey"]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain"), (
        "one that a rollback takes back, too"
    )


def test_what_may_be_the_only_copy_of_an_event_or_of_a_request_outlives_the_stack() -> None:
    queue = load_template()["Resources"]["ArchiverOnFailureQueue"]
    assert (queue["DeletionPolicy"], queue["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "QueueName" not in queue["Properties"], "the next stack makes one of its own"
    log = load_template()["Resources"]["ApiLogs"]
    assert (log["DeletionPolicy"], log["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert "${Api}" in log["Properties"]["LogGroupName"]["Fn::Sub"], "the next stack has another API"


@pytest.mark.parametrize("bucket", ["HistoryBucket", "ScratchBucket"])
def test_nobody_outside_reads_it_and_nobody_reads_it_in_the_clear(bucket: str) -> None:
    assert set(properties(bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties(bucket)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (statement,) = properties(f"{bucket}Policy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_nothing_in_it_expires_and_what_is_large_gets_cheaper() -> None:
    rules = {rule["Id"]: rule for rule in properties("HistoryBucket")["LifecycleConfiguration"]["Rules"]}
    assert not [name for name, rule in rules.items() if any("Expiration" in key for key in rule)]
    cheaper = {rule["Prefix"]: rule["Transitions"] for rule in rules.values() if "Transitions" in rule}
    assert cheaper.keys() == {*("archive/", "ledger/", "snapshots/", "holds/", "state/")}
    classes = {each["StorageClass"] for transitions in cheaper.values() for each in transitions}
    assert classes == {"INTELLIGENT_TIERING"}, "a class that charges for reading costs more: all is read every midnight"


def test_work_in_progress_has_a_bucket_that_keeps_nothing() -> None:
    bucket = properties("ScratchBucket")
    assert not bucket.keys() & {"ObjectLockEnabled", "ObjectLockConfiguration", "VersioningConfiguration"}
    rules = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert {rule["Prefix"].removeprefix("partials/"): rule["ExpirationInDays"] for rule in rules} == {
        **dict.fromkeys(("map/", "live/", "audit/"), 7),
        **dict.fromkeys(("run/", "commit/"), 90),  # the only place of what a commit that died has not published
    }
