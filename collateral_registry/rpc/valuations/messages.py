"""Conversion of a valuation to a message that states every step and input, so that a reviewer can recompute it."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, assert_never

from collateral_registry.commands.valuations.value import Valued
from collateral_registry.domain.assets.kinds import (
    Equipment,
    IntellectualProperty,
    Inventory,
    PurchaseOrder,
    Receivable,
)
from collateral_registry.domain.equipment.value_bases import machine_bases
from collateral_registry.domain.prices.exchange_rates import legs_of, series_id_of
from collateral_registry.domain.shared.days import NO_DAY, date_at, day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.valuations.appraise import model_name
from collateral_registry.domain.valuations.book_value import book_value
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import valuation_pb2 as pb
from valuation.haircuts.composition.parts import PART_NAMES
from valuation.prices.returns import true_value_share

Input = tuple[str, str, Decimal | float | None, str, int]
"""Input of a valuation: name, resource name of its origin, value, unit and day."""


def valuation_message(valued: Valued) -> pb.Valuation:
    """Returns a valuation as a message. A valuation that is not recorded has no name and no time."""
    row, currency = valued.row, valued.currency
    message = pb.Valuation(
        name=f"assets/{valued.asset.asset_id}/valuations/{valuation_id(row['seq'], currency)}" if row["seq"] else "",
        asset=f"assets/{valued.asset.asset_id}",
        market_date=convert.day(row["market_day"]),
        state=_state(row),
        haircut=convert.ratio(row["haircut"]),
        haircut_steps=_steps(row),
        haircut_floor=convert.ratio(row["haircut_floor"]),
        cap=convert.ratio(row["cap"]),
        horizon_days=row["horizon_days"],
        model=model_name(row["model"]),
        haircut_model=valued.haircut_model,
        policy=f"policies/{valued.policy.policy_id}",
        inputs=_inputs(valued),
        fx_path=_fx_path(row["fx_path"]),
        unknown_reasons=convert.unknown_reasons(row["unknown"]),
        zero_reasons=convert.zero_reasons(row["zero"]),
        quality_flags=convert.quality_flags(row["quality"]),
        sequence=row["seq"],
        create_time=convert.timestamp(valued.known_us) if row["seq"] else None,
    )
    if row["unknown"] == 0:
        factor = 1.0 if row["price_adjustment"] is None else row["price_adjustment"]
        message.market_value.CopyFrom(convert.money(row["market_minor"], currency))
        message.price_adjustment.CopyFrom(convert.ratio(factor))
        message.adjusted_value.CopyFrom(convert.money(valued.adjusted_minor, currency))
        message.lendable_value.CopyFrom(convert.money(row["lendable_minor"], currency))
        _add_bases(message, valued)
    elif row["good_seq"]:
        message.last_good_market_value.CopyFrom(convert.money(row["good_market_minor"], currency))
        message.last_good_adjusted_value.CopyFrom(convert.money(valued.good_adjusted_minor, currency))
        message.last_good_lendable_value.CopyFrom(convert.money(row["good_lendable_minor"], currency))
        message.last_good_date.CopyFrom(convert.calendar_date(date_at(valued.last_good_day)))
    _add_book_value(message, valued)
    return message


def _fx_path(path: str) -> list[pb.FxLeg]:
    """Returns the quotes of a stored path of exchange rates."""
    return [
        pb.FxLeg(
            price_series=f"priceSeries/{series_id_of(leg.base, leg.quote)}",
            inverse=leg.inverse,
            rate=convert.number(leg.rate),
            date=convert.day(leg.day),
        )
        for leg in legs_of(path)
    ]


def valuation_id(seq: int, currency: str) -> str:
    """Returns the id of a recorded valuation, which is the last part of its name."""
    return f"{seq}-{currency.lower()}"


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _state(row: dict[str, Any]) -> pb.ValuationState:
    if row["zero"]:
        return pb.VALUATION_STATE_ZERO
    return pb.VALUATION_STATE_UNKNOWN if row["unknown"] else pb.VALUATION_STATE_KNOWN


def _steps(row: dict[str, Any]) -> list[pb.HaircutStep]:
    """Returns the haircut parts in the order in which they are applied, without those that could not be computed."""
    return [
        pb.HaircutStep(
            part=pb.HaircutPart.Value(f"HAIRCUT_PART_{name.upper()}"),
            haircut=convert.ratio(row[f"h_{name}"]),
            stand_in=bool(row["stand_ins"] >> place & 1),
        )
        for place, name in enumerate(PART_NAMES)
        if _is_number(row[f"h_{name}"])
    ]


def _inputs(valued: Valued) -> list[pb.ValuationInput]:
    """Returns the inputs that have a value or a date.

    The price and the exchange rate are those used in the valuation. The other inputs are as registered.
    """
    row, inputs = valued.row, _asset_inputs(valued)
    if row["fx_day"] != NO_DAY:
        inputs.append(("fx_rate", "priceSeries", row["fx_rate"], valued.currency, row["fx_day"]))
    return [_input(*one) for one in inputs if one[2] is not None or one[4] != NO_DAY]


def _asset_inputs(valued: Valued) -> list[Input]:
    row, detail, asset = valued.row, valued.asset.detail, f"assets/{valued.asset.asset_id}"
    match detail:
        case Inventory():
            series = f"priceSeries/{detail.price_series}"
            return [
                ("quantity", asset, detail.quantity, detail.unit, NO_DAY),
                ("quantity_in_price_unit", asset, row["quantity"], "", NO_DAY),
                *_price_inputs(series, row["price"], row["price_day"], valued.hidden_gap),
            ]
        case Equipment():
            return [
                _amount_input("price_new", asset, detail.price_new, day_of(detail.price_new_date)),
                ("build_date", asset, None, detail.equipment_class, day_of(detail.built)),
                ("hours", asset, detail.hours, "h", day_of(detail.hours_date)),
                *_book_inputs(detail, asset),
            ]
        case IntellectualProperty():
            return [
                _amount_input("next_year_revenue", asset, detail.next_year_revenue, NO_DAY),
                ("royalty_rate", asset, detail.royalty_rate, "", NO_DAY),
                ("discount_rate", asset, detail.discount_rate, "", NO_DAY),
                ("expire_date", asset, None, detail.office, day_of(detail.expire)),
            ]
        case Receivable() | PurchaseOrder():
            return []
        case _:
            assert_never(detail)


def _amount_input(name: str, asset: str, amount: Money | None, day: int) -> Input:
    """Returns an amount of an asset as an input; its value is None if the amount is not stated."""
    return (name, asset, None, "", NO_DAY) if amount is None else (name, asset, amount.major, amount.currency, day)


def _price_inputs(series: str, price: float | None, day: int, hidden_gap: float) -> list[Input]:
    """Returns the quoted price and, if the quotes are smoothed, the correction factor that is applied after a fall."""
    share = true_value_share(hidden_gap)
    if price is None or share == 1.0:
        return [("price", series, price, "", day)]
    return [("price", series, price / share, "", day), ("true_value_share", series, share, "", day)]


def _book_inputs(machine: Equipment, asset: str) -> list[Input]:
    """Returns the inputs of the book value: the cost, and the day from which the schedule depreciates it."""
    cost, schedule = machine.acquisition_cost, machine.book_schedule.name.lower()
    if cost is None:
        return []
    return [
        ("acquisition_cost", asset, cost.major, cost.currency, NO_DAY),
        ("acquisition_date", asset, None, schedule, day_of(machine.acquisition_date)),
    ]


def _input(name: str, source: str, value: Decimal | float | None, unit: str, day: int) -> pb.ValuationInput:
    message = pb.ValuationInput(input=name, source=source, unit=unit, date=convert.day(day))
    if isinstance(value, Decimal):
        message.value.CopyFrom(convert.decimal(value))
    elif value is not None and _is_number(value):
        message.value.CopyFrom(convert.number(value))
    return message


def _add_bases(message: pb.Valuation, valued: Valued) -> None:
    """Adds the values of a machine on the other bases of value, if its haircut steps determine them."""
    bases, currency = machine_bases(valued.row, valued.asset.asset_class, valued.policy), valued.currency
    if bases is None:
        return
    message.equipment_bases.MergeFrom(
        pb.EquipmentBases(
            fair_market_value=convert.money(bases.fair, currency),
            orderly_liquidation_value=convert.money(bases.orderly, currency),
            net_orderly_liquidation_value=convert.money(bases.net, currency),
            forced_liquidation_value=None if bases.forced is None else convert.money(bases.forced, currency),
        )
    )


def _add_book_value(message: pb.Valuation, valued: Valued) -> None:
    """Adds the book value of a machine on the valuation date, whether or not its market value is known."""
    asset, day = valued.asset, valued.row["market_day"]
    if isinstance(asset.detail, Equipment):
        value = book_value(asset.detail, asset.asset_class, valued.policy, day)
        if value is not None:
            message.book_value.CopyFrom(convert.money(value.minor, value.currency))
