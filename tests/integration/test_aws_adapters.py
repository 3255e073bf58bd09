"""KMS, Glue and EventBridge as they are asked: every request is held against the services' own models."""

import hashlib

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from inventory.adapters.announcements import EventBus, NotAnnounced
from inventory.adapters.catalogue import GlueCatalogue
from inventory.adapters.signing import KmsSigner, KmsVerifier

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


DER = b"a public key of some length"
PEM = b"-----BEGIN PUBLIC KEY-----\nYSBwdWJsaWMga2V5IG9mIHNvbWUg\nbGVuZ3Ro\n-----END PUBLIC KEY-----\n"
FINGERPRINT = hashlib.sha256(DER).hexdigest()


def test_a_signature_is_the_keys_own_only_where_kms_says_so() -> None:
    client = boto3.client("kms")
    asked = {
        "KeyId": "key-1",
        "Message": hashlib.sha256(b"a manifest").digest(),
        "MessageType": "DIGEST",
        "Signature": b"signed",
        "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256",
    }
    with Stubber(client) as kms:
        verifier = KmsVerifier(client, ["key-1"])
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        kms.add_response("verify", {"SignatureValid": True}, asked)
        assert verifier.signer_of(PEM, b"signed", b"a manifest") == FINGERPRINT
        kms.add_client_error("verify", "KMSInvalidSignatureException", expected_params=asked)
        assert verifier.signer_of(PEM, b"signed", b"a manifest") is None
        kms.add_client_error("verify", "KMSInternalException", expected_params=asked)
        with pytest.raises(ClientError):
            verifier.signer_of(PEM, b"signed", b"a manifest")
        kms.assert_no_pending_responses()


def test_a_signature_that_kms_calls_invalid_in_its_answer_is_nobodys() -> None:
    client = boto3.client("kms")
    with Stubber(client) as kms:
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        kms.add_response("verify", {"SignatureValid": False})
        assert KmsVerifier(client, ["key-1"]).signer_of(PEM, b"signed", b"a manifest") is None
        kms.assert_no_pending_responses()


@pytest.mark.parametrize("length", [0, 6_145, 1_000_000])
def test_what_kms_would_not_take_for_a_signature_is_nobodys(length: int) -> None:
    """KMS answers that the question is invalid, as it would where this program asked wrongly."""
    client = boto3.client("kms")
    with Stubber(client) as kms:
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        assert KmsVerifier(client, ["key-1"]).signer_of(PEM, bytes(length), b"a manifest") is None
        kms.assert_no_pending_responses()


@pytest.mark.parametrize("length", [1, 6_144])
def test_of_any_other_signature_kms_is_asked(length: int) -> None:
    client = boto3.client("kms")
    with Stubber(client) as kms:
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        kms.add_client_error("verify", "KMSInvalidSignatureException")
        assert KmsVerifier(client, ["key-1"]).signer_of(PEM, bytes(length), b"a manifest") is None
        kms.assert_no_pending_responses()


def test_what_an_earlier_key_signed_is_asked_of_that_key() -> None:
    client, other = boto3.client("kms"), b"another public key"
    with Stubber(client) as kms:
        kms.add_response("get_public_key", {"PublicKey": other}, {"KeyId": "key-2"})
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        verifier = KmsVerifier(client, ["key-2", "key-1"])
        assert set(verifier.fingerprints) == {FINGERPRINT, hashlib.sha256(other).hexdigest()}
        asked = {"KeyId": "key-1", "Message": ANY, "MessageType": ANY, "Signature": ANY, "SigningAlgorithm": ANY}
        kms.add_response("verify", {"SignatureValid": True}, asked)
        assert verifier.signer_of(PEM, b"signed", b"a manifest") == FINGERPRINT
        kms.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["DisabledException", "NotFoundException", "KMSInvalidStateException"])
def test_a_forged_signature_is_none_though_an_earlier_key_cannot_be_asked_for(code: str) -> None:
    client = boto3.client("kms")
    with Stubber(client) as kms:
        verifier = KmsVerifier(client, ["key-1", "gone"])
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        kms.add_client_error("get_public_key", code)
        assert not verifier.has_signed("0" * 64, b"signed", b"a manifest")
        kms.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["DisabledException", "NotFoundException", "KMSInvalidStateException"])
def test_an_earlier_key_that_went_while_an_instance_lived_has_signed_nothing_as_for_a_new_instance(code: str) -> None:
    client = boto3.client("kms")
    with Stubber(client) as kms:
        verifier = KmsVerifier(client, ["key-2", "key-1"])
        kms.add_response("get_public_key", {"PublicKey": b"another public key"}, {"KeyId": "key-2"})
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        kms.add_response("verify", {"SignatureValid": True})
        assert verifier.has_signed(FINGERPRINT, b"signed", b"a manifest")
        kms.add_client_error("verify", code)
        assert not verifier.has_signed(FINGERPRINT, b"signed", b"a manifest")
        kms.add_client_error("verify", code)
        with pytest.raises(ClientError, match=code):  # an audit accuses nobody of what it could not look at
            verifier.signer_of(PEM, b"signed", b"a manifest")


def test_that_the_stacks_own_key_went_while_an_instance_lived_is_an_error() -> None:
    client = boto3.client("kms")
    with Stubber(client) as kms:
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        kms.add_client_error("verify", "DisabledException")
        with pytest.raises(ClientError, match="DisabledException"):
            KmsVerifier(client, ["key-1"]).has_signed(FINGERPRINT, b"signed", b"a manifest")


@pytest.mark.parametrize(("keys", "code"), [(["gone"], "DisabledException"), (["key-1", "mine"], "AccessDenied")])
def test_that_the_stacks_own_key_is_gone_or_one_may_not_be_asked_is_an_error(keys: list[str], code: str) -> None:
    client = boto3.client("kms")
    with Stubber(client) as kms:
        for _ in keys[1:]:
            kms.add_response("get_public_key", {"PublicKey": DER})
        kms.add_client_error("get_public_key", code)
        with pytest.raises(ClientError, match=code):
            KmsVerifier(client, keys).has_signed("0" * 64, b"signed", b"a manifest")


def test_an_earlier_key_is_not_asked_for_where_the_one_before_it_signed() -> None:
    """It may be disabled by now: KMS then refuses to give its public key."""
    client = boto3.client("kms")
    with Stubber(client) as kms:
        verifier = KmsVerifier(client, ["key-1", "disabled"])
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        for valid in (True, False):
            kms.add_response("verify", {"SignatureValid": valid})
            assert verifier.has_signed(FINGERPRINT, b"signed", b"a manifest") is valid
        kms.assert_no_pending_responses()


@pytest.mark.parametrize("pem", [b"", b"\xff", *(PEM.replace(b"YSBw", each) for each in (b"YSBx", b"*", b"Y*SBw"))])
def test_another_key_or_none_is_not_even_asked_about(pem: bytes) -> None:
    client = boto3.client("kms")
    with Stubber(client) as kms:
        kms.add_response("get_public_key", {"PublicKey": DER}, {"KeyId": "key-1"})
        assert KmsVerifier(client, ["key-1"]).signer_of(pem, b"signed", b"a manifest") is None


def test_what_the_bus_refuses_is_an_error_with_its_reason() -> None:
    client = boto3.client("events")
    entry = {"EventBusName": "bus", "Source": "inventory", "DetailType": "Audit", "Detail": '{"id": "audit_1"}'}
    with Stubber(client) as events:
        bus = EventBus(client, "bus")
        events.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, {"Entries": [entry]})
        bus.announce("Audit", {"id": "audit_1"})
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttled", "ErrorMessage": "slowly"}]}
        events.add_response("put_events", refused, {"Entries": [entry]})
        with pytest.raises(NotAnnounced, match="Throttled: slowly"):
            bus.announce("Audit", {"id": "audit_1"})
