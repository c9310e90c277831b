"""Partner process that pushes items of a feed with the real partner client and can be killed at any time.

Its journal has one line for each event: start, total items added to the outbox, and items that became durable.
Times are of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.items import ITEMS, Items
from collateral_partner import Outbox, Pusher, open_channel

CHUNK_ITEMS = 2_000
SILENCE_SECONDS = 1.0
PATIENCE_SECONDS = 600.0
"""Longer than any run, so that a partner never gives up."""

IDLE_SECONDS = 0.02
START, ADDED, DURABLE, DONE = "start", "added", "durable", "done"


@dataclass
class Journal:
    """Contents of a partner's journal."""

    added: int = 0
    durable: int = 0
    done: bool = False
    starts: list[float] = field(default_factory=list)
    durable_at: list[float] = field(default_factory=list)


def read_journal(path: Path) -> Journal:
    """Reads a journal; an incomplete last line is ignored."""
    journal = Journal()
    text = path.read_text() if path.exists() else ""
    for line in text[: text.rfind("\n") + 1].splitlines():
        event, count, at = line.split()
        if event == START:
            journal.starts.append(float(at))
        elif event == ADDED:
            journal.added = int(count)
        elif event == DURABLE:
            journal.durable += int(count)
            journal.durable_at.append(float(at))
        journal.done = event == DONE
    return journal


def push_until_stopped(
    outbox: Outbox, pusher: Pusher, items: Items, chosen: argparse.Namespace, note: Callable[[str, int], None]
) -> int:
    """Adds and pushes items in chunks until the stop file exists and the minimum number is pushed.

    Returns the number of items added.
    """
    added = read_journal(chosen.journal).added
    while True:
        if added < chosen.least or not chosen.stop.exists():
            if added < chosen.most:
                # A kill between adding and noting adds the chunk again, and the outbox ignores known items.
                outbox.add(items(chosen.source, chosen.seed, added, CHUNK_ITEMS))
                added += CHUNK_ITEMS
                note(ADDED, added)
            else:
                time.sleep(IDLE_SECONDS)
        elif not outbox.backlog().items:
            return added
        pusher.push()


def main() -> None:
    """Runs the partner."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subject", choices=ITEMS, required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--least", type=int, required=True)
    parser.add_argument("--most", type=int, required=True)
    for name in ("--outbox", "--journal", "--stop"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--token", default="")
    chosen = parser.parse_args()
    items, codec = ITEMS[chosen.subject]
    with (
        chosen.journal.open("a") as file,
        Outbox(chosen.outbox, chosen.source, codec) as outbox,
        open_channel(chosen.address) as channel,
    ):

        def note(event: str, count: int) -> None:
            file.write(f"{event} {count} {time.monotonic()}\n")
            file.flush()

        note(START, 0)
        pusher = Pusher(
            channel,
            outbox,
            chosen.token,
            silence_seconds=SILENCE_SECONDS,
            patience_seconds=PATIENCE_SECONDS,
            on_durable=lambda count: note(DURABLE, count),
        )
        note(DONE, push_until_stopped(outbox, pusher, items, chosen, note))


if __name__ == "__main__":
    main()
