"""Turns request messages into calls of the book's runner.

A call holds the request id, the digest of the body and the codec of the answer.
"""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from typing import TypeVar

from google.protobuf.message import Message

from collateral_registry.domain.access.callers import Caller
from collateral_registry.domain.access.roles import Permission
from collateral_registry.domain.shared.errors import InvalidInput
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.rpc.common.method_classes import METHOD_CLASSES, READING_METHODS, MethodClass
from collateral_registry.rpc.common.resulting_covers import with_resulting_covers
from collateral_registry.runtime.transactions import Call, Idempotency

M = TypeVar("M", bound=Message)

_CALLER: ContextVar[Caller] = ContextVar("caller")


def set_caller(caller: Caller) -> None:
    """Sets the caller of the current task, which handles one call."""
    _CALLER.set(caller)


def current_caller() -> Caller:
    """Returns the caller of the call that the current task handles; raises LookupError outside a call.

    Handlers read it in the task of the call and pass it on explicitly, because threads and batches have none.
    """
    return _CALLER.get()


def actor_of(request: Message) -> str:
    """Returns the person whom a request states as acting in its field ``actor``; the caller if it states nothing.

    Raises InvalidInput for a malformed name, and for nothing if the caller may act on behalf of others, because the
    name of such a caller is that of no person. Raises NotPermitted if the caller may not act for that person.
    """
    caller = current_caller()
    actor = checked_text("actor", getattr(request, "actor", ""), required=False)
    if not actor and caller.may(Permission.ACT_ON_BEHALF):
        raise InvalidInput("actor", "nothing", "the person who acts, because this caller acts on behalf of others")
    return caller.acting_as(actor).actor


def call_of(request: Message, kind: str, answer: type[M], actor: str = "") -> Call[M]:
    """Returns the call of a request that is answered with a message of type ``answer``; ``kind`` is the method's name.

    ``actor`` is the person whom the request states as acting; an empty text stands for the caller. Raises NotPermitted
    if the caller may not act for that person, InvalidInput for a malformed request_id, and RuntimeError for a method
    that is declared to record nothing.
    """
    if kind in READING_METHODS:
        raise RuntimeError(f"{kind} is declared to record nothing")
    request_id = checked_text("request_id", getattr(request, "request_id", ""), required=False)
    body_hash = body_hash_of(kind, request)
    return Call(
        kind=kind,
        author=current_caller().acting_as(actor),
        request=body_hash,
        neutral=METHOD_CLASSES[kind] is MethodClass.NEUTRAL,
        preview=with_resulting_covers if getattr(request, "validate_only", False) else None,
        idempotency=Idempotency(
            request_id=request_id,
            body_hash=body_hash,
            serialise=lambda message: message.SerializeToString(),
            parse=answer.FromString,
        )
        if request_id
        else None,
    )


def body_hash_of(kind: str, request: Message) -> str:
    """Returns the digest of what a request writes, which depends on neither its id nor whether it only validates."""
    body = request
    if getattr(request, "request_id", "") or getattr(request, "validate_only", False):
        body = type(request)()
        body.CopyFrom(request)
        for name in {"request_id", "validate_only"} & set(body.DESCRIPTOR.fields_by_name):
            body.ClearField(name)
    return hashlib.sha256(kind.encode() + body.SerializeToString(deterministic=True)).hexdigest()
