"""KMS: signs with a private key that never leaves it."""

import hashlib
from functools import cached_property
from typing import Any, Final

ALGORITHM: Final = "RSASSA_PKCS1_V1_5_SHA_256"


class KmsSigner:
    """A signing key of KMS. Its algorithm gives one message one signature, so that a repeated commit is the same.

    Args:
        client: A boto3 KMS client.
        key_id: The key's id or ARN: RSA, for signing.
    """

    def __init__(self, client: Any, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    @cached_property
    def public_key_der(self) -> bytes:
        """The public key."""
        der: bytes = self._client.get_public_key(KeyId=self._key_id)["PublicKey"]
        return der

    def sign(self, message: bytes) -> bytes:
        """The message's signature."""
        answer = self._client.sign(
            KeyId=self._key_id,
            Message=hashlib.sha256(message).digest(),
            MessageType="DIGEST",
            SigningAlgorithm=ALGORITHM,
        )
        signature: bytes = answer["Signature"]
        return signature
