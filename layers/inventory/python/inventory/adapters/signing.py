"""KMS: signs with a private key that never leaves it, and tells whose a signature is."""

import base64
import binascii
import hashlib
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import ClientError

from inventory.adapters.outages import outages_named
from inventory.aws_errors import code_of

ALGORITHM: Final = "RSASSA_PKCS1_V1_5_SHA_256"
_SERVICE: Final = "The service that keeps the signing key"
#: KMS looks at signatures of 1 to so many bytes. Any other it calls an invalid request, and not an invalid signature.
_SIGNATURE_BYTES_MAX: Final = 6_144
#: How KMS refuses what is asked of a key that is disabled, deleted, or about to be.
_GONE: Final = frozenset({"DisabledException", "NotFoundException", "KMSInvalidStateException"})


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
        """The public key, asked for once.

        Raises:
            botocore.exceptions.ClientError: KMS does not have the key, or it is disabled.
            Overloaded: KMS did not answer.
        """
        with outages_named(_SERVICE):
            der: bytes = self._client.get_public_key(KeyId=self._key_id)["PublicKey"]
        return der

    def sign(self, message: bytes) -> bytes:
        """The message's signature (`ALGORITHM`).

        Raises:
            botocore.exceptions.ClientError: KMS does not have the key, or it is disabled.
            Overloaded: KMS did not answer.
        """
        with outages_named(_SERVICE):
            answer = self._client.sign(
                KeyId=self._key_id,
                Message=hashlib.sha256(message).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=ALGORITHM,
            )
        signature: bytes = answer["Signature"]
        return signature


class KmsVerifier:
    """Checks signatures of keys of KMS.

    Args:
        client: A boto3 KMS client.
        key_ids: The keys' ids or ARNs: the one that signs now, and those that did before.
    """

    def __init__(self, client: Any, key_ids: Sequence[str]) -> None:
        self._client = client
        self._key_ids = key_ids
        self._known: dict[str, str] = {}

    @property
    def fingerprints(self) -> Collection[str]:
        """Of each key, the SHA-256 of its public half's DER, in hex.

        Raises:
            botocore.exceptions.ClientError: KMS does not have one of the keys.
            Overloaded: KMS did not answer.
        """
        return {self._fingerprint(key) for key in self._key_ids}

    def signer_of(self, pem: bytes, signature: bytes, message: bytes) -> str | None:
        """The fingerprint of the one of these keys that the PEM is, where the signature over the message is its own.

        Else None.

        Raises:
            botocore.exceptions.ClientError: KMS does not have that key any more, or refuses to be asked.
            Overloaded: KMS did not answer.
        """
        fingerprint = _fingerprint_of(pem)
        key_id = None if fingerprint is None else self._key_with(fingerprint)
        return fingerprint if key_id is not None and self._is_signed_by(key_id, signature, message) else None

    def has_signed(self, fingerprint: str, signature: bytes, message: bytes) -> bool:
        """Whether one of these keys has this fingerprint, and the signature over the message is its own.

        An earlier key that is disabled or gone has signed nothing: as nobody can be asked, nobody can tell.

        Raises:
            botocore.exceptions.ClientError: KMS does not have the key that signs now, or refuses to be asked.
            Overloaded: KMS did not answer.
        """
        key_id = self._key_with(fingerprint)
        try:
            return key_id is not None and self._is_signed_by(key_id, signature, message)
        except ClientError as error:
            if self._is_gone(key_id, error):  # it was still there when its fingerprint was asked for
                return False
            raise

    def _is_signed_by(self, key_id: str, signature: bytes, message: bytes) -> bool:
        if not 1 <= len(signature) <= _SIGNATURE_BYTES_MAX:
            return False
        try:
            with outages_named(_SERVICE):
                answer = self._client.verify(
                    KeyId=key_id,
                    Message=hashlib.sha256(message).digest(),
                    MessageType="DIGEST",
                    Signature=signature,
                    SigningAlgorithm=ALGORITHM,
                )
        except ClientError as error:
            if code_of(error) == "KMSInvalidSignatureException":
                return False
            raise
        return bool(answer["SignatureValid"])

    def _key_with(self, fingerprint: str) -> str | None:
        """The key that has this fingerprint. An earlier one that is disabled or gone has none that could be known."""
        for key_id in self._key_ids:
            try:
                if self._fingerprint(key_id) == fingerprint:
                    return key_id
            except ClientError as error:
                if not self._is_gone(key_id, error):
                    raise
        return None

    def _is_gone(self, key_id: str | None, error: ClientError) -> bool:
        """Whether KMS refuses because an earlier key is disabled or gone. The one that signs now has to be there."""
        return key_id != self._key_ids[0] and code_of(error) in _GONE

    def _fingerprint(self, key_id: str) -> str:
        """Asked for once; of no key before it is needed, as an earlier one may be disabled by now."""
        if key_id not in self._known:
            with outages_named(_SERVICE):
                der: bytes = self._client.get_public_key(KeyId=key_id)["PublicKey"]
            self._known[key_id] = hashlib.sha256(der).hexdigest()
        return self._known[key_id]


def _fingerprint_of(pem: bytes) -> str | None:
    """The SHA-256 of a PEM's DER, in hex; None where it is no PEM."""
    try:
        body = "".join(line for line in pem.decode("ascii").splitlines() if not line.startswith("-----"))
        return hashlib.sha256(base64.b64decode(body, validate=True)).hexdigest()
    except (UnicodeDecodeError, binascii.Error):
        return None
