"""Stores haircut curves of price series; a curve is reused until it is due to be estimated again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, and_, bindparam, or_, select

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Enum, Id, Number, Text
from collateral_registry.domain.prices.market_data import CurveNeed, Estimate, EstimateCause
from collateral_registry.store.engine.bulk import Columns, Source, insert_columns, read_columns
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable
from collateral_registry.store.engine.key_sets import KEYS, RecordSet, is_one_of
from collateral_registry.store.engine.locks import hold_lock
from collateral_registry.store.engine.rows import columns_of, existing, values_of
from collateral_registry.store.schema.prices import HaircutCurveRow, PriceSeriesRow
from valuation._typing import Float, Int
from valuation.haircuts.models.tier1 import HaircutCurve
from valuation.haircuts.monitoring.model_monitor import NO_STATUS, Watch
from valuation.money import PPM

WATCH = ("light", "multiplier", "exceedances", "promises", "drift", "next_variance")
"""Columns of the monitoring result, in the order of its fields."""

NEED = tuple(field.name for field in fields(CurveNeed))
ESTIMATE = tuple(field.name for field in fields(Estimate) if field.name != "watch")
"""Columns that are fields of both the need and the estimate."""

CURVE_FILTER = FilterTable(
    price_series=nullable(Id("priceSeries"), PriceSeriesRow.series_id),
    series=nullable(Id("priceSeries"), PriceSeriesRow.series_id),
    base_currency_code=FilterField(Text(), HaircutCurveRow.base_currency),
    currency_code=FilterField(Text(), HaircutCurveRow.currency),
    confidence=FilterField(Number(PPM), HaircutCurveRow.confidence_ppm),
    date=FilterField(Day(), HaircutCurveRow.day),
    model=FilterField(Text(), HaircutCurveRow.model),
    observation_count=FilterField(Number(), HaircutCurveRow.observations),
    light=FilterField(Enum({one: one for one in (NO_STATUS, "green", "amber", "red")}, ""), HaircutCurveRow.light),
    cause=FilterField(Enum({str(one): str(one) for one in EstimateCause}, ""), HaircutCurveRow.cause),
    sequence=FilterField(Number(), HaircutCurveRow.seq),
)
"""Fields by which curves can be filtered."""


@dataclass(frozen=True)
class Newest:
    """The day, price and log return (NaN for the first) of the newest observation used for a curve.

    ``history_seq`` is the commit that last changed an earlier observation.
    """

    day: int
    price: float
    log_return: float
    history_seq: int


@dataclass(frozen=True)
class NewCurve:
    """A new curve, the need it meets, its newest price and cause, and the key of the curve it replaces (0 for none).

    ``supported_price`` and ``own_loss`` are those of the estimate.
    """

    need: CurveNeed
    newest: Newest
    curve: HaircutCurve
    supported_price: float
    own_loss: Float
    cause: str
    replaces: int = 0


def latest_estimates(connection: Source, needs: Sequence[CurveNeed], model: str) -> dict[CurveNeed, Estimate]:
    """Returns, for each need, the newest curve that was estimated by this model and version."""
    if not needs:
        return {}
    named = {"records": [astuple(need) for need in needs], "of_model": model}
    return {_need(row): _estimate(row) for row in _rows(connection, _LATEST, named)}


def estimates_by_key(source: Source, estimate_keys: Int) -> list[tuple[CurveNeed, Estimate]]:
    """Returns the curves with the given keys and their needs, in the order in which they were stored."""
    return [(_need(row), _estimate(row)) for row in _rows(source, _BY_KEY, {"keys": estimate_keys})]


def _rows(source: Source, statement: Select[Any], named: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Yields the rows of a select; missing numbers are NaN."""
    columns = read_columns(source, statement, named)
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield dict(zip(columns, values, strict=True))


def _need(row: Mapping[str, Any]) -> CurveNeed:
    return CurveNeed(*(row[name] for name in NEED))


def _estimate(row: Mapping[str, Any]) -> Estimate:
    losses = {name: np.frombuffer(row[name] or b"", dtype=np.float64) for name in ("loss", "own_loss")}
    return Estimate(**{name: row[name] for name in ESTIMATE} | losses, watch=Watch(*(row[name] for name in WATCH)))


_SUBJECTS = RecordSet({name: HaircutCurveRow.__table__.c[name].type for name in NEED}).rows
_OF_SUBJECT = HaircutCurveRow.__table__.alias()
# A need may have several curves for its newest day, of which the last one made counts.
_NEWEST = (
    select(_OF_SUBJECT.c.estimate_key)
    .where(*(_OF_SUBJECT.c[name] == _SUBJECTS.c[name] for name in NEED), _OF_SUBJECT.c.model == bindparam("of_model"))
    .order_by(*(_OF_SUBJECT.c[name].desc() for name in ("day", "history_seq", "seq", "estimate_key")))
    .limit(1)
    .scalar_subquery()
)
_LATEST = select(*columns_of(HaircutCurveRow, *NEED, *ESTIMATE, *WATCH)).join_from(
    _SUBJECTS, HaircutCurveRow, HaircutCurveRow.estimate_key == _NEWEST
)


_BY_KEY = (
    select(*columns_of(HaircutCurveRow, *NEED, *ESTIMATE, *WATCH))
    .where(is_one_of(HaircutCurveRow.estimate_key, KEYS))
    .order_by(HaircutCurveRow.seq, HaircutCurveRow.estimate_key)
)


def insert_estimates(connection: Source, seq: int, made: Sequence[NewCurve], model: str, of_run: int = 0) -> Columns:
    """Stores new curves with a commit and returns their rows; ``of_run`` is not 0 if they are those of a run.

    Skips those that another worker has already stored under the same key.
    """
    if not made:
        return {}
    hold_lock(connection, "estimates")
    estimates = [estimate_of(one, model) for one in made]
    missing = {estimate.estimate_key: (one, estimate) for one, estimate in zip(made, estimates, strict=True)}
    for key in read_columns(connection, _KNOWN, {"keys": list(missing)})["estimate_key"].tolist():
        del missing[key]
    rows = [_row(seq, *one) for one in missing.values()]
    if not rows:
        return {}
    columns = {name: [row[name] for row in rows] for name in rows[0]} | {"of_run": [of_run] * len(rows)}
    insert_columns(connection, HaircutCurveRow, columns, len(rows))
    return columns


_KNOWN = select(HaircutCurveRow.estimate_key).where(is_one_of(HaircutCurveRow.estimate_key, KEYS))


def _row(seq: int, one: NewCurve, estimate: Estimate) -> dict[str, Any]:
    return {
        **values_of(one.need, *NEED),
        **values_of(estimate, *ESTIMATE),
        **dict(zip(WATCH, astuple(estimate.watch), strict=True)),
        "seq": seq,
        "observations": one.curve.observations,
        "cause": str(one.cause),
        "loss": one.curve.loss.tobytes(),
        "own_loss": one.own_loss.tobytes(),
        "expected_shortfall": one.curve.expected_shortfall.tobytes(),
        "standard_error": one.curve.standard_error.tobytes(),
    }


def estimate_of(one: NewCurve, model: str) -> Estimate:
    """Returns the curve in the form in which it is stored.

    The key is a digest of the need, the newest price, the model and the replaced curve. Every worker therefore gives
    the same curve the same key. The replaced curve is included because a corrected price history may return to an
    earlier state, and then needs a new curve.
    """
    need, newest, curve = one.need, one.newest, one.curve
    newest_text = f"{newest.day}:{newest.price!r}:{newest.history_seq}:{one.replaces}"
    subject = f"{need.series_key}:{need.base_currency}:{need.currency}:{need.confidence_ppm}:{newest_text}:{model}"
    key = int.from_bytes(hashlib.blake2b(subject.encode(), digest_size=8).digest()) >> 1
    volatility = float(np.nan_to_num(curve.daily_volatility, nan=0.0))
    own = {"estimate_key": key, "daily_volatility": volatility, "model": model, "cause": one.cause}
    of_series = values_of(one, "supported_price", "own_loss")
    return Estimate(**asdict(newest), **values_of(curve, "hidden_gap", "loss", "flags", "watch"), **of_series, **own)


def models_and_gaps(connection: Connection, estimate_keys: Iterable[int]) -> dict[int, tuple[str, float]]:
    """Returns the model, with its version, and the hidden gap of stored curves by their key."""
    found = connection.execute(_MODELS_AND_GAPS, {"keys": estimate_keys})
    return {row.estimate_key: (row.model, row.hidden_gap) for row in found}


_MODELS_AND_GAPS = select(*columns_of(HaircutCurveRow, "estimate_key", "model", "hidden_gap")).where(
    is_one_of(HaircutCurveRow.estimate_key, KEYS)
)


@dataclass(frozen=True)
class StoredEstimate:
    """A stored curve with the id of its series; the id is empty if the curve is for an exchange rate alone."""

    series_id: str
    need: CurveNeed
    estimate: Estimate
    observations: int
    seq: int


def list_estimates(
    connection: Connection, wanted: Expression, before: tuple[int, int], limit: int
) -> list[StoredEstimate]:
    """Returns a page of the curves before (commit, key), newest first; curves of the same commit are ordered by key."""
    seq, key = before
    statement = (
        _STORED.where(CURVE_FILTER.where(wanted))
        .where(or_(HaircutCurveRow.seq < seq, and_(HaircutCurveRow.seq == seq, HaircutCurveRow.estimate_key < key)))
        .order_by(HaircutCurveRow.seq.desc(), HaircutCurveRow.estimate_key.desc())
        .limit(limit)
    )
    return _stored(connection, statement)


def get_estimate(connection: Connection, estimate_key: int) -> StoredEstimate:
    """Returns one curve; raises NotFound."""
    found = _stored(connection, _STORED.where(HaircutCurveRow.estimate_key == estimate_key))
    return existing(found, f"haircutEstimates/{estimate_key}")


def _stored(connection: Connection, statement: Select[Any]) -> list[StoredEstimate]:
    return [
        StoredEstimate(row["series_id"] or "", _need(row), _estimate(row), row["observations"], row["seq"])
        for row in _rows(connection, statement)
    ]


_STORED = select(
    *columns_of(HaircutCurveRow, *NEED, *ESTIMATE, *WATCH, "observations", "seq"), PriceSeriesRow.series_id
).outerjoin(PriceSeriesRow, PriceSeriesRow.series_key == HaircutCurveRow.series_key)
