"""Servicer of AuditService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.audit.checkpoints import Kept, tree_of
from collateral_registry.domain.audit.entries import facts_from_text
from collateral_registry.domain.audit.merkle import Tree
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.audit.entries import log_range, newest_checkpoint
from collateral_registry.store.book.audit_entries import StoredEntry, list_entries
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import audit_pb2 as pb, audit_pb2_grpc
from valuation.errors import InvalidInput


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Returns checkpoints, entries and proofs of the audit log."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner
        self._kept: Kept = {}

    async def GetCheckpoint(
        self, request: pb.GetCheckpointRequest, context: ServicerContext
    ) -> pb.GetCheckpointResponse:
        """Returns the newest checkpoint."""

        def work(connection: Connection) -> pb.GetCheckpointResponse:
            size, note = newest_checkpoint(connection)
            if not size:
                message = "the log has no signed checkpoint: set audit_key_file, and wait a minute after a commit"
                raise Refused("NO_CHECKPOINT", message)
            return pb.GetCheckpointResponse(note=note, tree_size=size, sequence=log_range(connection)[0] + size - 1)

        return await self.runner.read(work)

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: ServicerContext
    ) -> pb.ListAuditEntriesResponse:
        """Lists entries, newest first."""
        wanted, page = filtered_page(request, "ListAuditEntries", NEWEST)

        def work(connection: Connection) -> pb.ListAuditEntriesResponse:
            messages, token = page.filled(list_entries(connection, wanted, *page.bounds), lambda row: row.seq, _entry)
            return pb.ListAuditEntriesResponse(entries=messages, next_page_token=token)

        return await self.runner.read(work)

    async def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, context: ServicerContext
    ) -> pb.GetInclusionProofResponse:
        """Returns the proof that a tree contains the entry of a commit."""
        if request.sequence < 1:
            raise InvalidInput("sequence", request.sequence, "the sequence of a commit, which is 1 or more")

        def work(connection: Connection) -> pb.GetInclusionProofResponse:
            tree, first, all_entries = tree_of(connection, self._kept)
            size = _size_of("tree_size", request.tree_size, all_entries)
            index = request.sequence - first
            if not 0 <= index < size:
                raise NotFound(f"the entry of commit {request.sequence} in a tree of {size} entries")
            return pb.GetInclusionProofResponse(
                leaf_index=index, tree_size=size, hashes=tree.inclusion(index, size), root_hash=tree.root(size)
            )

        return await self.runner.long_read(work)

    async def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, context: ServicerContext
    ) -> pb.GetConsistencyProofResponse:
        """Returns the proof that a tree extends an earlier one."""

        def work(connection: Connection) -> pb.GetConsistencyProofResponse:
            tree, _, all_entries = tree_of(connection, self._kept)
            size = _size_of("second_tree_size", request.second_tree_size, all_entries)
            old = request.first_tree_size
            if not 0 < old <= size:
                raise InvalidInput("first_tree_size", old, f"1 to {size}")
            return _consistency(tree, old, size)

        return await self.runner.long_read(work)


def _consistency(tree: Tree, old: int, size: int) -> pb.GetConsistencyProofResponse:
    return pb.GetConsistencyProofResponse(
        second_tree_size=size, hashes=tree.consistency(old, size), root_hash=tree.root(size)
    )


def _size_of(field: str, size: int, most: int) -> int:
    """Returns the size of a tree; all entries if none is stated."""
    if not 0 <= size <= most:
        raise InvalidInput(field, size, f"0 to {most}, the number of entries")
    return size or most


def _entry(row: StoredEntry) -> pb.AuditEntry:
    try:
        request, facts = bytes.fromhex(row.request), facts_from_text(row.facts)
    except ValueError as error:
        message = f"the entry of commit {row.seq} was changed: run collateral audit export and collateral audit verify"
        raise Refused("DAMAGED_AUDIT_LOG", message) from error
    return pb.AuditEntry(
        sequence=row.seq,
        commit_time=convert.timestamp(row.known_us),
        market_date=convert.day(row.market_day),
        method=row.kind,
        principal=row.principal,
        actor=row.actor,
        request_digest=request,
        facts=[pb.FactDigest(facts=fact.name, row_count=fact.rows, digest=fact.digest) for fact in facts],
        previous_hash=row.previous,
        hash=row.hash,
    )
