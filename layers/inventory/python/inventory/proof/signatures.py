"""Who signed: RSA signatures, checked with the `cryptography` library (which functions on AWS do not carry)."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@dataclass(frozen=True, slots=True)
class RsaVerifier:
    """Whose RSASSA-PKCS1-v1_5 signatures with SHA-256 count.

    Attributes:
        fingerprints: Of each key that may have signed, the SHA-256 of its public half's DER, in hex.
    """

    fingerprints: Collection[str]

    def signer_of(self, pem: bytes, signature: bytes, message: bytes) -> str | None:
        """The fingerprint of the PEM's key, whichever it is, where the signature over the message is its own.

        Else None.
        """
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            return None
        if not isinstance(key, rsa.RSAPublicKey):
            return None
        try:
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return None
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()
