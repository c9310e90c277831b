"""Conversion of a valuation to a message that states every step and input, so that a reviewer can recompute it."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, assert_never

from collateral_registry.commands.valuations.value import Valued
from collateral_registry.domain.assets.claims import PurchaseOrder, Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Equipment, IntellectualProperty, Inventory
from collateral_registry.domain.equipment.value_bases import machine_bases
from collateral_registry.domain.prices.exchange_rates import legs_of, series_id_of
from collateral_registry.domain.shared.days import NO_DAY, date_at, day_of
from collateral_registry.domain.valuations.appraise import model_name
from collateral_registry.domain.valuations.base_values import Model
from collateral_registry.domain.valuations.book_value import book_value
from collateral_registry.domain.valuations.explanation import (
    StatedInput,
    amount_input,
    compared_inputs,
    ip_inputs,
    machine_inputs,
)
from collateral_registry.rpc.common import convert
from collateral_registry.store.stock.newest_counts import LotCount
from collateral_registry.v1 import valuation_pb2 as pb
from valuation.haircuts.composition.parts import PART_NAMES
from valuation.prices.returns import true_value_share


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
        unknown_reasons=convert.unknown_reasons(row["unknown"] | row["unknown_part"]),
        zero_reasons=convert.zero_reasons(row["zero"]),
        quality_flags=convert.quality_flags(row["quality"]),
        sequence=row["seq"],
        create_time=convert.timestamp(valued.known_us) if row["seq"] else None,
        inspection_date=convert.calendar_date(valued.asset.last_inspection),
        quantity_count=_quantity_count(valued.count),
    )
    if row["unknown"] == 0:
        factor = 1.0 if row["price_adjustment"] is None else row["price_adjustment"]
        message.market_value.CopyFrom(convert.money(row["market_minor"], currency))
        message.price_adjustment.CopyFrom(convert.ratio(factor))
        message.adjusted_value.CopyFrom(convert.money(valued.adjusted_minor, currency))
        message.lendable_value.CopyFrom(convert.money(row["lendable_minor"], currency))
        _add_bases(message, valued)
    if (row["unknown"] and row["good_seq"]) or row["unknown_part"]:
        message.last_good_market_value.CopyFrom(convert.money(row["good_market_minor"], currency))
        message.last_good_adjusted_value.CopyFrom(convert.money(valued.good_adjusted_minor, currency))
        message.last_good_lendable_value.CopyFrom(convert.money(row["good_lendable_minor"], currency))
        # The last good value of a known one, which counts its unknown part, is of the same day.
        day = valued.last_good_day if row["unknown"] else row["market_day"]
        message.last_good_date.CopyFrom(convert.calendar_date(date_at(day)))
    _add_book_value(message, valued)
    return message


def _quantity_count(count: LotCount | None) -> pb.QuantityCount | None:
    if count is None:
        return None
    return convert.message_of(
        pb.QuantityCount,
        count,
        count_time=convert.timestamp(count.counted_us),
        counted_quantity=convert.of_millionths(count.counted),
        by_lender=bool(count.by_lender),
        sequence=count.seq,
    )


def quote_message(valued: Valued) -> pb.Valuation:
    """Returns the valuation of an asset that is not registered as a message, which names no asset."""
    message = valuation_message(valued)
    for one in message.inputs:
        if one.source == message.asset:
            one.source = ""
    message.asset = ""
    return message


def _fx_path(path: str) -> list[pb.FxLeg]:
    """Returns the quotes of a stored path of exchange rates."""
    return [
        pb.FxLeg(
            price_series=f"priceSeries/{series_id_of(leg.base, leg.quote)}",
            inverse=leg.inverse,
            rate=convert.number(leg.rate),
            date=convert.day(leg.day),
            base_currency_code=leg.base,
            quote_currency_code=leg.quote,
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
    row, asset = valued.row, f"assets/{valued.asset.asset_id}"
    inputs = [_input(one, asset) for one in _asset_inputs(valued) if _is_stated(one)]
    if isinstance(valued.asset.detail, Inventory):
        series = f"priceSeries/{valued.asset.detail.price_series}"
        inputs += [_input(one, series) for one in _price_inputs(valued) if _is_stated(one)]
    if row["fx_day"] != NO_DAY:
        inputs.append(_input(StatedInput("fx_rate", row["fx_rate"], _rate_unit(valued), row["fx_day"]), "priceSeries"))
    return inputs


def _rate_unit(valued: Valued) -> str:
    """Returns the unit of the exchange rate: the currency of the value for one unit of the converted currency."""
    legs = legs_of(valued.row["fx_path"])
    if not legs:
        return valued.currency
    return f"{valued.currency}/{legs[0].quote if legs[0].inverse else legs[0].base}"


def _asset_inputs(valued: Valued) -> list[StatedInput]:
    row, detail = valued.row, valued.asset.detail
    match detail:
        case Inventory():
            return [StatedInput("quantity", detail.quantity, detail.unit)]
        case Equipment():
            if row["model"] == Model.COMPARABLES:
                return [*compared_inputs(detail, valued.asset.asset_class, valued.policy), *_book_inputs(detail)]
            factors = machine_inputs(detail, valued.asset.asset_class, valued.policy, row["market_day"])
            return [*factors, *_book_inputs(detail)]
        case IntellectualProperty():
            return ip_inputs(detail, row["market_day"])
        case Receivable() | PurchaseOrder() | ReceivablePool():
            return _claim_inputs(detail)
        case _:
            assert_never(detail)


def _claim_inputs(detail: Receivable | PurchaseOrder | ReceivablePool) -> list[StatedInput]:
    """Returns the amount of an invoice or an order; nothing for a pool, whose statement explains it."""
    match detail:
        case Receivable():
            return [amount_input("face_amount", detail.face_amount, day_of(detail.due))]
        case PurchaseOrder():
            return [amount_input("order_amount", detail.order_amount, day_of(detail.due))]
        case ReceivablePool():
            return []
        case _:
            assert_never(detail)


def _price_inputs(valued: Valued) -> list[StatedInput]:
    """Returns the counted quantity in the unit of the price, the quoted price and the correction of smoothed quotes.

    The correction factor is applied after a fall.
    """
    price, day, share = valued.row["price"], valued.row["price_day"], true_value_share(valued.hidden_gap)
    unit = valued.price_unit
    counted = StatedInput("quantity_in_price_unit", valued.row["quantity"], unit.partition("/")[2])
    if price is None or share == 1.0:
        return [counted, StatedInput("price", price, unit, day)]
    return [counted, StatedInput("price", price / share, unit, day), StatedInput("true_value_share", share, day=day)]


def _book_inputs(machine: Equipment) -> list[StatedInput]:
    """Returns the inputs of the book value: the cost, and the day from which the schedule depreciates it."""
    cost, schedule = machine.acquisition_cost, machine.book_schedule.name.lower()
    if cost is None:
        return []
    return [
        amount_input("acquisition_cost", cost),
        StatedInput("acquisition_date", None, schedule, day_of(machine.acquisition_date), schedule),
    ]


def _is_stated(one: StatedInput) -> bool:
    has_value = isinstance(one.value, Decimal) or _is_number(one.value)
    return has_value or (one.value is None and one.day != NO_DAY)


def _input(one: StatedInput, source: str) -> pb.ValuationInput:
    message = pb.ValuationInput(
        input=one.name, source=source, unit=one.unit, date=convert.day(one.day), label=one.label.lower()
    )
    if isinstance(one.value, Decimal):
        message.value.CopyFrom(convert.decimal(one.value))
    elif one.value is not None:
        message.value.CopyFrom(convert.number(one.value))
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
