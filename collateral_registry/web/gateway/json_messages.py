"""Messages as JSON: ProtoJSON with the field names of the contract.

Requests are read strictly. Every field that is unknown, has a wrong type or an unknown enum value is refused with its
path, all of them in one error.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import cache, partial
from itertools import islice
from typing import Any, NoReturn

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from valuation.errors import InvalidInput, joined

VIOLATIONS_LIMIT = 100
"""Largest number of violations in one error."""

GOT_LIMIT_CHARACTERS = 80
FIELD_MASK = "google.protobuf.FieldMask"
TEXT_FORMS = {
    "google.protobuf.Timestamp": "a time such as 2022-07-13T16:00:00Z",
    "google.protobuf.Duration": "a duration such as 1.5s",
    FIELD_MASK: "field names separated by commas",
}
"""Messages that are strings in JSON, and the expected text."""

OBJECT_FORMS = {
    "google.type.Date": 'an object such as {"year": 2022, "month": 7, "day": 13}',
    "google.type.Decimal": 'an object such as {"value": "0.85"}',
    "google.type.Money": 'an object such as {"currency_code": "USD", "units": "650000"}',
}
"""Messages that callers often write as text or numbers, and the expected object."""

_UPPER = re.compile(r"[A-Z]")
_INTEGER = re.compile(r"-?[0-9]{1,20}")


class MalformedJson(Exception):
    """Raised for a body that is not one JSON object."""


def read_object(body: bytes) -> dict[str, Any]:
    """Returns the JSON object in a body; an empty body is the empty object. Raises MalformedJson otherwise."""
    if not body.strip():
        return {}
    try:
        document = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedJson(f"body: got no valid JSON ({error}), want one JSON object") from None
    if not isinstance(document, dict):
        raise MalformedJson(f"body: got {_type_of(document)}, want one JSON object")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"the name {_repeated(pairs)[:GOT_LIMIT_CHARACTERS]!r} twice in one object")
    return found


def _repeated(pairs: list[tuple[str, Any]]) -> str:
    """Returns the first name that occurs again; the caller may have sent hundreds of thousands of names."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")


def read_message(kind: type[Message], document: Mapping[str, Any]) -> Message:
    """Returns the message in a JSON object; raises InvalidInput with the path of every violation."""
    message = kind()
    found = list(islice(_read(message, document, ""), VIOLATIONS_LIMIT))
    if found:
        raise joined(found)
    return message


def answer_of(message: Message) -> dict[str, Any]:
    """Returns a message as a JSON object in which fields without presence are always set."""
    document: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _spell_masks(message, document)
    return document


def _read(message: Message, document: object, path: str) -> Iterator[InvalidInput]:
    """Sets the fields of a message and yields the violations."""
    if not isinstance(document, dict):
        yield _wrong(path, document, OBJECT_FORMS.get(message.DESCRIPTOR.full_name, "an object"))
        return
    by_name = _fields(message.DESCRIPTOR)
    spelled: dict[str, str] = {}
    for name, value in document.items():
        field = by_name.get(name)
        place = f"{path}.{field.name if field else _printable(name)}".removeprefix(".")
        if field is None:
            names = ", ".join(one.name for one in message.DESCRIPTOR.fields) or "none"
            yield InvalidInput(place, "an unknown field", f"one of {names}")
        elif value is not None:
            slot = field.containing_oneof.name if field.containing_oneof else field.name
            if slot in spelled:
                yield InvalidInput(place, f"also {spelled[slot]!r}", f"one of both in {slot}")
            spelled[slot] = name
            yield from _read_field(message, field, value, place)


def _read_field(message: Message, field: FieldDescriptor, value: object, path: str) -> Iterator[InvalidInput]:
    below = field.message_type
    if below is not None and below.GetOptions().map_entry:
        yield from _read_map(getattr(message, field.name), below.fields_by_name["value"], value, path)
    elif field.is_repeated:
        if not isinstance(value, list):
            yield _wrong(path, value, "an array")
            return
        target = getattr(message, field.name)
        for row, entry in enumerate(value):
            place = f"{path}[{row}]"
            if below is not None:
                yield from _read_part(target.add(), entry, place)
            else:
                yield from _set(target.append, field, entry, place)
    elif below is not None:
        part = getattr(message, field.name)
        part.SetInParent()
        yield from _read_part(part, value, path)
    else:
        yield from _set(partial(setattr, message, field.name), field, value, path)


def _read_part(part: Message, value: object, path: str) -> Iterator[InvalidInput]:
    """Sets a nested message, which is a string in JSON for some types."""
    want = TEXT_FORMS.get(part.DESCRIPTOR.full_name)
    if want is None:
        yield from _read(part, value, path)
        return
    try:
        _read_text(part, value)
    except (TypeError, ValueError, OverflowError):
        yield _wrong(path, value, want)


def _read_text(part: Message, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError
    target: Any = part
    if part.DESCRIPTOR.full_name == FIELD_MASK:
        paths = (path.strip() for path in value.split(","))
        target.paths.extend(_UPPER.sub(lambda upper: f"_{upper[0].lower()}", path) for path in paths if path)
    else:
        target.FromJsonString(value)


def _read_map(
    target: MutableMapping[str, Any], field: FieldDescriptor, value: object, path: str
) -> Iterator[InvalidInput]:
    """Sets a map from texts to scalars."""
    if not isinstance(value, dict):
        yield _wrong(path, value, "an object")
        return
    for key, entry in value.items():
        yield from _set(partial(target.__setitem__, key), field, entry, f"{path}[{_printable(key)}]")


def _set(put: Callable[[Any], None], field: FieldDescriptor, value: object, path: str) -> Iterator[InvalidInput]:
    """Sets a scalar by ``put``."""
    try:
        put(_SCALARS[field.type](value, field))
    except (TypeError, ValueError, KeyError, OverflowError):
        values = "one of " + ", ".join(_values(field.enum_type)) if field.enum_type is not None else ""
        yield _wrong(path, value, values or _WANTED[field.type])


def _boolean(value: object, _: FieldDescriptor) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object, _: FieldDescriptor) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # raises ValueError for an unpaired surrogate
    return value


def _integer(value: object, _: FieldDescriptor) -> int:
    """Returns an integer from a JSON number or its text; protobuf checks its range when it is set."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise TypeError
    return int(value)


def _number(value: object, _: FieldDescriptor) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _enum(value: object, field: FieldDescriptor) -> int:
    return _values(field.enum_type)[_text(value, field)]


def _bytes(value: object, _: FieldDescriptor) -> bytes:
    if not isinstance(value, str):
        raise TypeError
    return b64decode(value, validate=True)


_SCALARS: dict[int, Callable[[Any, FieldDescriptor], object]] = {
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_INT32: _integer,
    FieldDescriptor.TYPE_INT64: _integer,
    FieldDescriptor.TYPE_DOUBLE: _number,
    FieldDescriptor.TYPE_ENUM: _enum,
}
"""Readers by the types of the contract; a reader raises an error for a wrong value."""

_WANTED = {
    FieldDescriptor.TYPE_BOOL: "true or false",
    FieldDescriptor.TYPE_STRING: "text in quotes",
    FieldDescriptor.TYPE_BYTES: "base64",
    FieldDescriptor.TYPE_INT32: "a whole number of at most 32 bits",
    FieldDescriptor.TYPE_INT64: "a whole number of at most 64 bits, as a number or as text",
    FieldDescriptor.TYPE_DOUBLE: "a number",
}


@cache
def _fields(message: Descriptor) -> dict[str, FieldDescriptor]:
    """Returns the fields of a message by their names in the contract and by their names in lowerCamelCase."""
    return {name: field for field in message.fields for name in (field.json_name, field.name)}


@cache
def _values(enum: EnumDescriptor) -> dict[str, int]:
    return {value.name: value.number for value in enum.values}


def _printable(name: str) -> str:
    return name[:GOT_LIMIT_CHARACTERS].encode("unicode_escape").decode() or "''"


def _wrong(path: str, value: object, want: str) -> InvalidInput:
    got = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return InvalidInput(path, got[:GOT_LIMIT_CHARACTERS], want)


def _type_of(value: object) -> str:
    return {list: "an array", str: "text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def _spell_masks(message: Message, document: dict[str, Any]) -> None:
    """Replaces the field masks in the JSON of a message, which have lowerCamelCase there, by names of the contract."""
    if not _holds_mask(message.DESCRIPTOR):
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if field.message_type.full_name == FIELD_MASK:
            document[field.name] = ",".join(value.paths)
        elif field.is_repeated:
            for part, entry in zip(value, document[field.name], strict=True):
                _spell_masks(part, entry)
        elif isinstance(document[field.name], dict):
            _spell_masks(value, document[field.name])


@cache
def _holds_mask(message: Descriptor) -> bool:
    """Returns whether a message contains a field mask at any depth."""
    found, todo = {message.full_name}, [message]
    while todo:
        for field in todo.pop().fields:
            below = field.message_type
            if below is not None and below.full_name == FIELD_MASK:
                return True
            if below is not None and below.full_name not in found:
                found.add(below.full_name)
                todo.append(below)
    return False
