"""Assets of all kinds, as frozen types that validate their fields when they are built.

A kind is a member of ``Kind`` and a class in ``Detail``. Code that depends on the kind matches on ``Detail`` and ends
with ``assert_never``, so that type checking fails wherever a new kind is not handled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum
from functools import partial
from typing import assert_never

from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.assets.claims import PurchaseOrder, Receivable, ReceivablePool
from collateral_registry.domain.assets.field_checks import check_expected_hours, checked_number, text_checks
from collateral_registry.domain.assets.survival import Survival
from collateral_registry.domain.shared.countries import checked_country
from collateral_registry.domain.shared.money import Money, digits_of
from collateral_registry.domain.shared.names import checked_id, checked_text
from collateral_registry.domain.shared.units import checked_spelling
from valuation.depreciation.classes import equipment_classes
from valuation.depreciation.equipment import Condition, Schedule
from valuation.errors import InvalidInput, check_all
from valuation.ip.events import RightState
from valuation.ip.life import RightKind
from valuation.ip.score import score_right
from valuation.ip.status import LegalStatus

QUANTITY_LIMIT = Decimal("1e12")
QUANTITY_DECIMALS = 9
ATTRIBUTES_LIMIT = 100
"""Largest number of attributes that a machine states for models of comparables."""


class Status(IntEnum):
    """Status stated for an asset; the numeric values are stored."""

    NORMAL = 1
    LOST = 2
    SEIZED = 3
    DOUBLE_PLEDGED = 4
    RETIRED = 5


@dataclass(frozen=True)
class Inventory:
    """A lot of goods, identified by warehouse and lot number. A registered lot holds the name of its unit."""

    good: str
    quantity: Decimal
    unit: str
    warehouse: str
    lot: str
    grade: str = ""
    series: str = ""
    receipt_number: str = ""
    bin: str = ""

    kind = Kind.INVENTORY

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        check_all(
            lambda: checked_id("inventory.good", self.good),
            *text_checks("inventory", self, "warehouse", "lot"),
            *text_checks("inventory", self, "grade", "receipt_number", "bin", required=False),
            lambda: checked_id("inventory.price_series", self.series) if self.series else None,
            self._check_quantity,
            lambda: checked_spelling("inventory.unit", self.unit),
        )

    def _check_quantity(self) -> None:
        checked_number("inventory.quantity", self.quantity, "0", str(QUANTITY_LIMIT))
        if -int(self.quantity.as_tuple().exponent) > QUANTITY_DECIMALS:
            raise InvalidInput("inventory.quantity", self.quantity, f"at most {QUANTITY_DECIMALS} decimals")

    @property
    def price_series(self) -> str:
        """Id of the price series: the stated one, or the id of the good if none is stated."""
        return self.series or self.good

    @property
    def identity(self) -> str:
        """Natural key, which is unique across assets."""
        return f"warehouse {self.warehouse} lot {self.lot}"

    @property
    def place(self) -> str:
        """The warehouse that stores the lot."""
        return self.warehouse


@dataclass(frozen=True)
class Equipment:
    """A machine, identified by make and serial number.

    ``schedule`` is the decline of its market value, ``book_schedule`` the depreciation of its cost in the owner's
    books. ``hours_date`` is the day of the meter reading.
    """

    make: str
    model: str
    serial_number: str
    equipment_class: str
    price_new: Money | None = None
    built: date | None = None
    schedule: Schedule = Schedule.GEOMETRIC
    hours: Decimal | None = None
    expected_hours_per_year: Decimal | None = None
    condition: Condition = Condition.UNKNOWN
    location: str = ""
    units_produced: Decimal | None = None
    units_lifetime: Decimal | None = None
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    price_index: str = ""
    price_new_date: date | None = None
    hours_date: date | None = None
    acquisition_cost: Money | None = None
    acquisition_date: date | None = None
    book_schedule: Schedule = Schedule.STRAIGHT_LINE

    kind = Kind.EQUIPMENT
    good = ""

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        check_all(
            *text_checks("equipment", self, "make", "serial_number"),
            *text_checks("equipment", self, "model", "location", required=False),
            self._check_class,
            lambda: checked_number("equipment.hours", self.hours, "0", "1000000"),
            lambda: check_expected_hours("equipment.expected_hours_per_year", self.expected_hours_per_year),
            lambda: checked_number("equipment.units_produced", self.units_produced, "0", "1e12"),
            lambda: checked_number("equipment.units_lifetime", self.units_lifetime, "1", "1e12"),
            self._check_attributes,
            self._check_price_index,
            self._check_acquisition,
            self._check_counted_units,
        )

    def _check_class(self) -> None:
        if self.equipment_class not in equipment_classes():
            want = "one of " + ", ".join(sorted(equipment_classes()))
            raise InvalidInput("equipment.equipment_class", repr(self.equipment_class[:80]), want)

    def _check_attributes(self) -> None:
        if len(self.attributes) > ATTRIBUTES_LIMIT:
            raise InvalidInput("equipment.attributes", f"{len(self.attributes)}", f"at most {ATTRIBUTES_LIMIT}")
        for name, text in self.attributes.items():
            checked_text("equipment.attributes", name)
            checked_text(f"equipment.attributes[{name[:80]}]", text, required=False)

    def _check_price_index(self) -> None:
        if not self.price_index:
            return
        checked_id("equipment.price_index", self.price_index)
        if self.price_new_date is None:
            raise InvalidInput("equipment.price_new_date", "nothing", "the date of price_new, as price_index is set")

    def _check_acquisition(self) -> None:
        """Raises InvalidInput if cost and date of the acquisition are incomplete or contradict the build date."""
        cost, day = self.acquisition_cost, self.acquisition_date
        if cost is not None and cost.minor == 0:
            raise InvalidInput("equipment.acquisition_cost", cost.major, "more than 0, or no value if it is unknown")
        if cost is not None and day is None:
            want = "the date it was put into use, as acquisition_cost is set"
            raise InvalidInput("equipment.acquisition_date", "nothing", want)
        if day and self.built and day < self.built:
            raise InvalidInput("equipment.acquisition_date", day, f"not before the build date {self.built}")

    def _check_counted_units(self) -> None:
        if self.book_schedule is Schedule.UNITS_OF_PRODUCTION:
            for field in ("units_produced", "units_lifetime"):
                if getattr(self, field) is None:
                    raise InvalidInput(f"equipment.{field}", "nothing", "a number, as book_schedule counts units")

    @property
    def identity(self) -> str:
        """Natural key, which is unique across assets."""
        return f"make {self.make} serial number {self.serial_number}"

    @property
    def place(self) -> str:
        """The stated location."""
        return self.location


IP_RANGES = {
    "growth": ("-0.9", "1"), "royalty_rate": ("0", "1"), "tax_rate": ("0", "0.9"), "discount_rate": ("0.001", "2"),
    "annual_survival": ("0", "1"), "technology_life_years": ("0", "100"), "amortisation_years": ("0", "50"),
    "owned_share": ("0.000001", "1"),
}  # fmt: skip
"""Lowest and highest value of each number of an IP asset."""


@dataclass(frozen=True)
class IntellectualProperty:
    """An IP asset, identified by kind, office and number.

    ``technology_life_years`` are counted from ``technology_life_date``. If ``survival`` is stated, the product of
    its probabilities replaces ``annual_survival``.
    """

    right_kind: RightKind
    office: str
    number: str
    next_year_revenue: Money | None = None
    royalty_rate: Decimal | None = None
    tax_rate: Decimal | None = None
    discount_rate: Decimal | None = None
    filing: date | None = None
    grant: date | None = None
    expire: date | None = None
    legal_status: LegalStatus = LegalStatus.UNKNOWN
    growth: Decimal = Decimal(0)
    annual_survival: Decimal = Decimal(1)
    technology_life_years: Decimal | None = None
    amortisation_years: Decimal = Decimal(0)
    owned_share: Decimal = Decimal(1)
    licensed_exclusively: bool = False
    indicators: Mapping[str, float] = dataclasses.field(default_factory=dict)
    technology_life_date: date | None = None
    survival: Survival | None = None

    kind = Kind.INTELLECTUAL_PROPERTY
    good = ""

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        prefix = "intellectual_property"
        check_all(
            *text_checks(prefix, self, "office", "number"),
            *(
                partial(checked_number, f"{prefix}.{name}", getattr(self, name), low, high)
                for name, (low, high) in IP_RANGES.items()
            ),
            lambda: score_right(self.indicators, RightState(self.legal_status)) if self.indicators else None,
            self._check_dates,
        )

    def _check_dates(self) -> None:
        prefix = "intellectual_property"
        if self.filing and self.expire and self.expire < self.filing:
            raise InvalidInput(f"{prefix}.expire_date", self.expire, f"not before the filing on {self.filing}")
        if self.filing and self.grant and self.grant < self.filing:
            raise InvalidInput(f"{prefix}.grant_date", self.grant, f"not before the filing on {self.filing}")

    @property
    def yearly_survival(self) -> Decimal:
        """Probability that the income survives one year, as used in the valuation."""
        return self.survival.product if self.survival else self.annual_survival

    @property
    def identity(self) -> str:
        """Natural key, which is unique across assets."""
        return f"{self.right_kind.name.lower()} {self.office} {self.number}"

    @property
    def place(self) -> str:
        """The office that registered the IP asset."""
        return self.office


Detail = Inventory | Equipment | IntellectualProperty | Receivable | PurchaseOrder | ReceivablePool
"""The fields of an asset that depend on its kind."""


@dataclass(frozen=True)
class Asset:
    """A registered asset: the fields that all kinds share, and the detail of its kind.

    ``country`` is where the asset is, or for whose territory an IP right holds, by its code of ISO 3166-1; empty if it
    is not stated.
    """

    asset_id: str
    owner: str
    asset_class: str
    currency: str
    detail: Detail
    display_name: str = ""
    prior_claims: Money | None = None
    insurance_expire: date | None = None
    last_inspection: date | None = None
    status: Status = Status.NORMAL
    country: str = ""

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput, also if the class or the currency contradicts the detail."""
        check_all(
            lambda: checked_text("owner", self.owner),
            lambda: checked_text("display_name", self.display_name, required=False),
            lambda: digits_of(self.currency),
            lambda: checked_country("country_code", self.country),
            self._check_class,
            *(partial(self._check_currency, field, money) for field, money in self._amounts()),
        )

    def _check_class(self) -> None:
        root = CLASS_ROOT[self.detail.kind]
        if self.asset_class != root and not self.asset_class.startswith(root + "."):
            raise InvalidInput("asset_class", repr(self.asset_class[:80]), f"{root} or {root}.…")

    def _check_currency(self, field: str, money: Money | None) -> None:
        if money is not None and money.currency != self.currency:
            raise InvalidInput(field, money.currency, f"the asset's currency {self.currency}")

    @property
    def identity(self) -> str:
        """Natural key, which is unique across assets. For receivables and purchase orders it includes the owner."""
        match self.detail:
            case Inventory() | Equipment() | IntellectualProperty():
                return self.detail.identity
            case Receivable() | PurchaseOrder():
                return f"owner {self.owner} {self.detail.identity}"
            case ReceivablePool():
                return f"{self.detail.identity} {self.asset_id}"
            case _:
                assert_never(self.detail)

    def _amounts(self) -> list[tuple[str, Money | None]]:
        """Returns every amount of the asset with the name of its field."""
        amounts: list[tuple[str, Money | None]] = [("prior_claims", self.prior_claims)]
        match self.detail:
            case Inventory() | ReceivablePool():
                pass
            case Equipment() as machine:
                amounts += [(f"equipment.{name}", getattr(machine, name)) for name in ("price_new", "acquisition_cost")]
            case IntellectualProperty() as ip_asset:
                amounts.append(("intellectual_property.next_year_revenue", ip_asset.next_year_revenue))
            case Receivable() as receivable:
                amounts.append(("receivable.face_amount", receivable.face_amount))
            case PurchaseOrder() as order:
                amounts.append(("purchase_order.order_amount", order.order_amount))
            case _:
                assert_never(self.detail)
        return amounts
