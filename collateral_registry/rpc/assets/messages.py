"""Conversion between assets and messages; the domain types check the fields, this module only parses them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message

from collateral_registry.domain.assets.kinds import (
    Asset,
    Detail,
    Equipment,
    IntellectualProperty,
    Inventory,
    PurchaseOrder,
    Receivable,
    Status,
)
from collateral_registry.domain.assets.survival import Survival
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.v1 import asset_pb2 as pb
from valuation.depreciation.equipment import Condition, Schedule
from valuation.errors import InvalidInput
from valuation.ip.life import RightKind
from valuation.ip.status import LegalStatus


def read_asset(message: pb.Asset, asset_id: str) -> Asset:
    """Returns the asset in a message; raises InvalidInput with the name of the field."""
    return Asset(
        asset_id=asset_id,
        owner=message.owner,
        asset_class=message.asset_class,
        currency=message.currency_code,
        detail=_read_detail(message),
        display_name=message.display_name,
        prior_claims=convert.read_optional_money("prior_claims", message, "prior_claims"),
        insurance_expire=convert.read_date("insurance_expire_date", message, "insurance_expire_date"),
        last_inspection=convert.read_date("last_inspection_date", message, "last_inspection_date"),
        status=convert.member("status", Status, message.status or pb.ASSET_STATUS_NORMAL),
    )


def _read_detail(message: pb.Asset) -> Detail:
    kind = message.WhichOneof("detail")
    if kind is None:
        raise InvalidInput(
            "detail", "nothing", "inventory, equipment, intellectual_property, receivable or purchase_order"
        )
    return _READERS[kind](getattr(message, kind))


def _read_inventory(message: pb.Inventory) -> Inventory:
    return Inventory(
        good=message.good,
        quantity=convert.read_decimal("inventory.quantity", message.quantity),
        unit=message.unit,
        warehouse=message.warehouse,
        lot=message.lot,
        grade=message.grade,
        series=_read_series("inventory.price_series", message.price_series),
        receipt_number=message.receipt_number,
        bin=message.bin,
    )


def read_equipment(message: pb.Equipment) -> Equipment:
    """Returns the machine in a message; raises InvalidInput with the name of the field."""
    return Equipment(
        make=message.make,
        model=message.model,
        serial_number=message.serial_number,
        equipment_class=message.equipment_class,
        price_new=convert.read_money("equipment.price_new", message.price_new),
        built=convert.read_date("equipment.build_date", message, "build_date"),
        schedule=convert.member("equipment.schedule", Schedule, max(message.schedule - 1, 0)),  # 0 is UNSPECIFIED
        hours=convert.read_optional_decimal("equipment.hours", message, "hours"),
        hours_date=convert.read_date("equipment.hours_date", message, "hours_date"),
        expected_hours_per_year=convert.read_optional_decimal(
            "equipment.expected_hours_per_year", message, "expected_hours_per_year"
        ),
        condition=convert.member("equipment.condition", Condition, message.condition),
        location=message.location,
        units_produced=convert.read_optional_decimal("equipment.units_produced", message, "units_produced"),
        units_lifetime=convert.read_optional_decimal("equipment.units_lifetime", message, "units_lifetime"),
        attributes=dict(message.attributes),
        price_index=_read_series("equipment.price_index", message.price_index),
        price_new_date=convert.read_date("equipment.price_new_date", message, "price_new_date"),
        acquisition_cost=convert.read_optional_money("equipment.acquisition_cost", message, "acquisition_cost"),
        acquisition_date=convert.read_date("equipment.acquisition_date", message, "acquisition_date"),
        book_schedule=_read_book_schedule(message.book_schedule),
    )


def _read_series(field: str, name: str) -> str:
    """Returns the id in the name of a price series, empty for an empty name."""
    return id_of(field, name, "priceSeries")[0] if name else ""


def _read_book_schedule(number: int) -> Schedule:
    """Returns the depreciation schedule of the book value, straight line if unspecified."""
    if number == pb.DEPRECIATION_SCHEDULE_UNSPECIFIED:
        return Schedule.STRAIGHT_LINE
    return convert.member("equipment.book_schedule", Schedule, number - 1)


IP = "intellectual_property"
"""Prefix of field names in errors."""

EARNING_FIELDS = ("next_year_revenue", "royalty_rate", "annual_survival")
"""Fields that must not be 0: they would make the value 0, which only a recorded fact such as a lapse may do."""


def _check_earning(message: pb.IntellectualProperty) -> None:
    """Raises InvalidInput if a revenue, royalty rate or survival is present and 0."""
    for name in EARNING_FIELDS:
        field, stated = f"{IP}.{name}", getattr(message, name)
        if not message.HasField(name):
            continue
        is_money = name == "next_year_revenue"
        amount = convert.read_money(field, stated).major if is_money else convert.read_decimal(field, stated)
        if amount == 0:
            raise InvalidInput(field, amount, "more than 0; legal_status states that an IP asset earns nothing")


def _read_survival(message: pb.IntellectualProperty) -> Survival | None:
    """Returns survival probabilities by cause, None if absent; raises InvalidInput if annual_survival is set too."""
    if not message.HasField("survival"):
        return None
    if message.HasField("annual_survival"):
        raise InvalidInput(f"{IP}.annual_survival", message.annual_survival.value, "nothing together with survival")
    names = ("legal", "technical", "commercial")
    stated = {name: convert.read_optional_decimal(f"{IP}.survival.{name}", message.survival, name) for name in names}
    return Survival(**{name: chance for name, chance in stated.items() if chance is not None})


def read_ip_asset(message: pb.IntellectualProperty) -> IntellectualProperty:
    """Returns the IP asset in a message; raises InvalidInput with the name of the field."""
    if message.kind == pb.RIGHT_KIND_UNSPECIFIED:
        raise InvalidInput(f"{IP}.kind", "nothing", "a kind of intellectual property right")

    def rate(name: str, missing: str | None = None) -> Decimal:
        value = convert.read_optional_decimal(f"{IP}.{name}", message, name)
        if value is None and missing is None:
            raise InvalidInput(f"{IP}.{name}", "nothing", "a ratio")
        return Decimal(missing or 0) if value is None else value

    _check_earning(message)
    return IntellectualProperty(
        right_kind=convert.member(f"{IP}.kind", RightKind, message.kind - 1),
        office=message.office,
        number=message.number,
        next_year_revenue=convert.read_money(f"{IP}.next_year_revenue", message.next_year_revenue),
        royalty_rate=rate("royalty_rate"),
        tax_rate=rate("tax_rate"),
        discount_rate=rate("discount_rate"),
        filing=convert.read_date(f"{IP}.filing_date", message, "filing_date"),
        grant=convert.read_date(f"{IP}.grant_date", message, "grant_date"),
        expire=convert.read_date(f"{IP}.expire_date", message, "expire_date"),
        legal_status=convert.member(f"{IP}.legal_status", LegalStatus, message.legal_status),
        growth=rate("growth", "0"),
        annual_survival=rate("annual_survival", "1"),
        technology_life_years=convert.read_optional_decimal(
            f"{IP}.technology_life_years", message, "technology_life_years"
        ),
        survival=_read_survival(message),
        technology_life_date=convert.read_date(f"{IP}.technology_life_date", message, "technology_life_date"),
        amortisation_years=rate("amortisation_years", "0"),
        owned_share=rate("owned_share", "1"),
        licensed_exclusively=message.licensed_exclusively,
        indicators=dict(message.indicators),
    )


def _read_receivable(message: pb.Receivable) -> Receivable:
    return Receivable(
        debtor=message.debtor,
        invoice_number=message.invoice_number,
        face_amount=convert.read_money("receivable.face_amount", message.face_amount),
        issued=convert.read_date("receivable.issue_date", message, "issue_date"),
        due=convert.read_date("receivable.due_date", message, "due_date"),
    )


def _read_order(message: pb.PurchaseOrder) -> PurchaseOrder:
    return PurchaseOrder(
        buyer=message.buyer,
        order_number=message.order_number,
        order_amount=convert.read_money("purchase_order.order_amount", message.order_amount),
        issued=convert.read_date("purchase_order.issue_date", message, "issue_date"),
        due=convert.read_date("purchase_order.due_date", message, "due_date"),
    )


_READERS: dict[str, Callable[[Any], Detail]] = {
    "inventory": _read_inventory,
    "equipment": read_equipment,
    "intellectual_property": read_ip_asset,
    "receivable": _read_receivable,
    "purchase_order": _read_order,
}


def asset_message(stored: StoredAsset) -> pb.Asset:
    """Returns a stored asset as a message, with its etag and times."""
    message = plain_message(stored.asset)
    message.etag = str(stored.revision)
    message.create_time.CopyFrom(convert.timestamp(stored.created_us))
    message.update_time.CopyFrom(convert.timestamp(stored.updated_us))
    return message


def plain_message(asset: Asset) -> pb.Asset:
    """Returns an asset as a message without etag and times."""
    field, detail = _detail_message(asset.detail)
    return pb.Asset(
        name=f"assets/{asset.asset_id}",
        display_name=asset.display_name,
        owner=asset.owner,
        asset_class=asset.asset_class,
        currency_code=asset.currency,
        prior_claims=convert.optional_money(asset.prior_claims),
        insurance_expire_date=convert.calendar_date(asset.insurance_expire),
        last_inspection_date=convert.calendar_date(asset.last_inspection),
        status=int(asset.status),
        **{field: detail},
    )


def _detail_message(detail: Detail) -> tuple[str, Message]:
    if isinstance(detail, Inventory):
        return "inventory", pb.Inventory(
            good=detail.good,
            grade=detail.grade,
            price_series=f"priceSeries/{detail.price_series}",
            quantity=convert.decimal(detail.quantity),
            unit=detail.unit,
            warehouse=detail.warehouse,
            lot=detail.lot,
            receipt_number=detail.receipt_number,
            bin=detail.bin,
        )
    if isinstance(detail, Equipment):
        return "equipment", _equipment_message(detail)
    if isinstance(detail, IntellectualProperty):
        return "intellectual_property", _ip_message(detail)
    if isinstance(detail, Receivable):
        return "receivable", pb.Receivable(
            debtor=detail.debtor,
            invoice_number=detail.invoice_number,
            face_amount=convert.optional_money(detail.face_amount),
            issue_date=convert.calendar_date(detail.issued),
            due_date=convert.calendar_date(detail.due),
        )
    return "purchase_order", pb.PurchaseOrder(
        buyer=detail.buyer,
        order_number=detail.order_number,
        order_amount=convert.optional_money(detail.order_amount),
        issue_date=convert.calendar_date(detail.issued),
        due_date=convert.calendar_date(detail.due),
    )


def _equipment_message(machine: Equipment) -> pb.Equipment:
    return pb.Equipment(
        make=machine.make,
        model=machine.model,
        serial_number=machine.serial_number,
        build_date=convert.calendar_date(machine.built),
        price_new=convert.optional_money(machine.price_new),
        equipment_class=machine.equipment_class,
        schedule=int(machine.schedule) + 1,
        hours=convert.optional_decimal(machine.hours),
        hours_date=convert.calendar_date(machine.hours_date),
        expected_hours_per_year=convert.optional_decimal(machine.expected_hours_per_year),
        condition=int(machine.condition),
        location=machine.location,
        units_produced=convert.optional_decimal(machine.units_produced),
        units_lifetime=convert.optional_decimal(machine.units_lifetime),
        attributes=dict(machine.attributes),
        price_index=f"priceSeries/{machine.price_index}" if machine.price_index else "",
        price_new_date=convert.calendar_date(machine.price_new_date),
        acquisition_cost=convert.optional_money(machine.acquisition_cost),
        acquisition_date=convert.calendar_date(machine.acquisition_date),
        book_schedule=int(machine.book_schedule) + 1,
    )


def survival_message(survival: Survival | None) -> pb.Survival | None:
    """Returns the survival probabilities by cause as a message, None for None."""
    if survival is None:
        return None
    return pb.Survival(
        legal=convert.decimal(survival.legal),
        technical=convert.decimal(survival.technical),
        commercial=convert.decimal(survival.commercial),
    )


def _ip_message(ip: IntellectualProperty) -> pb.IntellectualProperty:
    return pb.IntellectualProperty(
        kind=int(ip.right_kind) + 1,
        office=ip.office,
        number=ip.number,
        filing_date=convert.calendar_date(ip.filing),
        grant_date=convert.calendar_date(ip.grant),
        expire_date=convert.calendar_date(ip.expire),
        legal_status=int(ip.legal_status),
        next_year_revenue=convert.optional_money(ip.next_year_revenue),
        growth=convert.decimal(ip.growth),
        royalty_rate=convert.decimal(ip.royalty_rate),
        tax_rate=convert.decimal(ip.tax_rate),
        discount_rate=convert.decimal(ip.discount_rate),
        annual_survival=None if ip.survival else convert.decimal(ip.annual_survival),
        survival=survival_message(ip.survival),
        technology_life_years=convert.optional_decimal(ip.technology_life_years),
        technology_life_date=convert.calendar_date(ip.technology_life_date),
        amortisation_years=convert.decimal(ip.amortisation_years),
        owned_share=convert.decimal(ip.owned_share),
        licensed_exclusively=ip.licensed_exclusively,
        indicators=dict(ip.indicators),
    )
