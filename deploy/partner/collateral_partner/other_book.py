"""Explains to a person that an outbox and the book of a server do not belong together, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from collateral_partner.outbox import Outbox
from collateral_partner.pusher import OtherBook, ServerBehind

MICROSECONDS = 1e6


def explanation(error: OtherBook, outbox: Outbox, server: str) -> Iterator[str]:
    """Yields the lines: what differs, what it means, and the steps."""
    yield f"the book of the server at {server} is not the one to which this outbox has pushed: {error}"
    yield f"nothing is lost; pending {outbox.codec.items} that the outbox keeps: {outbox.backlog().items}"
    yield _meaning(error, outbox)
    if outbox.destination and outbox.destination != server:
        yield f"the outbox pushed to {outbox.destination} before: if that is the right server, push to it (--server)"
    yield "if this is the right server, ask the lender whether its book is new or was restored from a backup, and then:"
    items = outbox.codec.items
    yield f"  1. run the command renumber with --source {outbox.feed}: pending {items} get new numbers"
    yield f"  2. push the files of the missing time again, all of them if in doubt; {items} that the book has are"
    yield "     recognised by their ids and not counted twice"


def _meaning(error: OtherBook, outbox: Outbox) -> str:
    codec = outbox.codec
    if not isinstance(error, ServerBehind):
        return f"either it is another book, or another outbox has pushed to the feed {outbox.feed} as well"
    missing = outbox.acknowledged_after(error.sequence)
    book = (
        "an older state of the book" if error.sequence else f"a book without {codec.subject} of the feed {outbox.feed}"
    )
    if not missing.batches:
        return f"the server has {book}"
    first, last = (_time(one) for one in (missing.first_us, missing.last_us))
    return f"the server has {book}; {codec.items} that it lacks: {missing.items}, acknowledged from {first} to {last}"


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / MICROSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
