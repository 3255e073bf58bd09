"""What the records' tables promise on AWS."""

import pytest

from support.template import load_template, properties, resources, table_names, ttl_attributes

TABLES = sorted(resources("AWS::DynamoDB::Table"))


def test_every_table_is_told_to_the_functions() -> None:
    assert sorted(table_names().values()) == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_on_demand_encrypted_and_restorable_to_any_second(table: str) -> None:
    settings = properties(table)
    assert settings["BillingMode"] == "PAY_PER_REQUEST"
    assert settings["SSESpecification"] == {"SSEEnabled": True}
    assert settings["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_cannot_be_deleted_in_prod(table: str) -> None:
    assert properties(table)["DeletionProtectionEnabled"] == {"Fn::If": ["IsProd", True, False]}
    assert load_template()["Conditions"]["IsProd"] == {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_outlives_its_replacement_and_its_stack(table: str) -> None:
    resource = resources("AWS::DynamoDB::Table")[table]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_every_change_of_stock_holds_and_adjustments_is_told_with_both_images() -> None:
    streamed = {table: properties(table).get("StreamSpecification") for table in TABLES}
    both = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert {table for table, stream in streamed.items() if stream == both} == {
        "AdjustmentsTable",
        "HoldsTable",
        "StockTable",
    }


def test_only_settled_holds_and_remembered_requests_ever_age() -> None:
    assert ttl_attributes() == {"HOLDS_TABLE": "ttl", "REQUESTS_TABLE": "ttl"}


@pytest.mark.parametrize("table", TABLES)
def test_an_index_holds_keys_only_so_that_a_sale_does_not_pay_for_copies(table: str) -> None:
    for index in properties(table).get("GlobalSecondaryIndexes", []):
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
