"""Tables of assets, their revisions, valuation inputs by kind, targets, reference numbers and events of IP assets."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, real, text
from valuation.flags import QualityFlag

RESERVED = -1
"""Pledge key of the numbers that an asset had before its identity was corrected."""


class AssetRow(SQLModel, table=True):
    """Current revision of an asset. ``identity`` is its natural key; null for a retired asset."""

    __tablename__: ClassVar[str] = "asset"
    __table_args__ = (
        Index("asset_of_owner", "owner", "asset_id"),
        Index("asset_of_good", "good", "asset_id"),
        Index("asset_in_place", "place", "asset_id"),
    )
    asset_key: int | None = big(primary_key=True, default=None)
    asset_id: str = text(unique=True)
    kind: int = big()
    asset_class: str = text()
    currency: str = text()
    owner: str = text()
    good: str = text()
    place: str = text()
    identity: str | None = text(unique=True, default=None)
    status: int = big()
    prior_claims_minor: int = big()
    insurance_day: int = big()
    inspection_day: int = big()
    revision: int = big()
    created_seq: int = big()
    updated_seq: int = big()


class AssetRevisionRow(SQLModel, table=True):
    """Every revision of an asset. ``good`` holds the asset class for assets without a good."""

    __tablename__: ClassVar[str] = "asset_revision"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(index=True)
    good: str = text()
    place: str = text()
    document: str = text()


IS_NEWEST_OF_ASSET = (AssetRevisionRow.asset_key == AssetRow.asset_key) & (
    AssetRevisionRow.revision == AssetRow.revision
)
"""The condition that a revision is the current one of its asset."""


class InventoryRow(SQLModel, table=True):
    """Valuation inputs of an inventory lot.

    ``priced_as_another_good`` is 1 if the price series prices another good than the lot's. ``counted_share`` is the
    share of the quantity that counts as collateral: covered by available stock and not authorised for pick-up.
    ``stock_quality`` holds the corresponding quality flags.
    """

    __tablename__: ClassVar[str] = "inventory"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    series_id: str = text(index=True)
    series_key: int | None = big(index=True, default=None)
    quantity_in_series_unit: float | None = real(default=None)
    priced_as_another_good: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    counted_share: float = real(default=1.0, sa_column_kwargs={"server_default": "1"})
    stock_quality: int = big(
        default=int(QualityFlag.STOCK_UNVERIFIED),
        sa_column_kwargs={"server_default": str(int(QualityFlag.STOCK_UNVERIFIED))},
    )
    warehouse_haircut: float = real(default=0.0, sa_column_kwargs={"server_default": "0"})


class EquipmentRow(SQLModel, table=True):
    """Valuation inputs of a machine."""

    __tablename__: ClassVar[str] = "equipment"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    equipment_class: str = text()
    price_new: float | None = real(default=None)
    index_key: int = big()
    price_new_day: int = big()
    built_day: int = big()
    schedule: int = big()
    annual_rate: float = real()
    life_years: float = real()
    hours: float | None = real(default=None)
    hours_day: int = big()
    expected_hours_per_year: float | None = real(default=None)
    condition: int = big()
    units_produced: float | None = real(default=None)
    units_lifetime: float | None = real(default=None)


class IntellectualPropertyRow(SQLModel, table=True):
    """Valuation inputs of an IP asset."""

    __tablename__: ClassVar[str] = "intellectual_property"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    right_kind: int = big()
    office: str = text()
    filing_day: int = big()
    grant_day: int = big()
    expire_day: int = big()
    legal_status: int = big()
    next_year_revenue: float | None = real(default=None)
    growth: float = real()
    royalty_rate: float | None = real(default=None)
    tax_rate: float | None = real(default=None)
    discount_rate: float | None = real(default=None)
    annual_survival: float = real()
    technology_life_years: float | None = real(default=None)
    amortisation_years: float = real()
    owned_share: float = real(default=1.0, sa_column_kwargs={"server_default": "1"})
    licensed_exclusively: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    cap_share: float = real(default=1.0, sa_column_kwargs={"server_default": "1"})
    technology_life_day: int = big()


class TargetRow(SQLModel, table=True):
    """A valuation target: an asset valued in a currency. ``created_seq`` is 0 in rows older than the column."""

    __tablename__: ClassVar[str] = "valuation_target"
    __table_args__ = (UniqueConstraint("asset_key", "currency"),)
    target_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big()
    currency: str = text()
    created_seq: int = big(default=0, index=True, sa_column_kwargs={"server_default": "0"})


class IdentityRow(SQLModel, table=True):
    """A reference number of an asset or a pledge within its scope, in its normalised forms.

    Both halves of its skeleton are indexed to find numbers that differ by one edit. ``agreement`` holds the other facts
    that a duplicate registration would repeat; it is empty if too little is stated. ``pledge_key`` is 0 for numbers of
    the asset, and RESERVED for numbers that it had before a correction.
    """

    __tablename__: ClassVar[str] = "identity"
    __table_args__ = (
        Index("identity_skeleton", "kind", "scope", "skeleton"),
        Index("identity_grouped", "kind", "scope", "grouped"),
        Index("identity_head", "kind", "scope", "agreement", "head"),
        Index("identity_tail", "kind", "scope", "agreement", "tail"),
    )
    identity_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big(index=True)
    pledge_key: int = big(index=True)
    kind: int = big()
    scope: str = text()
    written: str = text()
    skeleton: str = text()
    grouped: str = text()
    head: str = text()
    tail: str = text()
    agreement: str = text()


class IdentityCorrectionRow(SQLModel, table=True):
    """A correction of an asset's identity or owner, which led to a revision; ``document`` is JSON.

    The numbers that the asset had before are kept in ``identity`` as reserved.
    """

    __tablename__: ClassVar[str] = "identity_correction"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big()
    document: str = text()


class RightEventRow(SQLModel, table=True):
    """An event of an IP asset on a day, such as a lapse or a licence."""

    __tablename__: ClassVar[str] = "right_event"
    __table_args__ = (Index("right_event_asset", "asset_key", "event_key"),)
    event_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big()
    kind: int = big()
    day: int = big()
    owned_share: float = real()
    status_before: int = big()
    note: str = text()
    seq: int = big()
