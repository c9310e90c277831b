"""Signs checkpoints of the audit log, and computes proofs over its tree."""

from __future__ import annotations

from functools import partial

from collateral_registry.domain.audit.checkpoints import Checkpoint, SigningKey
from collateral_registry.domain.audit.merkle import Tree
from collateral_registry.store.audit.entries import insert_checkpoint, leaves, log_range, newest_checkpoint
from collateral_registry.store.engine.database import Connection, Database

_SHARD = "audit checkpoints"

Kept = dict[tuple[int, int], bytes]
"""Roots of complete subtrees of one log, which never change."""


def tree_of(connection: Connection, kept: Kept) -> tuple[Tree, int, int]:
    """Returns the tree of the log that a snapshot sees, with the sequence of its first entry and its size."""
    first, size = log_range(connection)
    return Tree(partial(leaves, connection, first), kept), first, size


def uncovered(connection: Connection) -> int:
    """Returns how many entries no checkpoint covers."""
    return log_range(connection)[1] - newest_checkpoint(connection)[0]


def make_checkpoint(database: Database, key: SigningKey, kept: Kept, lender: str = "") -> bool:
    """Signs and stores a checkpoint of all entries; returns False if the newest checkpoint covers them.

    The checkpoint is of the log of the key, or of a lender, if the service serves several with the key.
    """
    origin = f"{key.name}/{lender}" if lender else key.name
    with database.read() as connection:
        tree, _, size = tree_of(connection, kept)
        note = key.signed(Checkpoint(origin, size, tree.root(size)))
    with database.intake([_SHARD]) as intake:
        if size <= newest_checkpoint(intake.connection)[0]:
            return False
        insert_checkpoint(intake.connection, size, note)
        intake.commit()
    return True
