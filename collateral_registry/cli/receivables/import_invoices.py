"""Imports ledger entries of invoices from a table, or from invoices and credit notes of UBL 2.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from rich.console import Console
from rich.progress import Progress

from collateral_partner.invoices.entries import BILL, CERTIFICATE, OTHER_PAYEE, Entry
from collateral_partner.terminal import print_problems
from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_line
from collateral_registry.cli.importing.entry_files import EntryFileOptions, FileEntries, read_entries
from collateral_registry.cli.importing.messages import money
from collateral_registry.cli.receivables.complete_lists import cancelled, check_complete
from collateral_registry.v1 import invoice_feed_pb2 as pb, invoice_feed_pb2_grpc

BATCH_ENTRIES = 2_000


@dataclass(frozen=True)
class ImportOptions(EntryFileOptions):
    """How a file is read, and the feed to which its entries belong.

    ``is_complete`` states that the file lists all open invoices of the pool.
    """

    feed: str
    is_complete: bool = False


def import_invoices(channel: grpc.Channel, path: Path, options: ImportOptions) -> int:
    """Imports a table, an XML file or a folder of XML files; prints a summary and returns the exit code.

    Entries that the book has are recognised by their ids, so an import can be repeated. After a complete list in which
    no row was refused or rejected, the open invoices that it lacks are cancelled and printed. Raises ValueError if the
    file is refused as a whole, and grpc.RpcError if the server fails.
    """
    found = read_entries(channel, path, options, options.pool)
    if not options.is_complete:
        return _book(channel, found, options.feed)
    check_complete(found.entries, options.pool)
    listed = found.entries
    if _book(channel, found, options.feed):
        print_line("--complete: no invoice is cancelled before every row is booked", to_stderr=True)
        return EXIT_SOME_REFUSED
    corrections = cancelled(channel, options.feed, options.pool, listed, path.name)
    print_line(f"complete list: {len(corrections)} open invoices are not in it and are cancelled")
    for one in corrections:
        print_line(f"cancelled: {one.corrects}")
    return _book(channel, FileEntries(corrections, {}), options.feed) if corrections else 0


def _book(channel: grpc.Channel, found: FileEntries, feed: str) -> int:
    """Books the entries of a file; prints a summary and returns the exit code."""
    refused, booked, known, rejected = len(found.problems), 0, 0, 0
    stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel)
    console = Console(stderr=True)
    try:
        with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task("invoices", total=len(found.entries))
            for start in range(0, len(found.entries), BATCH_ENTRIES):
                batch = found.entries[start : start + BATCH_ENTRIES]
                answer = stub.RecordInvoiceEntries(_request(feed, batch))
                booked, known = booked + answer.booked_count, known + answer.known_count
                rejected += len(answer.rejected_items)
                found.problems += map(found.rejected, answer.rejected_items)
                progress.advance(task, len(batch))
    finally:
        print_line(f"invoices: {booked} booked, {known} already known, {rejected} rejected, {refused} refused")
        for one in found.suppliers:
            print_line(f"supplier, not compared with the owner of the pool: {one}")
        print_problems(found.problems)
    return EXIT_SOME_REFUSED if found.problems else 0


def _request(feed: str, entries: Sequence[Entry]) -> pb.RecordInvoiceEntriesRequest:
    messages = [entry_message(one) for one in entries]
    # It has no request id: the ids of the entries make a retry safe, and a repeated import states what is known.
    return pb.RecordInvoiceEntriesRequest(invoice_feed=f"invoiceFeeds/{feed}", entries=messages)


def entry_message(entry: Entry) -> pb.InvoiceEntry:
    """Returns an entry as the message of a single call."""
    return pb.InvoiceEntry(
        entry_id=entry.entry_id,
        kind=pb.InvoiceEntryKind.Value(f"INVOICE_ENTRY_KIND_{entry.kind}"),
        effective_time=_timestamp(entry),
        pool=f"assets/{entry.pool}" if entry.pool else "",
        debtor=entry.debtor,
        invoice_number=entry.number,
        type_code=entry.type_code,
        amount=money(f"{entry.amount:f}", entry.currency, "amount") if entry.currency else None,
        issue_date=_date(entry.issued),
        due_date=_date(entry.due),
        delivery_date=_date(entry.delivered),
        corrects=entry.corrects,
        document=entry.document,
        certificate=bool(entry.flags & CERTIFICATE),
        bill=bool(entry.flags & BILL),
        other_payee=bool(entry.flags & OTHER_PAYEE),
        to_pool=f"assets/{entry.to_pool}" if entry.to_pool else "",
        source=pb.InvoiceEntrySource.Value(f"INVOICE_ENTRY_SOURCE_{entry.source}"),
    )


def _timestamp(entry: Entry) -> Timestamp | None:
    if entry.happened is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(entry.happened)
    return stamp


def _date(day: date | None) -> Date | None:
    return None if day is None else Date(year=day.year, month=day.month, day=day.day)
