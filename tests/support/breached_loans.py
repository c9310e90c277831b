"""Loans beyond their limits, one for each test, on a server that the tests of a module share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.support.server import Client, Server, connected

NUMBERS = itertools.count(1)
"""Numbers of loans that no other test of the process has."""


@dataclass
class BreachedLoan:
    """A loan of the test's own, which owes 820,000 on a lot that lends 800,000."""

    client: Client
    number: int

    @property
    def loan(self) -> str:
        """The id of the loan."""
        return f"loan-{self.number}"


L = TypeVar("L", bound=BreachedLoan)


@contextmanager
def copper_server(folder: Path) -> Iterator[Client]:
    """Provides a client of a server that quotes copper."""
    server = Server(f"sqlite:///{folder / 'book.db'}").start()
    with connected(server) as connection:
        connection.open_copper()
        connection.quote_history()
        yield connection
    server.stop()


def breached_loan(kind: type[L], client: Client) -> L:
    """Registers a loan, and returns it as a kind of breached loan."""
    book = kind(client, next(NUMBERS))
    client.register_lot(f"lot-{book.number}")
    client.register_loan(book.loan)
    client.pledge(book.loan, f"lot-{book.number}")
    client.owe("820000", book.loan)
    return book
