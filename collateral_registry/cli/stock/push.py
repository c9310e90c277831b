"""Pushes a file of movements through an outbox, and shows the backlog of an outbox."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import Progress

from collateral_partner import NoAnswer, Outbox, Pusher, PushResult, RejectedMovement, open_channel
from collateral_partner.pusher import ServerBehind
from collateral_registry.cli.common.client import (
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_SOME_REFUSED,
    EXIT_UNREACHABLE,
    EXIT_USAGE,
    print_error,
    print_line,
    report_rpc_error,
)
from collateral_registry.cli.stock.rows import MovementRows, read_movements

ENVIRONMENT_VARIABLE = "COLLATERAL_STOCK_TOKEN"
OUTBOX_FOLDER = Path(".data")
SOURCE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SHOWN_PROBLEMS = 50
MICROSECONDS = 1e6


@dataclass(frozen=True)
class PushOptions:
    """The server address, the credentials and the patience of a push."""

    server: str
    token_file: Path | None
    root_certificate: Path | None
    patience_seconds: float


def push_file(path: Path, source: str, outbox_path: Path | None, options: PushOptions) -> int:
    """Stores the movements of a file in the outbox, pushes all pending movements, and prints a summary.

    Returns the exit code.
    """
    try:
        rows = read_movements(path)
        with (
            _open_outbox(source, outbox_path, create=True) as outbox,
            open_channel(options.server, options.root_certificate) as channel,
        ):
            outbox.add(rows.movements)
            return _push(channel, outbox, options, path.name, rows)
    except ValueError as error:
        print_error(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt:
        print_error("interrupted; pending movements are sent by the next push")
        return EXIT_INTERRUPTED


def _push(channel: grpc.Channel, outbox: Outbox, options: PushOptions, name: str, rows: MovementRows) -> int:
    console = Console(stderr=True)
    try:
        with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task("stock", total=outbox.backlog().items)
            pushed = Pusher(
                channel,
                outbox,
                read_token(options.token_file),
                patience_seconds=options.patience_seconds,
                on_durable=lambda items: progress.advance(task, items),
            ).push()
    except (grpc.RpcError, NoAnswer, ServerBehind) as error:
        code = _report(error, options.server)
        print_error(f"{outbox.backlog().items} movements are pending in the outbox; the next push sends them")
        return code
    return _summarise(pushed, name, rows)


def _report(error: grpc.RpcError | NoAnswer | ServerBehind, server: str) -> int:
    """Prints why the push failed and returns the exit code."""
    if isinstance(error, grpc.RpcError):
        return report_rpc_error(error, server)
    if isinstance(error, NoAnswer):
        print_error(f"cannot reach a server at {server}: {error}")
        return EXIT_UNREACHABLE
    print_error(str(error))
    return EXIT_REFUSED


def _summarise(pushed: PushResult, name: str, rows: MovementRows) -> int:
    """Prints the counts and the refused and rejected rows; returns the exit code."""
    refused = f", {len(rows.refused)} refused" if rows.refused else ""
    print_line(f"stock: {pushed.booked} booked, {pushed.known} already known, {len(pushed.rejected)} rejected{refused}")
    problems = [f"{name}:{line}: {reason}" for line, reason in rows.refused]
    problems += [_rejection_line(one, name, rows) for one in pushed.rejected]
    _print_problems(problems)
    return EXIT_SOME_REFUSED if problems else 0


def _rejection_line(one: RejectedMovement, name: str, rows: MovementRows) -> str:
    """Formats a rejected movement with its line in the file, or states that it is from an earlier push."""
    place = f"{name}:{rows.line_of[one.movement_id]}" if one.movement_id in rows.line_of else "from an earlier push"
    return f"{place}: movement {one.movement_id}: {one.reason}: {one.description}"


def _print_problems(problems: Sequence[str]) -> None:
    for problem in problems[:SHOWN_PROBLEMS]:
        print_line(problem, to_stderr=True)
    if len(problems) > SHOWN_PROBLEMS:
        print_line(f"... and {len(problems) - SHOWN_PROBLEMS} more", to_stderr=True)


def show_backlog(source: str, outbox_path: Path | None) -> int:
    """Prints the pending and rejected movements of an outbox; returns the exit code."""
    try:
        with _open_outbox(source, outbox_path, create=False) as outbox:
            backlog, rejected = outbox.backlog(), outbox.rejected()
    except ValueError as error:
        print_error(str(error))
        return EXIT_USAGE
    oldest = datetime.fromtimestamp(backlog.oldest_us / MICROSECONDS, UTC).isoformat(timespec="seconds")
    since = f", oldest added {oldest}" if backlog.items else ""
    print_line(f"stock: {backlog.items} movements pending, {backlog.batches} batches formed{since}")
    for one in rejected:
        print_line(f"rejected: movement {one.movement_id}: {one.reason}: {one.description}")
    return 0


def _open_outbox(source: str, path: Path | None, *, create: bool) -> Outbox:
    if not SOURCE_ID.fullmatch(source):
        raise ValueError(f"source: got {source[:80]!r}, want lower case letters, digits and hyphens")
    path = path or OUTBOX_FOLDER / f"outbox-{source}.db"
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        raise ValueError(f"outbox: {path} does not exist; the first push creates it")
    return Outbox(path, source)


def read_token(path: Path | None) -> str:
    """Reads the token from the file or, if no file is given, from the environment.

    The token is not an option, because process lists show options.
    """
    return path.read_text(encoding="utf-8").strip() if path else os.environ.get(ENVIRONMENT_VARIABLE, "")
