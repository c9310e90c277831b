"""Finds claims that a pool has twice: one number of one debtor, in several texts of the debtor or of the number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.shared.reference_matching import ReferenceNumber
from valuation._typing import Bool, Int, Texts

_SPREAD = 0x1E3779B97F4A7C15
"""Keeps apart the keys of one number of several debtors."""


def repeated_claims(ledger: PoolLedger, debtor: Int, counted: Bool) -> Bool:
    """Returns which of the counted invoices [n] of a ledger, without the cancelled ones, repeat another one.

    Of those with one number of one debtor, the one with the smallest open amount is the claim, of equal ones the first.
    If their days differ, all of them repeat each other.
    """
    found = np.zeros(len(debtor), dtype=np.bool_)
    rows = rows_with_equal_keys(debtor, ledger.number_key)
    rows = rows[counted[rows] & (ledger.face_minor[rows] > 0)]
    rows = rows[np.argsort(ledger.open_minor[rows], kind="stable")]
    claims = rows[first_of_claims(debtor[rows], ledger.invoice_number[rows])]
    found[rows] = claims != rows
    for days in (ledger.issue_day, ledger.due_day):
        found[claims[days[claims] != days[rows]]] = True
    return found


def rows_with_equal_keys(debtor: Int, number_key: Int) -> Int:
    """Returns the rows of invoices [n] that may be claims of others: those whose debtor and key another row has too."""
    keys = number_key + debtor * _SPREAD
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.flatnonzero(np.isin(keys, twice)) if len(twice) else np.zeros(0, dtype=np.int64)


def first_of_claims(debtor: Int, numbers: Texts) -> Int:
    """Returns for each invoice [n] the first one with the same number of the same debtor, which may be itself."""
    claims = _Claims()
    named = enumerate(zip(debtor.tolist(), numbers.tolist(), strict=True))
    return np.array([claims.of(row, name, ReferenceNumber(number)) for row, (name, number) in named], dtype=np.int64)


class _Claims:
    """The first row of each number of a debtor.

    Numbers are the same if their plain forms are, unless punctuation separates their digits differently, as in 1-11 and
    11-1; one of them may lack separators.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str, Iterable[int] | None], int] = {}

    def of(self, row: int, debtor: int, number: ReferenceNumber) -> int:
        """Returns the first row with the number, which is this one if none was before."""
        plain, breaks = number.plain or number.text, number.digit_breaks
        any_breaks, none = (debtor, plain, None), (debtor, plain, frozenset[int]())
        names = (any_breaks,) if not breaks else ((debtor, plain, breaks), none)
        claim = next((self._rows[name] for name in names if name in self._rows), row)
        for name in (any_breaks, (debtor, plain, breaks)):
            self._rows.setdefault(name, claim)
        return claim
