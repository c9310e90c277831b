"""Base values by the model of each kind: price x quantity, depreciation, comparables, relief from royalty, pools."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.prices.market_data import SeriesFacts
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.pool_values import PoolAmounts, PoolValues
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts, MachineEstimates
from valuation._typing import Columns, Float, Int
from valuation.calendar import DAYS_PER_YEAR
from valuation.depreciation.equipment import Condition, EquipmentColumns, value_equipment
from valuation.flags import QualityFlag, UnknownReason
from valuation.ip.life import remaining_life_years, technology_years_left
from valuation.ip.relief_from_royalty import RoyaltyColumns, relief_from_royalty
from valuation.ip.status import status_effect

CONDITIONS = tuple(one.name.lower() for one in Condition)
"""Names of conditions in the policy's factors, in the order of their numbers."""


STORED_INPUTS = ("annual_rate", "life_years", "units_produced", "units_lifetime", "hours")
POLICY_INPUTS = (
    "salvage_share", "hours_elasticity", "scrap_share",
    "olv_factor", "flv_factor", "sale_cost_share", "removal_cost_share",
)  # fmt: skip
"""Inputs of a machine's valuation that are stored with the machine, and those that the policy states for its class."""

ROYALTY_INPUTS = (
    "next_year_revenue", "growth", "royalty_rate", "tax_rate", "discount_rate", "annual_survival", "amortisation_years",
)  # fmt: skip
"""Inputs of an IP asset's valuation that are stored with the asset."""


class Model(IntEnum):
    """Model of the base value; the numeric values are stored."""

    NONE = 0
    SPOT_PRICE = 1
    EQUIPMENT = 2
    RELIEF_FROM_ROYALTY = 3
    COMPARABLES = 10
    RECEIVABLE_POOL = 11


@dataclass(frozen=True)
class BaseValues:
    """Base values [a] in major units of ``currency``.

    ``value``, ``liquidity``, ``cost`` and ``legal`` are haircut parts that the model itself gives, and ``cap`` is its
    largest lendable share. They are NaN where the policy's numbers apply instead. ``lendable`` is what the model itself
    lends of ``amount``, NaN where the haircut decides. ``withheld`` is the share of the amount that a newer, lower
    price in quarantine would take away. ``unknown``, ``unknown_part``, ``zero`` and ``quality`` are bits of
    ``valuation.flags``.
    """

    amount: Float
    currency: NDArray[Any]
    model: Int
    series_key: Int
    price: Float
    price_day: Int
    quantity: Float
    value: Float
    liquidity: Float
    cost: Float
    legal: Float
    cap: Float
    lendable: Float
    withheld: Float
    input_day: Int
    unknown: Int
    unknown_part: Int
    zero: Int
    quality: Int


def base_values(
    assets: AssetFacts, series: SeriesFacts, machines: MachineEstimates, pools: PoolValues, policy: Policy, day: int
) -> BaseValues:
    """Values every asset [a] by the model of its kind. Kinds without a model get the reason NO_MODEL."""
    count = len(assets.asset_key)
    of_model = ("value", "liquidity", "cost", "legal", "cap", "lendable")
    unknown = {name: np.full(count, np.nan) for name in ("amount", "price", "quantity", *of_model)}
    integers = ("model", "series_key", "zero", "quality", "unknown_part")
    zero: dict[str, Any] = {name: np.zeros(count, np.int64) for name in integers}
    base = BaseValues(
        **unknown,
        **zero,
        withheld=np.zeros(count),
        currency=assets.currency.copy(),
        price_day=np.full(count, NO_DAY, dtype=np.int64),
        input_day=np.full(count, day, dtype=np.int64),
        unknown=np.full(count, int(UnknownReason.NO_MODEL), dtype=np.int64),
    )
    _price_lots(base, assets.inventory, series, day)
    _value_machines(base, assets, policy, day)
    _value_by_comparables(base, assets, machines, policy)
    _value_ip_assets(base, assets.rights, day)
    _value_pools(base, pools)
    return base


def _value_pools(base: BaseValues, pools: PoolValues) -> None:
    """Values pools of receivables by what is expected of their eligible invoices, and lends what the invoices lend."""
    at = pools.asset_row
    set_amounts(base, at, pools.conservative)
    base.model[at] = int(Model.RECEIVABLE_POOL)
    base.input_day[at] = pools.input_day
    base.quality[at] = pools.quality
    base.unknown[at], base.unknown_part[at] = pools.unknown, pools.unknown_part


def set_amounts(base: BaseValues, at: Int, amounts: PoolAmounts) -> None:
    """Sets the amount of pools [p] in the rows of their assets, with everything that the model gives for it."""
    for one in fields(PoolAmounts):
        getattr(base, one.name)[at] = getattr(amounts, one.name)


def with_last_good(base: BaseValues, pools: PoolValues) -> BaseValues:
    """Returns the base values with the last good amounts of the pools."""
    copied = replace(base, **{one.name: getattr(base, one.name).copy() for one in fields(PoolAmounts)})
    set_amounts(copied, pools.asset_row, pools.last_good)
    return copied


def _price_lots(base: BaseValues, lots: Columns, series: SeriesFacts, day: int) -> None:
    """Values inventory as quantity x latest price.

    The value is unknown if there is no price, the price is stale, or the unit cannot be converted.
    """
    at = lots["asset_row"]
    if not len(at):
        return
    row = series.rows_of(lots["series_key"])
    found = row >= 0
    price = np.where(found, series.price[row], np.nan) if len(series.price) else np.full(len(at), np.nan)
    priced = ~np.isnan(price)
    price_day = np.where(priced, series.day[row], NO_DAY) if len(series.day) else np.full(len(at), NO_DAY)
    quantity = lots["quantity_in_series_unit"] * lots["counted_share"]
    base.amount[at] = quantity * price
    base.quantity[at], base.price[at], base.price_day[at] = quantity, price, price_day
    low, high = _quarantined(series, row)
    base.withheld[at] = np.nan_to_num(np.maximum(1.0 - low / price, 0.0))
    as_another = np.where(lots["priced_as_another_good"] > 0, int(QualityFlag.PRICED_AS_ANOTHER_GOOD), 0)
    quarantined = np.where(np.isnan(high), 0, int(QualityFlag.NEWER_PRICE_QUARANTINED))
    base.quality[at] = lots["stock_quality"] | as_another | quarantined
    base.model[at] = int(Model.SPOT_PRICE)
    base.series_key[at] = np.where(found, lots["series_key"], 0)
    base.currency[at[found]] = series.currency[row[found]]
    base.input_day[at] = np.where(priced, price_day, day)
    limit = series.max_age_days[row] if len(series.max_age_days) else np.zeros(len(at), dtype=np.int64)
    stale = priced & (day - price_day > limit)
    unknown = np.where(priced, 0, int(UnknownReason.NO_PRICE)) | np.where(stale, int(UnknownReason.STALE_PRICE), 0)
    no_unit = found & np.isnan(lots["quantity_in_series_unit"])
    base.unknown[at] = unknown | np.where(no_unit, int(UnknownReason.MISSING_INPUT), 0)


def _quarantined(series: SeriesFacts, row: Int) -> tuple[Float, Float]:
    """Returns the lowest and the highest newer price in quarantine of the series in each row [n].

    They are NaN where there is none, and for the row -1.
    """
    nothing = np.full(len(row), np.nan)
    if not len(series.series_key):
        return nothing, nothing
    low, high = (np.where(row >= 0, one[row], np.nan) for one in (series.quarantined_low, series.quarantined_high))
    return low, high


def _value_machines(base: BaseValues, assets: AssetFacts, policy: Policy, day: int) -> None:
    """Values machines by fair market value, with the liquidity and cost parts that lead to the NOLV."""
    machines = assets.equipment
    at = machines["asset_row"]
    if not len(at):
        return
    values = value_equipment(equipment_columns(machines, assets.asset_class[at], policy, day))
    base.amount[at] = values.fmv
    base.model[at] = int(Model.EQUIPMENT)
    base.liquidity[at], base.cost[at] = _parts_to_nolv(values.fmv, values.olv, values.nolv)
    base.quality[at], base.unknown[at] = values.quality, values.unknown
    inspected = assets.inspection_day[at]
    base.input_day[at] = np.where(inspected == NO_DAY, day, inspected)


def _value_by_comparables(base: BaseValues, assets: AssetFacts, machines: MachineEstimates, policy: Policy) -> None:
    """Replaces the depreciation value by the estimate of a model of comparables, clipped to [scrap, price new].

    The distance to the estimate's low point becomes the value part. If the model did not receive the condition, the
    estimate is multiplied by the policy's factor for the condition, which is at most 1 here. Without an estimate the
    depreciation value stays, with the flag FALLEN_BACK if the active model cannot be used on this server.
    """
    base.quality[machines.asset_row] |= machines.flags & int(QualityFlag.FALLEN_BACK)
    known = ~np.isnan(machines.fmv)
    at = machines.asset_row[known]
    if not len(at):
        return
    table = assets.equipment
    place = np.searchsorted(table["asset_row"], at)
    price_new = table["price_new"][place]
    classes, code = codes_of(assets.asset_class[at])
    numbers = {name: column[code] for name, column in policy.table(classes).items()}
    scrap = price_new * np.nan_to_num(numbers["scrap_share"])
    factors = np.stack([numbers[f"condition_{name}"] for name in CONDITIONS], axis=1)
    factor = factors[np.arange(len(at)), table["condition"][place].astype(np.int64)]
    ignored = ~machines.condition_stated[known] & (table["condition"][place] != int(Condition.UNKNOWN))
    fmv = machines.fmv[known] * np.where(ignored, np.minimum(np.nan_to_num(factor, nan=1.0), 1.0), 1.0)
    # A machine without a price new has neither bound.
    base.amount[at] = np.fmin(np.fmax(fmv, scrap), price_new)
    base.model[at] = int(Model.COMPARABLES)
    base.value[at] = machines.value_haircut[known]
    base.liquidity[at], base.cost[at] = _parts_to_nolv(machines.fmv[known], machines.olv[known], machines.nolv[known])
    base.quality[at] = machines.flags[known] | np.where(fmv < scrap, int(QualityFlag.BELOW_SCRAP), 0)
    base.unknown[at] = 0


def _parts_to_nolv(fmv: Float, olv: Float, nolv: Float) -> tuple[Float, Float]:
    """Returns the liquidity part 1 - OLV / FMV and the cost part 1 - NOLV / OLV, both in [0, 1]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        liquidity = np.where(fmv > 0, 1.0 - olv / fmv, 0.0)
        cost = np.where(olv > 0, 1.0 - nolv / olv, 0.0)
    return np.clip(liquidity, 0.0, 1.0), np.clip(cost, 0.0, 1.0)


def _expected_hours(machines: Columns, policy: Policy) -> Float:
    """Returns the expected meter hours a year of each machine [m]: those it states, else those of the policy."""
    classes, row = codes_of(machines["equipment_class"])
    of_class = np.array([policy.expected_hours_of(one) for one in classes], dtype=np.float64)[row]
    stated = machines["expected_hours_per_year"]
    return np.where(np.isnan(stated), of_class, stated)


def equipment_columns(machines: Columns, asset_classes: NDArray[Any], policy: Policy, day: int) -> EquipmentColumns:
    """Returns the inputs of the depreciation of machines [m] of these asset classes [m]."""
    classes, row = codes_of(asset_classes)
    numbers = {name: column[row] for name, column in policy.table(classes).items()}
    built = machines["built_day"]
    age = np.where(built == NO_DAY, np.nan, (day - built) / DAYS_PER_YEAR)
    read = machines["hours_day"]
    meter_age = np.where((built == NO_DAY) | (read == NO_DAY), np.nan, (read - built) / DAYS_PER_YEAR)
    return EquipmentColumns(
        replacement_cost=machines["price_new"],
        age_years=np.maximum(age, 0.0),
        schedule=machines["schedule"].astype(np.int8),
        **{name: machines[name] for name in STORED_INPUTS},
        **{name: numbers[name] for name in POLICY_INPUTS},
        meter_age_years=np.maximum(meter_age, 0.0),
        expected_hours_per_year=_expected_hours(machines, policy),
        condition=machines["condition"].astype(np.int8),
        condition_factors=np.stack([numbers[f"condition_{name}"] for name in CONDITIONS], axis=1),
    )


def _value_ip_assets(base: BaseValues, rights: Columns, day: int) -> None:
    """Values IP assets by relief from royalty over the remaining life, times the owned share."""
    at = rights["asset_row"]
    if not len(at):
        return
    life_years = years_left(rights, day)
    expire = _dates(rights["expire_day"])
    zero, unknown = status_effect(rights["legal_status"].astype(np.int8), expire, np.datetime64(day, "D"))
    count = len(at)
    values = relief_from_royalty(
        RoyaltyColumns(
            **{name: rights[name] for name in ROYALTY_INPUTS},
            remaining_life_years=np.maximum(np.nan_to_num(life_years, nan=0.0), 0.0),
            mid_year=np.ones(count, dtype=np.bool_),
            operating_margin=np.full(count, np.nan),
        )
    )
    no_life = np.where(np.isnan(life_years), int(UnknownReason.MISSING_INPUT), 0)
    ended = np.where(life_years <= 0, int(UnknownReason.RIGHT_EXPIRED), 0)
    base.amount[at] = values.value * rights["owned_share"]
    base.model[at] = int(Model.RELIEF_FROM_ROYALTY)
    licensed = np.where(rights["licensed_exclusively"] != 0, int(QualityFlag.LICENSED_EXCLUSIVELY), 0)
    shared = np.where(rights["owned_share"] < 1.0, int(QualityFlag.CO_OWNED), 0)
    base.quality[at] = values.quality | licensed | shared
    base.zero[at] = zero
    base.unknown[at] = values.unknown | unknown | no_life | ended


def years_left(rights: Columns, day: int) -> Float:
    """Returns the remaining life of IP assets [r] on a day, in years; NaN where it is not known."""
    today = np.datetime64(day, "D")
    filing, grant, expire = (_dates(rights[name]) for name in ("filing_day", "grant_day", "expire_day"))
    kind = rights["right_kind"].astype(np.int8)
    technology = technology_years_left(rights["technology_life_years"], _dates(rights["technology_life_day"]), today)
    return remaining_life_years(kind, rights["office"], filing, grant, expire, technology, today).years


def _dates(days: Int) -> NDArray[np.datetime64]:
    dates = days.astype("datetime64[D]")
    dates[days == NO_DAY] = np.datetime64("NaT")
    return dates
