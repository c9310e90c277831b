"""Stores debtors with their history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update
from sqlalchemy.orm import aliased

from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind, DebtorState
from collateral_registry.domain.debtors.identifiers import Identifier
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Boolean, Id, Number, Text, Time, enum
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.shared.errors import AlreadyExists
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.engine.rows import (
    check_unused,
    existing,
    insert_row,
    of_first_revision,
    values_of,
)
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.debtors import (
    IS_NEWEST_OF_DEBTOR,
    DebtorIdentifierRow,
    DebtorRevisionRow,
    DebtorRow,
)
from valuation.money import PPM

NO_LINE = -1
"""Stored in place of the amount of a line that a debtor does not have."""

NONE = 0
"""Stored in place of the key of a parent or a survivor that a debtor does not have."""

_Parent, _Survivor = aliased(DebtorRow), aliased(DebtorRow)

DEBTOR_FILTER = FilterTable(
    name=FilterField(Id("debtors"), DebtorRow.debtor_id),
    display_name=FilterField(Text(), DebtorRevisionRow.display_name),
    country_code=FilterField(Text(), DebtorRevisionRow.country),
    parent=nullable(Id("debtors"), _Parent.debtor_id),
    kind=FilterField(enum(DebtorKind, "DEBTOR_KIND_"), DebtorRevisionRow.kind),
    core_firm=FilterField(Boolean(), DebtorRevisionRow.is_core_firm),
    state=FilterField(enum(DebtorState, "DEBTOR_STATE_"), DebtorRevisionRow.state),
    default_probability=nullable(Number(PPM), DebtorRevisionRow.pd * PPM),
    merged_into=nullable(Id("debtors"), _Survivor.debtor_id),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which debtors can be filtered."""


@dataclass(frozen=True)
class Cause:
    """Who changed a debtor, and why."""

    actor: str = ""
    note: str = ""


@dataclass(frozen=True)
class StoredDebtor:
    """A debtor with its key, revision and time of creation."""

    key: int
    debtor: Debtor
    revision: int
    created_us: int


def insert_debtor(write: Write, debtor: Debtor) -> StoredDebtor:
    """Stores a new debtor.

    Raises AlreadyExists if the id or an identifier is taken, and NotFound if the parent does not exist.
    """
    name = f"debtors/{debtor.debtor_id}"
    check_unused(write.connection, name, DebtorRow.debtor_id == debtor.debtor_id)
    key = insert_row(write.connection, DebtorRow, debtor_id=debtor.debtor_id, **of_first_revision(write))
    _insert_revision(write, key, 1, debtor, Cause())
    _state_identifiers(write, key, debtor.identifiers)
    return get_debtor(write.connection, debtor.debtor_id)


def update_debtor(write: Write, stored: StoredDebtor, debtor: Debtor, cause: Cause) -> StoredDebtor:
    """Stores a new revision of a debtor.

    Raises AlreadyExists if an identifier is taken, and NotFound if the parent does not exist.
    """
    revision = stored.revision + 1
    row = {"revision": revision, "updated_seq": write.seq}
    write.connection.execute(update(DebtorRow).where(DebtorRow.debtor_key == stored.key).values(**row))
    _insert_revision(write, stored.key, revision, debtor, cause)
    before, after = set(stored.debtor.identifiers), set(debtor.identifiers)
    _end_identifiers(write, stored.key, before - after)
    _state_identifiers(write, stored.key, sorted(after - before))
    return replace(stored, debtor=debtor, revision=revision)


def get_debtor(connection: Connection, debtor_id: str) -> StoredDebtor:
    """Returns one debtor; raises NotFound."""
    return existing(_debtors(connection, [DebtorRow.debtor_id == debtor_id], 1), f"debtors/{debtor_id}")


def list_debtors(connection: Connection, wanted: Expression, after: str, limit: int) -> list[StoredDebtor]:
    """Returns a page of debtors, ordered by id."""
    return _debtors(connection, [DEBTOR_FILTER.where(wanted), DebtorRow.debtor_id > after], limit)


def _debtors(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[StoredDebtor]:
    statement = (
        select(DebtorRow.debtor_key, DebtorRevisionRow.document, DebtorRow.revision, CommitRow.known_us)
        .join(DebtorRevisionRow, IS_NEWEST_OF_DEBTOR)
        .join(CommitRow, CommitRow.seq == DebtorRow.created_seq)
        .outerjoin(_Parent, _Parent.debtor_key == DebtorRevisionRow.parent_key)
        .outerjoin(_Survivor, _Survivor.debtor_key == DebtorRevisionRow.merged_into)
        .where(*where)
        .order_by(DebtorRow.debtor_id)
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [StoredDebtor(key, from_document(Debtor, document), *rest) for key, document, *rest in rows]


def _insert_revision(write: Write, key: int, revision: int, debtor: Debtor, cause: Cause) -> None:
    probability, line = debtor.default_probability, debtor.line
    values: dict[str, Any] = {
        **values_of(debtor, "display_name", "country", "kind", "state"),
        **values_of(cause, "actor", "note"),
        "debtor_key": key,
        "revision": revision,
        "seq": write.seq,
        "parent_key": _key_of(write.connection, debtor.parent_id),
        "parent_stated": int(bool(debtor.parent_id) or debtor.is_independent),
        "is_core_firm": int(debtor.is_core_firm),
        "pd": None if probability is None else probability.ppm / PPM,
        "pd_day": NO_DAY if probability is None else day_of(probability.day),
        "line_minor": NO_LINE if line is None else line.amount.minor,
        "line_currency": "" if line is None else line.amount.currency,
        "line_expire_day": NO_DAY if line is None else day_of(line.expire),
        "merged_into": _key_of(write.connection, debtor.merged_into),
        "document": to_document(debtor),
    }
    write.connection.execute(insert(DebtorRevisionRow), values)


def _key_of(connection: Connection, debtor_id: str) -> int:
    """Returns the key of a debtor, NONE for an empty id; raises NotFound."""
    return get_debtor(connection, debtor_id).key if debtor_id else NONE


def _state_identifiers(write: Write, key: int, identifiers: Sequence[Identifier]) -> None:
    taken = _CURRENT.where(is_one_of(DebtorIdentifierRow.value, TEXTS))
    values = [one.value for one in identifiers]
    holders = {(scheme, value): holder for scheme, value, holder in write.connection.execute(taken, {"texts": values})}
    for one in identifiers:
        if holder := holders.get((int(one.scheme), one.value)):
            raise AlreadyExists(f"identifier {one}", f"debtors/{holder}")
    rows = [
        {"debtor_key": key, **values_of(one, "scheme", "value"), "created_seq": write.seq, "ended_seq": 0}
        for one in identifiers
    ]
    if rows:
        write.connection.execute(insert(DebtorIdentifierRow), rows)


_CURRENT = (
    select(DebtorIdentifierRow.scheme, DebtorIdentifierRow.value, DebtorRow.debtor_id)
    .join(DebtorRow, DebtorRow.debtor_key == DebtorIdentifierRow.debtor_key)
    .where(DebtorIdentifierRow.ended_seq == 0)
)


def _end_identifiers(write: Write, key: int, identifiers: Iterable[Identifier]) -> None:
    for one in identifiers:
        is_it = (DebtorIdentifierRow.scheme == int(one.scheme)) & (DebtorIdentifierRow.value == one.value)
        mine = update(DebtorIdentifierRow).where(DebtorIdentifierRow.debtor_key == key, is_it)
        write.connection.execute(mine.where(DebtorIdentifierRow.ended_seq == 0).values(ended_seq=write.seq))
