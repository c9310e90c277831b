"""Stores haircut curves of price series; a curve is reused until it is due to be estimated again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, bindparam, func, or_, select

from collateral_registry.domain.prices.market_data import CurveNeed, Estimate
from collateral_registry.store.engine.bulk import Source, insert_columns, read_columns
from collateral_registry.store.engine.filters import Condition, conditions
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.locks import hold_lock
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.prices import HaircutCurveRow, PriceSeriesRow
from valuation.haircuts.models.tier1 import HaircutCurve
from valuation.haircuts.monitoring.model_monitor import Watch

WATCH = columns_of(HaircutCurveRow, "light", "multiplier", "exceedances", "promises", "drift", "next_variance")

ESTIMATE = (
    *columns_of(HaircutCurveRow, "estimate_key", "day", "price", "log_return", "history_seq", "hidden_gap"),
    *columns_of(HaircutCurveRow, "loss", "flags", "daily_volatility", "model", "cause"),
    *WATCH,
)

FILTERS = {
    "series": PriceSeriesRow.series_id,
    "currency_code": HaircutCurveRow.currency,
    "model": HaircutCurveRow.model,
    "light": HaircutCurveRow.light,
    "cause": HaircutCurveRow.cause,
}
"""Fields by which curves can be filtered."""


@dataclass(frozen=True)
class Newest:
    """Day, price and log return (NaN for the first) of the newest observation used for a curve.

    ``history_seq`` is the commit that last changed an earlier observation.
    """

    day: int
    price: float
    log_return: float
    history_seq: int


@dataclass(frozen=True)
class NewCurve:
    """A curve estimated for a need: its newest price, the cause, and the key of the curve it replaces (0 for none)."""

    need: CurveNeed
    newest: Newest
    curve: HaircutCurve
    cause: str
    replaces: int = 0


def latest_estimates(connection: Source, needs: Sequence[CurveNeed], model: str) -> dict[CurveNeed, Estimate]:
    """Returns the newest curve of each need that was estimated by this model and version."""
    if not needs:
        return {}
    wanted = set(needs)
    estimates = {}
    named = {"keys": sorted({need.series_key for need in needs}), "of_model": model}
    rows = read_columns(connection, _LATEST, named)
    for row in zip(*(column.tolist() for column in rows.values()), strict=True):
        need = CurveNeed(*row[len(ESTIMATE) :])
        if need in wanted:
            key, day, price, moved, changed, gap, loss, flags, volatility, model, cause, *watched = row[: len(ESTIMATE)]
            losses = np.frombuffer(loss, dtype=np.float64)
            estimates[need] = Estimate(
                key, day, price, moved, changed, gap, losses, flags, volatility, model, Watch(*watched), cause
            )
    return estimates


_NEED = (
    HaircutCurveRow.series_key,
    HaircutCurveRow.base_currency,
    HaircutCurveRow.currency,
    HaircutCurveRow.confidence_ppm,
)
_OF_MODEL = HaircutCurveRow.model == bindparam("of_model")
_NEWEST_DAY = (
    select(*_NEED, func.max(HaircutCurveRow.day).label("day"))
    .where(is_one_of(HaircutCurveRow.series_key, KEYS), _OF_MODEL)
    .group_by(*_NEED)
    .subquery()
)
# A need may have several curves of its newest day; the one made last comes last and replaces the others.
_LATEST = (
    select(*ESTIMATE, *_NEED)
    .join(_NEWEST_DAY, and_(*(column == _NEWEST_DAY.c[column.key] for column in (*_NEED, HaircutCurveRow.day))))
    .where(_OF_MODEL)
    .order_by(HaircutCurveRow.history_seq, HaircutCurveRow.seq, HaircutCurveRow.estimate_key)
)


def insert_estimates(connection: Source, seq: int, made: Sequence[NewCurve], model: str) -> None:
    """Stores new curves with a commit; skips curves that another worker has stored meanwhile under the same key."""
    if not made:
        return
    hold_lock(connection, "estimates")
    missing = {estimate_of(one, model).estimate_key: one for one in made}
    for key in read_columns(connection, _KNOWN, {"keys": list(missing)})["estimate_key"].tolist():
        del missing[key]
    rows = [_row(key, seq, model, one) for key, one in missing.items()]
    if rows:
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        insert_columns(connection, HaircutCurveRow, columns, len(rows))


_KNOWN = select(HaircutCurveRow.estimate_key).where(is_one_of(HaircutCurveRow.estimate_key, KEYS))


def _row(key: int, seq: int, model: str, one: NewCurve) -> dict[str, Any]:
    need, curve, watched = one.need, one.curve, one.curve.watch
    return {
        "estimate_key": key,
        "series_key": need.series_key,
        "base_currency": need.base_currency,
        "currency": need.currency,
        "confidence_ppm": need.confidence_ppm,
        "day": one.newest.day,
        "price": one.newest.price,
        "log_return": one.newest.log_return,
        "history_seq": one.newest.history_seq,
        "seq": seq,
        "model": model,
        "observations": curve.observations,
        "flags": int(curve.flags),
        "daily_volatility": float(np.nan_to_num(curve.daily_volatility, nan=0.0)),
        "hidden_gap": curve.hidden_gap,
        "light": watched.status,
        "multiplier": watched.multiplier,
        "exceedances": watched.exceedances,
        "promises": watched.promises,
        "drift": watched.drift,
        "next_variance": watched.variance,
        "cause": str(one.cause),
        "loss": curve.loss.tobytes(),
        "expected_shortfall": curve.expected_shortfall.tobytes(),
        "standard_error": curve.standard_error.tobytes(),
    }


def estimate_of(one: NewCurve, model: str) -> Estimate:
    """Returns a curve as it is stored.

    The key is a digest of the need, the newest price, the model and the replaced curve, so that every worker gives the
    same curve the same key. The replaced curve is included because a price history may return to an earlier state; its
    curve must then be newer than the one between.
    """
    need, newest, curve = one.need, one.newest, one.curve
    newest_text = f"{newest.day}:{newest.price!r}:{newest.history_seq}:{one.replaces}"
    subject = f"{need.series_key}:{need.base_currency}:{need.currency}:{need.confidence_ppm}:{newest_text}:{model}"
    key = int.from_bytes(hashlib.blake2b(subject.encode(), digest_size=8).digest()) >> 1
    volatility = float(np.nan_to_num(curve.daily_volatility, nan=0.0))
    return Estimate(
        key,
        newest.day,
        newest.price,
        newest.log_return,
        newest.history_seq,
        curve.hidden_gap,
        curve.loss,
        int(curve.flags),
        volatility,
        model,
        curve.watch,
        one.cause,
    )


def model_and_gap_of(connection: Connection, estimate_key: int) -> tuple[str, float]:
    """Returns model (with version) and hidden gap of a stored curve; empty and 0 if there is none."""
    statement = select(HaircutCurveRow.model, HaircutCurveRow.hidden_gap).where(
        HaircutCurveRow.estimate_key == estimate_key
    )
    row = connection.execute(statement).first()
    return (row.model, row.hidden_gap) if row else ("", 0.0)


@dataclass(frozen=True)
class StoredEstimate:
    """A stored curve with the id of its series, which is empty for an exchange rate alone."""

    series_id: str
    need: CurveNeed
    estimate: Estimate
    observations: int
    seq: int


def list_estimates(
    connection: Connection, wanted: Sequence[Condition], before: tuple[int, int], limit: int
) -> list[StoredEstimate]:
    """Returns a page of the curves before a (commit, key), newest first; the curves of a commit are ordered by key."""
    seq, key = before
    statement = (
        select(HaircutCurveRow.__table__, PriceSeriesRow.series_id)
        .outerjoin(PriceSeriesRow, PriceSeriesRow.series_key == HaircutCurveRow.series_key)
        .where(*conditions(FILTERS, wanted))
        .where(or_(HaircutCurveRow.seq < seq, and_(HaircutCurveRow.seq == seq, HaircutCurveRow.estimate_key < key)))
        .order_by(HaircutCurveRow.seq.desc(), HaircutCurveRow.estimate_key.desc())
        .limit(limit)
    )
    curves = []
    for row in connection.execute(statement):
        need = CurveNeed(row.series_key, row.base_currency, row.currency, row.confidence_ppm)
        loss = np.frombuffer(row.loss, dtype=np.float64)
        watched = Watch(*(getattr(row, column.key) for column in WATCH))
        estimate = Estimate(
            row.estimate_key,
            row.day,
            math.nan if row.price is None else row.price,
            math.nan if row.log_return is None else row.log_return,
            row.history_seq,
            row.hidden_gap,
            loss,
            row.flags,
            row.daily_volatility,
            row.model,
            watched,
            row.cause,
        )
        curves.append(StoredEstimate(row.series_id or "", need, estimate, row.observations, row.seq))
    return curves
