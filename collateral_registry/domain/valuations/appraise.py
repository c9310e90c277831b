"""Values assets from loaded inputs: base value by the model of their kind, haircut parts by policy and market.

The resulting columns are those of the stored valuations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.assets.kinds import Status
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.prices.market_data import CurveNeed
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.base_values import BaseValues, Model, base_values, with_last_good
from collateral_registry.domain.valuations.conversions import Conversions, conversions
from collateral_registry.domain.valuations.market_risk import (
    CurveUse,
    MarketInputs,
    MarketPart,
    loss_at,
    market_part,
    planned_days,
    price_age,
)
from collateral_registry.domain.valuations.price_indices import carried_prices
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts, MarketFacts, TargetFacts
from valuation._typing import Float, Int, Texts
from valuation.flags import QualityFlag, UnknownReason, ZeroReason
from valuation.haircuts.composition.parts import HaircutParts
from valuation.money import PPM
from valuation.prices.price_adjustment import adjustment
from valuation.value import BaseColumns, ValueColumns, value

STATUS_ZERO: dict[Status, ZeroReason] = {
    status: ZeroReason[status.name] for status in Status if status != Status.NORMAL
}
"""The reason why a status makes a value 0. Both have the same name."""


@dataclass(frozen=True)
class Appraisal:
    """Valuations [t] in columns, in the order of the targets.

    ``last_good`` counts the unknown parts of pools by what was last known of them; it equals ``values`` elsewhere.
    ``price`` is the unit price of lots, corrected for smoothed quotes. ``adjustment`` is the factor, at most 1, by
    which a price above its supported price counts. ``stand_ins`` marks haircut parts for which a policy number or the
    series' own history replaces a missing estimate. ``oldest_day`` is the day of the oldest input. ``withheld_share``
    is the share of the adjusted value that newer, lower prices and exchange rates in quarantine would take away.
    """

    values: ValueColumns
    last_good: ValueColumns
    parts: HaircutParts
    base: BaseValues
    asset_row: Int
    price: Float
    adjustment: Float
    fx: Conversions
    estimate_key: Int
    horizon_days: Int
    stand_ins: Int
    floor: Float
    cap: Float
    oldest_day: Int
    withheld_share: Float


def appraise(assets: AssetFacts, targets: TargetFacts, market: MarketFacts, policy: Policy, day: int) -> Appraisal:
    """Values every target [t] on a day under a policy."""
    carried = carried_prices(assets, market, day)
    assets = carried.assets
    base = base_values(assets, market.series, market.machines, market.pools, policy, day)
    machines = assets.equipment["asset_row"]
    base.quality[machines[carried.stale]] |= int(QualityFlag.STALE_SERIES)
    base.quality[machines[carried.quarantined]] |= int(QualityFlag.NEWER_PRICE_QUARANTINED)
    base.withheld[machines] = carried.withheld
    at = targets.asset_row
    numbers = _policy_columns(assets, policy, at)
    fx = conversions(base, targets, market, policy, day)
    risk = _market_part(base, targets, market, numbers, day)
    # The curve of an asset without a price series is that of its exchange rate.
    rise = adjustment(np.where(base.series_key[at] > 0, base.price[at], 1.0) * fx.rate, risk.supported)
    share = _cap_share(assets)
    lowered = np.where(share < 1.0, int(QualityFlag.CAP_BY_SCORE), 0)
    stated = base.unknown | _unknown_papers(assets, policy, day)
    zero = base.zero | _status_zero(assets.status)
    lowered |= _not_in_policy(assets, policy)

    def columns_of(base: BaseValues) -> BaseColumns:
        return BaseColumns(
            amount=base.amount[at] * risk.true_share * fx.rate,
            adjustment=rise,
            digits=_digits(targets.currency),
            parts=_parts(assets, base, numbers, risk.loss, at),
            floor=numbers["haircut_floor"],
            cap=np.where(np.isnan(base.cap[at]), numbers["cap"] * share[at], base.cap[at]),
            unknown=stated[at] | fx.unknown,
            zero=zero[at],
            quality=base.quality[at] | fx.quality | risk.quality | lowered[at],
            own_lendable=base.lendable[at] * fx.rate if has_pools else None,
        )

    has_pools = len(market.pools.asset_row) > 0
    columns = columns_of(base)
    values = value(columns)
    last_good = value(columns_of(with_last_good(base, market.pools))) if has_pools else values
    dated = np.stack([base.input_day[at], np.where(fx.day == NO_DAY, day, fx.day)])
    return Appraisal(
        values=values,
        last_good=last_good,
        parts=columns.parts,
        base=base,
        asset_row=at,
        price=base.price[at] * risk.true_share,
        adjustment=rise,
        fx=fx,
        estimate_key=risk.estimate_key,
        horizon_days=risk.horizon_days,
        stand_ins=risk.stand_ins,
        floor=np.nan_to_num(numbers["haircut_floor"], nan=0.0),
        cap=columns.cap,
        oldest_day=dated.min(axis=0),
        withheld_share=_withheld(base.withheld[at], fx.withheld, rise),
    )


def _parts(assets: AssetFacts, base: BaseValues, numbers: Mapping[str, Float], market: Float, at: Int) -> HaircutParts:
    """Returns the haircut parts [t]: those that the model of the base value gives, else those of the policy."""

    def part(of_model: Float, name: str) -> Float:
        return np.where(np.isnan(of_model[at]), numbers[name], of_model[at])

    return HaircutParts(
        value=_value_part(assets, part(base.value, "value_haircut"), at),
        market=market,
        liquidity=part(base.liquidity, "liquidity_haircut"),
        cost=part(base.cost, "cost_haircut"),
        legal=part(base.legal, "legal_haircut"),
    )


def _withheld(of_price: Float, of_rate: Float, adjustment: Float) -> Float:
    """Returns the share of the adjusted value [t] that a lower price or exchange rate in quarantine would take away.

    A price above its supported price counts up to that price only, so a lower price takes nothing away down to it.
    """
    return np.nan_to_num(np.maximum(1.0 - (1.0 - of_price) * (1.0 - of_rate) / adjustment, 0.0))


def needed_curves(assets: AssetFacts, targets: TargetFacts, market: MarketFacts, policy: Policy) -> list[CurveNeed]:
    """Returns the distinct haircut curves that the targets need, in a fixed order.

    A good that is priced in another currency also needs the curve of the exchange rate. That curve is used if the
    good's own curve gives no estimate.
    """
    series_key, currency = series_of_assets(assets, market)
    confidence_ppm = _ppm(_policy_columns(assets, policy, None)["confidence"])
    at = targets.asset_row
    needs, _ = _group_by_need(series_key[at], currency[at], targets.currency, confidence_ppm[at])
    rates, _ = _group_by_need(np.zeros_like(series_key[at]), currency[at], targets.currency, confidence_ppm[at])
    return sorted({need for need in (*needs, *rates) if need is not None})


def _group_by_need(
    series_key: Int, base_currency: Texts, currency: Texts, confidence_ppm: Int
) -> tuple[list[CurveNeed | None], list[Int]]:
    """Groups the rows [t] by the curve that they need; returns the curve of each group, and its rows.

    The curve is None for rows with neither a price series nor a foreign currency.
    """
    if not len(series_key):
        return [], []
    bases, base_code = codes_of(base_currency)
    currencies, currency_code = codes_of(currency)
    confidences, confidence_code = np.unique(confidence_ppm, return_inverse=True)
    pair = base_code * len(currencies) + currency_code
    key = (series_key * (len(bases) * len(currencies)) + pair) * len(confidences) + confidence_code
    order = np.argsort(key, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(key[order])) + 1)
    needs: list[CurveNeed | None] = []
    for group in groups:
        first = group[0]
        has_risk = series_key[first] > 0 or base_currency[first] != currency[first]
        need = CurveNeed(int(series_key[first]), base_currency[first], currency[first], int(confidence_ppm[first]))
        needs.append(need if has_risk and need.confidence_ppm > 0 else None)
    return needs, groups


def _digits(currency: Texts) -> Int:
    """Returns the number of decimal places in the currency of each row [n]."""
    currencies, code = codes_of(currency)
    return np.array([digits_of(one) for one in currencies], dtype=np.int64)[code]


def _ppm(share: Float) -> Int:
    return np.rint(np.nan_to_num(share) * PPM).astype(np.int64)


def series_of_assets(assets: AssetFacts, market: MarketFacts) -> tuple[Int, Texts]:
    """Returns, for each asset [a], the key of its price series (0 for none) and the currency of its model's value."""
    series_key = np.zeros(len(assets.asset_key), dtype=np.int64)
    currency = assets.currency.copy()
    lots = assets.inventory
    rows = market.series.rows_of(lots["series_key"])
    found = rows >= 0
    series_key[lots["asset_row"][found]] = lots["series_key"][found]
    currency[lots["asset_row"][found]] = market.series.currency[rows[found]]
    return series_key, currency


def _policy_columns(assets: AssetFacts, policy: Policy, at: Int | None) -> dict[str, Float]:
    """Returns the policy's numbers for each asset [a], or for each target [t] if ``at`` gives their asset rows."""
    classes, row = codes_of(assets.asset_class)
    if at is not None:
        row = row[at]
    return {name: column[row] for name, column in policy.table(classes).items()}


def _not_in_policy(assets: AssetFacts, policy: Policy) -> Int:
    """Returns the quality flag of each asset [a] whose class the policy does not state; otherwise 0."""
    classes, row = codes_of(assets.asset_class)
    stated = policy.stated_classes
    flags = [0 if name in stated else int(QualityFlag.CLASS_NOT_IN_POLICY) for name in classes]
    return np.array(flags, dtype=np.int64)[row]


def _market_part(
    base: BaseValues, targets: TargetFacts, market: MarketFacts, numbers: dict[str, Float], day: int
) -> MarketPart:
    """Returns the market part [t] by the curves of the targets."""
    at = targets.asset_row
    horizon = planned_days(numbers) + price_age(base.price_day[at], day)
    needs, groups = _group_by_need(
        base.series_key[at], base.currency[at], targets.currency, _ppm(numbers["confidence"])
    )
    curves = [
        CurveUse(market.curves[need], need.series_key > 0, rows)
        for need, rows in zip(needs, groups, strict=True)
        if need is not None and need in market.curves
    ]
    inputs = MarketInputs(
        priced=base.series_key[at] > 0,
        foreign=base.currency[at] != targets.currency,
        horizon_days=horizon,
        policy_loss=numbers["market_haircut"],
        rate_loss=_rate_loss(base, targets, market, numbers, horizon),
    )
    return market_part(inputs, curves)


def _rate_loss(
    base: BaseValues, targets: TargetFacts, market: MarketFacts, numbers: dict[str, Float], horizon: Int
) -> Float:
    """Returns the loss [t] from the exchange rate alone: 0 without conversion, NaN without an estimate."""
    at, loss = targets.asset_row, np.zeros(len(targets.asset_row))
    none = np.zeros(len(at), dtype=np.int64)
    needs, groups = _group_by_need(none, base.currency[at], targets.currency, _ppm(numbers["confidence"]))
    for need, rows in zip(needs, groups, strict=True):
        if need is not None:
            loss[rows] = loss_at(market.curves[need].loss, horizon[rows]) if need in market.curves else np.nan
    return loss


def _value_part(assets: AssetFacts, part: Float, at: Int) -> Float:
    """Returns the value part [t] combined with the warehouse's haircut: 1 - (1 - part)(1 - warehouse)."""
    warehouse = np.zeros(len(assets.asset_key), dtype=np.float64)
    warehouse[assets.inventory["asset_row"]] = assets.inventory["warehouse_haircut"]
    added = warehouse[at]
    return np.where(added > 0, 1.0 - (1.0 - part) * (1.0 - added), part)


def _cap_share(assets: AssetFacts) -> Float:
    """Returns the share [a] of the policy's cap that may be used: by the score for an IP asset, 1 for other assets."""
    share = np.ones(len(assets.asset_key))
    share[assets.rights["asset_row"]] = assets.rights["cap_share"]
    return share


def _unknown_papers(assets: AssetFacts, policy: Policy, day: int) -> Int:
    """Returns the UnknownReason bits [a] for insurance and inspections that the policy requires.

    A date that the policy does not require has no effect, so that removing it changes nothing.
    """
    numbers = _policy_columns(assets, policy, None)
    insured, inspected = assets.insurance_day, assets.inspection_day
    to_insure = np.nan_to_num(numbers["insurance_required"]) > 0
    limit = numbers["inspection_max_age_days"]
    to_inspect = ~np.isnan(limit)
    reasons: tuple[tuple[UnknownReason, NDArray[np.bool_]], ...] = (
        (UnknownReason.INSURANCE_MISSING, to_insure & (insured == NO_DAY)),
        (UnknownReason.INSURANCE_EXPIRED, to_insure & (insured != NO_DAY) & (insured < day)),
        (UnknownReason.INSPECTION_MISSING, to_inspect & (inspected == NO_DAY)),
        (UnknownReason.INSPECTION_OVERDUE, to_inspect & (inspected != NO_DAY) & (day - inspected > limit)),
    )
    bits = np.zeros(len(insured), dtype=np.int64)
    for reason, applies in reasons:
        bits[applies] |= int(reason)
    return bits


def _status_zero(status: Int) -> Int:
    """Returns the ZeroReason bits [a] for the stated status of each asset."""
    bits = np.zeros(len(status), dtype=np.int64)
    for stated, reason in STATUS_ZERO.items():
        bits[status == stated] |= int(reason)
    return bits


def model_name(model: int) -> str:
    """Returns name and version of a base-value model."""
    return {
        Model.NONE: "",
        Model.SPOT_PRICE: "spot-price/1",
        Model.EQUIPMENT: "equipment-curve/1",
        Model.RELIEF_FROM_ROYALTY: "relief-from-royalty/1",
        Model.COMPARABLES: "equipment-comparables/1",
        Model.RECEIVABLE_POOL: "receivable-pool/1",
    }[Model(model)]
