"""Columns that the tables of all feeds share: of stock movements, and of entries of invoice ledgers."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, partial_index, text


class FeedColumns(SQLModel):
    """A feed with its last durable sequence and the epoch of the stream that may write it.

    Single calls are numbered downwards from -1, so that they never collide with the sequences of a stream. ``link`` is
    the last link of the feed's chain in the audit log.
    """

    source_key: int | None = big(primary_key=True, default=None)
    source_id: str = text(unique=True)
    last_sequence: int = big()
    last_call: int = big()
    epoch: int = big()
    created_us: int = big()
    received_us: int = big()
    link: int = big(default=0, sa_column_kwargs={"server_default": "0"})


class BatchColumns(SQLModel):
    """A durable batch. ``body_hash`` distinguishes a repeat from the reuse of a sequence or request id.

    ``epoch`` is that of its stream, and ``link`` its link in the feed's chain; both are 0 in batches older than these.
    """

    source_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    request_id: str = text()
    body_hash: str = text()
    item_count: int = big()
    booked_count: int = big()
    known_count: int = big()
    received_us: int = big()
    epoch: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    link: int = big(default=0, sa_column_kwargs={"server_default": "0"})


class RejectionColumns(SQLModel):
    """An item that was not booked, with its fields as JSON; it stays open until it is booked or dismissed.

    A repeat of a rejected item is kept for the acknowledgement of its batch only. Each table adds a column with the
    partner's id of the item.
    """

    rejection_key: int | None = big(primary_key=True, default=None)
    source_key: int = big()
    sequence: int = big()
    batch_row: int = big()
    reason: int = big()
    description: str = text()
    item: str = text()
    received_us: int = big()
    state: int = big()
    resolved_us: int = big()
    resolved_by: str = text()
    note: str = text()


def request_index(name: str) -> Index:
    """Returns the index by which a batch is found by the request id of a single call."""
    return partial_index(name, "source_key", "request_id", where="request_id <> ''", unique=True)
