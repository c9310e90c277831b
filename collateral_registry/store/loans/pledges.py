"""Stores pledges with their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from collateral_registry.domain.filters.expressions import Expression, Operator, Test, Value, conjuncts
from collateral_registry.domain.filters.fields import Amount, Day, Id, Number, Text, Time, enum
from collateral_registry.domain.loans.agreements import LoanState, Pledge, PledgeState
from collateral_registry.domain.loans.cover import NO_LIMIT
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.bulk import Columns, Source, read_columns, read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, optional_day, unless
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import KEYS, KeyedSelect, is_one_of
from collateral_registry.store.engine.rows import (
    check_unused,
    columns_of,
    existing,
    from_row,
    insert_row,
    of_first_revision,
    values_of,
)
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import IS_NEWEST_OF_PLEDGE, LoanRow, PledgeRevisionRow, PledgeRow
from valuation._typing import Int
from valuation.money import PPM

PLEDGE_FILTER = FilterTable(
    loan=FilterField(Id("loans"), LoanRow.loan_id),
    asset=FilterField(Id("assets"), AssetRow.asset_id),
    # An expression, because SQLite would scan and sort all pledges for a condition on a column.
    state=FilterField(enum(PledgeState, "PLEDGE_STATE_"), PledgeRow.state + 0),
    rank=FilterField(Number(), PledgeRow.rank),
    share=FilterField(Number(PPM), PledgeRow.share_ppm),
    currency_code=FilterField(Text(), LoanRow.currency),
    limit=unless(Amount(), PledgeRow.limit_minor, NO_LIMIT),
    registration_expire_date=optional_day(Day(), PledgeRow.registration_expire_day),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which pledges can be filtered."""


@dataclass(frozen=True)
class StoredPledge:
    """A pledge with its keys, the currency of its loan, its revision and time of creation."""

    key: int
    loan_key: int
    asset_key: int
    currency: str
    pledge: Pledge
    revision: int
    created_us: int


def insert_pledge(write: Write, pledge: Pledge, loan_key: int, asset_key: int, target_key: int) -> int:
    """Stores a new pledge and returns its key; raises AlreadyExists if the loan has one with that id."""
    own = (PledgeRow.loan_key == loan_key, PledgeRow.pledge_id == pledge.pledge_id)
    check_unused(write.connection, f"loans/{pledge.loan_id}/pledges/{pledge.pledge_id}", *own)
    keys = {"loan_key": loan_key, "asset_key": asset_key, "target_key": target_key}
    values = {**pledge_numbers(pledge), "pledge_id": pledge.pledge_id, **keys, **of_first_revision(write)}
    key = insert_row(write.connection, PledgeRow, **values)
    _pledge_revision(write, key, 1, pledge)
    return key


def update_pledge(write: Write, stored: StoredPledge, pledge: Pledge) -> StoredPledge:
    """Stores a new revision of a pledge."""
    revision = stored.revision + 1
    row = {**pledge_numbers(pledge), "revision": revision, "updated_seq": write.seq}
    write.connection.execute(update(PledgeRow).where(PledgeRow.pledge_key == stored.key).values(**row))
    _pledge_revision(write, stored.key, revision, pledge)
    return replace(stored, pledge=pledge, revision=revision)


def get_pledge(connection: Connection, loan_id: str, pledge_id: str) -> StoredPledge:
    """Returns one pledge; raises NotFound."""
    rows = _pledges(connection, [LoanRow.loan_id == loan_id, PledgeRow.pledge_id == pledge_id], 1)
    return existing(rows, f"loans/{loan_id}/pledges/{pledge_id}")


def list_pledges(connection: Connection, wanted: Expression, after: tuple[str, str], limit: int) -> list[StoredPledge]:
    """Returns a page of pledges, ordered by the ids of loan and pledge."""
    loan_id, pledge_id = after
    later = or_(LoanRow.loan_id > loan_id, (LoanRow.loan_id == loan_id) & (PledgeRow.pledge_id > pledge_id))
    # The first condition repeats a part of the second, so that the database begins to read at the loan.
    where = [PLEDGE_FILTER.where(wanted), LoanRow.loan_id >= loan_id, later]
    return _pledges(connection, [*where, *map(_on_asset, _assets_of(wanted))], limit)


def _assets_of(wanted: Expression) -> list[Value]:
    """Returns the ids of the assets that a filter requires; several contradict each other."""
    tests = [one for one in conjuncts(wanted) if isinstance(one, Test)]
    return [one.values[0] for one in tests if one.field == "asset" and one.operator is Operator.EQUAL]


def _on_asset(asset_id: Value) -> ColumnElement[bool]:
    """Repeats the condition on an asset by its key, so that the database begins to read at the asset."""
    key = select(AssetRow.asset_key).where(AssetRow.asset_id == asset_id).correlate(None).scalar_subquery()
    return PledgeRow.asset_key == key


def first_of_pledge(connection: Connection, pledge_key: int) -> tuple[Pledge, int]:
    """Returns the first revision of a pledge and the commit that stored it."""
    statement = select(PledgeRevisionRow.document, PledgeRevisionRow.seq).where(
        PledgeRevisionRow.pledge_key == pledge_key, PledgeRevisionRow.revision == 1
    )
    row = connection.execute(statement).one()
    return from_document(Pledge, row[0]), row[1]


def active_pledges_on(connection: Connection, asset_key: int) -> list[StoredPledge]:
    """Returns the active pledges on an asset."""
    return _pledges(connection, [PledgeRow.asset_key == asset_key, _IS_ACTIVE], None)


def active_pledges_of(connection: Connection, loan_key: int) -> list[StoredPledge]:
    """Returns the active pledges that secure a loan."""
    return _pledges(connection, [PledgeRow.loan_key == loan_key, _IS_ACTIVE], None)


def pledged_targets(connection: Connection, pledge_keys: Int) -> dict[int, tuple[int, int]]:
    """Returns the keys of the asset and of the target of each pledge."""
    rows = connection.execute(_TARGETS, {"keys": pledge_keys})
    return {row.pledge_key: (row.asset_key, row.target_key) for row in rows}


_TARGETS = select(*columns_of(PledgeRow, "pledge_key", "asset_key", "target_key")).where(
    is_one_of(PledgeRow.pledge_key, KEYS)
)


def loans_of_assets(connection: Connection, asset_keys: Int) -> Int:
    """Returns the sorted keys of the active loans that have an active pledge on any of the assets."""
    return np.unique(read_columns(connection, _LOANS_SECURED, {"keys": asset_keys})["loan_key"]).astype(np.int64)


def loans_by_asset(connection: Connection, asset_keys: Int) -> dict[int, list[int]]:
    """Returns, by asset, the keys of the active loans that have an active pledge on it."""
    found: dict[int, list[int]] = {}
    for asset_key, loan_key in connection.execute(_LOANS_SECURED, {"keys": asset_keys}):
        found.setdefault(asset_key, []).append(loan_key)
    return found


_IS_ACTIVE = PledgeRow.state == int(PledgeState.ACTIVE)

_LOANS_SECURED = (
    select(PledgeRow.asset_key, PledgeRow.loan_key)
    .join(LoanRow, LoanRow.loan_key == PledgeRow.loan_key)
    .where(_IS_ACTIVE, LoanRow.state == int(LoanState.ACTIVE), is_one_of(PledgeRow.asset_key, KEYS))
    .distinct()
)


def assets_of_loans(connection: Source, loan_keys: Int) -> Int:
    """Returns the sorted keys of the assets that have an active pledge to any of the loans."""
    return np.unique(read_keys(connection, *_ASSETS_PLEDGED.of(loan_keys)))


def read_pledges(connection: Source, loan_keys: Int) -> Columns:
    """Returns all active pledges on the assets that secure the loans, in key order.

    They include pledges to other loans, because the loans share the value of an asset by rank.
    """
    return read_pledges_on(connection, assets_of_loans(connection, loan_keys))


def read_pledges_on(connection: Source, asset_keys: Int) -> Columns:
    """Returns all active pledges on the assets, in key order."""
    return read_columns(connection, *_ACTIVE_PLEDGES.of(asset_keys))


def active_pledges_by_asset(connection: Connection, asset_keys: Int) -> dict[int, list[StoredPledge]]:
    """Returns the active pledges on assets, by asset and in the order of their ranks."""
    found: dict[int, list[StoredPledge]] = {}
    rows = _pledges(connection, [is_one_of(PledgeRow.asset_key, asset_keys), _IS_ACTIVE], None)
    for row in sorted(rows, key=lambda row: row.pledge.rank):
        found.setdefault(row.asset_key, []).append(row)
    return found


_ASSETS_PLEDGED = KeyedSelect(select(PledgeRow.asset_key).where(_IS_ACTIVE), PledgeRow.loan_key)

_ACTIVE_PLEDGES = KeyedSelect(
    select(
        *columns_of(PledgeRow, "pledge_key", "loan_key", "asset_key", "target_key"),
        *columns_of(PledgeRow, "rank", "share_ppm", "limit_minor", "is_registered", "registration_expire_day"),
    )
    .where(_IS_ACTIVE)
    .order_by(PledgeRow.pledge_key),
    PledgeRow.asset_key,
)


def _pledges(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[StoredPledge]:
    statement = (
        select(
            *columns_of(PledgeRow, "loan_key", "asset_key", "revision"),
            PledgeRow.pledge_key.label("key"),
            LoanRow.currency,
            PledgeRevisionRow.document,
            CommitRow.known_us.label("created_us"),
        )
        .join(CommitRow, CommitRow.seq == PledgeRow.created_seq)
        .join(LoanRow, LoanRow.loan_key == PledgeRow.loan_key)
        .join(AssetRow, AssetRow.asset_key == PledgeRow.asset_key)
        .join(PledgeRevisionRow, IS_NEWEST_OF_PLEDGE)
        .where(*where)
        .order_by(LoanRow.loan_id, PledgeRow.pledge_id)
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [from_row(StoredPledge, row, pledge=from_document(Pledge, row.document)) for row in rows]


def pledge_numbers(pledge: Pledge) -> dict[str, Any]:
    """Returns the columns of a pledge that its revisions change."""
    return {
        **values_of(pledge, "rank", "share_ppm", "state"),
        "limit_minor": pledge.limit.minor if pledge.limit else NO_LIMIT,
        "is_registered": int(pledge.is_registered),
        "registration_expire_day": day_of(pledge.registration_expire),
    }


def _pledge_revision(write: Write, key: int, revision: int, pledge: Pledge) -> None:
    values = {"pledge_key": key, "revision": revision, "seq": write.seq, "document": to_document(pledge)}
    write.connection.execute(insert(PledgeRevisionRow).values(**values))
