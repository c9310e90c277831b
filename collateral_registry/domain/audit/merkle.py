"""The Merkle tree of RFC 9162 with its proofs: that a tree contains a leaf, and that a tree extends an earlier one.

A leaf is hashed with a prefix of 0x00 and a node with 0x01. The left subtree of a node has as many leaves as the
largest power of two that is less than their number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Leaves = Callable[[int, int], Sequence[bytes]]
"""Returns the hashes of the leaves from the first to before the last index."""

KEPT_LEAVES = 256
"""The roots of complete subtrees of at least this many leaves are kept, because they never change."""

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Returns the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of a node with two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The tree over an append-only list of leaves."""

    def __init__(self, leaves: Leaves, kept: dict[tuple[int, int], bytes] | None = None) -> None:
        """Stores the function that returns leaves; ``kept`` are roots that another tree over the same list has kept."""
        self._leaves = leaves
        self._kept = {} if kept is None else kept

    def root(self, size: int) -> bytes:
        """Returns the root of the tree over the first ``size`` leaves."""
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Returns the proof that the leaf is in the tree of this size; raises ValueError if it cannot be."""
        if not 0 <= index < size:
            raise ValueError(f"index: got {index}, want 0 to {size - 1}")
        return self._path(index, 0, size)

    def consistency(self, old: int, size: int) -> list[bytes]:
        """Returns the proof that the tree of ``size`` extends the tree of ``old``; raises ValueError if it cannot."""
        if not 0 < old <= size:
            raise ValueError(f"old: got {old}, want 1 to {size}")
        return [] if old == size else self._extension(old, 0, size, whole=True)

    def _subtree(self, start: int, end: int) -> bytes:
        size = end - start
        is_kept = size >= KEPT_LEAVES and size & (size - 1) == 0
        if is_kept and (start, end) in self._kept:
            return self._kept[start, end]
        if size <= KEPT_LEAVES:
            root = root_of(self._leaves(start, end))
        else:
            middle = start + _split(size)
            root = node_hash(self._subtree(start, middle), self._subtree(middle, end))
        if is_kept:
            self._kept[start, end] = root
        return root

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._subtree(middle, end)]
        return [*self._path(index, middle, end), self._subtree(start, middle)]

    def _extension(self, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        """Returns the proof within a subtree; ``whole`` is whether the old tree begins where the subtree begins."""
        if old == end:
            return [] if whole else [self._subtree(start, end)]
        middle = start + _split(end - start)
        if old <= middle:
            return [*self._extension(old, start, middle, whole=whole), self._subtree(middle, end)]
        return [*self._extension(old, middle, end, whole=False), self._subtree(start, middle)]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Returns the root over the hashes of leaves."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        paired = [node_hash(*level[place : place + 2]) for place in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Returns whether a proof shows that the tree with this root contains a leaf hash (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = node_hash(sibling, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


def extends(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Returns whether a proof shows that one tree extends an earlier one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    number, last = old - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    found_old = found = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            found_old, found = node_hash(sibling, found_old), node_hash(sibling, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and found_old == old_root and found == root


def _split(size: int) -> int:
    """Returns the largest power of two that is less than a size of at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
