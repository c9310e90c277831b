"""Builds the ledger of a pool from the sums of its entries, in columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from collateral_registry.domain.receivables.ledger import InvoiceFlag, PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_state import (
    WHOLE,
    Balance,
    Invoice,
    InvoiceName,
    LedgerState,
)
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.reference_matching import plain_numbers
from valuation._typing import Columns, Int, Texts

INVOICE_COLUMNS = (
    "debtor", "invoice_number", "currency", "type_code", "flags", "face_minor", "paid_minor", "credited_minor",
    "written_off_minor", "disputed_minor", "retention_minor", "retention_day", "issue_day", "due_day", "delivery_day",
    "ahead_minor", "lowered_minor", "withdrawn_day",
)  # fmt: skip
"""Fields of an invoice that are stored, in their order."""

BALANCE_COLUMNS = ("debtor", "currency", "unapplied_minor", "contra_minor", "contra_day")
"""Fields of a balance that are stored, in their order."""

TEXT_COLUMNS = frozenset({"debtor", "invoice_number", "currency"})


def columns_of_state(state: LedgerState) -> tuple[Columns, Columns]:
    """Returns the invoices of a state in the order of their names, and its balances, as columns."""
    invoices = _columns(sorted(state.invoices.values(), key=_NAME), INVOICE_COLUMNS)
    return _with_keys(invoices), _columns(state.balances.values(), BALANCE_COLUMNS)


_NAME = attrgetter("name")


def in_order(invoices: Columns) -> Columns:
    """Returns stored invoices in the order of their names, by debtor and then by number, with the keys of numbers."""
    names = _names(invoices)
    order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    return _with_keys({name: column[order] for name, column in invoices.items()})


def _with_keys(invoices: Columns) -> Columns:
    return {**invoices, "number_key": number_keys(invoices["invoice_number"])}


def number_keys(numbers: Texts) -> Int:
    """Returns the key of each invoice number [n], which :class:`PoolLedger` explains."""
    return np.fromiter(map(hash, plain_numbers(numbers.tolist())), np.int64, len(numbers))


@dataclass(frozen=True)
class DebtorRows:
    """The invoices of one debtor of a pool, in the order of their numbers, and its balances, as stored columns."""

    invoices: Columns
    balances: Columns

    def after(self, named: Collection[str], changed: Columns, balances: Columns) -> DebtorRows:
        """Returns the rows with the changed invoices in place of those with the named numbers, and new balances.

        A changed invoice replaces the one of its number, whether it is named or not.
        """
        numbers = self.invoices["invoice_number"]
        new = dict(zip(changed["invoice_number"].tolist(), range(len(changed["invoice_number"])), strict=True))
        replaced = sorted({*named, *new})
        places = [bisect_left(numbers, number) for number in replaced]
        gone = [at for at, number in zip(places, replaced, strict=True) if at < len(numbers) and numbers[at] == number]
        at = np.array([at for at, number in zip(places, replaced, strict=True) if number in new], dtype=np.int64)
        rows = len(numbers) + np.array([new[number] for number in replaced if number in new], dtype=np.int64)
        kept = np.delete(np.arange(len(numbers)), gone)
        # Places count the rows that are gone.
        order = np.insert(kept, at - np.searchsorted(np.array(gone, dtype=np.int64), at), rows)
        joined = {name: np.concatenate([one, changed[name]])[order] for name, one in self.invoices.items()}
        return DebtorRows(joined, balances)


def by_debtor(invoices: Columns, balances: Columns) -> dict[str, DebtorRows]:
    """Returns the rows of each debtor; ``invoices`` are in the order of their names."""
    parts, owed = _parts(invoices), _parts({name: one[_by_name(balances)] for name, one in balances.items()})
    none, nothing = ({name: one[:0] for name, one in columns.items()} for columns in (invoices, balances))
    return {name: DebtorRows(parts.get(name, none), owed.get(name, nothing)) for name in parts.keys() | owed.keys()}


def _by_name(columns: Columns) -> Int:
    names = columns["debtor"].tolist()
    return np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)


def _parts(columns: Columns) -> dict[str, Columns]:
    """Returns the rows of each debtor, which are together."""
    debtors = columns["debtor"]
    starts = np.flatnonzero(np.append(True, debtors[1:] != debtors[:-1])) if len(debtors) else _NO_ROWS
    ends = np.append(starts[1:], len(debtors))[: len(starts)]
    return {
        debtors[first]: {name: one[first:last] for name, one in columns.items()}
        for first, last in zip(starts.tolist(), ends.tolist(), strict=True)
    }


_NO_ROWS = np.zeros(0, dtype=np.int64)


def joined_rows(parts: Sequence[DebtorRows]) -> tuple[Columns, Columns]:
    """Returns the invoices and the balances of at least one debtor, given in alphabetical order, as columns."""
    invoices, balances = parts[0].invoices, parts[0].balances
    return (
        {name: np.concatenate([one.invoices[name] for one in parts]) for name in invoices},
        {name: np.concatenate([one.balances[name] for one in parts]) for name in balances},
    )


def pool_ledger(pool_key: int, entry_number: int, entry_day: int, invoices: Columns, balances: Columns) -> PoolLedger:
    """Returns the ledger of invoices in the order of their names.

    What settles an invoice beyond its face amount becomes unapplied of its debtor.
    """
    one = invoices
    face = one["face_minor"]
    paid = np.minimum(one["paid_minor"], face)
    credited = np.minimum(one["credited_minor"], face - paid)
    written_off = np.minimum(one["written_off_minor"], face - paid - credited)
    still_open = face - paid - credited - written_off
    beyond = one["paid_minor"] + one["credited_minor"] + one["written_off_minor"] - (face - still_open)
    ahead = np.where(one["ahead_minor"] > 0, np.int64(InvoiceFlag.CASH_AHEAD_OF_LEDGER), np.int64(0))
    disputed = np.where(one["disputed_minor"] == WHOLE, still_open, np.minimum(one["disputed_minor"], still_open))
    return PoolLedger(
        pool_key=pool_key,
        entry_number=entry_number,
        entry_day=entry_day,
        invoice_number=one["invoice_number"],
        number_key=one["number_key"],
        debtor=one["debtor"],
        currency=one["currency"],
        type_code=one["type_code"],
        flags=np.bitwise_or(one["flags"], ahead),
        face_minor=face,
        paid_minor=paid,
        credited_minor=credited,
        written_off_minor=written_off,
        open_minor=still_open,
        disputed_minor=disputed,
        retention_minor=np.minimum(one["retention_minor"], still_open),
        retention_day=one["retention_day"],
        issue_day=one["issue_day"],
        due_day=one["due_day"],
        delivery_day=one["delivery_day"],
        withdrawn_minor=one["lowered_minor"] + credited + written_off,
        withdrawn_day=one["withdrawn_day"],
        **_balances(balances, one["debtor"], one["currency"], beyond),
    )


def _balances(balances: Columns, debtor: Texts, currency: Texts, beyond: Int) -> dict[str, Any]:
    """Returns the columns of balances, with what is beyond the face amounts of invoices as unapplied."""
    sums: dict[tuple[str, str], list[int]] = {}
    for name, code, unapplied, contra, day in zip(*(balances[one].tolist() for one in BALANCE_COLUMNS), strict=True):
        sums[name, code] = [unapplied, contra, day]
    for row in np.flatnonzero(beyond).tolist():
        sums.setdefault((debtor[row], currency[row]), [0, 0, NO_DAY])[0] += int(beyond[row])
    keys = sorted(key for key, (unapplied, contra, _) in sums.items() if unapplied or contra)
    numbers = [sums[key] for key in keys]
    return {
        "balance_debtor": _texts(name for name, _ in keys),
        "balance_currency": _texts(code for _, code in keys),
        "unapplied_minor": np.array([one[0] for one in numbers], dtype=np.int64),
        "contra_minor": np.array([one[1] for one in numbers], dtype=np.int64),
        "contra_day": np.array([one[2] for one in numbers], dtype=np.int64),
    }


def _names(invoices: Columns) -> list[InvoiceName]:
    return list(zip(invoices["debtor"].tolist(), invoices["invoice_number"].tolist(), strict=True))


def _columns(items: Iterable[Invoice] | Iterable[Balance], names: tuple[str, ...]) -> Mapping[str, Any]:
    rows = [*map(attrgetter(*names), items)]
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {
        name: _texts(column) if name in TEXT_COLUMNS else np.array(column, dtype=np.int64)
        for name, column in zip(names, columns, strict=True)
    }


def _texts(values: Iterable[str]) -> Texts:
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array
