"""Reads how a pool's ledger changed over time: sales, reductions, and the last payment of each invoice."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased

from collateral_registry.domain.receivables.estimates.history import (
    CHANGE_COLUMNS,
    CHANGING,
    LedgerHistory,
    changes_of,
)
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.ledger_state import DAY_US
from collateral_registry.store.engine.bulk import Columns, Source, read_columns
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.receivables import InvoiceEntryRow


def history_of(source: Source, pool_key: int, currency: str) -> LedgerHistory:
    """Returns the changes of a pool's invoices in a currency, and when each invoice was last paid."""
    named = {"pool": pool_key, "currency": currency}
    paid = read_columns(source, _LAST_PAYMENTS, named)
    names = zip(paid["debtor"].tolist(), paid["invoice_number"].tolist(), strict=True)
    days = (paid["last_us"] // DAY_US).tolist()
    changes = changes_of(read_columns(source, _CHANGES, named))
    return LedgerHistory(changes, dict(zip(names, days, strict=True)))


def entry_columns(source: Source, pool_key: int, currency: str) -> Columns:
    """Returns the effects of a pool's entries in a currency, with their days, in the order of their numbers."""
    found = read_columns(source, _ENTRIES, {"pool": pool_key, "currency": currency})
    return {**found, "day": found.pop("effective_us") // DAY_US}


_OF_POOL = (InvoiceEntryRow.pool_key == bindparam("pool"), InvoiceEntryRow.currency == bindparam("currency"))
_MOVED = InvoiceEntryRow.effect == int(EntryKind.MOVE)
_CHANGES = (
    select(*columns_of(InvoiceEntryRow, *CHANGE_COLUMNS))
    .where(_OF_POOL[0], _OF_POOL[1] | _MOVED, InvoiceEntryRow.effect.in_(map(int, CHANGING)))
    .order_by(InvoiceEntryRow.number)
)
_ENTRIES = (
    select(
        *columns_of(InvoiceEntryRow, "leg", "kind", "effect", "effective_us", "debtor", "invoice_number", "source"),
        *columns_of(InvoiceEntryRow, "amount_minor", "change_minor", "issue_day", "due_day"),
    )
    .where(_OF_POOL[0], _OF_POOL[1] | _MOVED | (InvoiceEntryRow.effect == int(EntryKind.DUE_DATE)))
    .order_by(InvoiceEntryRow.number)
)
_RECEIVED = aliased(InvoiceEntryRow)
_OF_ACCOUNT = (
    _RECEIVED.pool_key == InvoiceEntryRow.pool_key,
    _RECEIVED.source == int(EntrySource.ACCOUNT),
    _RECEIVED.kind != int(EntryKind.CORRECTION),
    _RECEIVED.leg == 0,
)
_RECEIVED_US = func.coalesce(
    select(_RECEIVED.effective_us)
    .where(*_OF_ACCOUNT, _RECEIVED.number == InvoiceEntryRow.matches, InvoiceEntryRow.leg == 0)
    .where(InvoiceEntryRow.kind != int(EntryKind.CORRECTION))
    .scalar_subquery(),
    select(func.max(_RECEIVED.effective_us))
    .where(*_OF_ACCOUNT, _RECEIVED.matches == InvoiceEntryRow.number, _RECEIVED.matches != 0)
    .scalar_subquery(),
    InvoiceEntryRow.effective_us,
)
"""When the account received a payment that both records report; else when the one record says that it was paid."""
_LAST_PAYMENTS = (
    select(
        *columns_of(InvoiceEntryRow, "debtor", "invoice_number"),
        func.max(_RECEIVED_US).label("last_us"),
    )
    .where(*_OF_POOL, InvoiceEntryRow.effect == int(EntryKind.PAYMENT), InvoiceEntryRow.change_minor > 0)
    .where(InvoiceEntryRow.kind != int(EntryKind.MOVE))
    .group_by(InvoiceEntryRow.debtor, InvoiceEntryRow.invoice_number)
)
