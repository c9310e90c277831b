"""Pushes the items of a file through an outbox, and shows and renumbers an outbox."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from rich.console import Console
from rich.progress import Progress

from collateral_partner.access.connection import Connection
from collateral_partner.channel import OPTIONS, channel_to
from collateral_partner.feed_mapping import FeedMapping
from collateral_partner.feeds.codec import FeedCodec
from collateral_partner.feeds.item_rows import ItemRows
from collateral_partner.movements import STOCK
from collateral_partner.other_book import explanation
from collateral_partner.outbox import Outbox, RejectedItem, pending_in
from collateral_partner.preview import show_preview
from collateral_partner.pusher import OtherBook, Pusher, PushResult
from collateral_partner.rows import read_movements
from collateral_partner.stream import NoAnswer
from collateral_partner.terminal import (
    EXIT_REFUSED,
    EXIT_SOME_REFUSED,
    EXIT_UNREACHABLE,
    print_error,
    print_line,
    print_problems,
    print_table,
    report_rpc_error,
)

OUTBOX_FOLDER = Path(".data")
SOURCE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
MICROSECONDS = 1e6
NOT_THE_FEED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


@dataclass(frozen=True)
class PushOptions:
    """The server address, the connection and the patience of a push."""

    server: str
    connection: Connection
    patience_seconds: float


def push_file(path: Path, mapping: FeedMapping, source: str, outbox_path: Path | None, options: PushOptions) -> int:
    """Stores the movements of a file in the outbox, pushes all pending movements, and prints a summary.

    Returns the exit code.
    """
    return push_rows(read_movements(path, mapping), mapping.label("movement"), path.name, source, outbox_path, options)


def push_rows(
    rows: ItemRows[Any],
    label: str,
    name: str,
    source: str,
    outbox_path: Path | None,
    options: PushOptions,
    codec: FeedCodec = STOCK,
) -> int:
    """Stores the items of a file in the outbox, pushes all pending items, and prints a summary.

    ``label`` is the column with the ids, and ``name`` the file. Returns the exit code.
    """
    with (
        _open_outbox(source, outbox_path, codec, create=True) as outbox,
        channel_to(options.server, options.connection, OPTIONS) as channel,
    ):
        rows.refuse_pending(outbox.contents(), label)
        outbox.add(rows.items)
        return _push(channel, outbox, options, name, rows)


def check_file(path: Path, mapping: FeedMapping, source: str, outbox_path: Path | None, shown: int) -> int:
    """Shows what a push of the file would send, and returns the exit code; sends and stores nothing."""
    rows = read_movements(path, mapping)
    pending = _pending(_outbox_path(source, outbox_path, STOCK))
    rows.refuse_pending(pending, mapping.label("movement"))
    return show_preview(rows, path.name, len(pending), shown)


def _pending(path: Path) -> dict[str, bytes]:
    """Returns the contents of the pending items by id; raises ValueError if the file is not an outbox."""
    try:
        return pending_in(path) if path.exists() else {}
    except sqlite3.DatabaseError as error:
        raise ValueError(f"outbox: {path.name} cannot be used: {error}") from None


def _push(channel: grpc.Channel, outbox: Outbox, options: PushOptions, name: str, rows: ItemRows[Any]) -> int:
    codec = outbox.codec
    console = Console(stderr=True)
    try:
        with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task(codec.subject, total=outbox.backlog().items)

            def note(items: int) -> None:
                outbox.destination = options.server
                progress.advance(task, items)

            pusher = Pusher(channel, outbox, patience_seconds=options.patience_seconds, on_durable=note)
            pushed = pusher.push()
    except OtherBook as error:
        first, *others = explanation(error, outbox, options.server)
        print_error(first)
        print_problems(others)
        return EXIT_REFUSED
    except (grpc.RpcError, NoAnswer) as error:
        code = _report(error, options.server)
        print_error(f"{outbox.backlog().items} {codec.items} are pending in the outbox; the next push sends them")
        return code
    return _summarise(pushed, name, rows, codec)


def _report(error: grpc.RpcError | NoAnswer, server: str) -> int:
    """Prints why the push failed and returns the exit code."""
    if isinstance(error, grpc.RpcError):
        code = report_rpc_error(error, server)
        if error.code() in NOT_THE_FEED:
            print_error("check --source and the token: the lender issues one token for each feed")
        return code
    print_error(f"cannot reach a server at {server}: {error}")
    return EXIT_UNREACHABLE


def _summarise(pushed: PushResult, name: str, rows: ItemRows[Any], codec: FeedCodec) -> int:
    """Prints the counts and the refused and rejected rows; returns the exit code."""
    refused = f", {len(rows.refused)} refused" if rows.refused else ""
    counts = f"{pushed.booked} booked, {pushed.known} already known, {len(pushed.rejected)} rejected{refused}"
    print_line(f"{codec.subject}: {counts}")
    problems = [f"{name}:{line}: {reason}" for line, reason in rows.refused]
    problems += [_rejection_line(one, name, rows, codec) for one in pushed.rejected]
    print_problems(problems)
    return EXIT_SOME_REFUSED if problems else 0


def _rejection_line(one: RejectedItem, name: str, rows: ItemRows[Any], codec: FeedCodec) -> str:
    """Formats a rejected item with its line in the file, or states that it is from an earlier push."""
    place = f"{name}:{rows.line_of[one.item_id]}" if one.item_id in rows.line_of else "from an earlier push"
    return f"{place}: {codec.item} {one.item_id}: {one.reason}: {one.description}"


def show_backlog(source: str, outbox_path: Path | None, codec: FeedCodec = STOCK) -> int:
    """Prints the pending and rejected items of an outbox; returns the exit code."""
    with _open_outbox(source, outbox_path, codec, create=False) as outbox:
        backlog, rejected = outbox.backlog(), outbox.rejected()
    oldest = datetime.fromtimestamp(backlog.oldest_us / MICROSECONDS, UTC).isoformat(timespec="seconds")
    since = f", oldest added {oldest}" if backlog.items else ""
    print_line(f"{codec.subject}: {backlog.items} {codec.items} pending, {backlog.batches} batches formed{since}")
    for one in rejected:
        print_line(f"rejected: {codec.item} {one.item_id}: {one.reason}: {one.description}")
    return 0


def show_rejected(source: str, outbox_path: Path | None, codec: FeedCodec = STOCK) -> int:
    """Prints the items of an outbox that the server rejected; returns the exit code."""
    with _open_outbox(source, outbox_path, codec, create=False) as outbox:
        rejected = outbox.rejected()
    if not rejected:
        print_line("none")
        return 0
    print_table(
        (codec.item, "batch", "reason", "description"),
        [(one.item_id, str(one.sequence), one.reason, one.description) for one in rejected],
        ("batch",),
    )
    print_line("push the corrected row with the same id; for ID_REUSED, push a correction with an id of its own")
    return 0


def renumber(source: str, outbox_path: Path | None, codec: FeedCodec = STOCK) -> int:
    """Prepares an outbox for a new or restored book and prints what to do next; returns the exit code."""
    with _open_outbox(source, outbox_path, codec, create=False) as outbox:
        items = outbox.renumber()
    print_line(f"{codec.subject}: {items} {codec.items} pending, which get new numbers at the next push")
    words = codec.items
    print_line(f"push the files again whose {words} the book may lack; {words} that it has are not counted twice")
    return 0


def _open_outbox(source: str, path: Path | None, codec: FeedCodec, *, create: bool) -> Outbox:
    path = _outbox_path(source, path, codec)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        raise ValueError(f"outbox: {path} does not exist; the first push creates it")
    return Outbox(path, source, codec)


def _outbox_path(source: str, path: Path | None, codec: FeedCodec) -> Path:
    """Returns the file of an outbox; raises ValueError for an invalid id of a feed."""
    if not SOURCE_ID.fullmatch(source):
        raise ValueError(f"source: got {source[:80]!r}, want lower case letters, digits and hyphens")
    prefix = "outbox" if codec is STOCK else codec.subject
    return path or OUTBOX_FOLDER / f"{prefix}-{source}.db"
