"""The history's bucket: nothing in it can be changed or removed, and nobody reads it from outside."""

from support.template import load_template, properties


def test_every_object_is_versioned_locked_and_encrypted() -> None:
    bucket = properties("HistoryBucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["ObjectLockEnabled"] is True
    rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert rule == {"Mode": {"Ref": "ObjectLockMode"}, "Days": {"Ref": "ObjectLockDays"}}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert load_template()["Parameters"]["ObjectLockMode"]["AllowedValues"] == ["GOVERNANCE", "COMPLIANCE"]


def test_the_bucket_outlives_the_stack() -> None:
    resource = load_template()["Resources"]["HistoryBucket"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_nobody_outside_reads_it_and_nobody_reads_it_in_the_clear() -> None:
    assert set(properties("HistoryBucket")["PublicAccessBlockConfiguration"].values()) == {True}
    (statement,) = properties("HistoryBucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_expires_is_scaffolding_alone_and_the_rest_gets_cheaper() -> None:
    rules = {rule["Id"]: rule for rule in properties("HistoryBucket")["LifecycleConfiguration"]["Rules"]}
    assert [rule["Prefix"] for rule in rules.values() if "ExpirationInDays" in rule] == ["partials/"]
    assert {rule["Prefix"] for rule in rules.values() if "Transitions" in rule} == {
        *("archive/", "ledger/", "snapshots/", "state/"),
    }
