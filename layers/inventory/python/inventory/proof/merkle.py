"""Merkle trees as RFC 6962 (section 2.1) has them: one file can be proved without the others."""

import hashlib
from collections.abc import Sequence


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves, in their order; of none, the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    hashes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    # Joining neighbours level by level, an odd one out going up as it is, splits at the largest power of two below
    # the number of leaves, as the RFC says.
    while len(hashes) > 1:
        pairs = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2])]  # noqa: B905
        hashes = pairs + hashes[len(pairs) * 2 :]
    return hashes[0]
