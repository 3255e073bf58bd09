"""As much of clients for KMS and Glue as the functions use: a key that nobody sees, and partitions."""

from typing import Any

from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from inventory.adapters.signing import ALGORITHM
from support.workflow import KeyInMemory, private_key

_HOW = (padding.PKCS1v15(), Prehashed(hashes.SHA256()))


class Vault:
    """A client for KMS that has one key, whatever it is called: that of `support.workflow.KeyInMemory`."""

    def get_public_key(self, *, KeyId: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """The public half."""
        return {"KeyId": KeyId, "PublicKey": KeyInMemory().public_key_der}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, Any]:  # noqa: N803
        """Signs a digest."""
        assert (MessageType, SigningAlgorithm) == ("DIGEST", ALGORITHM)
        return {"KeyId": KeyId, "Signature": private_key().sign(Message, *_HOW)}

    def verify(
        self,
        *,
        KeyId: str,  # noqa: N803 - boto3's names
        Message: bytes,  # noqa: N803
        MessageType: str,  # noqa: N803
        Signature: bytes,  # noqa: N803
        SigningAlgorithm: str,  # noqa: N803
    ) -> dict[str, Any]:
        """Passes the signatures that it made."""
        assert (MessageType, SigningAlgorithm) == ("DIGEST", ALGORITHM)
        try:
            private_key().public_key().verify(Signature, Message, *_HOW)
        except InvalidSignature:
            raise ClientError({"Error": {"Code": "KMSInvalidSignatureException", "Message": ""}}, "Verify") from None
        return {"KeyId": KeyId, "SignatureValid": True}


class Glue:
    """A client for Glue that has every table.

    Attributes:
        partitions: Where each partition is, by its table and its value, in the order in which they came.
    """

    def __init__(self) -> None:
        self.partitions: dict[tuple[str, str], str] = {}

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """A table, as far as a partition takes after it."""
        return {"Table": {"DatabaseName": DatabaseName, "StorageDescriptor": {"Location": f"s3://history/{Name}/"}}}

    def create_partition(self, *, DatabaseName: str, TableName: str, PartitionInput: dict[str, Any]) -> None:  # noqa: N803
        """Keeps a partition."""
        (value,) = PartitionInput["Values"]
        if (TableName, value) in self.partitions:
            raise ClientError({"Error": {"Code": "AlreadyExistsException", "Message": value}}, "CreatePartition")
        self.partitions[TableName, value] = PartitionInput["StorageDescriptor"]["Location"]
