"""A valuation as the steps a reviewer can redo with a pencil."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from collateral_registry.commands.valuations.value import Valued
from collateral_registry.domain.assets.kinds import Equipment, IntellectualProperty, Inventory
from collateral_registry.domain.equipment.value_bases import machine_bases
from collateral_registry.domain.shared.days import NO_DAY, date_at, day_of
from collateral_registry.domain.valuations.appraise import model_name
from collateral_registry.domain.valuations.book_value import book_value
from collateral_registry.rpc.common import convert
from collateral_registry.v1 import common_pb2
from collateral_registry.v1 import valuation_pb2 as pb
from valuation.flags import QualityFlag, UnknownReason, ZeroReason
from valuation.haircuts.composition.parts import PART_NAMES
from valuation.prices.returns import true_value_share

Input = tuple[str, str, Decimal | float | None, str, int]
"""What went in: its name, where it comes from, its value and unit, and its day."""


def valuation_message(valued: Valued) -> pb.Valuation:
    """The valuation as a message."""
    row, currency = valued.row, valued.currency
    known = row["unknown"] == 0
    message = pb.Valuation(
        name=f"assets/{valued.asset.asset_id}/valuations/{valuation_id(row['seq'], currency)}" if row["seq"] else "",
        asset=f"assets/{valued.asset.asset_id}",
        market_date=convert.day(row["market_day"]),
        state=_state(row),
        haircut_steps=_steps(row),
        haircut_floor=convert.ratio(row["haircut_floor"]),
        horizon_days=row["horizon_days"],
        model=model_name(row["model"]),
        haircut_model=valued.haircut_model,
        policy=f"policies/{valued.policy.policy_id}",
        inputs=_inputs(valued),
        unknown_reasons=convert.bits(row["unknown"], common_pb2.UnknownReason, "UNKNOWN_REASON", UnknownReason),
        zero_reasons=convert.bits(row["zero"], common_pb2.ZeroReason, "ZERO_REASON", ZeroReason),
        quality_flags=convert.bits(row["quality"], common_pb2.QualityFlag, "QUALITY_FLAG", QualityFlag),
        sequence=row["seq"],
        create_time=convert.timestamp(valued.known_us) if row["seq"] else None,
    )
    for name in ("haircut", "cap"):
        if _is_number(row[name]):
            getattr(message, name).CopyFrom(convert.ratio(row[name]))
    if known:
        message.market_value.CopyFrom(convert.money(row["market_minor"], currency))
        message.lendable_value.CopyFrom(convert.money(row["lendable_minor"], currency))
        _add_bases(message, valued)
    elif row["good_seq"]:
        message.last_good_market_value.CopyFrom(convert.money(row["good_market_minor"], currency))
        message.last_good_lendable_value.CopyFrom(convert.money(row["good_lendable_minor"], currency))
        message.last_good_date.CopyFrom(convert.calendar_date(date_at(valued.last_good_day)))
    _add_book_value(message, valued)
    return message


def valuation_id(seq: int, currency: str) -> str:
    """The last part of a recorded valuation's name."""
    return f"{seq}-{currency.lower()}"


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _state(row: dict[str, Any]) -> pb.ValuationState:
    if row["zero"]:
        return pb.VALUATION_STATE_ZERO
    return pb.VALUATION_STATE_UNKNOWN if row["unknown"] else pb.VALUATION_STATE_KNOWN


def _steps(row: dict[str, Any]) -> list[pb.HaircutStep]:
    """The parts in their order; one that could not be computed is left out."""
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
    """What went in, with dates: price and rate as used, the rest as registered."""
    row, detail = valued.row, valued.asset.detail
    asset = f"assets/{valued.asset.asset_id}"
    found: list[Input] = []
    if isinstance(detail, Inventory):
        found.append(("quantity", asset, detail.quantity, detail.unit, NO_DAY))
        found.append(("quantity_in_price_unit", asset, row["quantity"], "", NO_DAY))
        series = f"priceSeries/{detail.price_series}"
        found += _price_inputs(series, row["price"], row["price_day"], valued.hidden_gap)
    elif isinstance(detail, Equipment):
        found.append(("price_new", asset, detail.price_new.major, detail.price_new.currency, NO_DAY))
        found.append(("build_date", asset, None, detail.equipment_class, day_of(detail.built)))
        found.append(("hours", asset, detail.hours, "h", day_of(detail.hours_date)))
        found.extend(_book_inputs(detail, asset))
    elif isinstance(detail, IntellectualProperty):
        found.append(
            ("next_year_revenue", asset, detail.next_year_revenue.major, detail.next_year_revenue.currency, NO_DAY)
        )
        found.append(("royalty_rate", asset, detail.royalty_rate, "", NO_DAY))
        found.append(("discount_rate", asset, detail.discount_rate, "", NO_DAY))
        found.append(("expire_date", asset, None, detail.office, day_of(detail.expire)))
    if row["fx_day"] != NO_DAY:
        found.append(("fx_rate", "priceSeries", row["fx_rate"], valued.currency, row["fx_day"]))
    return [_input(*one) for one in found if one[2] is not None or one[4] != NO_DAY]


def _price_inputs(series: str, price: float | None, day: int, hidden_gap: float) -> list[Input]:
    """The quote, and beside a smoothed one the share of it that the good is worth after a fall."""
    share = true_value_share(hidden_gap)
    if price is None or share == 1.0:
        return [("price", series, price, "", day)]
    return [("price", series, price / share, "", day), ("true_value_share", series, share, "", day)]


def _book_inputs(machine: Equipment, asset: str) -> list[Input]:
    """What the book value is made of: the cost, and the day from which a schedule writes it off."""
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
    """The other bases of value of a machine, as the steps of its row lead to them."""
    found = machine_bases(valued.row, valued.asset.asset_class, valued.policy)
    if found is None:
        return
    bases = message.equipment_bases
    bases.fair_market_value.CopyFrom(convert.money(found.fair, valued.currency))
    bases.orderly_liquidation_value.CopyFrom(convert.money(found.orderly, valued.currency))
    bases.net_orderly_liquidation_value.CopyFrom(convert.money(found.net, valued.currency))
    if found.forced is not None:
        bases.forced_liquidation_value.CopyFrom(convert.money(found.forced, valued.currency))


def _add_book_value(message: pb.Valuation, valued: Valued) -> None:
    """What the books say of a machine on the day it is valued for, known or not what the market would pay."""
    asset, day = valued.asset, valued.row["market_day"]
    if isinstance(asset.detail, Equipment):
        found = book_value(asset.detail, asset.asset_class, valued.policy, day)
        if found is not None:
            message.book_value.CopyFrom(convert.money(found.minor, found.currency))
