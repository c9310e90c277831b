"""Groups messages into batches that the server accepts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

LENGTH_PREFIX_BYTES = 8  # tag and length of a repeated message


def batches(messages: Sequence[tuple[int, Any]], max_messages: int, max_bytes: int) -> Iterator[list[tuple[int, Any]]]:
    """Yields batches of messages with their lines, within both limits; a message above ``max_bytes`` forms its own."""
    batch: list[tuple[int, Any]] = []
    free_bytes = max_bytes
    for line, message in messages:
        size = message.ByteSize() + LENGTH_PREFIX_BYTES
        if batch and (len(batch) == max_messages or size > free_bytes):
            yield batch
            batch, free_bytes = [], max_bytes
        batch.append((line, message))
        free_bytes -= size
    if batch:
        yield batch
