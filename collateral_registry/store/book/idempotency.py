"""Stores answers by request id, so that a retry returns the same answer and changes nothing."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select

from collateral_registry.domain.shared.errors import RequestIdReused
from collateral_registry.store.engine.database import Write
from collateral_registry.store.schema.book import RequestRow


def first_answer(connection: Connection, request_id: str, body_hash: str) -> bytes | None:
    """Returns the stored answer; None for a new id. Raises RequestIdReused if the body differs."""
    row = connection.execute(_ANSWER, {"of_request": request_id}).first()
    if row is None:
        return None
    if row.body_hash != body_hash:
        raise RequestIdReused(request_id)
    return bytes(row.answer)


_ANSWER = select(RequestRow.body_hash, RequestRow.answer).where(RequestRow.request_id == bindparam("of_request"))


def remember_answer(write: Write, request_id: str, body_hash: str, answer: bytes) -> None:
    """Stores the answer in the same transaction as the change."""
    values = {"request_id": request_id, "body_hash": body_hash, "answer": answer, "seq": write.seq}
    write.connection.execute(insert(RequestRow), values)
