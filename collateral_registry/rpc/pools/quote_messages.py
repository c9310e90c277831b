"""Conversion of quotes of pools from entries to and from messages."""

from __future__ import annotations

from collections.abc import Mapping

from collateral_registry.commands.pools.quotes import PoolToQuote, QuotedPool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assignments.assumed import AssumedAssignment
from collateral_registry.domain.receivables.assignment_facts import AssignmentState
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import located
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.assets.messages import read_quoted
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.pools.messages import invoice_message, statement_message
from collateral_registry.rpc.receivables.entry_columns import read_columns
from collateral_registry.v1 import invoice_feed_pb2, receivable_pb2 as pb
from valuation.errors import InvalidInput

QUOTED_ENTRIES_LIMIT = 50_000
"""Maximum number of entries of a quote; about as many as a message of 4 MiB holds, with short texts."""

INVOICES_LIMIT = 1_000
REJECTED_LIMIT = 1_000
"""Rejected entries that are returned; the others are only counted."""

DRAFT_ID = "quote"
"""Id of a pool that is not registered and that no entry names."""


def read_quote(request: pb.QuoteReceivablePoolRequest) -> PoolToQuote:
    """Returns the pool in a request; raises one InvalidInput that lists all violations."""
    read = convert.read_all(
        pool=lambda: _read_pool(request),
        entries=lambda: _read_entries(request),
        day=lambda: convert.read_date("date", request, "date"),
        assumed=lambda: _read_assumed(request),
        limit=lambda: _check_limit(request.invoice_limit),
    )
    day = None if read["day"] is None else day_of(read["day"])
    return PoolToQuote(read["pool"], read["entries"], day, read["assumed"])


def _read_pool(request: pb.QuoteReceivablePoolRequest) -> str | Asset:
    match request.WhichOneof("pool"):
        case "name":
            return id_of("name", request.name, "assets")[0]
        case "draft":
            with located("draft"):
                return read_quoted(request.draft, DRAFT_ID)
        case _:
            raise InvalidInput("pool", "nothing", "name or draft")


def _read_entries(request: pb.QuoteReceivablePoolRequest) -> Entries:
    return read_columns("entries", request.entries, QUOTED_ENTRIES_LIMIT)


def _read_assumed(request: pb.QuoteReceivablePoolRequest) -> AssumedAssignment | None:
    if not request.HasField("assumed_assignment"):
        return None
    message, field = request.assumed_assignment, "assumed_assignment"
    with located(field):
        return AssumedAssignment(
            convert.member("state", AssignmentState, message.state),
            convert.read_date("registry_search_date", message, "registry_search_date"),
            message.contracts_permit_assignment,
        )


def _check_limit(limit: int) -> None:
    if not 0 <= limit <= INVOICES_LIMIT:
        raise InvalidInput("invoice_limit", limit, f"0 to {INVOICES_LIMIT}")


def debtors_of(request: pb.QuoteReceivablePoolRequest, quoted: QuotedPool) -> set[str]:
    """Returns the debtors that the quote of the pool in a request names, as its entries state them."""
    invoices = quoted.explained.ladder.pool.ledger.debtor[: request.invoice_limit].tolist()
    return {*invoices, *(one.debtor for one in quoted.shown.stored.statement.debtors)}


def quote_message(
    request: pb.QuoteReceivablePoolRequest, quoted: QuotedPool, registered: Mapping[str, str]
) -> pb.QuoteReceivablePoolResponse:
    """Returns the quote of the pool in a request; ``registered`` are ids of debtors by the texts that state them."""
    statement = statement_message(quoted.shown, registered)
    if request.HasField("draft"):
        statement.asset = ""
    count = len(quoted.explained.ladder.pool.ledger.open_minor)
    invoices = [invoice_message(quoted.explained, row, registered) for row in range(min(count, request.invoice_limit))]
    for one in invoices:
        one.name = ""
    return pb.QuoteReceivablePoolResponse(
        statement=statement,
        unknown_reasons=convert.unknown_reasons(quoted.value.unknown),
        part_unknown_reasons=convert.unknown_reasons(quoted.value.unknown_part),
        quality_flags=convert.quality_flags(quoted.value.quality),
        assumptions=map(int, quoted.assumptions),
        invoices=invoices,
        invoice_count=count,
        rejected_items=_rejected(request, quoted),
        rejected_count=len(quoted.problems),
    )


def _rejected(request: pb.QuoteReceivablePoolRequest, quoted: QuotedPool) -> list[invoice_feed_pb2.RejectedInvoiceItem]:
    ids = request.entries.entry_ids
    return [
        invoice_feed_pb2.RejectedInvoiceItem(
            row=row, entry_id=ids[row], reason=int(problem.reason), description=problem.description
        )
        for row, problem in sorted(quoted.problems.items())[:REJECTED_LIMIT]
    ]
