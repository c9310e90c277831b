"""Stores appraisals of machines by human appraisers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.rows import columns_of, insert_row
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
    values = {
        "asset_key": asset_key,
        "appraiser": appraiser,
        "day": day,
        "basis": int(basis),
        "amount_minor": amount_minor,
        "currency": currency,
        "seq": write.seq,
    }
    key = insert_row(write.connection, AppraisalRow, **values)
    return StoredAppraisal(key, appraiser, day, basis, amount_minor, currency, write.seq)


def appraisals_of(connection: Connection, asset_key: int, before_key: int, limit: int) -> list[StoredAppraisal]:
    """Returns a page of the appraisals of a machine, newest first."""
    statement = (
        select(
            *columns_of(AppraisalRow, "appraisal_key", "appraiser", "day", "basis", "amount_minor", "currency", "seq")
        )
        .where(AppraisalRow.asset_key == asset_key, AppraisalRow.appraisal_key < before_key)
        .order_by(AppraisalRow.appraisal_key.desc())
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [StoredAppraisal(row[0], row[1], row[2], AppraisalBasis(row[3]), row[4], row[5], row[6]) for row in rows]
