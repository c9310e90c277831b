"""The audit log of a book: canonical digests, entries, the Merkle tree over them, signed checkpoints, verification."""
