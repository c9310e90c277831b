"""Stores the reference numbers of assets and pledges and finds similar ones.

A number is stored with its normalised forms: the skeleton, the grouping, and both halves of the skeleton. Two numbers
that differ by one edit share one half, so the indices on the halves find them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Subquery, and_, delete, func, or_, select

from collateral_registry.domain.assets.kinds import Asset, Status
from collateral_registry.domain.findings.references import Identity, IdentityKind, identities_of, notice_of
from collateral_registry.domain.loans.agreements import Pledge, PledgeState
from collateral_registry.store.engine.asset_documents import asset_from_document
from collateral_registry.store.engine.bulk import Columns, insert_columns, read_columns
from collateral_registry.store.engine.json_documents import from_document
from collateral_registry.store.engine.key_sets import is_one_of
from collateral_registry.store.engine.rows import columns_of, from_row
from collateral_registry.store.schema.assets import (
    IS_NEWEST_OF_ASSET,
    RESERVED,
    AssetRevisionRow,
    AssetRow,
    IdentityRow,
)
from collateral_registry.store.schema.loans import IS_NEWEST_OF_PLEDGE, LoanRow, PledgeRevisionRow, PledgeRow
from valuation._typing import Int

AGREEING_LIMIT = 20
"""An agreement is evidence only if at most this many numbers of a scope share it.

If many numbers share an agreement, such as warrants of one size, it distinguishes nothing.
"""

BACKFILL_ROWS = 10_000
"""Number of assets whose reference numbers are stored in one step."""


@dataclass(frozen=True)
class KnownIdentity:
    """A stored reference number with its asset and owner; a number of a pledge also has the loan and its borrower.

    A reserved number is one that the asset had before its identity was corrected.
    """

    identity: Identity
    asset_key: int
    asset_id: str
    owner: str
    loan_id: str
    borrower: str
    is_reserved: bool = False

    @property
    def holder(self) -> str:
        """The resource name that evidence shows for this number."""
        return f"loans/{self.loan_id}" if self.loan_id else f"assets/{self.asset_id}"


def write_identities(connection: Connection, asset_key: int, pledge_key: int, found: Sequence[Identity]) -> None:
    """Replaces the stored numbers of a pledge, or those of an asset if the pledge key is 0."""
    own = and_(IdentityRow.asset_key == asset_key, IdentityRow.pledge_key == pledge_key)
    connection.execute(delete(IdentityRow).where(own))
    _append(connection, [(asset_key, pledge_key, one) for one in found])


def reserve_identities(connection: Connection, asset_key: int, found: Sequence[Identity]) -> None:
    """Keeps numbers that an asset had before a correction, so that no other asset can be registered with them."""
    _append(connection, [(asset_key, RESERVED, one) for one in found])


def similar_identities(connection: Connection, wanted: Identity, own_asset: int) -> list[KnownIdentity]:
    """Returns numbers of other assets that may be the same as ``wanted``.

    Such a number has the same skeleton or the same grouping as ``wanted``. A number with the same agreement is also
    returned if one half of its skeleton is the same. The halves are not searched if too many numbers share the
    agreement.
    """
    scope = [IdentityRow.kind == int(wanted.kind), IdentityRow.scope == wanted.scope]
    writing = wanted.writing
    found = []
    # There is one query for each index, because a query with OR over both columns would read the whole scope.
    for equal in (IdentityRow.skeleton == writing.skeleton, IdentityRow.grouped == writing.grouped):
        found += _known(connection, [*scope, equal, IdentityRow.asset_key != own_asset])
    if wanted.agreement and writing.is_told_apart_by_one_edit and _tells_apart(connection, wanted):
        agreeing = [*scope, IdentityRow.agreement == wanted.agreement, IdentityRow.asset_key != own_asset]
        for half in (
            IdentityRow.head.in_(writing.heads_within_one_edit()),
            IdentityRow.tail.in_(writing.tails_within_one_edit()),
        ):
            found += _known(connection, [*agreeing, half])
    return list(dict.fromkeys(found))


def same_numbers(connection: Connection) -> Columns:
    """Returns all numbers that share a skeleton or grouping with a number of another asset.

    The column ``form`` holds the shared skeleton or grouping; the others are columns of ``IdentityRow``.
    """
    parts = []
    for form in (IdentityRow.skeleton, IdentityRow.grouped):
        shared = (
            select(IdentityRow.kind, IdentityRow.scope, form.label("form"))
            .group_by(IdentityRow.kind, IdentityRow.scope, form)
            .having(func.count(func.distinct(IdentityRow.asset_key)) > 1)
            .subquery()
        )
        on = (IdentityRow.kind == shared.c.kind) & (IdentityRow.scope == shared.c.scope) & (form == shared.c.form)
        parts.append(_group_columns(connection, shared, on))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def agreeing_numbers(connection: Connection) -> Columns:
    """Returns all numbers whose agreement is shared by 2 to AGREEING_LIMIT numbers of their scope."""
    shared = (
        select(IdentityRow.kind, IdentityRow.scope, IdentityRow.agreement.label("form"))
        .where(IdentityRow.agreement != "")
        .group_by(IdentityRow.kind, IdentityRow.scope, IdentityRow.agreement)
        .having(func.count(IdentityRow.identity_key).between(2, AGREEING_LIMIT))
        .subquery()
    )
    on = (
        (IdentityRow.kind == shared.c.kind)
        & (IdentityRow.scope == shared.c.scope)
        & (IdentityRow.agreement == shared.c.form)
    )
    return _group_columns(connection, shared, on)


def identities_by_key(connection: Connection, keys: Int) -> dict[int, KnownIdentity]:
    """Returns the numbers that have these keys, by key."""
    return dict(_keyed(connection, [is_one_of(IdentityRow.identity_key, keys)]))


def write_missing(connection: Connection) -> int:
    """Stores the missing numbers of assets and pledges imported in bulk; returns how many assets lacked them."""
    count = 0
    for batch in _assets_without(connection):
        rows = [(key, 0, one) for key, asset in batch for one in _or_none(identities_of(asset))]
        _append(connection, rows)
        count += len(batch)
    _append(connection, _notices_without(connection))
    return count


def _or_none(found: list[Identity]) -> list[Identity]:
    """Returns the numbers, or a placeholder to store if there are none, so that the asset is not selected again."""
    return found or [Identity(IdentityKind.BIN, "", "", "")]


def _assets_without(connection: Connection) -> Iterator[list[tuple[int, Asset]]]:
    has = select(IdentityRow.asset_key).where(IdentityRow.asset_key == AssetRow.asset_key).exists()
    statement = (
        select(AssetRow.asset_key, AssetRevisionRow.document)
        .join(AssetRevisionRow, IS_NEWEST_OF_ASSET)
        .where(AssetRow.status != int(Status.RETIRED), ~has)
        .order_by(AssetRow.asset_key)
        .limit(BACKFILL_ROWS)
    )
    while rows := connection.execute(statement).all():
        yield [(row[0], asset_from_document(row[1])) for row in rows]


def _notices_without(connection: Connection) -> list[tuple[int, int, Identity]]:
    """Returns the registration numbers of active pledges that state one but have no number stored yet."""
    has = select(IdentityRow.asset_key).where(IdentityRow.pledge_key == PledgeRow.pledge_key).exists()
    statement = (
        select(PledgeRow.asset_key, PledgeRow.pledge_key, PledgeRevisionRow.document, AssetRevisionRow.document)
        .join(PledgeRevisionRow, IS_NEWEST_OF_PLEDGE)
        .join(AssetRow, AssetRow.asset_key == PledgeRow.asset_key)
        .join(AssetRevisionRow, IS_NEWEST_OF_ASSET)
        .where(PledgeRow.state == int(PledgeState.ACTIVE), ~has)
        .where(PledgeRevisionRow.document.not_like('%"registration_number":""%'))
    )
    return [
        (asset_key, pledge_key, one)
        for asset_key, pledge_key, pledge, asset in connection.execute(statement).all()
        for one in notice_of(from_document(Pledge, pledge), asset_from_document(asset))
    ]


def _append(connection: Connection, rows: Sequence[tuple[int, int, Identity]]) -> None:
    numbers = [one for _, _, one in rows]
    writings = [one.writing for one in numbers]
    columns: Columns = {
        "asset_key": [asset_key for asset_key, _, _ in rows],
        "pledge_key": [pledge_key for _, pledge_key, _ in rows],
        "kind": [int(one.kind) for one in numbers],
        **{name: [getattr(one, name) for one in numbers] for name in ("scope", "written", "agreement")},
        **{name: [getattr(one, name) for one in writings] for name in ("skeleton", "grouped", "head", "tail")},
    }
    insert_columns(connection, IdentityRow, columns, len(rows))


def _tells_apart(connection: Connection, wanted: Identity) -> bool:
    """Returns whether few enough numbers of the scope share the agreement for it to be evidence."""
    sharing = (
        select(IdentityRow.identity_key)
        .where(
            IdentityRow.kind == int(wanted.kind),
            IdentityRow.scope == wanted.scope,
            IdentityRow.agreement == wanted.agreement,
        )
        .limit(AGREEING_LIMIT)
    )
    return len(connection.execute(sharing).all()) < AGREEING_LIMIT


def _group_columns(connection: Connection, shared: Subquery, on: ColumnElement[bool]) -> Columns:
    statement = (
        select(
            *columns_of(IdentityRow, "identity_key", "asset_key", "kind", "scope", "written", "agreement"),
            shared.c.form.label("form"),
        )
        .join(shared, on)
        .join(AssetRow, AssetRow.asset_key == IdentityRow.asset_key)
        .where(AssetRow.status != int(Status.RETIRED), IdentityRow.written != "")
        .order_by(IdentityRow.kind, IdentityRow.scope, shared.c.form, IdentityRow.identity_key)
    )
    return read_columns(connection, statement)


def _known(connection: Connection, where: Sequence[ColumnElement[bool]]) -> list[KnownIdentity]:
    return [known for _, known in _keyed(connection, where)]


def _keyed(connection: Connection, where: Sequence[ColumnElement[bool]]) -> list[tuple[int, KnownIdentity]]:
    """Returns the reference numbers of assets and active pledges in key order, except those of retired assets."""
    rows = connection.execute(_NUMBERS.where(*where).order_by(IdentityRow.identity_key))
    return [(row.identity_key, _known_of(row)) for row in rows]


_NUMBERS = (
    select(IdentityRow.__table__, AssetRow.asset_id, AssetRow.owner, LoanRow.loan_id, LoanRow.borrower)
    .join(AssetRow, AssetRow.asset_key == IdentityRow.asset_key)
    .outerjoin(PledgeRow, PledgeRow.pledge_key == IdentityRow.pledge_key)
    .outerjoin(LoanRow, LoanRow.loan_key == PledgeRow.loan_key)
    .where(AssetRow.status != int(Status.RETIRED))
    .where(or_(IdentityRow.pledge_key <= 0, PledgeRow.state == int(PledgeState.ACTIVE)))
)


def _known_of(row: Row[Any]) -> KnownIdentity:
    identity = from_row(Identity, row, kind=IdentityKind(row.kind))
    loan = {"loan_id": row.loan_id or "", "borrower": row.borrower or ""}
    return from_row(KnownIdentity, row, identity=identity, is_reserved=row.pledge_key == RESERVED, **loan)
