"""Builds the tables of a book from the messages of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from collateral_registry.notebook.columns import (
    NAMES,
    amounts,
    amounts_of_minor,
    dates,
    exact_numbers,
    levels,
    name_lists,
    name_of,
    optional,
    ratios,
    scale_of,
    times,
)
from collateral_registry.v1 import (
    breach_pb2,
    common_pb2,
    forecast_pb2,
    haircut_pb2,
    price_pb2,
    valuation_pb2,
)

MINOR = "_minor"
LEVEL_COLUMNS = ("level", "next_level")
FIRST_LOAN_COLUMNS = ("loan_id", "borrower", "level", "coverage", "ltv", "exposure", "cash_cure", "currency_code")
"""Columns of the loans that stand first; the others follow in the order of the stream."""

NAME_COLUMNS = ("unknown_reasons", "quality_flags")

BREACH_AMOUNTS = ("exposure", "cash_cure", "collateral_cure", "market_value", "lendable_value")
VALUATION_AMOUNTS = ("market_value", "adjusted_value", "lendable_value")
LAST_GOOD_AMOUNTS = ("last_good_market_value", "last_good_adjusted_value", "last_good_lendable_value")
QUANTILES = ("p05", "p10", "p25", "p50", "p75", "p90", "p95")


def loan_table(report: pa.Table) -> pa.Table:
    """Returns the rows of a streamed LTV report with decimal amounts, ordered levels, and lists of names."""
    digits = np.asarray(report["minor_unit_digits"], dtype=np.int64)
    scale = scale_of(report["currency_code"].unique().to_pylist())
    columns: dict[str, Any] = {}
    for name in report.column_names:
        column = report[name].combine_chunks()
        if name.endswith(MINOR):
            stated = amounts_of_minor(np.asarray(column.fill_null(0), dtype=np.int64), digits, scale)
            columns[name.removesuffix(MINOR)] = compute.if_else(column.is_valid(), stated, pa.scalar(None, stated.type))
        elif name in LEVEL_COLUMNS:
            columns[name] = levels(column.to_pylist())
        elif name in NAME_COLUMNS:
            columns[name] = pa.array([text.split() for text in column.to_pylist()], NAMES)
        elif name != "minor_unit_digits":
            columns[name] = column
    first = [name for name in FIRST_LOAN_COLUMNS if name in columns]
    return pa.table({name: columns[name] for name in [*first, *(name for name in columns if name not in first)]})


def breach_table(breaches: Sequence[breach_pb2.Breach]) -> pa.Table:
    """Returns breaches with the figures of their newest events."""
    newest = [one.history[-1] if one.history else breach_pb2.BreachEvent() for one in breaches]
    currencies = [one.exposure.currency_code for one in newest]
    scale = scale_of(code for code in currencies if code)
    enum = common_pb2.LtvLevel
    return pa.table({
        "loan_id": pa.array([one.name.split("/")[1] for one in breaches], pa.string()),
        "borrower": pa.array([one.borrower for one in breaches], pa.string()),
        "state": pa.array([name_of(breach_pb2.BreachState, one.state) for one in breaches], pa.string()),
        "level": levels([name_of(enum, one.level) for one in breaches]),
        "ltv": ratios(newest, "ltv"),
        **{name: amounts([optional(one, name) for one in newest], scale) for name in BREACH_AMOUNTS},
        "currency_code": pa.array(currencies, pa.string()),
        "worst_level": levels([name_of(enum, one.worst_level) for one in breaches]),
        **{name: dates([optional(one, name) for one in breaches]) for name in ("open_date", "deadline_date")},
        "cure_date": dates([optional(one, "cure_date") for one in breaches]),
        "acknowledged": pa.array([one.acknowledged for one in breaches], pa.bool_()),
        "waived": pa.array([one.waived for one in breaches], pa.bool_()),
        "breach": pa.array([one.name for one in breaches], pa.string()),
        "event_count": pa.array([len(one.history) for one in breaches], pa.int32()),
        "event_time": times([optional(one, "event_time") for one in newest]),
    })  # fmt: skip


def price_table(series: price_pb2.PriceSeries, prices: Sequence[price_pb2.RecordedPrice]) -> pa.Table:
    """Returns the observations of a series."""
    count = len(prices)
    return pa.table({
        "series": pa.array([series.name.partition("/")[2]] * count, pa.string()),
        "date": dates([one.date for one in prices]),
        "price": exact_numbers([one.price.value for one in prices]),
        "currency_code": pa.array([series.currency_code] * count, pa.string()),
        "unit": pa.array([series.unit] * count, pa.string()),
        "verdict": pa.array([name_of(price_pb2.PriceVerdict, one.verdict) for one in prices], pa.string()),
        "superseded": pa.array([one.superseded for one in prices], pa.bool_()),
        "sequence": pa.array([one.sequence for one in prices], pa.int64()),
        "known_time": times([optional(one, "known_time") for one in prices]),
    })  # fmt: skip


def valuation_table(valuations: Sequence[valuation_pb2.Valuation]) -> pa.Table:
    """Returns recorded valuations with every part of their haircuts."""
    currencies = [one.name.rpartition("-")[2].upper() for one in valuations]
    scale = scale_of(currencies)
    part = valuation_pb2.HaircutPart
    parts = {f"{str(name_of(part, number)).lower()}_haircut": number for number in part.values() if number}
    return pa.table({
        "market_date": dates([one.market_date for one in valuations]),
        "state": pa.array([name_of(valuation_pb2.ValuationState, one.state) for one in valuations], pa.string()),
        **{name: amounts([optional(one, name) for one in valuations], scale) for name in VALUATION_AMOUNTS},
        "currency_code": pa.array(currencies, pa.string()),
        **{name: ratios(valuations, name) for name in ("haircut", "price_adjustment", "haircut_floor", "cap")},
        **{name: _part(valuations, number) for name, number in parts.items()},
        "horizon_days": pa.array([one.horizon_days for one in valuations], pa.int32()),
        **{name: _texts(valuations, name) for name in ("model", "haircut_model", "policy")},
        "unknown_reasons": name_lists(common_pb2.UnknownReason, [one.unknown_reasons for one in valuations]),
        "zero_reasons": name_lists(common_pb2.ZeroReason, [one.zero_reasons for one in valuations]),
        "quality_flags": name_lists(common_pb2.QualityFlag, [one.quality_flags for one in valuations]),
        **{name: amounts([optional(one, name) for one in valuations], scale) for name in LAST_GOOD_AMOUNTS},
        "last_good_date": dates([optional(one, "last_good_date") for one in valuations]),
        "asset_id": pa.array([one.asset.partition("/")[2] for one in valuations], pa.string()),
        "valuation": pa.array([one.name for one in valuations], pa.string()),
        "sequence": pa.array([one.sequence for one in valuations], pa.int64()),
        "create_time": times([optional(one, "create_time") for one in valuations]),
    })  # fmt: skip


def haircut_table(estimates: Sequence[haircut_pb2.HaircutEstimate]) -> pa.Table:
    """Returns haircut curves; ``losses`` holds the loss after 1, 2, ... business days."""
    return pa.table({
        "series": pa.array([one.price_series.partition("/")[2] or None for one in estimates], pa.string()),
        **{name: _texts(estimates, name) for name in ("base_currency_code", "currency_code")},
        "confidence": ratios(estimates, "confidence"),
        "date": dates([optional(one, "date") for one in estimates]),
        "observation_count": pa.array([one.observation_count for one in estimates], pa.int32()),
        "losses": pa.array([list(one.losses) for one in estimates], pa.list_(pa.float64())),
        **{name: _texts(estimates, name) for name in ("model", "light", "cause")},
        "multiplier": ratios(estimates, "multiplier"),
        "promise_count": pa.array([one.promise_count for one in estimates], pa.int32()),
        "exceedance_count": pa.array([one.exceedance_count for one in estimates], pa.int32()),
        "quality_flags": name_lists(common_pb2.QualityFlag, [one.quality_flags for one in estimates]),
        "sequence": pa.array([one.sequence for one in estimates], pa.int64()),
    })  # fmt: skip


def forecast_table(forecast: forecast_pb2.ForecastPriceResponse) -> pa.Table:
    """Returns the steps of a forecast; none if it is unknown."""
    steps = forecast.steps
    numbers = {name: pa.array([getattr(one, name) for one in steps], pa.float64()) for name in (*QUANTILES, "lendable")}
    return pa.table({
        "horizon_days": pa.array([one.horizon_days for one in steps], pa.int32()),
        "date": dates([one.date for one in steps]),
        **numbers,
    })  # fmt: skip


def with_metadata(table: pa.Table, metadata: Mapping[str, str]) -> pa.Table:
    """Returns a table with metadata of its schema."""
    return table.replace_schema_metadata(dict(metadata))


def _texts(messages: Sequence[Any], field: str) -> pa.Array:
    """Returns a text field of messages; null where it is empty."""
    return pa.array([getattr(one, field) or None for one in messages], pa.string())


def _part(valuations: Sequence[valuation_pb2.Valuation], number: int) -> pa.Array:
    """Returns one part of the haircuts; null where a valuation has none."""
    shares = [
        next((float(step.haircut.value) for step in one.haircut_steps if step.part == number), None)
        for one in valuations
    ]
    return pa.array(shares, pa.float64())
