"""The OpenAPI 3.1 document of HTTP/JSON, from the descriptors of the contract and their comments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from google.api.field_behavior_pb2 import IMMUTABLE, OUTPUT_ONLY, REQUIRED, field_behavior
from google.api.resource_pb2 import resource_reference
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from collateral_registry.web.gateway.contract import PACKAGE, Method, contract

Schema = dict[str, Any]

DESCRIPTION = """\
Every unary method of the gRPC contract as `POST /v1/{Service}/{Method}` with a JSON object. Messages are ProtoJSON with
the field names of the contract: 64-bit integers are strings, enums are their names, times are RFC 3339, and a field
that is left out has its default. Unknown fields are refused.

Every error is a `google.rpc.Status` with one `ErrorInfo`, whose `reason` is stable. `BadRequest` names each wrong
field.

These methods stream messages and are offered over gRPC only: """

MESSAGE_SCHEMAS: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string", "description": "Field names separated by commas."},
}
"""Messages that are strings in JSON."""

SCALAR_SCHEMAS: dict[int, Schema] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
}
"""Scalars of the contract. A request may state a 64-bit integer as a number too."""

ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "status", "message", "details"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "integer", "description": "HTTP status."},
                "status": {"type": "string", "description": "Name of the code of google.rpc.Code."},
                "message": {"type": "string", "description": "What is wrong, for people."},
                "details": {
                    "type": "array",
                    "description": "One google.rpc.ErrorInfo; with wrong fields a google.rpc.BadRequest; with errors "
                    "that pass a google.rpc.RetryInfo.",
                    "items": {"$ref": "#/components/schemas/ErrorDetail"},
                },
            },
        }
    },
}

ERROR_DETAIL: Schema = {
    "type": "object",
    "required": ["@type"],
    "additionalProperties": False,
    "properties": {
        "@type": {
            "enum": [f"type.googleapis.com/google.rpc.{name}" for name in ("ErrorInfo", "BadRequest", "RetryInfo")]
        },
        "reason": {"type": "string", "description": "ErrorInfo: stable name of the cause."},
        "domain": {"type": "string", "description": "ErrorInfo: collateral-registry."},
        "metadata": {
            "type": "object",
            "description": "ErrorInfo: facts about the cause.",
            "additionalProperties": {"type": "string"},
        },
        "field_violations": {
            "type": "array",
            "description": "BadRequest: the wrong fields.",
            "items": {
                "type": "object",
                "required": ["field", "description"],
                "additionalProperties": False,
                "properties": {
                    "field": {"type": "string", "description": "Path from the root of the request."},
                    "description": {"type": "string", "description": "What the field had, and what it must have."},
                },
            },
        },
        "retry_delay": {"type": "string", "description": "RetryInfo: time to wait, such as 1s."},
    },
}


@cache
def openapi_document() -> dict[str, Any]:
    """Returns the document. It is built once and must not be changed."""
    described = contract()
    unary = [method for method in described.methods.values() if not method.streams]
    streams = [f"{method.service}/{method.name}" for method in described.methods.values() if method.streams]
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Collateral registry",
            "version": _version(),
            "description": f"{DESCRIPTION}{', '.join(streams)}.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": _comment(f"{PACKAGE}.{name}")} for name in described.services],
        "paths": {f"/v1/{method.service}/{method.name}": {"post": _operation(method)} for method in unary},
        "components": {
            "schemas": {
                "Error": ERROR,
                "ErrorDetail": ERROR_DETAIL,
                **dict(_schemas(unary)),
            }
        },
    }


def _version() -> str:
    try:
        return version("collateral")
    except PackageNotFoundError:  # run from a folder without an installation
        return "0"


def _operation(method: Method) -> dict[str, Any]:
    comment = _comment(f"{PACKAGE}.{method.service}.{method.name}")
    return {
        "operationId": f"{method.service}_{method.name}",
        "tags": [method.service],
        "summary": f"{comment.partition('. ')[0].removesuffix('.')}.",
        "description": comment,
        "requestBody": {"required": True, "content": _content(_name(method.request.DESCRIPTOR.full_name))},
        "responses": {
            "200": {
                "description": _comment(method.response.DESCRIPTOR.full_name),
                "content": _content(_name(method.response.DESCRIPTOR.full_name)),
            },
            "default": {"description": "The call was refused or failed.", "content": _content("Error")},
        },
    }


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _schemas(methods: list[Method]) -> Iterator[tuple[str, Schema]]:
    """Yields the name and the schema of each message and enum that the methods use, in the order of their names."""
    masked = _reachable(
        method.request.DESCRIPTOR for method in methods if "update_mask" in method.request.DESCRIPTOR.fields_by_name
    )
    used = _reachable(message.DESCRIPTOR for method in methods for message in (method.request, method.response))
    enums = {
        field.enum_type.full_name: field.enum_type
        for message in used.values()
        for field in message.fields
        if field.enum_type is not None
    }
    for name in sorted(used):
        if name not in MESSAGE_SCHEMAS:
            yield _name(name), _message_schema(used[name], partial=name in masked)
    for name in sorted(enums):
        yield _name(name), _enum_schema(enums[name])


def _reachable(messages: Iterator[Any]) -> dict[str, Descriptor]:
    found: dict[str, Descriptor] = {}
    todo = list(messages)
    while todo:
        message = todo.pop()
        if message.full_name not in found and not message.GetOptions().map_entry:
            found[message.full_name] = message
        elif message.full_name in found:
            continue
        todo += [field.message_type for field in message.fields if field.message_type is not None]
    return found


def _message_schema(message: Descriptor, *, partial: bool) -> Schema:
    """Returns the schema of a message.

    Messages that updates contain are ``partial``: they state the masked fields only, so none is required.
    """
    required = [field.name for field in message.fields if REQUIRED in _behaviors(field)]
    schema: Schema = {
        "type": "object",
        "description": _comment(message.full_name),
        "additionalProperties": False,
        "properties": {field.name: _field_schema(field, partial=partial) for field in message.fields},
    }
    if required and not partial:
        schema["required"] = required
    return {name: part for name, part in schema.items() if part != ""}


def _field_schema(field: FieldDescriptor, *, partial: bool) -> Schema:
    below = field.message_type
    if below is not None and below.GetOptions().map_entry:
        schema: Schema = {"type": "object", "additionalProperties": _value_schema(below.fields_by_name["value"])}
    elif field.is_repeated:
        schema = {"type": "array", "items": _value_schema(field)}
    else:
        schema = _value_schema(field)
    description = " ".join(_sentences(field, partial=partial))
    if description:
        schema["description"] = description
    if OUTPUT_ONLY in _behaviors(field):
        schema["readOnly"] = True
    return schema


def _sentences(field: FieldDescriptor, *, partial: bool) -> Iterator[str]:
    """Yields the comment of a field and what its annotations add."""
    yield _comment(field.full_name)
    behaviors = _behaviors(field)
    if REQUIRED in behaviors and partial:
        yield "Required when the resource is created."
    if IMMUTABLE in behaviors:
        yield "Cannot be changed."
    if field.containing_oneof is not None:
        others = [one.name for one in field.containing_oneof.fields if one is not field]
        yield f"Excludes {', '.join(others)}."
    reference = field.GetOptions().Extensions[resource_reference]
    if reference.type:
        yield f"Name of a resource of type {reference.type}."


def _value_schema(field: FieldDescriptor) -> Schema:
    """Returns the schema of one value of a field."""
    if field.enum_type is not None:
        return {"$ref": f"#/components/schemas/{_name(field.enum_type.full_name)}"}
    if field.message_type is None:
        return dict(SCALAR_SCHEMAS[field.type])
    known = MESSAGE_SCHEMAS.get(field.message_type.full_name)
    return dict(known) if known else {"$ref": f"#/components/schemas/{_name(field.message_type.full_name)}"}


def _enum_schema(enum: EnumDescriptor) -> Schema:
    lines = [f"- {value.name}: {_comment(f'{enum.full_name}.{value.name}')}" for value in enum.values]
    return {
        "type": "string",
        "enum": [value.name for value in enum.values],
        "description": "\n".join([_comment(enum.full_name), "", *lines]),
    }


def _behaviors(field: FieldDescriptor) -> set[int]:
    return set(field.GetOptions().Extensions[field_behavior])


def _comment(full_name: str) -> str:
    return contract().comments.get(full_name, "")


def _name(full_name: str) -> str:
    """Returns the name of a schema: that of the contract without its package, or the full name of an import."""
    return full_name.removeprefix(f"{PACKAGE}.")
