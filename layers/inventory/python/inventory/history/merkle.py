"""Merkle trees as RFC 6962 hashes them: one hash for a whole list, by which each of its members can be proved."""

import hashlib
from collections.abc import Sequence
from typing import Final

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def root(leaves: Sequence[bytes]) -> bytes:
    """The hash of the tree over the leaves, in their order; for none, the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    return _root([hashlib.sha256(_LEAF + leaf).digest() for leaf in leaves])


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from one leaf to the root, from the leaf upwards (RFC 6962, 2.1.1)."""
    return _proof([hashlib.sha256(_LEAF + leaf).digest() for leaf in leaves], index)


def proves(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether the path proves the leaf to be the one at `index` of `size` under the root."""
    if not 0 <= index < size:
        return False
    digest, last = hashlib.sha256(_LEAF + leaf).digest(), size - 1
    for sibling in path:
        if last == 0:
            return False
        if index % 2 or index == last:
            digest = _node(sibling, digest)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            digest = _node(digest, sibling)
        index, last = index // 2, last // 2
    return last == 0 and digest == expected_root


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return _node(_root(hashes[:split]), _root(hashes[split:]))


def _proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*_proof(hashes[:split], index), _root(hashes[split:])]
    return [*_proof(hashes[split:], index - split), _root(hashes[:split])]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1
