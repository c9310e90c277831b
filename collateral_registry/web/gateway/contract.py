"""The contract as its descriptor set describes it: methods, messages and comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from heapq import nlargest
from importlib.resources import files
from inspect import cleandoc
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

PACKAGE = "collateral_registry.v1"
DESCRIPTORS = "descriptors.binpb"
"""Descriptor set that is generated with the stubs."""

NAME_LIMIT_CHARACTERS = 60
"""Characters of an unknown name that are compared with known ones."""

COMPARED_METHODS = 10
"""Methods of which the order of the letters is compared; a service would stand still if it were for all of them."""

_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED, _VALUES, _METHODS = 2, 3, 2, 2
"""Numbers of the fields of descriptor.proto, of which the paths of comments consist."""


@dataclass(frozen=True)
class Method:
    """A method of the contract. ``path`` is its name in gRPC."""

    service: str
    name: str
    path: str
    request: type[Message]
    response: type[Message]
    streams: bool


@dataclass(frozen=True)
class Contract:
    """Services by name in the order of the files, methods by service and name, and comments by full name."""

    services: dict[str, ServiceDescriptor]
    methods: dict[tuple[str, str], Method]
    comments: dict[str, str]


def descriptor_set() -> bytes:
    """Returns the serialised descriptor set, with imports and comments."""
    return files(PACKAGE).joinpath(DESCRIPTORS).read_bytes()


@cache
def contract() -> Contract:
    """Returns the contract. Its messages are built from the descriptor set alone."""
    described = FileDescriptorSet.FromString(descriptor_set()).file
    pool = DescriptorPool()
    comments: dict[str, str] = {}
    for file in described:  # each file follows the files that it imports
        comments.update(_comments(file))
        pool.AddSerializedFile(file.SerializeToString())
    services = {
        service.name: pool.FindServiceByName(f"{file.package}.{service.name}")
        for file in described
        for service in file.service
    }
    methods = {
        (name, method.name): Method(
            service=name,
            name=method.name,
            path=f"/{service.full_name}/{method.name}",
            request=GetMessageClass(method.input_type),
            response=GetMessageClass(method.output_type),
            streams=bool(method.client_streaming or method.server_streaming),
        )
        for name, service in services.items()
        for method in service.methods
    }
    return Contract(services, methods, comments)


def nearest_method(service: str, name: str) -> str:
    """Returns the method whose name is most like an unknown one; the name of the method counts before its service."""
    methods = [f"{one}/{method}" for one, method in contract().methods]
    wanted = f"{service.removeprefix(f'{PACKAGE}.')}/{name}"
    by_letters = nlargest(
        COMPARED_METHODS, methods, key=lambda one: _matcher(one.partition("/")[2], name).quick_ratio()
    )
    return max(
        by_letters,
        key=lambda one: (_matcher(one.partition("/")[2], name).ratio(), _matcher(one, wanted).ratio()),
    )


def _matcher(one: str, other: str) -> SequenceMatcher[str]:
    return SequenceMatcher(None, one.lower(), other[:NAME_LIMIT_CHARACTERS].lower())


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Yields the full name and the comment of each service, method, message, field, enum and value of a file."""
    names = dict(_names(file))
    for location in file.source_code_info.location:
        name = names.get(tuple(location.path))
        if name and location.leading_comments:
            yield name, cleandoc(location.leading_comments)


def _names(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yields the path of each part of a file in the file, with its full name."""
    for row, message in enumerate(file.message_type):
        yield from _names_in_message(message, (_MESSAGES, row), f"{file.package}.{message.name}")
    parts: list[tuple[int, Any, int, str]] = [
        *((_ENUMS, enum, _VALUES, "value") for enum in file.enum_type),
        *((_SERVICES, service, _METHODS, "method") for service in file.service),
    ]
    rows = {_ENUMS: iter(range(len(parts))), _SERVICES: iter(range(len(parts)))}
    for kind, part, inner, members in parts:
        path, name = (kind, next(rows[kind])), f"{file.package}.{part.name}"
        yield path, name
        yield from (((*path, inner, at), f"{name}.{one.name}") for at, one in enumerate(getattr(part, members)))


def _names_in_message(
    message: DescriptorProto, path: tuple[int, ...], name: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, name
    for row, field in enumerate(message.field):
        yield (*path, _FIELDS, row), f"{name}.{field.name}"
    for row, nested in enumerate(message.nested_type):
        yield from _names_in_message(nested, (*path, _NESTED, row), f"{name}.{nested.name}")
