"""Conversion of the cover of a loan to a message, including the distance to its next LTV level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.collateral import owed_of, pool_of
from collateral_registry.domain.loans.cure import price_fall_to
from collateral_registry.domain.loans.levels import Level, loan_to_value
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import borrowing_base_pb2, breach_pb2, common_pb2, loan_pb2, revaluation_pb2
from valuation.money import PPM

LIMITS = {
    Level.NONE: "watch_ppm",
    Level.WATCH: "margin_call_ppm",
    Level.MARGIN_CALL: "stop_draw_ppm",
    Level.STOP_DRAW: "liquidation_ppm",
}
"""For each level, the column with the LTV limit of the next level."""

AMOUNTS = {
    "exposure": "exposure_minor",
    "market_value": "market_minor",
    "lendable_value": "lendable_minor",
    "last_good_market_value": "good_market_minor",
    "last_good_lendable_value": "good_lendable_minor",
    "cash_cure": "cash_cure_minor",
    "collateral_cure": "collateral_cure_minor",
}
"""For each amount of a cover, the column that holds it."""


def level_message(level: int) -> common_pb2.LtvLevel.ValueType:
    """Returns the contract's enum value for a level."""
    return common_pb2.LtvLevel.Value(f"LTV_LEVEL_{Level(level).name}")


def coverage_message(unknown: int) -> common_pb2.Coverage:
    """Returns the contract's enum value for a coverage."""
    return common_pb2.COVERAGE_UNKNOWN if unknown else common_pb2.COVERAGE_KNOWN


def cover_message(row: Mapping[str, Any], currency: str) -> loan_pb2.LoanCover:
    """Returns a judgement of a loan as a message."""
    collateral, good_collateral, owed = int(pool_of(row)), int(pool_of(row, "good_")), int(owed_of(row))
    message = loan_pb2.LoanCover(
        market_date=convert.day(row["market_day"]),
        level=level_message(row["level"]),
        coverage=coverage_message(row["coverage_unknown"]),
        unknown_asset_count=row["unknown_assets"],
        unknown_reasons=convert.unknown_reasons(row["unknown"]),
        quality_flags=convert.quality_flags(row["quality"]),
        oldest_input_date=convert.day(row["oldest_day"]),
        sequence=row["seq"],
        decision_market_value=convert.money(row["market_minor"] - row["withheld_market_minor"], currency),
        decision_lendable_value=convert.money(row["lendable_minor"] - row["withheld_lendable_minor"], currency),
        **{field: convert.money(row[column], currency) for field, column in AMOUNTS.items()},
    )
    _add_base(message, row, currency)
    add_ltv(message, owed, collateral)
    good_ltv = _ltv(owed, good_collateral)
    if owed and math.isfinite(good_ltv):
        message.last_good_ltv.CopyFrom(convert.ratio(good_ltv))
    _add_distance(message, row, owed, collateral)
    return message


def _add_base(message: loan_pb2.LoanCover, row: Mapping[str, Any], currency: str) -> None:
    """Sets the used amount and the bases of a loan that has a borrowing base."""
    if row["base_minor"] == NO_BASE:
        return
    message.used.CopyFrom(convert.money(row["used_minor"], currency))
    message.borrowing_base.CopyFrom(convert.money(row["base_minor"], currency))
    message.last_good_borrowing_base.CopyFrom(convert.money(row["good_base_minor"], currency))
    decision = row["base_minor"] - row["withheld_base_minor"]
    message.decision_borrowing_base.CopyFrom(convert.money(decision, currency))


def add_ltv(
    message: loan_pb2.LoanCover
    | breach_pb2.BreachEvent
    | revaluation_pb2.PreviewedCover
    | borrowing_base_pb2.BorrowingBase,
    owed_minor: int,
    collateral_minor: int,
) -> None:
    """Sets ``ltv``, or ``ltv_infinite`` for a debt without collateral value. Sets neither if nothing is owed."""
    ltv = _ltv(owed_minor, collateral_minor)
    if math.isinf(ltv):
        message.ltv_infinite = True
    elif owed_minor:
        message.ltv.CopyFrom(convert.ratio(ltv))


def _ltv(owed: int, collateral: int) -> float:
    return float(loan_to_value(np.array([owed]), np.array([collateral]))[0])


def _add_distance(message: loan_pb2.LoanCover, row: Mapping[str, Any], owed: int, collateral: int) -> None:
    """Sets the next level and the distance to it, as a ratio and as a fall in prices.

    The next level follows the current one, which includes that of a missed deadline. The distances are 0 if the LTV has
    reached the next level already: WATCH is entered on the second day, and a level judged on last good values may be
    lower than the conservative LTV.

    Sets nothing at the worst level, without collateral value, or if nothing is owed.
    """
    limit = LIMITS.get(Level(row["level"]))
    if limit is None or not collateral or not owed:
        return
    message.next_level = level_message(row["level"] + 1)
    distance = row[limit] / PPM - _ltv(owed, collateral)
    message.distance_to_next_level.CopyFrom(convert.ratio(max(distance, 0.0)))
    fall = price_fall_to(np.array([owed]), np.array([collateral]), np.array([row[limit]], dtype=np.int64))[0]
    message.price_fall_to_next_level.CopyFrom(convert.ratio(float(fall)))
