"""Reconciles appraisals with the model's value, and backtests appraisers against sale prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.special import ndtri

from collateral_registry.commands.equipment.models import ReviewedAppraisal, machine_of, reviewed, values_by_basis
from collateral_registry.commands.valuations.value import value_assets
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import located
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.equipment.appraisals import StoredAppraisal, appraisals_of
from valuation.equipment.appraisals.reconciliation import (
    APPRAISAL_LOG_ERROR,
    AppraisalBasis,
    AppraiserRecord,
    ReconciledEstimate,
    backtest_appraisers,
    reconcile,
)
from valuation.equipment.models.conformal import HALF_WIDTH_FLOOR, LOW
from valuation.errors import InvalidInput

APPRAISALS_LIMIT = 1_000
"""Number of newest appraisals of a machine that are considered."""

NEWEST = 2**62


@dataclass(frozen=True)
class ReconciledBasis:
    """The model's value of a machine on a basis, in minor units, and the appraisals it was reconciled with."""

    basis: AppraisalBasis
    model_minor: float
    currency: str
    appraisals: Sequence[ReviewedAppraisal]
    found: ReconciledEstimate


def reconcile_machine(connection: Connection, asset_id: str) -> list[ReconciledBasis]:
    """Returns the reconciled value on each basis that has a value and an appraisal.

    Only the newest appraisal of each appraiser counts. The model's error is derived from the value part of the haircut.
    That part is taken as the distance to the 10 % quantile.
    """
    asset = get_asset(connection, asset_id)
    machine_of(asset)
    values, (_, today) = values_by_basis(connection, asset_id), newest_commit(connection)
    if not values:
        return []
    doubt = value_assets(connection, [asset_id], "")[0].row["h_value"]
    error = max(float(-np.log1p(-doubt)), HALF_WIDTH_FLOOR) / float(-ndtri(LOW))
    stored = appraisals_of(connection, asset.key, EVERYTHING, NEWEST, APPRAISALS_LIMIT)
    found = []
    for basis, value in values.items():
        newest = list(_newest_by_appraiser(one for one in stored if one.basis is basis).values())
        if newest and value > 0.0:
            amounts, ages = [float(one.amount_minor) for one in newest], [float(today - one.day) for one in newest]
            reconciled = reconcile(value, error, amounts, ages, APPRAISAL_LOG_ERROR)
            compared = [reviewed(one, values, today) for one in newest]
            found.append(ReconciledBasis(basis, value, asset.asset.currency, compared, reconciled))
    return found


@dataclass(frozen=True)
class Sale:
    """A sale of a machine, and the value basis that its price represents."""

    asset_id: str
    price: Money
    on: date
    basis: AppraisalBasis


def backtest(connection: Connection, sales: Sequence[Sale]) -> tuple[list[AppraiserRecord], list[str]]:
    """Returns each appraiser's record over the sales, and the machines without an earlier appraisal on the same basis.

    Raises InvalidInput for a price that is not above 0 or is in a currency other than the asset's.
    """
    pairs: list[tuple[StoredAppraisal, Sale]] = []
    without: list[str] = []
    for at, sale in enumerate(sales):
        with located(f"sales[{at}]"):
            appraisals = _appraisals_before(connection, sale)
        pairs += [(one, sale) for one in appraisals.values()]
        if not appraisals:
            without.append(sale.asset_id)
    if not pairs:
        return [], without
    records = backtest_appraisers(
        np.array([one.appraiser for one, _ in pairs], dtype=object),
        np.array([float(one.amount_minor) for one, _ in pairs]),
        np.array([float(sale.price.minor) for _, sale in pairs]),
        np.array([float(day_of(sale.on) - one.day) for one, sale in pairs]),
    )
    return records, without


def _appraisals_before(connection: Connection, sale: Sale) -> Mapping[str, StoredAppraisal]:
    """Returns each appraiser's newest appraisal on the same basis of value as a sale and not dated after it."""
    asset = get_asset(connection, sale.asset_id)
    if sale.price.currency != asset.asset.currency:
        raise InvalidInput("price", sale.price.currency, f"an amount in {asset.asset.currency}")
    if sale.price.minor <= 0:
        raise InvalidInput("price", sale.price.major, "more than 0")
    found = appraisals_of(connection, asset.key, EVERYTHING, NEWEST, APPRAISALS_LIMIT)
    last = day_of(sale.on)
    return _newest_by_appraiser(
        one for one in found if one.basis is sale.basis and one.day <= last and one.amount_minor > 0
    )


def _newest_by_appraiser(appraisals: Iterable[StoredAppraisal]) -> dict[str, StoredAppraisal]:
    """Returns each appraiser's newest appraisal. Of several on one day, the last recorded counts."""
    return {one.appraiser: one for one in sorted(appraisals, key=lambda one: (one.day, one.key))}
