"""Records in a book the lender that it belongs to, so that it is never served to the callers of another lender."""

from __future__ import annotations

from collateral_registry.domain.access.callers import SERVICE, Author
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.book.lenders import RECORDING, recorded_lender
from collateral_registry.store.engine.database import Connection, Database
from collateral_registry.store.engine.migrate import version_of


def check_lender(database: Database, lender: str) -> None:
    """Raises Refused if a database holds the book of another lender."""
    if version_of(database) is None:
        return
    with database.read() as connection:
        _check(connection, lender)


def record_lender(database: Database, lender: str) -> None:
    """Records the lender of a book that has none; raises Refused if the book belongs to another lender."""
    with database.read() as connection:
        if _check(connection, lender):
            return
    with database.write(RECORDING, Author(SERVICE.principal, lender)) as write:
        if not _check(write.connection, lender, before=write.seq):
            write.commit()


def _check(connection: Connection, lender: str, before: int | None = None) -> bool:
    """Returns whether the book is recorded as that of the lender; raises Refused if it belongs to another lender."""
    recorded = recorded_lender(connection, before)
    if recorded not in {None, lender}:
        want = f"want that of {lender}, or an empty database"
        raise Refused("OTHER_LENDER", f"database: got the book of the lender {recorded}, {want}")
    return recorded is not None
