"""Hedonic model: fits comparable sales and values machines (docs/models/equipment-hedonic.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Float, Int
from valuation.equipment.flags import EstimateFlag, Step
from valuation.equipment.models.augment import degraded, without_category
from valuation.equipment.models.boosting import ROUNDS, grow, trees_of
from valuation.equipment.models.conformal import (
    COVERAGE,
    HIGH,
    LOW,
    MIDDLE,
    OUT_OF_RANGE_STRETCH,
    Calibration,
    calibrate,
    half_widths,
    market_move,
    widened,
)
from valuation.equipment.models.encoding import Encoder, distinct_rows, encode, encode_out_of_fold, encoder_of
from valuation.equipment.models.group_index import GroupIndex
from valuation.equipment.models.liquidation import STATED_TERMS, LiquidationTerms, learned_terms
from valuation.equipment.models.scores import Score, pinball, scores
from valuation.equipment.models.structure import split_prices
from valuation.equipment.sales.mapping import ColumnMap
from valuation.equipment.sales.observations import LEVELS, Observations
from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from lightgbm import Booster


QUANTILES = (LOW, MIDDLE, HIGH)
SALES_LEAST = 200
"""Minimum number of sales for a model; with fewer, the curve of the equipment class should be used."""

HELD_OUT_SHARE = 0.15
"""Share of the sales that are held out: the latest ones, which select the number of trees, calibrate the intervals and
score the model.

A second fit then uses all sales.
"""

DEGRADE_SEED = 7
HELD_OUT_SEED = 3
ONE_THREAD_ROWS = 1_000
"""Number of rows up to which one thread predicts; for few rows, starting threads takes longer."""

LIST_SALES_LEAST = 5
EXACT_LOG_ERROR = 1e-6
"""Fewest sales of a group that may show a price list, and log error below which the model gives a price exactly."""

LOG_RATIO_LIMIT = 2.0
"""Bound of |log(price / reference)|; a price beyond a factor of e^2 = 7.4 is a typing error and is not used."""

RANGE_LEVEL = 0.995
"""Quantile of age and hours beyond which a machine is outside the range of the sales."""


@dataclass(frozen=True)
class Trees:
    """Result of one fit: market index, encoder, and trees for each of QUANTILES."""

    index: GroupIndex
    encoder: Encoder
    boosters: Sequence[Booster]


@dataclass(frozen=True)
class Learned:
    """Fitted model: trees, calibration, liquidation terms, and the contents of the model card.

    ``ranges`` holds the RANGE_LEVEL quantiles of age in years and of hours for each category. ``first_time`` and
    ``last_time`` are the times of the first and last sale. ``left_out`` is the number of rows not used.
    """

    mapping: ColumnMap
    trees: Trees
    calibration: Calibration
    terms: LiquidationTerms
    ranges: Mapping[str, tuple[float, float]]
    first_time: float
    last_time: float
    sales: int
    left_out: int
    held_out: Sequence[Score]


@dataclass(frozen=True)
class Estimates:
    """Estimated values [n] in the currency of the comparables; NaN where the model cannot value the machine.

    ``low`` and ``high`` are the 10 % and 90 % quantiles of the FMV. ``step`` is a Step, and ``flags`` are EstimateFlag
    bits.
    """

    fmv: Float
    low: Float
    high: Float
    olv: Float
    flv: Float
    nolv: Float
    step: Int
    flags: Int

    @property
    def value_haircut(self) -> Float:
        """Relative distance from the FMV to the 10 % quantile [n]: the value-uncertainty part of the haircut."""
        return np.asarray(1.0 - self.low / self.fmv)


Progress = Callable[[float], None]
"""Callback that receives the share of the work done so far, from 0 to 1."""


def no_progress(share: float) -> None:
    """Ignores progress."""


def fit(machines: Observations, mapping: ColumnMap, progress: Progress = no_progress) -> Learned:
    """Fits a model to sales and reports progress.

    A sale is not used if its price or date is missing, or if its reference value is far from the price or is missing
    although the mapping names one. Raises InvalidInput if fewer than SALES_LEAST sales remain, or if they have the
    prices of a price list.
    """
    usable = _usable(machines)
    sales = machines.take(usable)
    if len(sales) < SALES_LEAST:
        raise InvalidInput("comparables", f"{len(sales)} usable sales", f"at least {SALES_LEAST}")
    _require_spread(sales)
    order = np.argsort(sales.time, kind="stable")
    sales = sales.take(order)
    first = round(len(sales) * (1.0 - HELD_OUT_SHARE))
    earlier, later = sales.take(np.arange(first)), sales.take(np.arange(first, len(sales)))
    most = [max(ROUNDS)] * len(QUANTILES)
    trees, rounds = _select_rounds(_learn(earlier, most, lambda share: progress(0.45 * share)), later)
    calibration, log_error = _calibrated(trees, later)
    stated = STATED_TERMS[mapping.marketability]
    terms = learned_terms(log_error, stated) if mapping.reference else stated
    trial = _learned(mapping, trees, calibration, terms, earlier, len(machines) - len(earlier), ())
    held_out = _scored(trial, later)
    final = _learn(sales, rounds, lambda share: progress(0.5 + 0.5 * share))
    return _learned(mapping, final, calibration, terms, sales, len(machines) - len(sales), held_out)


def appraise(learned: Learned, machines: Observations) -> Estimates:
    """Values every machine [n] at its own time; a result does not depend on the other rows of the batch.

    If the model was fitted with reference values, the value of a machine without one is NaN. If the model was fitted
    without them, the reference values of machines are ignored.
    """
    machines = _with_model_references(learned.mapping, machines)
    trees = learned.trees
    encoded = encode(trees.encoder, machines)
    market = trees.index.at(machines.time, machines.levels["category"]) + encoded.offset + _log_reference(machines)
    first, place = distinct_rows(encoded.matrix)
    distinct = encoded.matrix[first]
    low, middle, high = (_predicted(booster, distinct)[place] + market for booster in trees.boosters)
    step = _step(encoded.sales)
    flags = machines.flags | _flags(learned, machines, encoded.sales)
    outside = (flags & (EstimateFlag.AGE_EXTRAPOLATED | EstimateFlag.HOURS_EXTRAPOLATED)) != 0
    stretch = learned.calibration.stretch(machines.levels["category"], step)
    stretch = stretch * np.where(outside, OUT_OF_RANGE_STRETCH, 1.0)
    error = trees.index.error(machines.time)
    below, above = (widened(half, stretch, error) for half in half_widths(low, middle, high))
    fmv = np.exp(np.where(flags & EstimateFlag.REFERENCE_MISSING, np.nan, middle))
    values = learned.terms.values(fmv)
    return Estimates(fmv, fmv * np.exp(-below), fmv * np.exp(above), values.olv, values.flv, values.nolv, step, flags)


def _with_model_references(mapping: ColumnMap, machines: Observations) -> Observations:
    """Removes the reference values if the model does not use them; otherwise flags the machines that lack one."""
    flags = machines.flags & ~int(EstimateFlag.REFERENCE_MISSING)
    if not mapping.reference:
        return replace(machines, reference=np.full(len(machines), np.nan), flags=flags)
    missing = np.where(np.isnan(machines.reference), int(EstimateFlag.REFERENCE_MISSING), 0)
    return replace(machines, flags=flags | missing)


def _usable(machines: Observations) -> NDArray[np.bool_]:
    """Returns whether each sale [n] can be used for fitting."""
    usable = ~np.isnan(machines.price + machines.time)
    usable &= (machines.flags & EstimateFlag.REFERENCE_MISSING) == 0
    return usable & (np.abs(np.log(machines.price) - _log_reference(machines)) < _ratio_limit(machines))


def _ratio_limit(machines: Observations) -> Float:
    return np.where(np.isnan(machines.reference), np.inf, LOG_RATIO_LIMIT)


def _log_reference(machines: Observations) -> Float:
    """Returns the log reference value [n]; 0 where there is none, so that the model explains the price itself."""
    return np.where(np.isnan(machines.reference), 0.0, np.log(machines.reference))


def _learn(sales: Observations, rounds: Sequence[int], progress: Progress) -> Trees:
    """Fits market index and encoder to the sales, and trees to the sales both complete and with data hidden."""
    log_price = np.log(sales.price) - _log_reference(sales)
    index, residual = split_prices(sales, log_price)
    encoder = encoder_of(sales, residual)
    parts = [encode_out_of_fold(sales, residual, shown) for shown in (sales, degraded(sales, DEGRADE_SEED))]
    matrix = np.concatenate([part.matrix for part in parts])
    offset = np.concatenate([part.offset for part in parts])
    target = np.tile(log_price - index.at(sales.time, sales.levels["category"]), len(parts)) - offset
    boosters = []
    for number, level in enumerate(QUANTILES):
        boosters.append(grow(matrix, target, level, encoder.monotone, rounds[number]))
        progress((number + 1) / len(QUANTILES))
    return Trees(index, encoder, boosters)


def _select_rounds(trees: Trees, later: Observations) -> tuple[Trees, list[int]]:
    """Truncates the trees of each quantile to the number that has the least loss on later sales.

    Also returns these numbers of trees. The market move after the fit is removed first, because no number of trees can
    explain it.
    """
    parts = [encode(trees.encoder, shown) for shown in (later, degraded(later, HELD_OUT_SEED))]
    market = trees.index.at(later.time, later.levels["category"]) + _log_reference(later)
    actual = np.concatenate([np.log(later.price) - market - part.offset for part in parts])
    matrix = np.concatenate([part.matrix for part in parts])
    middle = _predicted(trees.boosters[1], matrix)
    actual = actual - market_move(actual - middle, np.tile(later.time, len(parts)))
    best = [
        _best_rounds(booster, matrix, actual, level) for booster, level in zip(trees.boosters, QUANTILES, strict=True)
    ]
    cut = [
        trees_of(booster.model_to_string(num_iteration=count), matrix.shape[1])
        for booster, count in zip(trees.boosters, best, strict=True)
    ]
    return Trees(trees.index, trees.encoder, cut), best


def _best_rounds(booster: Booster, matrix: Float, actual: Float, level: float) -> int:
    """Returns the number of trees in ROUNDS with the least pinball loss."""
    losses = [
        float(np.mean(pinball(actual, np.asarray(booster.predict(matrix, num_iteration=count, num_threads=1)), level)))
        for count in ROUNDS
    ]
    return ROUNDS[int(np.argmin(losses))]


def _calibrated(trees: Trees, later: Observations) -> tuple[Calibration, Float]:
    """Calibrates on later sales, both complete and with data hidden.

    Also returns the log errors of the complete sales.
    """
    shown = [_errors(trees, sales) for sales in (later, degraded(later, HELD_OUT_SEED))]
    _require_errors(shown[0][0])
    error, half, step = (np.concatenate(parts) for parts in zip(*shown, strict=True))
    time, category = np.tile(later.time, 2), np.tile(later.levels["category"], 2)
    unseen_error, unseen_half, _ = _errors(trees, without_category(later))
    moved = market_move(error, time)[: len(later)]
    calibration = calibrate(error, half, time, category, step)
    return calibration.with_unseen_category(unseen_error - moved, unseen_half), shown[0][0]


def _require_spread(sales: Observations) -> None:
    """Raises InvalidInput if like machines have one price, as in a price list, by any level of comparison.

    Such prices do not show how far the sales of like machines differ, so that no interval can be derived from them.
    """
    for level in LEVELS:
        _, group = np.unique(sales.levels[level].astype(str), return_inverse=True)
        pairs, counts = np.unique(np.stack([group, sales.price]), axis=1, return_counts=True)
        most = np.zeros(int(group.max()) + 1)
        np.maximum.at(most, pairs[0].astype(np.int64), counts)
        sizes = np.bincount(group)
        large = sizes >= LIST_SALES_LEAST
        known = int(sizes[large].sum())
        if 2 * known >= len(sales) and most[large].sum() >= COVERAGE * known:
            raise _no_spread(float(most[large].sum()) / known, f"at the most frequent price of their {level}")


def _require_errors(error: Float) -> None:
    """Raises InvalidInput if the model gives the prices of held-out sales exactly, because they follow a formula."""
    exact = float(np.mean(np.abs(error) < EXACT_LOG_ERROR))
    if exact >= COVERAGE:
        raise _no_spread(exact, "exactly as a formula gives them")


def _no_spread(share: float, how: str) -> InvalidInput:
    want = "prices of single sales, which differ; a price list has no spread"
    return InvalidInput("comparables", f"{share:.0%} of the prices {how}", want)


def _errors(trees: Trees, sales: Observations) -> tuple[Float, Float, Int]:
    """Returns the log error of the median [n], the half width on the side of the error [n] and the Step [n]."""
    encoded = encode(trees.encoder, sales)
    market = trees.index.at(sales.time, sales.levels["category"]) + encoded.offset + _log_reference(sales)
    low, middle, high = (_predicted(booster, encoded.matrix) + market for booster in trees.boosters)
    error = np.log(sales.price) - middle
    below, above = half_widths(low, middle, high)
    return error, np.where(error < 0.0, below, above), _step(encoded.sales)


def _predicted(booster: Booster, matrix: Float) -> Float:
    return np.asarray(booster.predict(matrix, num_threads=0 if len(matrix) > ONE_THREAD_ROWS else 1), dtype=np.float64)


def _learned(
    mapping: ColumnMap,
    trees: Trees,
    calibration: Calibration,
    terms: LiquidationTerms,
    sales: Observations,
    left_out: int,
    held_out: Sequence[Score],
) -> Learned:
    first, last = float(sales.time.min()), float(sales.time.max())
    return Learned(mapping, trees, calibration, terms, _ranges(sales), first, last, len(sales), left_out, held_out)


def _scored(trial: Learned, later: Observations) -> list[Score]:
    found = appraise(trial, later)
    return scores(later.price, found.low, found.fmv, found.high, later.reference, later.levels["category"])


def _step(sales: Sequence[Float]) -> Int:
    """Returns the narrowest Step that has sales, for each machine [n]; a line counts as a class."""
    by_level = dict(zip(LEVELS, sales, strict=True))
    step = np.where((by_level["class"] > 0) | (by_level["line"] > 0), int(Step.CLASS), int(Step.ALL))
    step = np.where(by_level["family"] > 0, int(Step.FAMILY), step)
    return np.where(by_level["model"] > 0, int(Step.MODEL), step).astype(np.int64)


def _ranges(sales: Observations) -> dict[str, tuple[float, float]]:
    """Returns the RANGE_LEVEL quantiles of age and hours by category; infinite where no value is known."""
    category = sales.levels["category"].astype(str)
    return {
        str(name): (_range_end(sales.age_years[category == name]), _range_end(sales.hours[category == name]))
        for name in np.unique(category)
    }


def _range_end(column: Float) -> float:
    known = column[~np.isnan(column)]
    return float(np.quantile(known, RANGE_LEVEL)) if len(known) else float("inf")


def _flags(learned: Learned, machines: Observations, sales: Sequence[Float]) -> Int:
    """Returns the EstimateFlag bits [n] for missing data and for machines outside the range of the sales."""
    unbounded = (float("inf"), float("inf"))
    bounds = [learned.ranges.get(text, unbounded) for text in machines.levels["category"].astype(str).tolist()]
    oldest, most = (np.array([bound[place] for bound in bounds]) for place in (0, 1))
    by_level = dict(zip(LEVELS, sales, strict=True))
    mapping = learned.mapping
    rules = (
        (bool(mapping.hours) & np.isnan(machines.hours), EstimateFlag.HOURS_UNKNOWN),
        (bool(mapping.build_year) & np.isnan(machines.build_year), EstimateFlag.AGE_UNKNOWN),
        (bool(mapping.condition) & np.isnan(machines.condition), EstimateFlag.CONDITION_UNKNOWN),
        (bool(mapping.model) & (by_level["model"] == 0), EstimateFlag.MODEL_UNSEEN),
        (bool(mapping.family) & (by_level["family"] == 0), EstimateFlag.FAMILY_UNSEEN),
        (bool(mapping.class_) & (by_level["class"] == 0), EstimateFlag.CLASS_UNSEEN),
        (bool(mapping.category) & (by_level["category"] == 0), EstimateFlag.CATEGORY_UNSEEN),
        (machines.age_years > oldest, EstimateFlag.AGE_EXTRAPOLATED),
        (machines.hours > most, EstimateFlag.HOURS_EXTRAPOLATED),
        (machines.time > learned.last_time, EstimateFlag.AFTER_TRAINING),
        (machines.time < learned.first_time, EstimateFlag.BEFORE_TRAINING),
    )
    flags = np.zeros(len(machines), dtype=np.int64)
    for weak, flag in rules:
        flags |= np.where(weak, int(flag), 0)
    return flags
