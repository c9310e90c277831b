"""Quotes a pool from a file of entries, which the server values and does not record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from collateral_partner.invoices.entries import Entry
from collateral_partner.terminal import print_problems
from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_line, print_message
from collateral_registry.cli.common.formatting import date_message, format_date, resource_name
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.table_files import Section, show_table
from collateral_registry.cli.common.tables import ListedRows, label
from collateral_registry.cli.importing.entry_files import EntryFileOptions, FileEntries, read_entries
from collateral_registry.cli.pools.calls import INVOICES, WATERFALL, invoice_row, waterfall
from collateral_registry.cli.pools.commands import Assigned, Concentration
from collateral_registry.v1 import (
    asset_pb2,
    assignment_pb2,
    common_pb2,
    invoice_feed_pb2,
    receivable_pb2 as pb,
    receivable_pb2_grpc,
)

DRAFT_POOL = "quote"
"""Pool of an XML file, which states none."""

ASSUMPTIONS = {
    pb.QUOTE_ASSUMPTION_ASSIGNMENT: "state of the assignment",
    pb.QUOTE_ASSUMPTION_REGISTRY_SEARCH: "search of the registry",
    pb.QUOTE_ASSUMPTION_CONTRACT_TERMS: "contracts that permit the assignment",
    pb.QUOTE_ASSUMPTION_NO_DEBTOR_LIMITS: "no limits of debtors",
    pb.QUOTE_ASSUMPTION_DATE: "debtors, policy and lines of now on another day",
    pb.QUOTE_ASSUMPTION_REJECTED_ENTRIES: "rejected entries do not count",
}


@dataclass(frozen=True)
class QuoteOptions:
    """How a pool is quoted: the file, the registered pool or the terms of a draft, assumptions, and what is shown."""

    file: EntryFileOptions
    asset_class: str
    owner_debtor: str
    concentration: Concentration | None
    date: str
    assigned: Assigned | None
    searched: str
    contracts_permit: bool
    invoices: int
    as_json: bool


def quote_pool(channel: grpc.Channel, path: Path, options: QuoteOptions, layout: Layout) -> int:
    """Shows the statement of a pool from a file; prints refused rows and returns the exit code.

    Raises ValueError if the file is refused as a whole.
    """
    pool = options.file.pool
    found = read_entries(channel, path, options.file, pool or DRAFT_POOL, options.owner_debtor)
    for one in found.suppliers:
        print_line(f"supplier, not compared with the owner of the pool: {one}", to_stderr=True)
    if not found.entries:
        print_problems(found.problems)
        raise ValueError(f"{path.name}: got no entries that can be read, want at least one")
    request = pb.QuoteReceivablePoolRequest(
        entries=_columns(found.entries),
        date=date_message("date", options.date) if options.date else None,
        assumed_assignment=_assumed(options),
        invoice_limit=options.invoices,
    )
    if pool:
        request.name = resource_name("assets", pool)
    else:
        request.draft.CopyFrom(_draft(options, found))
    answer = receivable_pb2_grpc.ReceivableServiceStub(channel).QuoteReceivablePool(request)
    _show(answer, layout, as_json=options.as_json)
    problems = [*found.problems, *map(found.rejected, answer.rejected_items)]
    print_problems(problems)
    return EXIT_SOME_REFUSED if problems else 0


def _columns(entries: Sequence[Entry]) -> invoice_feed_pb2.InvoiceBatch:
    # Every entry has one value in each column, so that the messages can be joined.
    return invoice_feed_pb2.InvoiceBatch.FromString(b"".join(one.content for one in entries))


def _assumed(options: QuoteOptions) -> pb.AssumedAssignment | None:
    if options.assigned is None:
        return None
    return pb.AssumedAssignment(
        state=assignment_pb2.AssignmentState.Value(f"ASSIGNMENT_STATE_{options.assigned.name}"),
        registry_search_date=date_message("searched", options.searched) if options.searched else None,
        contracts_permit_assignment=options.contracts_permit,
    )


def _draft(options: QuoteOptions, found: FileEntries) -> asset_pb2.Asset:
    pool = asset_pb2.ReceivablePool()
    if options.owner_debtor:
        pool.owner_debtor = resource_name("debtors", options.owner_debtor)
    if options.concentration is not None:
        pool.concentration_mode = asset_pb2.ConcentrationMode.Value(f"CONCENTRATION_MODE_{options.concentration.name}")
    return asset_pb2.Asset(
        asset_class=options.asset_class, currency_code=_currency(options, found), receivable_pool=pool
    )


def _currency(options: QuoteOptions, found: FileEntries) -> str:
    """Returns the currency of the pool; raises ValueError if neither the command nor the file states one."""
    if options.file.currency:
        return options.file.currency
    stated = sorted({one.currency for one in found.entries} - {""})
    if len(stated) != 1:
        raise ValueError(f"currency: got {' and '.join(stated) or 'nothing'}, want --currency with that of the pool")
    return stated[0]


def _show(answer: pb.QuoteReceivablePoolResponse, layout: Layout, *, as_json: bool) -> None:
    if as_json:
        print_message(answer)
        return
    found = answer.statement
    title = f"quote on {format_date(found.market_date)}, entry {found.entry_number}"
    by = "estimated from the entries" if found.HasField("estimate") else "no estimate"
    if found.asset:
        by = f"estimate of {format_date(found.estimate.date)}" if found.HasField("estimate") else by
    lines = [f"{title}, {by}"]
    reasons = (common_pb2.UnknownReason.Name(one) for one in answer.unknown_reasons)
    lines += [f"UNKNOWN as a whole, so that it lends nothing: {label(one, 'UNKNOWN_REASON_')}" for one in reasons]
    lines += [f"assumed: {ASSUMPTIONS[one]}" for one in answer.assumptions]
    rows = ListedRows([*map(invoice_row, answer.invoices)])
    below = Section(f"first {len(answer.invoices)} of {answer.invoice_count} invoices", INVOICES, rows)
    show_table(WATERFALL, ListedRows([*waterfall(found)]), layout, "\n".join(lines), [below])
