"""What partners push under kills: movements of stock, or entries of invoice ledgers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.chaos.book import open_book, open_pools
from benchmarks.chaos.checks import Checked, check
from benchmarks.chaos.ledger_checks import CheckedLedgers, check_ledgers
from tests.support.server import Server

Check = Callable[
    [Server, Callable[[str], str], Mapping[str, int], int, Callable[[str], None]], Checked | CheckedLedgers
]
"""Compares a server's database with the model of the numbers of items that each source pushed with a seed."""


@dataclass(frozen=True)
class Subject:
    """How a book for these items is opened, with some size, and how it is compared with the model afterwards."""

    open_book: Callable[[str, Sequence[str], int], None]
    check: Check


SUBJECTS = {"stock": Subject(open_book, check), "invoices": Subject(open_pools, check_ledgers)}
