"""KMS: signs with a private key that never leaves it, and tells whether a signature is that key's."""

import base64
import binascii
import hashlib
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import ClientError

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


class KmsVerifier:
    """Checks signatures of a key of KMS.

    Args:
        client: A boto3 KMS client.
        key_id: The key's id or ARN.
    """

    def __init__(self, client: Any, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the public key's DER, in hex."""
        return hashlib.sha256(self._client.get_public_key(KeyId=self._key_id)["PublicKey"]).hexdigest()

    def signer_of(self, pem: bytes, signature: bytes, message: bytes) -> str | None:
        """The key's fingerprint where the PEM is its public key and the signature over the message its own, else None.

        Raises:
            botocore.exceptions.ClientError: KMS did not answer.
        """
        if _fingerprint_of(pem) != self.fingerprint:
            return None
        try:
            answer = self._client.verify(
                KeyId=self._key_id,
                Message=hashlib.sha256(message).digest(),
                MessageType="DIGEST",
                Signature=signature,
                SigningAlgorithm=ALGORITHM,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "KMSInvalidSignatureException":
                return None
            raise
        return self.fingerprint if answer["SignatureValid"] else None


def _fingerprint_of(pem: bytes) -> str | None:
    """The SHA-256 of a PEM's DER, in hex; None where it is no PEM."""
    try:
        body = "".join(line for line in pem.decode("ascii").splitlines() if not line.startswith("-----"))
        return hashlib.sha256(base64.b64decode(body, validate=True)).hexdigest()
    except (UnicodeDecodeError, binascii.Error):
        return None
