"""Spells the fields in errors as the contract does: as paths from the root of the request.

Commands and domain types name a field relative to the resource that they check, such as ``inventory.unit``. The
request contains that resource at some path, such as ``asset``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

DEPTH_LIMIT = 3
"""Number of nested messages below the root in which a field is looked up."""

_DOT = re.compile(r"\.(?![^\[]*\])")
"""A dot outside brackets; a key such as inventory.grain may contain one."""

_PART = re.compile(r"(\w+)(\[[^\]]*\])?")


def from_root(request: Message, field: str) -> str:
    """Returns the path of a field from the root of a request.

    A field that is not in the root message is looked up in its nested messages, nearest first: in those that are set,
    then in all. A name that the request does not contain, such as that of a derived value, is returned unchanged.
    """
    path = _in_nested(request, field)
    # Models name the row of a column, such as royalty_rate[0], also for the only row of a request.
    return path or _in_nested(request, field.removesuffix("[0]")) or field


def _in_nested(request: Message, field: str) -> str:
    """Returns the path of a field in a request or its nested messages; empty if it has no such field."""
    if is_path(request.DESCRIPTOR, field):
        return field
    for only_set in (True, False):
        level = [("", request)]
        for _ in range(DEPTH_LIMIT):
            level = [below for prefix, message in level for below in _nested(prefix, message, only_set=only_set)]
            for prefix, message in level:
                if is_path(message.DESCRIPTOR, field):
                    return f"{prefix}{field}"
    return ""


def is_path(descriptor: Descriptor, path: str) -> bool:
    """Returns whether a path names a field of a message or of its nested messages.

    An index or key in brackets is allowed after a repeated field or a map. A path may end with the name of a oneof.
    """
    below: Descriptor | None = descriptor
    for text in _DOT.split(path):
        part = _PART.fullmatch(text)
        if below is not None and text in below.oneofs_by_name:
            return path.endswith(text)
        described = below.fields_by_name.get(part[1]) if below is not None and part else None
        if described is None or (part is not None and part[2] and not described.is_repeated):
            return False
        below = described.message_type
    return True


def _nested(prefix: str, message: Message, *, only_set: bool) -> Iterator[tuple[str, Message]]:
    """Yields the messages of the singular fields of a message with their paths."""
    for described in message.DESCRIPTOR.fields:
        if described.message_type is None or described.is_repeated:
            continue
        if not only_set or message.HasField(described.name):
            yield f"{prefix}{described.name}.", getattr(message, described.name)
