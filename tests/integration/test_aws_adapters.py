"""KMS and Glue as the commit asks them: every request is held against the services' own models."""

import hashlib

import boto3
from botocore.stub import Stubber

from inventory.storage.catalogue import GlueCatalogue
from inventory.storage.signing import KmsSigner

STORAGE = {"Location": "s3://history/ledger/", "Columns": [{"Name": "rev", "Type": "bigint"}]}


def test_a_manifest_of_any_length_is_signed_by_its_hash_with_an_algorithm_that_repeats_itself() -> None:
    client = boto3.client("kms")
    message = b"a manifest" * 1000
    asked = {
        "KeyId": "key-1",
        "Message": hashlib.sha256(message).digest(),
        "MessageType": "DIGEST",
        "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256",
    }
    with Stubber(client) as kms:
        kms.add_response("sign", {"Signature": b"signed"}, asked)
        kms.add_response("get_public_key", {"PublicKey": b"der"}, {"KeyId": "key-1"})
        signer = KmsSigner(client, "key-1")
        assert signer.sign(message) == b"signed"
        assert signer.public_key_der == signer.public_key_der == b"der"
        kms.assert_no_pending_responses()


def test_a_partition_is_registered_at_its_own_place_and_one_that_is_there_stays() -> None:
    client = boto3.client("glue")
    table = {"Table": {"Name": "ledger", "StorageDescriptor": STORAGE}}
    place = {**STORAGE, "Location": "s3://history/ledger/as_of=20270115T080000Z/"}
    asked = {
        "DatabaseName": "inventory_test",
        "TableName": "ledger",
        "PartitionInput": {"Values": ["20270115T080000Z"], "StorageDescriptor": place},
    }
    with Stubber(client) as glue:
        catalogue = GlueCatalogue(client, "inventory_test")
        for again in (False, True):
            glue.add_response("get_table", table, {"DatabaseName": "inventory_test", "Name": "ledger"})
            if again:
                glue.add_client_error("create_partition", "AlreadyExistsException", expected_params=asked)
            else:
                glue.add_response("create_partition", {}, asked)
            catalogue.register("ledger", "20270115T080000Z")
        glue.assert_no_pending_responses()
