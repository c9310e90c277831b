"""Conversion that all feeds share: limits of a batch, columns of strings, and the digest of a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from google.protobuf.message import Message

from collateral_registry.domain.feeds.items import NOT_STATED
from collateral_registry.domain.shared.names import TEXT_LIMIT_CHARACTERS

BATCH_ITEMS_LIMIT = 2_000
"""Maximum number of items in a batch."""

KEPT_TEXT_LIMIT_CHARACTERS = TEXT_LIMIT_CHARACTERS + 1
"""Length to which strings are truncated to bound memory. It is one more than the limit, so that they are still
rejected."""

TIME_LIMIT_US = 253_402_300_799 * 1_000_000
"""End of the year 9999, the largest time that a Timestamp can represent."""

DIGEST_BYTES = 16
"""Length of a batch's digest, which only detects mistakes and need not resist forgery."""


def kept_texts(column: Sequence[str]) -> list[str]:
    """Returns the strings of a column; if any is too long, all are truncated to KEPT_TEXT_LIMIT_CHARACTERS."""
    texts = list(column)
    if max(map(len, texts), default=0) <= TEXT_LIMIT_CHARACTERS:
        return texts
    return [text[:KEPT_TEXT_LIMIT_CHARACTERS] for text in texts]


def stated_numbers(column: Sequence[int], kinds: Sequence[int], correction: int) -> list[int]:
    """Returns the amounts or quantities of a batch. If the column is absent they are 0.

    A correction states none then, because a 0 that was not stated would cancel the item that it corrects.
    """
    return list(column) or [NOT_STATED if kind == correction else 0 for kind in kinds]


def digest(message: Message) -> str:
    """Returns a digest of the content of a batch.

    It shows whether a batch with a known sequence or request id is a repetition or has other content.
    """
    return hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=DIGEST_BYTES).hexdigest()
