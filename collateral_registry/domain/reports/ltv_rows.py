"""Rows of the loan-to-value report: selection and columns, computed from a snapshot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.filters.expressions import (
    COMPARE,
    Connectives,
    Expression,
    Operator,
    Test,
    evaluate,
    is_met,
)
from collateral_registry.domain.filters.fields import Amount, Day, Enum, FieldType, Id, Measure, Number, Text, enum
from collateral_registry.domain.loans.agreements import LoanState
from collateral_registry.domain.loans.collateral import owed_of, pool_of
from collateral_registry.domain.loans.cure import price_fall_to
from collateral_registry.domain.loans.levels import Level, loan_to_value
from collateral_registry.domain.reports.snapshot import COVER_NAMES, Snapshot, newest_claims
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.string_interner import StringInterner
from valuation._typing import Float, Int
from valuation.flags import QualityFlag, UnknownReason
from valuation.money import PPM

LTV_FILTER: Mapping[str, FieldType] = {
    "loan": Id("loans"),
    "borrower": Text(),
    "currency_code": Text(),
    "level": enum(Level, "LTV_LEVEL_", ordered=True),
    "coverage": Enum({"KNOWN": 0, "UNKNOWN": 1}, "COVERAGE_"),
    "ltv": Measure(),
    "exposure": Amount(),
    "market_value": Amount(),
    "lendable_value": Amount(),
    "unknown_asset_count": Number(),
    "cash_cure": Amount(),
    "price_fall_to_margin_call": Measure(),
    "deadline_date": Day(),
    "good": Text(),
    "warehouse": Text(),
    "asset_class": Text(),
    "unknown_reason": Enum({one.name: int(one) for one in UnknownReason if one.name}, "UNKNOWN_REASON_"),
    "quality_flag": Enum({one.name: int(one) for one in QualityFlag if one.name}, "QUALITY_FLAG_"),
}
"""Fields by which the report can be filtered."""

WORD_COLUMNS = {"loan": "loan_id", "borrower": "borrower", "currency_code": "currency"}
NUMBER_COLUMNS = {
    "level": "level",
    "coverage": "coverage_unknown",
    "exposure": "exposure_minor",
    "market_value": "market_minor",
    "lendable_value": "lendable_minor",
    "unknown_asset_count": "unknown_assets",
    "cash_cure": "cash_cure_minor",
    "deadline_date": "deadline_day",
}
CLAIM_COLUMNS = {"good": "good", "warehouse": "place", "asset_class": "asset_class"}
FLAG_COLUMNS = {"unknown_reason": "unknown", "quality_flag": "quality"}
"""The columns of the snapshot that hold a field: of the loan, of the judgement, of the assets with a claim, in bits."""

NEXT_LIMIT_NAMES = ("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm")
"""Columns that hold the limit of the next level, indexed by the current level."""


def ltv_of(covers: Mapping[str, Int], good: str = "") -> Float:
    """Returns the LTV [l] by which loans are judged; infinite for a debt without collateral, and 0 without debt."""
    return loan_to_value(owed_of(covers), pool_of(covers, good))


def next_limit_of(covers: Mapping[str, Int]) -> Int:
    """Returns the limit [l] of the level after the current one, in millionths.

    The current level includes that of a missed deadline. The limit is 0 at the worst level, and without exposure or
    collateral.
    """
    limits = np.stack([covers[name] for name in NEXT_LIMIT_NAMES], axis=1)
    worst = len(NEXT_LIMIT_NAMES)
    has_next = (covers["level"] < worst) & (pool_of(covers) > 0) & (owed_of(covers) > 0)
    rows = np.arange(len(has_next))
    limit: Int = np.where(has_next, limits[rows, np.minimum(covers["level"], worst - 1)], 0)
    return limit


def wanted_rows(snapshot: Snapshot, wanted: Expression) -> Int:
    """Returns the rows of running loans that match a filter on LTV_FILTER."""
    is_met_by = evaluate(wanted, lambda test: _is_met(snapshot, test), _COLUMNS)
    return np.flatnonzero(_is_open(snapshot) & is_met_by).astype(np.int64)


def open_rows(snapshot: Snapshot) -> Int:
    """Returns the rows of running loans."""
    return np.flatnonzero(_is_open(snapshot)).astype(np.int64)


def _is_open(snapshot: Snapshot) -> NDArray[np.bool_]:
    is_active: NDArray[np.bool_] = snapshot.terms["state"][snapshot.cover_terms] == int(LoanState.ACTIVE)
    return is_active


_COLUMNS = Connectives[NDArray[np.bool_]](np.logical_and.reduce, np.logical_or.reduce, np.logical_not)


def values_of(snapshot: Snapshot, field: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Returns the number that each judged loan [l] has in a field, and whether it has one.

    ``ltv`` is absent if nothing is owed, ``price_fall_to_margin_call`` at a margin call or worse, without collateral
    value and if nothing is owed, and ``deadline_date`` if none is set.
    """
    covers = snapshot.covers
    match field:
        case "ltv":
            return ltv_of(covers), owed_of(covers) > 0
        case "price_fall_to_margin_call":
            fall = fall_to_margin_call(covers)
            present = ~np.isnan(fall)
            return np.where(present, fall, 0.0), present
        case _:
            values = covers[NUMBER_COLUMNS[field]]
            return values, values != NO_DAY if field == "deadline_date" else np.ones(len(values), dtype=np.bool_)


def fall_to_margin_call(covers: Mapping[str, Any]) -> Float:
    """Returns the fall of all collateral [l] that would reach the margin call; NaN at a margin call or worse.

    It is also NaN without collateral value and if nothing is owed, and 0 if the LTV has reached the limit already.
    """
    owed, pool, limit = owed_of(covers), pool_of(covers), np.asarray(covers["margin_call_ppm"])
    has_fall = (np.asarray(covers["level"]) < Level.MARGIN_CALL) & (owed > 0) & (pool > 0) & (limit > 0)
    fall: Float = np.where(has_fall, price_fall_to(owed, pool, np.where(has_fall, limit, PPM)), np.nan)
    return fall


def _is_met(snapshot: Snapshot, test: Test) -> NDArray[np.bool_]:
    """Returns which rows [l] meet a test."""
    if test.field in WORD_COLUMNS:
        column = WORD_COLUMNS[test.field]
        return _of_words(getattr(snapshot.words, column), test)[snapshot.terms[column][snapshot.cover_terms]]
    if test.field in CLAIM_COLUMNS:
        return _of_claims(snapshot, test)
    if test.field in FLAG_COLUMNS:
        return _of_flags(snapshot.covers[FLAG_COLUMNS[test.field]], test)
    values, present = values_of(snapshot, test.field)
    match test.operator:
        case Operator.PRESENT:
            return present
        case Operator.IN:
            return present & np.isin(values, np.array(test.values))
        case _:
            found: NDArray[np.bool_] = present & COMPARE[test.operator](values, test.values[0])
            return found


def _of_words(words: StringInterner, test: Test) -> NDArray[np.bool_]:
    """Returns which strings [w] meet a test."""
    texts = list(words.texts)  # others may append to it
    match test.operator:
        case Operator.EQUAL | Operator.IN:
            numbers = [words.number_of(str(value)) for value in test.values]
            found = np.zeros(len(texts), dtype=np.bool_)
            found[[number for number in numbers if 0 <= number < len(texts)]] = True
            return found
        case Operator.PREFIX:
            start = str(test.values[0])
            return np.array([text.startswith(start) for text in texts], dtype=np.bool_)
        case _:
            return np.array([is_met(test, text) for text in texts], dtype=np.bool_)


def _of_claims(snapshot: Snapshot, test: Test) -> NDArray[np.bool_]:
    """Returns the loans [l] with a claim on an asset that meets a test; for !=, those without one that is equal."""
    if test.operator is Operator.NOT_EQUAL:
        return ~_of_claims(snapshot, Test(test.field, Operator.EQUAL, test.values))
    column = CLAIM_COLUMNS[test.field]
    claims = newest_claims(snapshot, np.arange(len(snapshot.cover_terms), dtype=np.int64))
    by_word = _of_words(getattr(snapshot.words, column), test)
    meets = by_word[snapshot.places[column][snapshot.claim_place[claims]]]
    found = np.zeros(len(snapshot.cover_terms), dtype=np.bool_)
    found[snapshot.claim_cover[claims[meets]]] = True
    return found


def _of_flags(bits: Int, test: Test) -> NDArray[np.bool_]:
    """Returns the sets of bits [l] that meet a test: equality means that the set has the bit."""
    match test.operator:
        case Operator.PRESENT:
            found: NDArray[np.bool_] = bits != 0
        case Operator.NOT_EQUAL:
            found = bits & int(test.values[0]) == 0
        case _:
            found = bits & sum(set(map(int, test.values))) != 0
    return found


def plain_rows(snapshot: Snapshot, rows: Int) -> list[dict[str, Any]]:
    """Returns the judgements in the rows as dicts of plain values, with the loan id, borrower, currency and LTV."""
    terms, words = snapshot.cover_terms[rows], snapshot.words
    columns = {name: snapshot.covers[name][rows].tolist() for name in COVER_NAMES}
    named = {"loan_id": ("loan_id", words.loan_id), "borrower": ("borrower", words.borrower)}
    named["currency_code"] = ("currency", words.currency)
    for name, (column, interner) in named.items():
        columns[name] = [interner.texts[number] for number in snapshot.terms[column][terms].tolist()]
    columns["ltv"] = ltv_of(snapshot.covers)[rows].tolist()
    falls = fall_to_margin_call({name: snapshot.covers[name][rows] for name in COVER_NAMES}).tolist()
    columns["fall_to_margin_call"] = [None if math.isnan(fall) else fall for fall in falls]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
