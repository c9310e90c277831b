"""Conversion of the cover of a loan to a message, including the distance to its next LTV level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.collateral import owed_of, pool_of
from collateral_registry.domain.loans.cure import price_fall_to
from collateral_registry.domain.loans.levels import Level, loan_to_value
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import (
    borrowing_base_pb2,
    breach_pb2,
    common_pb2,
    loan_pb2,
    revaluation_pb2,
)
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

JUDGED_COLUMNS = (
    "basis",
    "exposure_minor",
    "used_minor",
    "market_minor",
    "lendable_minor",
    "base_minor",
    "good_market_minor",
    "good_lendable_minor",
    "good_base_minor",
)
"""The columns by which a loan is judged."""

MessageWithLtv: TypeAlias = (
    loan_pb2.LoanCover | breach_pb2.BreachEvent | revaluation_pb2.PreviewedCover | borrowing_base_pb2.BorrowingBase
)


LEVEL_MESSAGES = {level: common_pb2.LtvLevel.Value(f"LTV_LEVEL_{level.name}") for level in Level}
"""The contract's enum value for each level."""


def level_message(level: int) -> common_pb2.LtvLevel.ValueType:
    """Returns the contract's enum value for a level."""
    return LEVEL_MESSAGES[Level(level)]


def limits_message(row: Mapping[str, Any]) -> common_pb2.LtvLevels:
    """Returns the limits by which a loan was judged."""
    return common_pb2.LtvLevels(
        watch=convert.of_millionths(row["watch_ppm"]),
        margin_call=convert.of_millionths(row["margin_call_ppm"]),
        stop_draw=convert.of_millionths(row["stop_draw_ppm"]),
        liquidation=convert.of_millionths(row["liquidation_ppm"]),
    )


def coverage_message(unknown: int) -> common_pb2.Coverage:
    """Returns the contract's enum value for a coverage."""
    return common_pb2.COVERAGE_UNKNOWN if unknown else common_pb2.COVERAGE_KNOWN


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a loan owes, its collateral value, and its LTV, now and from last good values; fall to the next level."""

    owed: int
    collateral: int
    ltv: float
    last_good_ltv: float
    next_limit_ppm: int | None
    price_fall: float


def cover_message(row: Mapping[str, Any], currency: str) -> loan_pb2.LoanCover:
    """Returns a judgement of a loan as a message."""
    return cover_messages([row], [currency])[0]


def cover_messages(rows: Sequence[Mapping[str, Any]], currencies: Sequence[str]) -> list[loan_pb2.LoanCover]:
    """Returns the judgements of loans [l] with their currencies [l] as messages [l]."""
    if not rows:
        return []
    return [
        _cover(row, currency, judged) for row, currency, judged in zip(rows, currencies, _judged(rows), strict=True)
    ]


def _judged(rows: Sequence[Mapping[str, Any]]) -> list[_Judged]:
    columns = {name: np.array([row[name] for row in rows], dtype=np.int64) for name in JUDGED_COLUMNS}
    owed, pool, good_pool = owed_of(columns), pool_of(columns), pool_of(columns, "good_")
    limits = [LIMITS.get(Level(row["level"])) for row in rows]
    next_ppm = [None if limit is None else int(row[limit]) for row, limit in zip(rows, limits, strict=True)]
    falls = price_fall_to(owed, pool, np.array([ppm or PPM for ppm in next_ppm], dtype=np.int64))
    ltv, good_ltv = loan_to_value(owed, pool), loan_to_value(owed, good_pool)
    return list(map(_Judged, owed.tolist(), pool.tolist(), ltv.tolist(), good_ltv.tolist(), next_ppm, falls.tolist()))


def _cover(row: Mapping[str, Any], currency: str, judged: _Judged) -> loan_pb2.LoanCover:
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
    _set_ltv(message, judged.owed, judged.ltv)
    if judged.owed and math.isfinite(judged.last_good_ltv):
        message.last_good_ltv.CopyFrom(convert.ratio(judged.last_good_ltv))
    _add_distance(message, row["level"], judged)
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


def add_ltv(message: MessageWithLtv, owed_minor: int, collateral_minor: int) -> None:
    """Sets ``ltv``, or ``ltv_infinite`` for a debt without collateral value. Sets neither if nothing is owed."""
    _set_ltv(message, owed_minor, float(loan_to_value(np.array([owed_minor]), np.array([collateral_minor]))[0]))


def _set_ltv(message: MessageWithLtv, owed_minor: int, ltv: float) -> None:
    if math.isinf(ltv):
        message.ltv_infinite = True
    elif owed_minor:
        message.ltv.CopyFrom(convert.ratio(ltv))


def _add_distance(message: loan_pb2.LoanCover, level: int, judged: _Judged) -> None:
    """Sets the next level and the distance to it, as a ratio and as a fall in prices.

    The next level follows the current one, which includes that of a missed deadline. The distances are 0 if the LTV has
    reached the next level already: WATCH is entered on the second day, and a level judged on last good values may be
    lower than the conservative LTV.

    Sets nothing at the worst level, without collateral value, or if nothing is owed.
    """
    if judged.next_limit_ppm is None or not judged.collateral or not judged.owed:
        return
    message.next_level = level_message(level + 1)
    distance = judged.next_limit_ppm / PPM - judged.ltv
    message.distance_to_next_level.CopyFrom(convert.ratio(max(distance, 0.0)))
    message.price_fall_to_next_level.CopyFrom(convert.ratio(judged.price_fall))
