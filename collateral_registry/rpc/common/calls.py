"""Turns request messages into calls of the book's runner.

A call holds the request id, the digest of the body and the codec of the answer.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

from google.protobuf.message import Message

from collateral_registry.domain.shared.names import checked_text
from collateral_registry.rpc.common.method_classes import METHOD_CLASSES, READING_METHODS, MethodClass
from collateral_registry.rpc.common.resulting_covers import with_resulting_covers
from collateral_registry.runtime.transactions import Call, Idempotency

M = TypeVar("M", bound=Message)


def call_of(request: Message, kind: str, answer: type[M], actor: str = "api") -> Call[M]:
    """Returns the call of a request that is answered with a message of type ``answer``; ``kind`` is the method's name.

    Raises InvalidInput for a malformed request_id, and RuntimeError for a method that is declared to record nothing.
    """
    if kind in READING_METHODS:
        raise RuntimeError(f"{kind} is declared to record nothing")
    request_id = checked_text("request_id", getattr(request, "request_id", ""), required=False)
    return Call(
        kind=kind,
        actor=actor,
        neutral=METHOD_CLASSES[kind] is MethodClass.NEUTRAL,
        preview=with_resulting_covers if getattr(request, "validate_only", False) else None,
        idempotency=Idempotency(
            request_id=request_id,
            body_hash=_body_hash(kind, request),
            serialise=lambda message: message.SerializeToString(),
            parse=answer.FromString,
        )
        if request_id
        else None,
    )


def _body_hash(kind: str, request: Message) -> str:
    """Returns the digest of what a request writes, which depends on neither its id nor whether it only validates."""
    body = type(request)()
    body.CopyFrom(request)
    for name in {"request_id", "validate_only"} & set(body.DESCRIPTOR.fields_by_name):
        body.ClearField(name)
    return hashlib.sha256(kind.encode() + body.SerializeToString(deterministic=True)).hexdigest()
