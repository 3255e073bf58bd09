"""What AWS gets for questions about the past: bounded, encrypted, and nothing of it public."""

import pytest

from support.template import load_template, properties, resources


def test_a_query_can_neither_read_without_bound_nor_write_elsewhere() -> None:
    settings = properties("HistoryWorkgroup")["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == {"Ref": "QueryScanLimitBytes"}
    result = settings["ResultConfiguration"]
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    assert result["OutputLocation"] == {"Fn::Sub": "s3://${QueryResultsBucket}/results/"}


def test_answers_are_private_and_go_after_a_week() -> None:
    bucket = properties("QueryResultsBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert {"Id": "answers-go", "Status": "Enabled", "ExpirationInDays": 7} in bucket["LifecycleConfiguration"]["Rules"]
    [statement] = properties("QueryResultsBucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.parametrize("table", ["snapshots", "ledger", "holds", "audit_findings"])
def test_each_table_is_over_its_own_prefix_by_instant(table: str) -> None:
    [told] = [
        each["Properties"]["TableInput"]
        for each in resources("AWS::Glue::Table").values()
        if each["Properties"]["TableInput"]["Name"] == table
    ]
    assert told["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{HistoryBucket}}/{table}/"}
    assert told["PartitionKeys"] == [{"Name": "as_of", "Type": "string"}]


def test_named_queries_stay_off_the_embedded_emulator_which_refuses_them() -> None:
    assert load_template()["Conditions"]["NamedQueries"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "Environment"}, "local"]}]
    }
