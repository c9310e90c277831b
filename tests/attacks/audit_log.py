"""Changes facts and their audit log by SQL, one bit at a time, and verifies that each change is found at its place.

``python -m tests.attacks.audit_log CHANGES SEED`` does so in the book of the contract's examples, and prints what was
not found.
"""

import math
import struct
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
import numpy as np
from sqlalchemy import Connection, Table, and_, cast, literal, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from collateral_registry.clock import wall_clock
from collateral_registry.commands.audit.checkpoints import make_checkpoint
from collateral_registry.domain.audit.checkpoints import new_key
from collateral_registry.domain.audit.verification import Verification, verified
from collateral_registry.store.audit.export import lines_of
from collateral_registry.store.audit.fact_sets import COMMITS, FACT_SETS, FEED_SETS
from collateral_registry.store.audit.rows import where_filled
from collateral_registry.store.engine.database import Database
from tests.support.contract_book import BESIDES, EXAMPLES, Book
from tests.support.server import Server, connected

T = TypeVar("T")

KEY = new_key("bank.example/book")

LOG = {
    "audit_checkpoint": "size note",
    "audit_entry": "seq principal request facts previous hash",
    "audit_link": "feed source_key link batches items hash",
    "commit_log": " ".join(COMMITS.names),
    "invoice_feed": "source_id",
    "stock_source": "source_id",
}
"""Columns of the log itself, and the ids of feeds, which their chains state."""

PLACES = {"audit_checkpoint": "checkpoint", "audit_entry": "commit", "commit_log": "commit"}
PLACES |= dict.fromkeys(("audit_link", "invoice_feed", "stock_source"), "link")
"""How the places of faults in the log begin."""

NOT_PUBLISHED = "({run} = 0 OR seq IN (SELECT seq FROM revaluation_run WHERE published_seq > 0))"


@dataclass(frozen=True)
class Place:
    """A column of facts, with the condition of the rows in which it is one."""

    table: Table
    column: str
    where: str


@dataclass(frozen=True)
class Change:
    """A change of one bit of a value, and the key of its row."""

    table: str
    column: str
    key: tuple[Any, ...]
    before: Any
    after: Any


def places() -> list[Place]:
    """Returns every column of facts and of the log."""
    tables = SQLModel.metadata.tables
    found = [Place(tables[name], column, "1 = 1") for name, columns in LOG.items() for column in columns.split()]
    for one in (*FACT_SETS, *(part for feeds in FEED_SETS for part in (feeds.batches, feeds.items))):
        published = NOT_PUBLISHED.format(run=one.run) if one.run else "1 = 1"
        found += [Place(one.table, name, f"{where_filled(one)} AND {published}") for name in one.names]
    return found


def filled_places(connection: Connection) -> list[Place]:
    """Returns the columns that have rows in a book."""
    has_rows = {
        place: connection.execute(select(literal(1)).select_from(place.table).where(text(place.where)).limit(1)).first()
        for place in {Place(one.table, "", one.where) for one in places()}
    }
    return [one for one in places() if has_rows[Place(one.table, "", one.where)]]


def change_a_bit(connection: Connection, chance: np.random.Generator, where: Sequence[Place]) -> Change:
    """Changes one bit of a random value of a random row in a random column."""
    while True:
        place = one_of(where, chance)
        table, column = place.table, place.table.c[place.column]
        keys = list(table.primary_key)
        rows = connection.execute(select(column, *keys).where(text(place.where), column.is_not(None))).all()
        if not rows:
            continue
        before, *key = one_of(rows, chance)
        after = flipped(before, chance)
        if after is None:
            continue
        is_it = and_(*(one == value for one, value in zip(keys, key, strict=True)))
        value = cast(literal(after), column.type) if isinstance(before, str) else after
        with suppress(DBAPIError, OverflowError), connection.begin_nested():
            connection.execute(update(table).where(is_it).values({column: value}))
            return Change(table.name, column.name, tuple(key), before, after)


def one_of(items: Sequence[T], chance: np.random.Generator) -> T:
    """Returns a random item."""
    return items[int(chance.integers(len(items)))]


def flipped(value: Any, chance: np.random.Generator) -> Any:
    """Returns a value with another bit, a text as bytes; None if that is not another value."""
    if isinstance(value, int):
        return value ^ (1 << int(chance.integers(63)))
    packed = struct.pack("<d", value) if isinstance(value, float) else value
    data = bytearray(packed.encode() if isinstance(packed, str) else packed)
    if not data:
        return None
    bit = int(chance.integers(8 * len(data)))
    data[bit // 8] ^= 1 << bit % 8
    if not isinstance(value, float):
        return bytes(data)
    (number,) = struct.unpack("<d", data)
    return None if math.isnan(number) or number == value else number


def is_found(change: Change, found: Verification) -> bool:
    """Returns whether a verification has found a change at its place."""
    begins = PLACES.get(change.table)
    return any(fault.place.startswith(begins) if begins else change.table in fault.place for fault in found.faults)


def verify(connection: Connection) -> Verification:
    """Exports what a connection sees and verifies it."""
    return verified(lines_of(connection, "test"), KEY.public)


def missed(database: Database, changes: int, seed: int) -> list[Change]:
    """Changes bits one by one, each in a book without other changes, and returns the changes that were not found."""
    chance, found = np.random.default_rng(seed), []
    with database.engine.connect() as connection, connection.begin() as transaction:
        where = filled_places(connection)
        for _ in range(changes):
            with connection.begin_nested() as undone:
                change = change_a_bit(connection, chance, where)
                if not is_found(change, verify(connection)):
                    found.append(change)
                undone.rollback()
        transaction.rollback()
    return found


def contract_book(folder: Path) -> Database:
    """Returns a book in which every example of the contract was called, with a checkpoint of its log."""
    url = f"sqlite:///{folder / 'book.db'}"
    with ExitStack() as stack:
        server = Server(url).start()
        stack.callback(server.stop)
        book = Book(server, stack.enter_context(connected(server)))
        book.open(folder)
        for name, example in (*EXAMPLES.items(), *BESIDES.values()):
            with suppress(grpc.RpcError):  # an example may need another state of the book
                book.call(name, book.request(name, example))
        book.quiet()
        book.engine.dispose()
    database = Database(url, wall_clock)
    make_checkpoint(database, KEY, {})
    return database


def out(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(changes: int, seed: int) -> int:
    """Prints the changes that were not found and returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        database = contract_book(Path(folder))
        with database.read() as connection:
            before = verify(connection)
            tables = sorted({place.table.name for place in filled_places(connection)})
        out(f"{before.size} commits, {before.rows} rows, {len(tables)} tables with facts or of the log")
        for fault in before.faults:
            out(f"without a change: {fault}")
        not_found = missed(database, changes, seed)
        database.close()
    for change in not_found:
        out(f"not found: {change}")
    out(f"{changes - len(not_found)} of {changes} changes were found at their place")
    return 1 if not_found or before.faults else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
