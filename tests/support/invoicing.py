"""Entries of invoice ledgers as messages, and the calls and streams that report them."""

import queue
from datetime import date
from typing import Any

from google.protobuf.json_format import ParseDict
from google.type.date_pb2 import Date

from collateral_registry.v1 import invoice_feed_pb2 as pb, invoice_feed_pb2_grpc
from tests.support.pushing import HAPPENED_US
from tests.support.server import Client

HAPPENED = "2021-12-20T12:53:20Z"


def invoice_entry(entry_id: str, kind: str, units: int = 0, number: str = "", **fields: Any) -> pb.InvoiceEntry:
    """Returns an entry of the pool acme about the debtor delta, in USD."""
    empty: dict[str, Any] = {
        "entry_id": entry_id,
        "kind": f"INVOICE_ENTRY_KIND_{kind}",
        "invoice_number": number,
        "effective_time": HAPPENED,
    }
    if kind != "CORRECTION":
        empty |= {"pool": "assets/acme", "debtor": "debtors/delta"}
    if units or kind == "CORRECTION":
        empty["amount"] = {"currency_code": "USD", "units": str(units)}
    return ParseDict(empty | fields, pb.InvoiceEntry())


class LedgerClient:
    """Calls of the service of invoice feeds."""

    def __init__(self, client: Client) -> None:
        self.stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(client.channel)

    def record(self, *entries: pb.InvoiceEntry, feed: str = "erp", **fields: Any) -> pb.RecordInvoiceEntriesResponse:
        """Records entries in one call."""
        request = pb.RecordInvoiceEntriesRequest(invoice_feed=f"invoiceFeeds/{feed}", entries=entries, **fields)
        return self.stub.RecordInvoiceEntries(request)

    def entries(self, filter_: str = "") -> list[pb.RecordedInvoiceEntry]:
        """Lists booked entries, newest first."""
        return list(self.stub.ListInvoiceEntries(pb.ListInvoiceEntriesRequest(filter=filter_, page_size=1_000)).entries)

    def rejected(self, filter_: str = "") -> list[pb.RejectedEntry]:
        """Lists rejected entries, newest first."""
        request = pb.ListRejectedEntriesRequest(parent="invoiceFeeds/-", filter=filter_)
        return list(self.stub.ListRejectedEntries(request).rejected_entries)


def invoice_batch(sequence: int, *invoices: tuple[str, int]) -> pb.InvoiceBatch:
    """Returns a batch of invoices, each with its number and its amount in minor units; unused columns stay empty."""
    count = len(invoices)
    return pb.InvoiceBatch(
        sequence=sequence,
        entry_ids=[f"i-{number}" for number, _ in invoices],
        kinds=[pb.INVOICE_ENTRY_KIND_INVOICE] * count,
        effective_times_us=[HAPPENED_US] * count,
        pools=["assets/acme"] * count,
        debtors=["debtors/delta"] * count,
        invoice_numbers=[number for number, _ in invoices],
        amounts_minor=[amount for _, amount in invoices],
        currency_codes=["USD"] * count,
    )


def entry_columns(*entries: pb.InvoiceEntry) -> pb.InvoiceBatch:
    """Returns entries as the columns of a batch."""
    return pb.InvoiceBatch(
        entry_ids=[one.entry_id for one in entries],
        kinds=[one.kind for one in entries],
        effective_times_us=[one.effective_time.ToMicroseconds() for one in entries],
        pools=[one.pool for one in entries],
        debtors=[one.debtor for one in entries],
        invoice_numbers=[one.invoice_number for one in entries],
        type_codes=[one.type_code for one in entries],
        amounts_minor=[one.amount.units * 100 + one.amount.nanos // 10_000_000 for one in entries],
        currency_codes=[one.amount.currency_code for one in entries],
        **{
            f"{name}_days": [_day_number(getattr(one, f"{name}_date")) for one in entries]
            for name in ("issue", "due", "delivery")
        },
        corrects=[one.corrects for one in entries],
        documents=[one.document for one in entries],
        to_pools=[one.to_pool for one in entries],
        sources=[one.source for one in entries],
    )


def _day_number(day: Date) -> int:
    return (date(day.year, day.month, day.day) - date(1970, 1, 1)).days if day.year else -1


class InvoicePush:
    """An open stream of an invoice feed."""

    def __init__(self, client: Client, feed: str = "erp") -> None:
        self._sent: queue.Queue[pb.PushInvoicesRequest | None] = queue.Queue()
        stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(client.channel)
        self.answers = stub.PushInvoices(iter(self._sent.get, None))
        self._sent.put(pb.PushInvoicesRequest(open=pb.PushInvoicesOpen(invoice_feed=f"invoiceFeeds/{feed}")))

    def hear(self) -> pb.PushInvoicesResponse:
        """Returns the next response."""
        return next(self.answers)

    def send(self, *batches: pb.InvoiceBatch) -> None:
        """Sends batches without waiting."""
        for one in batches:
            self._sent.put(pb.PushInvoicesRequest(batch=one))

    def close_sending(self) -> None:
        """Closes the sending side."""
        self._sent.put(None)

    def close(self) -> list[pb.PushInvoicesResponse]:
        """Closes the sending side; returns the remaining responses."""
        self._sent.put(None)
        return list(self.answers)
