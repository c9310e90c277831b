"""Stores appraisals of machines by human appraisers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Amount, Day, Number, Text, enum
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.rows import from_row, insert_row, values_of
from collateral_registry.store.schema.equipment import AppraisalRow
from valuation.equipment.appraisals.reconciliation import AppraisalBasis


@dataclass(frozen=True)
class StoredAppraisal:
    """An appraisal with its key and the commit that stored it."""

    key: int
    appraiser: str
    day: int
    basis: AppraisalBasis
    amount_minor: int
    currency: str
    seq: int


def insert_appraisal(
    write: Write, asset_key: int, appraiser: str, day: int, basis: AppraisalBasis, amount_minor: int, currency: str
) -> StoredAppraisal:
    """Stores an appraisal."""
    appraisal = StoredAppraisal(0, appraiser, day, basis, amount_minor, currency, write.seq)
    values = values_of(appraisal, "appraiser", "day", "basis", "amount_minor", "currency", "seq")
    return replace(appraisal, key=insert_row(write.connection, AppraisalRow, asset_key=asset_key, **values))


APPRAISAL_FILTER = FilterTable(
    appraiser=FilterField(Text(), AppraisalRow.appraiser),
    date=FilterField(Day(), AppraisalRow.day),
    basis=FilterField(enum(AppraisalBasis, "APPRAISAL_BASIS_"), AppraisalRow.basis),
    currency_code=FilterField(Text(), AppraisalRow.currency),
    amount=FilterField(Amount(), AppraisalRow.amount_minor),
    sequence=FilterField(Number(), AppraisalRow.seq),
)
"""Fields by which appraisals can be filtered."""


def appraisals_of(
    connection: Connection, asset_key: int, wanted: Expression, before_key: int, limit: int
) -> list[StoredAppraisal]:
    """Returns a page of the appraisals of a machine, newest first."""
    statement = (
        select(AppraisalRow.__table__)
        .where(
            AppraisalRow.asset_key == asset_key, AppraisalRow.appraisal_key < before_key, APPRAISAL_FILTER.where(wanted)
        )
        .order_by(AppraisalRow.appraisal_key.desc())
        .limit(limit)
    )
    return [
        from_row(StoredAppraisal, row, key=row.appraisal_key, basis=AppraisalBasis(row.basis))
        for row in connection.execute(statement)
    ]
