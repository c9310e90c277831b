"""Field masks: the fields of a message that an update changes (AIP-134)."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from valuation.errors import InvalidInput

PATHS_LIMIT = 100

M = TypeVar("M", bound=Message)


def masked(source: M, into: M, mask: FieldMask, allowed: tuple[str, ...]) -> None:
    """Copies the fields that the mask names.

    A field that the source lacks is cleared, and a list or map is replaced as a whole. Raises InvalidInput if the mask
    is empty or names a field that does not exist or is not in ``allowed``.
    """
    if not mask.paths or len(mask.paths) > PATHS_LIMIT:
        raise InvalidInput("update_mask", f"{len(mask.paths)} paths", f"1 to {PATHS_LIMIT} fields to change")
    for path in mask.paths:
        if path.split(".")[0] not in allowed:
            raise InvalidInput("update_mask", repr(path[:80]), "one of " + ", ".join(allowed))
        if not FieldMask(paths=[path]).IsValidForDescriptor(source.DESCRIPTOR):
            raise InvalidInput("update_mask", repr(path[:80]), "an existing field")
        _copy(source, into, path.split("."))


def _copy(source: Message, into: Message, parts: list[str]) -> None:
    name, *rest = parts
    if rest:
        _copy(getattr(source, name), getattr(into, name), rest)
        return
    descriptor = source.DESCRIPTOR.fields_by_name[name]
    if descriptor.is_repeated:
        into.ClearField(name)
        getattr(into, name).MergeFrom(getattr(source, name))
    elif descriptor.message_type is None:
        setattr(into, name, getattr(source, name))
    elif source.HasField(name):
        getattr(into, name).CopyFrom(getattr(source, name))
    else:
        into.ClearField(name)
