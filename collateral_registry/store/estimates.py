"""Haircut curves of price series, made once and reused until their time is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, insert, select

from collateral_registry.domain.facts import CurveNeed, Estimate
from collateral_registry.store.database import Write
from collateral_registry.store.tables import EstimateRow, PriceSeriesRow
from valuation.prices.tier1 import HaircutCurve


def latest_estimates(connection: Connection, needs: Sequence[CurveNeed]) -> dict[CurveNeed, Estimate]:
    """The newest curve of each need that has one."""
    if not needs:
        return {}
    newest = select(func.max(EstimateRow.estimate_key)).group_by(
        EstimateRow.series_key, EstimateRow.base_currency, EstimateRow.currency, EstimateRow.confidence_ppm
    )
    if len(needs) == 1:
        newest = newest.where(EstimateRow.series_key == needs[0].series_key)
    statement = select(EstimateRow.__table__).where(EstimateRow.estimate_key.in_(newest))
    wanted = set(needs)
    found = {}
    for row in connection.execute(statement):
        need = CurveNeed(row.series_key, row.base_currency, row.currency, row.confidence_ppm)
        if need in wanted:
            loss = np.frombuffer(row.loss, dtype=np.float64)
            found[need] = Estimate(row.estimate_key, row.day, loss, row.flags, row.daily_volatility, row.model)
    return found


def insert_estimate(write: Write, need: CurveNeed, day: int, model: str, curve: HaircutCurve) -> Estimate:
    """Stores a new curve and returns it with its key."""
    values = {
        "series_key": need.series_key,
        "base_currency": need.base_currency,
        "currency": need.currency,
        "confidence_ppm": need.confidence_ppm,
        "day": day,
        "seq": write.seq,
        "model": model,
        "observations": curve.observations,
        "flags": int(curve.flags),
        "daily_volatility": float(np.nan_to_num(curve.daily_volatility, nan=0.0)),
        "loss": curve.loss.tobytes(),
        "expected_shortfall": curve.expected_shortfall.tobytes(),
        "standard_error": curve.standard_error.tobytes(),
    }
    key = int(
        write.connection.execute(insert(EstimateRow).values(**values).returning(EstimateRow.estimate_key)).scalar_one()
    )
    return Estimate(key, day, curve.loss, int(curve.flags), float(values["daily_volatility"]), model)


def model_of(connection: Connection, estimate_key: int) -> str:
    """Model and version behind a stored curve; empty for none."""
    statement = select(EstimateRow.model).where(EstimateRow.estimate_key == estimate_key)
    return connection.execute(statement).scalar() or ""


@dataclass(frozen=True)
class StoredEstimate:
    """A stored curve with the id of its series, empty for an exchange rate alone."""

    series_id: str
    need: CurveNeed
    estimate: Estimate
    observations: int
    seq: int


def list_estimates(connection: Connection, before_key: int, limit: int) -> list[StoredEstimate]:
    """A page of curves whose key is below another's, newest first."""
    statement = (
        select(EstimateRow.__table__, PriceSeriesRow.series_id)
        .outerjoin(PriceSeriesRow, PriceSeriesRow.series_key == EstimateRow.series_key)
        .where(EstimateRow.estimate_key < before_key)
        .order_by(EstimateRow.estimate_key.desc())
        .limit(limit)
    )
    found = []
    for row in connection.execute(statement):
        need = CurveNeed(row.series_key, row.base_currency, row.currency, row.confidence_ppm)
        loss = np.frombuffer(row.loss, dtype=np.float64)
        estimate = Estimate(row.estimate_key, row.day, loss, row.flags, row.daily_volatility, row.model)
        found.append(StoredEstimate(row.series_id or "", need, estimate, row.observations, row.seq))
    return found
