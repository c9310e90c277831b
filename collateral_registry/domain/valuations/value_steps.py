"""Divides the change of recorded values between two moments into steps, each of which replaces one input.

The values between the moments are computed from the recorded inputs by the functions of every valuation
(docs/differences.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.prices.market_data import CurveNeed, Estimate
from collateral_registry.domain.valuations.base_values import Model
from collateral_registry.domain.valuations.market_risk import (
    STAND_IN_MARKET,
    CurveUse,
    MarketInputs,
    MarketPart,
    market_part,
    planned_days,
)
from valuation._typing import Columns, Float, Int
from valuation.flags import QualityFlag, UnknownReason
from valuation.haircuts.composition.parts import HaircutParts
from valuation.prices.price_adjustment import adjustment
from valuation.prices.returns import true_value_share
from valuation.value import BaseColumns, value

Curves = Mapping[int, tuple[CurveNeed, Estimate]]
"""Haircut curves with their needs, by key."""

RECORDED = ("market_minor", "price_adjustment", "lendable_minor", "unknown")
"""Columns of a value from which the cover of a loan is computed."""

VALUE_INPUTS = (
    *("policy_key", "estimate_key", "model", "price", "quantity", "fx_rate", "horizon_days", "stand_ins"),
    *("h_value", "h_market", "h_liquidity", "h_cost", "h_legal", "haircut_floor", "cap", "zero", "quality"),
    *RECORDED,
)
"""Columns of a recorded valuation from which the steps are computed."""


class Step(IntEnum):
    """Step of a difference, in the order in which inputs are replaced; the numeric values are sent."""

    QUANTITY = 1
    PRICE = 2
    RATE = 3
    HAIRCUT_MODEL = 4
    POLICY = 5
    BALANCE = 6
    PAPERS = 7


VALUE_STEPS = (Step.QUANTITY, Step.PRICE, Step.RATE, Step.HAIRCUT_MODEL, Step.POLICY)
"""The steps that replace an input of a value. The rest of a value's change is that of the papers."""

_PRICE_REASONS = int(UnknownReason.NO_PRICE | UnknownReason.STALE_PRICE)
_RATE_REASONS = int(UnknownReason.NO_FX | UnknownReason.STALE_FX)
_DERIVED_REASONS = int(UnknownReason.MISSING_PART | UnknownReason.OUT_OF_RANGE)
"""Reasons that follow from the other inputs."""

_PARTS = ("value", "liquidity", "cost")
"""Haircut parts that a model may give instead of the policy."""

_REPLACED: dict[Step, tuple[str, ...]] = {
    Step.QUANTITY: ("quantity", "unknown_quantity"),
    Step.PRICE: ("unit_price", "age_days", *(f"model_{part}" for part in _PARTS), "unknown_price"),
    Step.RATE: ("rate", "unknown_rate"),
    Step.HAIRCUT_MODEL: ("estimate_key", "rate_loss"),
    Step.POLICY: (
        *("planned_days", "policy_loss", "floor", "policy_cap", "part_legal"),
        *(f"part_{part}" for part in _PARTS),
    ),
    Step.PAPERS: ("warehouse", "cap_share", "unknown", "zero"),
}
"""Inputs that each step replaces."""

_LARGEST_ROUNDING = 1
"""Difference in minor units by which a value recomputed from its recorded inputs may differ, by the order of floats."""


@dataclass(frozen=True)
class RecordedValues:
    """Valuations [t] as recorded at one moment, with the numbers of each one's policy for its class.

    ``rows`` are the columns VALUE_INPUTS. ``is_recorded`` [t] is false for targets that had no value.
    """

    rows: Columns
    is_recorded: NDArray[np.bool_]
    numbers: Mapping[str, Float]


@dataclass(frozen=True)
class SteppedValues:
    """Values [t] at the first moment and after each of VALUE_STEPS, as the columns RECORDED.

    ``whole_at`` [t] is the step that replaced the value of a model as a whole, 0 for none.
    """

    states: Sequence[Columns]
    whole_at: Int


def value_steps(before: RecordedValues, after: RecordedValues, curves: Curves, digits: Int) -> SteppedValues:
    """Returns the values between two moments; ``digits`` [t] are the exponents of the currencies of the values."""
    first, last = (_inputs(one, curves, digits) for one in (before, after))
    rebuilt = [_computed(one, curves, digits) for one in (first, last)]
    whole_at = _whole_step(before, after, rebuilt, curves)
    start, end = (_recorded(one.rows) for one in (before, after))
    kept = _kept_until_papers(before, after, first, curves)
    state, states = dict(first), [start]
    for step in VALUE_STEPS:
        for name in _REPLACED[step]:
            state[name] = np.where(kept.get(name, kept["nothing"]), state[name], last[name])
        if step is Step.POLICY:
            state["estimate_key"] = last["estimate_key"]
        found = _computed(state, curves, digits)
        of_first, of_last = _is_same(state, first), _is_same(state, last)
        is_whole, is_replaced = whole_at > 0, whole_at <= step
        chosen = {
            name: np.where(
                np.where(is_whole, ~is_replaced, of_first),
                start[name],
                np.where(np.where(is_whole, is_replaced, of_last), end[name], found[name]),
            )
            for name in RECORDED
        }
        states.append(chosen)
    amounts = [one["unit_price"] for one in (first, last)]
    amount_changed = (before.rows["model"] != int(Model.SPOT_PRICE)) & (np.abs(amounts[1] - amounts[0]) > 0.0)
    noted = np.where(amount_changed & (whole_at == 0), int(Step.PRICE), whole_at)
    return SteppedValues(states, np.where(noted < int(Step.PAPERS), noted, 0))


def _recorded(rows: Columns) -> Columns:
    """Returns the recorded values; a missing adjustment is 1."""
    found = {name: rows[name] for name in RECORDED}
    return {**found, "price_adjustment": np.nan_to_num(found["price_adjustment"], nan=1.0)}


def _inputs(recorded: RecordedValues, curves: Curves, digits: Int) -> Columns:
    """Returns the inputs [t] of recorded values, by the names in _REPLACED, and what no step replaces."""
    rows, numbers = recorded.rows, recorded.numbers
    lots, pools = rows["model"] == int(Model.SPOT_PRICE), rows["model"] == int(Model.RECEIVABLE_POOL)
    by_model = pools | (rows["model"] == int(Model.COMPARABLES))
    foreign = (rows["quality"] & int(QualityFlag.FX_CONVERTED)) != 0
    is_known = (rows["unknown"] == 0) & (rows["zero"] == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = rows["market_minor"] / np.power(10.0, digits) / rows["fx_rate"]
        priced = rows["price"] / _true_share(rows["estimate_key"], curves)
        stood_in = 1.0 - (1.0 - rows["h_market"]) / (1.0 - numbers["market_haircut"])
        warehouse = 1.0 - (1.0 - rows["h_value"]) / (1.0 - numbers["value_haircut"])
        cap_share = rows["cap"] / numbers["cap"]
    is_reduced = ~by_model & (rows["h_value"] != numbers["value_haircut"]) & (warehouse > 0.0)
    unknown = rows["unknown"] & ~_DERIVED_REASONS
    missing = unknown & int(UnknownReason.MISSING_INPUT)
    of_price = (unknown & _PRICE_REASONS) | np.where(lots, 0, missing)
    of_quantity, of_rate = np.where(lots, missing, 0), unknown & _RATE_REASONS
    planned = planned_days(numbers)
    return {
        "quantity": np.where(lots, rows["quantity"], 1.0),
        "unit_price": np.where(lots, priced, np.where(is_known, own, np.nan)),
        "age_days": rows["horizon_days"] - planned,
        "rate": rows["fx_rate"],
        "estimate_key": rows["estimate_key"],
        "rate_loss": np.where((rows["stand_ins"] & STAND_IN_MARKET) != 0, np.clip(stood_in, 0.0, 1.0), 0.0),
        "planned_days": planned,
        "policy_loss": numbers["market_haircut"],
        **{f"model_{part}": np.where(by_model, rows[f"h_{part}"], np.nan) for part in _PARTS},
        "part_value": np.where(is_reduced, numbers["value_haircut"], rows["h_value"]),
        **{f"part_{part}": rows[f"h_{part}"] for part in ("liquidity", "cost", "legal")},
        "warehouse": np.where(is_reduced, warehouse, 0.0),
        "floor": np.nan_to_num(rows["haircut_floor"], nan=0.0),
        "policy_cap": numbers["cap"],
        "cap_share": np.where(numbers["cap"] > 0.0, cap_share, 1.0),
        "unknown_quantity": of_quantity,
        "unknown_price": of_price,
        "unknown_rate": of_rate,
        "unknown": unknown & ~(of_quantity | of_price | of_rate),
        "zero": rows["zero"],
        "priced": lots,
        "foreign": foreign,
    }


def _true_share(estimate_keys: Int, curves: Curves) -> Float:
    """Returns the ratio of the true price to a smoothed quote [t] by the recorded curves."""
    keys, row = np.unique(estimate_keys, return_inverse=True)
    return np.array([_share_of(curves.get(key)) for key in keys.tolist()], dtype=np.float64)[row]


def _share_of(curve: tuple[CurveNeed, Estimate] | None) -> float:
    return true_value_share(curve[1].hidden_gap) if curve is not None and curve[0].series_key else 1.0


def _kept_until_papers(
    before: RecordedValues, after: RecordedValues, first: Columns, curves: Curves
) -> dict[str, NDArray[np.bool_]]:
    """Returns which rows keep an input of the first moment where its step would replace it.

    They are numbers of a policy that is the same, so that another class changes them; a curve for another confidence,
    which the policy states; and the amount of a model that a paper of the second moment makes unknown.
    """
    nothing = np.zeros(len(before.is_recorded), dtype=np.bool_)
    same_policy = before.rows["policy_key"] == after.rows["policy_key"]
    confidences = [_of_curves(one.rows["estimate_key"], curves, "confidence_ppm") for one in (before, after)]
    is_no_value = (after.rows["unknown"] != 0) | (after.rows["zero"] != 0)
    is_lost = (before.rows["model"] != int(Model.SPOT_PRICE)) & is_no_value & ~np.isnan(first["unit_price"])
    return {
        "nothing": nothing,
        **dict.fromkeys(_REPLACED[Step.POLICY], same_policy),
        "estimate_key": (confidences[0] != confidences[1]) & (confidences[0] > 0) & (confidences[1] > 0),
        "unit_price": is_lost,
    }


def _of_curves(estimate_keys: Int, curves: Curves, name: str) -> Int:
    """Returns a number of the need of each row's curve [t]; 0 without a curve."""
    keys, row = np.unique(estimate_keys, return_inverse=True)
    found = [int(getattr(curves[key][0], name)) if key in curves else 0 for key in keys.tolist()]
    return np.array(found, dtype=np.int64)[row]


def _whole_step(before: RecordedValues, after: RecordedValues, rebuilt: Sequence[Columns], curves: Curves) -> Int:
    """Returns the step [t] in which a value changes as a whole; 0 where its inputs are replaced one by one."""
    pools = (before.rows["model"] == int(Model.RECEIVABLE_POOL)) | (after.rows["model"] == int(Model.RECEIVABLE_POOL))
    follows = np.ones(len(pools), dtype=np.bool_)
    for recorded, computed in zip((before, after), rebuilt, strict=True):
        for name in ("market_minor", "lendable_minor"):
            follows &= np.abs(recorded.rows[name] - computed[name]) <= _LARGEST_ROUNDING
    series = [_of_curves(one.rows["estimate_key"], curves, "series_key") for one in (before, after)]
    relinked = (series[0] != series[1]) & (series[0] > 0) & (series[1] > 0)
    step = np.where(pools, int(Step.QUANTITY), np.where(~follows | relinked, int(Step.PRICE), 0))
    return np.where(before.is_recorded & after.is_recorded, step, int(Step.PAPERS)).astype(np.int64)


def _computed(state: Columns, curves: Curves, digits: Int) -> Columns:
    """Returns the values [t] that follow from inputs."""
    risk = _market(state, curves)
    rise = adjustment(np.where(state["priced"], state["unit_price"], 1.0) * state["rate"], risk.supported)
    parts = {part: np.where(np.isnan(state[name]), state[f"part_{part}"], state[name]) for part, name in _MODEL_PARTS}
    warehouse = state["warehouse"]
    unknown: Int = np.bitwise_or.reduce([state[name] for name in _UNKNOWN])
    reduced = 1.0 - (1.0 - parts["value"]) * (1.0 - warehouse)
    values = value(
        BaseColumns(
            amount=state["quantity"] * state["unit_price"] * risk.true_share * state["rate"],
            adjustment=rise,
            digits=digits,
            parts=HaircutParts(
                value=np.where(warehouse > 0.0, reduced, parts["value"]),
                market=risk.loss,
                liquidity=parts["liquidity"],
                cost=parts["cost"],
                legal=state["part_legal"],
            ),
            floor=state["floor"],
            cap=np.minimum(state["policy_cap"] * state["cap_share"], 1.0),
            unknown=unknown,
            zero=state["zero"],
            quality=np.zeros(len(digits), dtype=np.int64),
        )
    )
    return {
        "market_minor": values.market_minor,
        "price_adjustment": rise,
        "lendable_minor": values.lendable_minor,
        "unknown": values.unknown,
    }


_UNKNOWN = ("unknown", "unknown_quantity", "unknown_price", "unknown_rate")
_MODEL_PARTS = tuple((part, f"model_{part}") for part in _PARTS)


def _market(state: Columns, curves: Curves) -> MarketPart:
    """Returns the market part [t] by the curve of each row."""
    keys, row = np.unique(state["estimate_key"], return_inverse=True)
    order = np.argsort(row, kind="stable")
    groups = np.split(order, np.searchsorted(row[order], np.arange(1, len(keys)))) if len(keys) else []
    used = [
        CurveUse(curves[key][1], curves[key][0].series_key > 0, rows)
        for key, rows in zip(keys.tolist(), groups, strict=True)
        if key in curves
    ]
    inputs = MarketInputs(
        priced=state["priced"],
        foreign=state["foreign"],
        horizon_days=state["planned_days"] + state["age_days"],
        policy_loss=state["policy_loss"],
        rate_loss=state["rate_loss"],
    )
    return market_part(inputs, used)


def _is_same(state: Columns, other: Columns) -> NDArray[np.bool_]:
    """Returns for each row [t] whether all its inputs are those of another state."""
    same: NDArray[np.bool_] = np.logical_and.reduce(
        [_same(state[name], other[name]) for names in _REPLACED.values() for name in names]
    )
    return same


def _same(one: Columns | Float | Int, other: Columns | Float | Int) -> NDArray[np.bool_]:
    """Returns where two columns are equal; NaN equals NaN."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    same: NDArray[np.bool_] = (a == b) | (np.isnan(a) & np.isnan(b))
    return same
