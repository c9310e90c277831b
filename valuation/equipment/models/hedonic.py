"""Learning from comparables, and appraising by what was learned (docs/models/equipment-hedonic.md)."""

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
from valuation.equipment.models.encoding import Encoder, alike, encode, encode_apart, encoder_of
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
"""Fewer comparables give no model: use the curve of the class."""

HELD_OUT_SHARE = 0.15
"""Last sales, by time, that choose the number of trees, stretch the intervals and score the card.

A second fit then learns from all.
"""

DEGRADE_SEED = 7
HELD_OUT_SEED = 3
ONE_THREAD_ROWS = 1_000
"""Fewer rows are predicted by one thread: starting more would take longer."""

LOG_RATIO_LIMIT = 2.0
"""A price further than e^2 = 7.4 times from its reference is an error of typing, and is not learned from."""

RANGE_LEVEL = 0.995
"""Quantile of age and hours beyond which a machine is outside what was seen."""


@dataclass(frozen=True)
class Trees:
    """What one fit learned: the market, the encoder and the trees of each quantile."""

    index: GroupIndex
    encoder: Encoder
    boosters: Sequence[Booster]


@dataclass(frozen=True)
class Learned:
    """A fitted model: its trees, how far their intervals are stretched, and what its card says.

    ``ranges`` gives by category the highest usual age in years and hours.
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
    """Values [n] in the currency of the comparables, NaN where there is no opinion.

    ``low`` and ``high`` are the 10 % and 90 % points; ``step`` is a Step, ``flags`` a bit set of EstimateFlag.
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
        """Share of the FMV that the low point lies below it [n]: the value-uncertainty part of the haircut."""
        return np.asarray(1.0 - self.low / self.fmv)


Progress = Callable[[float], None]


def unheard(share: float) -> None:
    """Progress that nobody listens to."""


def fit(machines: Observations, mapping: ColumnMap, progress: Progress = unheard) -> Learned:
    """Learns from sales; ``progress`` is told the share that is done.

    Sales without price or date, without their reference, or far from it are left out and counted. Raises InvalidInput
    when fewer than SALES_LEAST are left.
    """
    usable = _usable(machines)
    sales = machines.take(usable)
    if len(sales) < SALES_LEAST:
        raise InvalidInput("comparables", f"{len(sales)} usable sales", f"at least {SALES_LEAST}")
    order = np.argsort(sales.time, kind="stable")
    sales = sales.take(order)
    first = round(len(sales) * (1.0 - HELD_OUT_SHARE))
    earlier, later = sales.take(np.arange(first)), sales.take(np.arange(first, len(sales)))
    most = [max(ROUNDS)] * len(QUANTILES)
    trees, rounds = _shortened(_learn(earlier, most, lambda share: progress(0.45 * share)), later)
    calibration, log_error = _calibrated(trees, later)
    stated = STATED_TERMS[mapping.marketability]
    terms = learned_terms(log_error, stated) if mapping.reference else stated
    trial = _learned(mapping, trees, calibration, terms, earlier, len(machines) - len(earlier), ())
    held_out = _scored(trial, later)
    final = _learn(sales, rounds, lambda share: progress(0.5 + 0.5 * share))
    return _learned(mapping, final, calibration, terms, sales, len(machines) - len(sales), held_out)


def appraise(learned: Learned, machines: Observations) -> Estimates:
    """Estimates of every machine at its time, as a batch of one or of many.

    Whether a reference value is needed is the model's to say: without one that it learned with there is no opinion, and
    one that it did not learn with is ignored.
    """
    machines = _referred(learned.mapping, machines)
    trees = learned.trees
    encoded = encode(trees.encoder, machines)
    market = trees.index.at(machines.time, machines.levels["category"]) + encoded.offset + _log_reference(machines)
    first, place = alike(encoded.matrix)
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


def _referred(mapping: ColumnMap, machines: Observations) -> Observations:
    """The machines with the reference values that a model learned with, flagged where one is missing."""
    flags = machines.flags & ~int(EstimateFlag.REFERENCE_MISSING)
    if not mapping.reference:
        return replace(machines, reference=np.full(len(machines), np.nan), flags=flags)
    missing = np.where(np.isnan(machines.reference), int(EstimateFlag.REFERENCE_MISSING), 0)
    return replace(machines, flags=flags | missing)


def _usable(machines: Observations) -> NDArray[np.bool_]:
    """Sales to learn from [n]."""
    usable = ~np.isnan(machines.price + machines.time)
    usable &= (machines.flags & EstimateFlag.REFERENCE_MISSING) == 0
    return usable & (np.abs(np.log(machines.price) - _log_reference(machines)) < _ratio_limit(machines))


def _ratio_limit(machines: Observations) -> Float:
    return np.where(np.isnan(machines.reference), np.inf, LOG_RATIO_LIMIT)


def _log_reference(machines: Observations) -> Float:
    """Log reference value [n], 0 where there is none: what the model explains is then the price itself."""
    return np.where(np.isnan(machines.reference), 0.0, np.log(machines.reference))


def _learn(sales: Observations, rounds: Sequence[int], progress: Progress) -> Trees:
    """One fit: market, encoder, and the trees of each quantile on the sales as they are and with less told of them."""
    log_price = np.log(sales.price) - _log_reference(sales)
    index, residual = split_prices(sales, log_price)
    encoder = encoder_of(sales, residual)
    told = [encode_apart(sales, residual, shown) for shown in (sales, degraded(sales, DEGRADE_SEED))]
    matrix = np.concatenate([part.matrix for part in told])
    offset = np.concatenate([part.offset for part in told])
    target = np.tile(log_price - index.at(sales.time, sales.levels["category"]), len(told)) - offset
    boosters = []
    for number, level in enumerate(QUANTILES):
        boosters.append(grow(matrix, target, level, encoder.monotone, rounds[number]))
        progress((number + 1) / len(QUANTILES))
    return Trees(index, encoder, boosters)


def _shortened(trees: Trees, later: Observations) -> tuple[Trees, list[int]]:
    """The trees cut to the number that loses least on later sales at each quantile, and those numbers."""
    told = [encode(trees.encoder, shown) for shown in (later, degraded(later, HELD_OUT_SEED))]
    market = trees.index.at(later.time, later.levels["category"]) + _log_reference(later)
    actual = np.concatenate([np.log(later.price) - market - part.offset for part in told])
    matrix = np.concatenate([part.matrix for part in told])
    middle = _predicted(trees.boosters[1], matrix)
    actual = actual - market_move(actual - middle, np.tile(later.time, len(told)))
    best = [
        _best_rounds(booster, matrix, actual, level) for booster, level in zip(trees.boosters, QUANTILES, strict=True)
    ]
    cut = [
        trees_of(booster.model_to_string(num_iteration=count), matrix.shape[1])
        for booster, count in zip(trees.boosters, best, strict=True)
    ]
    return Trees(trees.index, trees.encoder, cut), best


def _best_rounds(booster: Booster, matrix: Float, actual: Float, level: float) -> int:
    """The number of trees, of ROUNDS, with the least pinball loss."""
    losses = [
        float(np.mean(pinball(actual, np.asarray(booster.predict(matrix, num_iteration=count, num_threads=1)), level)))
        for count in ROUNDS
    ]
    return ROUNDS[int(np.argmin(losses))]


def _calibrated(trees: Trees, later: Observations) -> tuple[Calibration, Float]:
    """The calibration from later sales, as they are and with less told of them; and the log errors as they are."""
    told = [_errors(trees, shown) for shown in (later, degraded(later, HELD_OUT_SEED))]
    error, half, step = (np.concatenate(parts) for parts in zip(*told, strict=True))
    time, category = np.tile(later.time, 2), np.tile(later.levels["category"], 2)
    strange, strange_half, _ = _errors(trees, without_category(later))
    moved = market_move(error, time)[: len(later)]
    calibration = calibrate(error, half, time, category, step)
    return calibration.with_strangers(strange - moved, strange_half), told[0][0]


def _errors(trees: Trees, sales: Observations) -> tuple[Float, Float, Int]:
    """Log error [n] of the middle, half width on its side [n] and Step [n] of sales."""
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
    """The narrowest Step with sales of its own [n]; a line counts as its class."""
    by_level = dict(zip(LEVELS, sales, strict=True))
    step = np.where((by_level["class"] > 0) | (by_level["line"] > 0), int(Step.CLASS), int(Step.ALL))
    step = np.where(by_level["family"] > 0, int(Step.FAMILY), step)
    return np.where(by_level["model"] > 0, int(Step.MODEL), step).astype(np.int64)


def _ranges(sales: Observations) -> dict[str, tuple[float, float]]:
    """The highest usual age and hours by category; without any, no bound is known."""
    category = sales.levels["category"].astype(str)
    return {
        str(name): (_usual(sales.age_years[category == name]), _usual(sales.hours[category == name]))
        for name in np.unique(category)
    }


def _usual(column: Float) -> float:
    known = column[~np.isnan(column)]
    return float(np.quantile(known, RANGE_LEVEL)) if len(known) else float("inf")


def _flags(learned: Learned, machines: Observations, sales: Sequence[Float]) -> Int:
    """What weakens each estimate [n], beside what was found when it was read."""
    beyond = (float("inf"), float("inf"))
    bounds = [learned.ranges.get(text, beyond) for text in machines.levels["category"].astype(str).tolist()]
    oldest, most = (np.array([bound[place] for bound in bounds]) for place in (0, 1))
    by_level = dict(zip(LEVELS, sales, strict=True))
    mapping = learned.mapping
    told = (
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
    for weak, flag in told:
        flags |= np.where(weak, int(flag), 0)
    return flags
