"""Conversion between assets and messages. This module only parses the fields, and the domain types check them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar, assert_never

from google.protobuf.message import Message
from google.type.date_pb2 import Date

from collateral_registry.domain.assets.claims import (
    Disclosure,
    PoolConcentration,
    PurchaseOrder,
    Receivable,
    ReceivablePool,
    Recourse,
)
from collateral_registry.domain.assets.kinds import Asset, Detail, Equipment, IntellectualProperty, Inventory, Status
from collateral_registry.domain.assets.survival import Survival
from collateral_registry.domain.shared.countries import checked_country
from collateral_registry.domain.shared.money import Money, digits_of
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.v1 import asset_pb2 as pb
from valuation.depreciation.equipment import Condition, Schedule
from valuation.errors import InvalidInput
from valuation.ip.life import RightKind
from valuation.ip.status import LegalStatus

M = TypeVar("M", bound=Message)


def read_asset(message: pb.Asset, asset_id: str) -> Asset:
    """Returns the asset in a message; raises InvalidInput with the name of the field."""
    stated = convert.read_all(
        owner=lambda: checked_text("owner", message.owner),
        currency=lambda: _currency(message.currency_code),
        detail=lambda: _read_detail(message),
        prior_claims=lambda: convert.read_optional_money("prior_claims", message, "prior_claims"),
        insurance_expire=lambda: convert.read_date("insurance_expire_date", message, "insurance_expire_date"),
        last_inspection=lambda: convert.read_date("last_inspection_date", message, "last_inspection_date"),
        status=lambda: convert.member("status", Status, message.status or pb.ASSET_STATUS_NORMAL),
        country=lambda: checked_country("country_code", message.country_code),
    )
    return Asset(asset_id=asset_id, asset_class=message.asset_class, display_name=message.display_name, **stated)


def read_active(message: pb.Asset, asset_id: str) -> Asset:
    """Returns the asset in a message; raises InvalidInput for status RETIRED, which only RetireAsset sets."""
    asset = read_asset(message, asset_id)
    if asset.status == Status.RETIRED:
        raise InvalidInput("status", "RETIRED", "an asset in use; RetireAsset retires")
    return asset


UNSTATED = "(not stated)"
"""Stands for the owner, and begins what stands for the number, that an asset to be quoted does not state."""

PAPERS_OF_OWNERSHIP = {
    "inventory": ("warehouse", "lot"),
    "equipment": ("make", "serial_number"),
    "intellectual_property": ("number",),
    "receivable": ("debtor", "invoice_number"),
    "purchase_order": ("buyer", "order_number"),
    "receivable_pool": (),
}
"""Fields that registration requires and a value does not, by kind: they say which thing it is. The last is a number
that is unique within the others. A pool has the number of its asset."""


def read_quoted(message: pb.Asset, asset_id: str) -> Asset:
    """Returns an asset to be quoted, which need not state an owner and which thing it is.

    A number that is not stated differs from those of quoted assets with other ids. Raises InvalidInput for everything
    else that registration refuses.
    """
    kind = message.WhichOneof("detail")
    quoted = pb.Asset()
    quoted.CopyFrom(message)
    quoted.owner = _stated(message.owner, UNSTATED)
    if kind is not None:
        getattr(quoted, kind).CopyFrom(to_be_quoted(kind, getattr(message, kind), f"{UNSTATED} {asset_id}"))
    return read_active(quoted, asset_id)


def to_be_quoted(kind: str, detail: M, number: str = UNSTATED) -> M:
    """Returns the detail of an asset with a text in place of the papers of ownership that it does not state."""
    quoted = type(detail)()
    quoted.CopyFrom(detail)
    papers = PAPERS_OF_OWNERSHIP[kind]
    for name, unstated in [*((scope, UNSTATED) for scope in papers[:-1]), *((last, number) for last in papers[-1:])]:
        setattr(quoted, name, _stated(getattr(detail, name), unstated))
    return quoted


def _stated(text: str, unstated: str) -> str:
    return text if text.strip() else unstated


def _currency(code: str) -> str:
    """Returns a currency code unchanged; raises InvalidInput unless it is in use."""
    digits_of(code)
    return code


def _read_detail(message: pb.Asset) -> Detail:
    kind = message.WhichOneof("detail")
    if kind is None:
        raise InvalidInput(
            "detail",
            "nothing",
            "inventory, equipment, intellectual_property, receivable, receivable_pool or purchase_order",
        )
    return _READERS[kind](getattr(message, kind))


def _read_inventory(message: pb.Inventory) -> Inventory:
    series = partial(_read_series, "inventory.price_series", message.price_series)
    return convert.read_record(Inventory, "inventory", message, series=series)


def read_equipment(message: pb.Equipment) -> Equipment:
    """Returns the machine in a message; raises InvalidInput with the name of the field."""
    return convert.read_record(
        Equipment,
        "equipment",
        message,
        **_positive("equipment", message, ["price_new"], "leave it out if it is unknown"),
        built=lambda: convert.read_date("equipment.build_date", message, "build_date"),
        # 0 is UNSPECIFIED
        schedule=lambda: convert.member("equipment.schedule", Schedule, max(message.schedule - 1, 0)),
        condition=lambda: convert.member("equipment.condition", Condition, message.condition),
        price_index=lambda: _read_series("equipment.price_index", message.price_index),
        book_schedule=lambda: _read_book_schedule(message.book_schedule),
    )


def _read_series(field: str, name: str) -> str:
    """Returns the id in the name of a price series; empty for an empty name."""
    return id_of(field, name, "priceSeries")[0] if name else ""


def _read_book_schedule(number: int) -> Schedule:
    """Returns the depreciation schedule of the book value; straight line if it is unspecified."""
    if number == pb.DEPRECIATION_SCHEDULE_UNSPECIFIED:
        return Schedule.STRAIGHT_LINE
    return convert.member("equipment.book_schedule", Schedule, number - 1)


IP = "intellectual_property"
"""Prefix of the names of fields in errors."""

EARNING_FIELDS = ("next_year_revenue", "royalty_rate", "annual_survival")
"""Fields that make the value of an IP asset 0 if they are 0."""


def _positive(prefix: str, message: Message, names: Iterable[str], otherwise: str) -> dict[str, Callable[[], object]]:
    """Returns the steps that read the present fields of a message, and refuse 0.

    0 would make the value of the asset 0, which only a recorded fact such as a lapse may do.
    """
    return {
        name: partial(_read_positive, f"{prefix}.{name}", getattr(message, name), otherwise)
        for name in names
        if message.HasField(name)
    }


def _read_positive(field: str, message: Message, otherwise: str) -> Money | Decimal:
    read = convert.READERS[message.DESCRIPTOR.full_name](field, message)
    amount = read.major if isinstance(read, Money) else read
    if amount == 0:
        raise InvalidInput(field, amount, f"more than 0; {otherwise}")
    return read


def _read_survival(message: pb.IntellectualProperty) -> Survival | None:
    """Returns the survival probabilities by cause, None if they are absent.

    Raises InvalidInput if ``annual_survival`` is set as well.
    """
    if not message.HasField("survival"):
        return None
    if message.HasField("annual_survival"):
        raise InvalidInput(f"{IP}.annual_survival", message.annual_survival.value, "nothing together with survival")
    return Survival(**convert.read_fields(f"{IP}.survival", message.survival, Survival))


def read_ip_asset(message: pb.IntellectualProperty) -> IntellectualProperty:
    """Returns the IP asset in a message; raises InvalidInput with the name of the field."""
    return convert.read_record(
        IntellectualProperty,
        IP,
        message,
        **_positive(IP, message, EARNING_FIELDS, "legal_status states that an IP asset earns nothing"),
        survival=lambda: _read_survival(message),
        right_kind=lambda: _read_right_kind(message),
        filing=lambda: convert.read_date(f"{IP}.filing_date", message, "filing_date"),
        grant=lambda: convert.read_date(f"{IP}.grant_date", message, "grant_date"),
        expire=lambda: convert.read_date(f"{IP}.expire_date", message, "expire_date"),
        legal_status=lambda: convert.member(f"{IP}.legal_status", LegalStatus, message.legal_status),
    )


def _read_right_kind(message: pb.IntellectualProperty) -> RightKind:
    if message.kind == pb.RIGHT_KIND_UNSPECIFIED:
        raise InvalidInput(f"{IP}.kind", "nothing", "a kind of intellectual property right")
    return convert.member(f"{IP}.kind", RightKind, message.kind - 1)


def _read_receivable(message: pb.Receivable) -> Receivable:
    return convert.read_record(
        Receivable,
        "receivable",
        message,
        **_dates("receivable", message),
        delivered=lambda: convert.read_date("receivable.delivery_date", message, "delivery_date"),
        owner_debtor=lambda: _read_owner_debtor("receivable", message),
    )


def _read_pool(message: pb.ReceivablePool) -> ReceivablePool:
    prefix = "receivable_pool"
    feed = message.invoice_feed
    return convert.read_record(
        ReceivablePool,
        prefix,
        message,
        invoice_feed=lambda: id_of(f"{prefix}.invoice_feed", feed, "invoiceFeeds")[0] if feed else "",
        recourse=lambda: convert.member(f"{prefix}.recourse", Recourse, message.recourse),
        disclosure=lambda: convert.member(f"{prefix}.disclosure", Disclosure, message.disclosure),
        concentration_mode=lambda: convert.member(
            f"{prefix}.concentration_mode", PoolConcentration, message.concentration_mode
        ),
        owner_debtor=lambda: _read_owner_debtor(prefix, message),
    )


def _read_owner_debtor(kind: str, message: pb.Receivable | pb.ReceivablePool) -> str:
    name = message.owner_debtor
    return id_of(f"{kind}.owner_debtor", name, "debtors")[0] if name else ""


def _read_order(message: pb.PurchaseOrder) -> PurchaseOrder:
    return convert.read_record(PurchaseOrder, "purchase_order", message, **_dates("purchase_order", message))


def _dates(kind: str, message: Message) -> dict[str, Callable[[], object]]:
    """Returns the steps that read the dates of issue and payment of a receivable or purchase order."""
    return {
        "issued": partial(convert.read_date, f"{kind}.issue_date", message, "issue_date"),
        "due": partial(convert.read_date, f"{kind}.due_date", message, "due_date"),
    }


_READERS: dict[str, Callable[[Any], Detail]] = {
    "inventory": _read_inventory,
    "equipment": read_equipment,
    "intellectual_property": read_ip_asset,
    "receivable": _read_receivable,
    "purchase_order": _read_order,
    "receivable_pool": _read_pool,
}


def asset_message(stored: StoredAsset) -> pb.Asset:
    """Returns a stored asset as a message with its etag and times."""
    message = plain_message(stored.asset)
    message.etag = str(stored.revision)
    message.create_time.CopyFrom(convert.timestamp(stored.created_us))
    message.update_time.CopyFrom(convert.timestamp(stored.updated_us))
    return message


def plain_message(asset: Asset) -> pb.Asset:
    """Returns an asset as a message without an etag and times."""
    field, detail = _detail_message(asset.detail)
    return convert.message_of(
        pb.Asset,
        asset,
        name=f"assets/{asset.asset_id}",
        currency_code=asset.currency,
        country_code=asset.country,
        insurance_expire_date=convert.calendar_date(asset.insurance_expire),
        last_inspection_date=convert.calendar_date(asset.last_inspection),
        **{field: detail},
    )


def _detail_message(detail: Detail) -> tuple[str, Message]:
    match detail:
        case Inventory():
            series = f"priceSeries/{detail.price_series}"
            return "inventory", convert.message_of(pb.Inventory, detail, price_series=series)
        case Equipment():
            return "equipment", _equipment_message(detail)
        case IntellectualProperty():
            return "intellectual_property", _ip_message(detail)
        case Receivable():
            delivered = convert.calendar_date(detail.delivered)
            owner = _name_of("debtors", detail.owner_debtor)
            message = convert.message_of(
                pb.Receivable, detail, **_term(detail), delivery_date=delivered, owner_debtor=owner
            )
            return "receivable", message
        case ReceivablePool():
            return "receivable_pool", convert.message_of(
                pb.ReceivablePool,
                detail,
                invoice_feed=_name_of("invoiceFeeds", detail.invoice_feed),
                owner_debtor=_name_of("debtors", detail.owner_debtor),
            )
        case PurchaseOrder():
            return "purchase_order", convert.message_of(pb.PurchaseOrder, detail, **_term(detail))
        case _:
            assert_never(detail)


def _term(detail: Receivable | PurchaseOrder) -> dict[str, Date | None]:
    return {"issue_date": convert.calendar_date(detail.issued), "due_date": convert.calendar_date(detail.due)}


def _name_of(collection: str, resource_id: str) -> str:
    return f"{collection}/{resource_id}" if resource_id else ""


def _equipment_message(machine: Equipment) -> pb.Equipment:
    return convert.message_of(
        pb.Equipment,
        machine,
        build_date=convert.calendar_date(machine.built),
        schedule=int(machine.schedule) + 1,
        price_index=f"priceSeries/{machine.price_index}" if machine.price_index else "",
        book_schedule=int(machine.book_schedule) + 1,
    )


def survival_message(survival: Survival | None) -> pb.Survival | None:
    """Returns the survival probabilities by cause as a message; None if there are none."""
    return None if survival is None else convert.message_of(pb.Survival, survival)


def _ip_message(ip: IntellectualProperty) -> pb.IntellectualProperty:
    return convert.message_of(
        pb.IntellectualProperty,
        ip,
        kind=int(ip.right_kind) + 1,
        filing_date=convert.calendar_date(ip.filing),
        grant_date=convert.calendar_date(ip.grant),
        expire_date=convert.calendar_date(ip.expire),
        annual_survival=None if ip.survival else convert.decimal(ip.annual_survival),
        survival=survival_message(ip.survival),
    )
