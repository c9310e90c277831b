"""Entries of invoice ledgers reported by a partner, and their encoding in batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import grpc

from collateral_partner.feeds.codec import FeedCodec
from collateral_partner.v1 import invoice_feed_pb2 as pb

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KIND_PREFIX, REASON_PREFIX, SOURCE_PREFIX = "INVOICE_ENTRY_KIND_", "ENTRY_REJECTION_REASON_", "INVOICE_ENTRY_SOURCE_"
KINDS = tuple(name.removeprefix(KIND_PREFIX) for name in pb.InvoiceEntryKind.keys()[1:])
SOURCES = tuple(name.removeprefix(SOURCE_PREFIX) for name in pb.InvoiceEntrySource.keys()[1:])
NO_AMOUNT = frozenset({"DISPUTE_END", "DUE_DATE", "DELIVERY", "MOVE"})
"""Kinds that have no amount."""

MINOR_DIGITS_LIMIT = 15

DIGITS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Decimals of the minor unit of currencies that have not two, by ISO 4217."""

CERTIFICATE, BILL, OTHER_PAYEE = 1, 2, 4
"""Facts of an invoice, as the bits of ``flags``."""


DAY_NAMES = ("issued", "due", "delivered")
"""Fields with a day, which batches state in days since 1970-01-01; 0 or less states none."""


@dataclass(frozen=True)
class Entry:
    """An entry of an invoice ledger.

    ``entry_id`` is assigned by the partner and never used for another entry. ``happened`` has a time zone; it may be
    missing in a correction. ``pool`` is the id of the asset, ``debtor`` an id or an identifier such as lei:….

    The constructor raises ValueError naming the field if a value cannot be encoded. The server validates the rest.
    """

    entry_id: str
    kind: str
    happened: datetime | None
    pool: str
    debtor: str
    number: str = ""
    amount: Decimal = Decimal(0)
    currency: str = ""
    type_code: int = 0
    issued: date | None = None
    due: date | None = None
    delivered: date | None = None
    flags: int = 0
    to_pool: str = ""
    corrects: str = ""
    document: str = ""
    source: str = "LEDGER"

    def __post_init__(self) -> None:
        """Raises ValueError for values that cannot be encoded."""
        if not self.entry_id:
            raise ValueError("entry: got nothing, want the partner's id of the entry")
        if self.kind not in KINDS:
            raise ValueError(f"kind: got {self.kind[:40]!r}, want one of {', '.join(KINDS)}")
        if self.source not in SOURCES:
            raise ValueError(f"source: got {self.source[:40]!r}, want one of {', '.join(SOURCES)}")
        if self.happened is not None and self.happened.tzinfo is None:
            raise ValueError(f"time: got {self.happened.isoformat()} without a time zone, want a time with its zone")
        _minor(self.amount, self.currency)
        for name in DAY_NAMES:
            day: date | None = getattr(self, name)
            if day is not None and day <= EPOCH.date():
                raise ValueError(f"{name}: got {day}, want a date after {EPOCH.date()}")

    @property
    def item_id(self) -> str:
        """The partner's own id of the entry."""
        return self.entry_id

    @property
    def content(self) -> bytes:
        """The serialised message, which is equal for equal entries."""
        return self.message.SerializeToString(deterministic=True)

    @property
    def message(self) -> pb.InvoiceBatch:
        """The batch message that contains only this entry.

        Every column has exactly one value, so concatenated messages can be parsed as one batch with aligned columns.
        """
        return pb.InvoiceBatch(
            entry_ids=[self.entry_id],
            kinds=[KIND_PREFIX + self.kind],
            effective_times_us=[0 if self.happened is None else (self.happened - EPOCH) // timedelta(microseconds=1)],
            pools=[f"assets/{self.pool}" if self.pool else ""],
            debtors=[self.debtor],
            invoice_numbers=[self.number],
            type_codes=[self.type_code],
            amounts_minor=[_minor(self.amount, self.currency)],
            currency_codes=[self.currency],
            issue_days=[_day(self.issued)],
            due_days=[_day(self.due)],
            delivery_days=[_day(self.delivered)],
            corrects=[self.corrects],
            documents=[self.document],
            flags=[self.flags],
            to_pools=[f"assets/{self.to_pool}" if self.to_pool else ""],
            sources=[SOURCE_PREFIX + self.source],
        )


def _day(value: date | None) -> int:
    return -1 if value is None else (value - EPOCH.date()).days


def _minor(amount: Decimal, currency: str) -> int:
    """Converts an amount to minor units exactly; raises ValueError for a fraction of one or a negative amount."""
    digits = DIGITS.get(currency, 2)
    if amount.is_finite() and amount >= 0 and amount.adjusted() < MINOR_DIGITS_LIMIT:
        scaled = amount.scaleb(digits)
        if scaled.adjusted() < MINOR_DIGITS_LIMIT and scaled == scaled.to_integral_value():
            return int(scaled)
    raise ValueError(f"amount: got {str(amount)[:40]}, want 0 or more, with at most {digits} decimals in {currency}")


def _push_invoices(channel: grpc.Channel) -> Callable[..., Any]:
    from collateral_partner.v1 import invoice_feed_pb2_grpc

    stub: Any = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel)
    method: Callable[..., Any] = stub.PushInvoices
    return method


def _opening(feed: str) -> pb.PushInvoicesRequest:
    return pb.PushInvoicesRequest(open=pb.PushInvoicesOpen(invoice_feed=f"invoiceFeeds/{feed}"))


def _reason(number: pb.EntryRejectionReason) -> str:
    return pb.EntryRejectionReason.Name(number).removeprefix(REASON_PREFIX)


INVOICES = FeedCodec(
    subject="invoices",
    item="entry",
    items="entries",
    id_field="entry_id",
    ids="entry_ids",
    collection="invoiceFeeds",
    batch=pb.InvoiceBatch,
    kept=frozenset({"sequence", "kinds", "effective_times_us", "amounts_minor"}),
    method=_push_invoices,
    opening=_opening,
    request=lambda batch: pb.PushInvoicesRequest(batch=batch),
    reason=_reason,
)
"""Feeds of entries of invoice ledgers."""
