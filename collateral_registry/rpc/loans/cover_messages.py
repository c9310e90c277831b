"""The cover of a loan as a message, with what is still missing to its next level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from collateral_registry.domain.loans.cure import price_fall_to
from collateral_registry.domain.loans.levels import Level, LtvBasis, loan_to_value
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import breach_pb2, common_pb2, loan_pb2
from valuation.flags import QualityFlag, UnknownReason
from valuation.money import PPM

LIMITS = {
    Level.NONE: "watch_ppm",
    Level.WATCH: "margin_call_ppm",
    Level.MARGIN_CALL: "stop_draw_ppm",
    Level.STOP_DRAW: "liquidation_ppm",
}
"""The limit that comes after each level."""


def level_message(level: int) -> common_pb2.LtvLevel:
    """A level as its number on the wire."""
    return common_pb2.LtvLevel.Value(f"LTV_LEVEL_{Level(level).name}")


def coverage_message(unknown: int) -> common_pb2.Coverage:
    """Coverage as its number on the wire."""
    return common_pb2.COVERAGE_UNKNOWN if unknown else common_pb2.COVERAGE_KNOWN


def cover_message(row: Mapping[str, Any], currency: str) -> loan_pb2.LoanCover:
    """A judgement of a loan as a message."""
    lendable = row["basis"] == LtvBasis.LENDABLE
    pool = row["lendable_minor"] if lendable else row["market_minor"]
    good_pool = row["good_lendable_minor"] if lendable else row["good_market_minor"]
    message = loan_pb2.LoanCover(
        market_date=convert.day(row["market_day"]),
        level=level_message(row["level"]),
        coverage=coverage_message(row["coverage_unknown"]),
        unknown_asset_count=row["unknown_assets"],
        unknown_reasons=convert.bits(row["unknown"], common_pb2.UnknownReason, "UNKNOWN_REASON", UnknownReason),
        quality_flags=convert.bits(row["quality"], common_pb2.QualityFlag, "QUALITY_FLAG", QualityFlag),
        oldest_input_date=convert.day(row["oldest_day"]),
        sequence=row["seq"],
    )
    amounts = {
        "exposure": "exposure_minor",
        "market_value": "market_minor",
        "lendable_value": "lendable_minor",
        "last_good_market_value": "good_market_minor",
        "last_good_lendable_value": "good_lendable_minor",
        "cash_cure": "cash_cure_minor",
        "collateral_cure": "collateral_cure_minor",
    }
    for field, column in amounts.items():
        getattr(message, field).CopyFrom(convert.money(row[column], currency))
    add_ltv(message, row["exposure_minor"], pool)
    good_ltv = _ltv(row["exposure_minor"], good_pool)
    if math.isfinite(good_ltv) and row["exposure_minor"]:
        message.last_good_ltv.CopyFrom(convert.ratio(good_ltv))
    _add_distance(message, row, pool)
    return message


def add_ltv(message: loan_pb2.LoanCover | breach_pb2.BreachEvent, exposure_minor: int, pool_minor: int) -> None:
    """Sets ``ltv`` or ``ltv_infinite``; neither where nothing is owed."""
    ltv = _ltv(exposure_minor, pool_minor)
    if math.isinf(ltv):
        message.ltv_infinite = True
    elif exposure_minor:
        message.ltv.CopyFrom(convert.ratio(ltv))


def _ltv(exposure: int, pool: int) -> float:
    return float(loan_to_value(np.array([exposure]), np.array([pool]))[0])


def _add_distance(message: loan_pb2.LoanCover, row: Mapping[str, Any], pool: int) -> None:
    """Ratio and price fall still missing to the next level; nothing at the worst one or where nothing is owed."""
    limit = LIMITS.get(Level(row["judged"]))
    if limit is None or not pool or not row["exposure_minor"]:
        return
    level_ppm = np.array([row[limit]], dtype=np.int64)
    message.distance_to_next_level.CopyFrom(convert.ratio(row[limit] / PPM - _ltv(row["exposure_minor"], pool)))
    fall = price_fall_to(np.array([row["exposure_minor"]]), np.array([pool]), level_ppm)[0]
    message.price_fall_to_next_level.CopyFrom(convert.ratio(float(fall)))
