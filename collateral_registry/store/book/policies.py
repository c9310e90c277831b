"""Stores policy versions and finds the one in force on a day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, case, select, update

from collateral_registry.domain.book.policy import Policy, PolicyState
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Id, Time, enum
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.rows import check_unused, existing, insert_row
from collateral_registry.store.schema.book import CommitRow, PolicyRow

KEPT_POLICIES_LIMIT = 8
"""Number of parsed versions kept in memory, because every change reads the version in force more than once."""


@dataclass(frozen=True)
class StoredPolicy:
    """A policy version with its key and the commits that stored and activated it."""

    key: int
    policy: Policy
    created_us: int
    activated_seq: int | None
    activated_us: int | None


_CREATED, _ACTIVATED = CommitRow.__table__.alias(), CommitRow.__table__.alias()

_POLICIES = (
    select(
        PolicyRow.policy_key, PolicyRow.document, _CREATED.c.known_us, PolicyRow.activated_seq, _ACTIVATED.c.known_us
    )
    .join(_CREATED, _CREATED.c.seq == PolicyRow.created_seq)
    .outerjoin(_ACTIVATED, _ACTIVATED.c.seq == PolicyRow.activated_seq)
)

_STATE = case(
    (PolicyRow.activated_seq.is_(None), int(PolicyState.DRAFT)),
    (PolicyRow.policy_key < bindparam("key_in_force", type_=BigInteger), int(PolicyState.SUPERSEDED)),
    else_=int(PolicyState.ACTIVE),
)

POLICY_FILTER = FilterTable(
    name=FilterField(Id("policies"), PolicyRow.policy_id),
    state=FilterField(enum(PolicyState, "POLICY_STATE_"), _STATE),
    effective_date=FilterField(Day(), PolicyRow.effective_day),
    create_time=FilterField(Time(), _CREATED.c.known_us),
    activate_time=nullable(Time(), _ACTIVATED.c.known_us),
)
"""Fields by which versions can be filtered."""

_IN_FORCE = (
    _POLICIES.where(PolicyRow.activated_seq.is_not(None), PolicyRow.effective_day <= bindparam("on_day"))
    .order_by(PolicyRow.effective_day.desc(), PolicyRow.activated_seq.desc())
    .limit(1)
)

_ID_IN_FORCE = (
    select(PolicyRow.policy_id)
    .where(PolicyRow.activated_seq <= bindparam("by_seq"), PolicyRow.effective_day <= bindparam("on_day"))
    .order_by(PolicyRow.effective_day.desc(), PolicyRow.activated_seq.desc())
    .limit(1)
)


def insert_policy(write: Write, policy: Policy) -> int:
    """Stores a version and returns its key; raises AlreadyExists if the id is taken."""
    check_unused(write.connection, f"policies/{policy.policy_id}", PolicyRow.policy_id == policy.policy_id)
    values = {
        "policy_id": policy.policy_id,
        "effective_day": day_of(policy.effective),
        "created_seq": write.seq,
        "document": to_document(policy),
    }
    return insert_row(write.connection, PolicyRow, **values)


def activate_policy(write: Write, key: int) -> None:
    """Marks a version as activated by the current commit."""
    write.connection.execute(update(PolicyRow).where(PolicyRow.policy_key == key).values(activated_seq=write.seq))


def policy_in_force(connection: Connection, day: int) -> StoredPolicy:
    """Returns the version in force on a day; raises Refused if there is none.

    It is the activated version with the latest effective day on or before that day. If several versions have the same
    effective day, the one activated last applies.
    """
    row = connection.execute(_IN_FORCE, {"on_day": day}).first()
    if row is None:
        raise Refused("NO_POLICY", "no policy is in force on this date; activate one with an effective date before it")
    return _stored(row)


def policy_id_at(connection: Connection, seq: int, day: int) -> str:
    """Returns the id of the version in force on a day as of a commit; empty if there was none."""
    return str(connection.execute(_ID_IN_FORCE, {"by_seq": seq, "on_day": day}).scalar() or "")


def policies_after(connection: Connection, day: int) -> list[StoredPolicy]:
    """Returns the activated versions that take effect after a day."""
    rows = connection.execute(_POLICIES.where(PolicyRow.activated_seq.is_not(None), PolicyRow.effective_day > day))
    return [_stored(row) for row in rows]


def get_policy(connection: Connection, policy_id: str) -> StoredPolicy:
    """Returns one version by its id; raises NotFound."""
    rows = connection.execute(_POLICIES.where(PolicyRow.policy_id == policy_id)).all()
    return _stored(existing(rows, f"policies/{policy_id}"))


def policy_by_key(connection: Connection, key: int) -> StoredPolicy:
    """Returns one version by its key."""
    return _stored(connection.execute(_POLICIES.where(PolicyRow.policy_key == key)).one())


def list_policies(
    connection: Connection, key_in_force: int, wanted: Expression, before_key: int, limit: int
) -> list[StoredPolicy]:
    """Returns a page of versions, newest first; their state depends on the version that is in force."""
    older = _POLICIES.where(POLICY_FILTER.where(wanted), PolicyRow.policy_key < before_key)
    page = older.order_by(PolicyRow.policy_key.desc()).limit(limit)
    return [_stored(row) for row in connection.execute(page, {"key_in_force": key_in_force})]


@lru_cache(KEPT_POLICIES_LIMIT)
def _read(document: str) -> Policy:
    return from_document(Policy, document)


def _stored(row: Row[*tuple[Any, ...]]) -> StoredPolicy:
    return StoredPolicy(row[0], _read(row[1]), row[2], row[3], row[4])
