"""What the outbox, the pusher and the stream need of one kind of feed: its words and its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

Message = Any
"""A message of the contract of one kind of feed."""


class Item(Protocol):
    """An item of a feed."""

    @property
    def item_id(self) -> str:
        """The partner's own id of the item."""

    @property
    def content(self) -> bytes:
        """The serialised batch that contains only this item; equal for equal items."""


@dataclass(frozen=True)
class FeedCodec:
    """One kind of feed.

    ``subject`` names what is reported, ``item`` and ``items`` what a batch holds. ``id_field`` is the field of an
    item's id, and ``ids`` the column of a batch with the ids. Columns of a batch other than ``kept`` are omitted if
    they are empty in every row. ``method`` returns the stream method of a channel, and ``opening`` the first message
    of a stream of a feed.
    """

    subject: str
    item: str
    items: str
    id_field: str
    ids: str
    collection: str
    batch: type[Message]
    kept: frozenset[str]
    method: Callable[[grpc.Channel], Callable[..., Any]]
    opening: Callable[[str], Message]
    request: Callable[[Message], Message]
    reason: Callable[[Any], str]

    def batch_of(self, sequence: int, contents: Iterable[bytes]) -> Message:
        """Builds a batch from the contents of items; omits columns that are empty in every row."""
        # Parsing concatenated protobuf messages appends their repeated fields.
        batch = self.batch.FromString(b"".join(contents))
        for field in self.batch.DESCRIPTOR.fields:
            if field.name not in self.kept and not any(getattr(batch, field.name)):
                batch.ClearField(field.name)
        batch.sequence = sequence
        return batch

    def ids_of(self, batch: Message) -> Sequence[str]:
        """Returns the ids of the items of a batch."""
        ids: Sequence[str] = getattr(batch, self.ids)
        return ids
