"""The ledger of a registered invoice, which is a pool of one invoice."""

from __future__ import annotations

import numpy as np

from collateral_registry.domain.assets.claims import Receivable
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.shared.days import NO_DAY, day_of
from valuation._typing import Int, Texts


def ledger_of_invoice(asset_key: int, invoice: Receivable, currency: str) -> PoolLedger:
    """Returns the ledger of an invoice whose face amount is open, without entries; it is empty without a face amount.

    What the invoice does not state is not stated in the ledger either, so that the rules on it are unknown.
    """
    face = invoice.face_amount
    count = 0 if face is None else 1
    nothing = _integers(0, count)
    amount = _integers(0 if face is None else face.minor, count)
    return PoolLedger(
        pool_key=asset_key,
        entry_number=0,
        entry_day=NO_DAY,
        invoice_number=_texts(invoice.invoice_number, count),
        number_key=nothing,
        debtor=_texts(invoice.debtor, count),
        currency=_texts(currency, count),
        type_code=_integers(invoice.type_code, count),
        flags=nothing,
        face_minor=amount,
        paid_minor=nothing,
        credited_minor=nothing,
        written_off_minor=nothing,
        open_minor=amount,
        disputed_minor=nothing,
        retention_minor=nothing,
        retention_day=_integers(NO_DAY, count),
        issue_day=_integers(day_of(invoice.issued), count),
        due_day=_integers(day_of(invoice.due), count),
        delivery_day=_integers(day_of(invoice.delivered), count),
        withdrawn_minor=nothing,
        withdrawn_day=_integers(NO_DAY, count),
        **_no_balances(),
    )


def empty_ledger(pool_key: int) -> PoolLedger:
    """Returns the ledger of a pool without entries."""
    nothing = np.zeros(0, dtype=np.int64)
    texts = np.zeros(0, dtype=object)
    columns = (
        "number_key", "type_code", "flags", "face_minor", "paid_minor", "credited_minor", "written_off_minor",
        "open_minor", "disputed_minor", "retention_minor", "retention_day", "issue_day", "due_day", "delivery_day",
        "withdrawn_minor", "withdrawn_day",
    )  # fmt: skip
    return PoolLedger(
        pool_key=pool_key,
        entry_number=0,
        entry_day=NO_DAY,
        invoice_number=texts,
        debtor=texts,
        currency=texts,
        **dict.fromkeys(columns, nothing),
        **_no_balances(),
    )


def _no_balances() -> dict[str, Int | Texts]:
    nothing = np.zeros(0, dtype=np.int64)
    amounts = dict.fromkeys(("unapplied_minor", "contra_minor", "contra_day"), nothing)
    texts = np.zeros(0, dtype=object)
    return {"balance_debtor": texts, "balance_currency": texts, **amounts}


def _integers(value: int, count: int) -> Int:
    return np.full(count, value, dtype=np.int64)


def _texts(value: str, count: int) -> Texts:
    return np.full(count, value, dtype=object)
