"""Reads the columns that valuation needs: assets, their details by kind, and their valuation targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, case, func, or_, select
from sqlmodel import SQLModel, col

from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assets.valuation_columns import unverified_stock
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts, TargetFacts
from collateral_registry.store.assets.repository import numbers_of
from collateral_registry.store.engine.bulk import Columns, Source, read_columns, read_keys, typed_column
from collateral_registry.store.engine.key_sets import KEYS, KeyedSelect, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.assets import (
    AssetRow,
    EquipmentRow,
    IntellectualPropertyRow,
    InventoryRow,
    TargetRow,
)
from collateral_registry.store.schema.prices import PriceSeriesRow
from valuation._typing import Int


def read_facts(connection: Source, keys: Int) -> AssetFacts:
    """Returns, in key order, the facts from which the values of assets are computed."""
    columns = read_columns(connection, *_FACTS.of(keys))
    return AssetFacts(
        **columns,
        inventory=_kind_columns(connection, InventoryRow, keys, columns["asset_key"]),
        equipment=_kind_columns(connection, EquipmentRow, keys, columns["asset_key"]),
        rights=_kind_columns(connection, IntellectualPropertyRow, keys, columns["asset_key"]),
    )


_FACTS = KeyedSelect(
    select(
        *columns_of(AssetRow, "asset_key", "revision", "status", "insurance_day", "inspection_day"),
        *columns_of(AssetRow, "prior_claims_minor", "asset_class", "currency"),
    ).order_by(AssetRow.asset_key),
    AssetRow.asset_key,
)


def read_targets(connection: Source, facts: AssetFacts, keys: Int) -> TargetFacts:
    """Returns the currencies in which each asset is valued, ordered by target key."""
    columns = read_columns(connection, *_TARGETS.of(keys))
    row = np.searchsorted(facts.asset_key, columns["asset_key"]).astype(np.int64)
    return TargetFacts(columns["target_key"], row, columns["currency"])


_TARGETS = KeyedSelect(
    select(TargetRow.target_key, TargetRow.asset_key, TargetRow.currency).order_by(TargetRow.target_key),
    TargetRow.asset_key,
)


def read_cover_targets(connection: Source, asset_keys: Int) -> Columns:
    """Returns the valuation targets of assets, ordered by target key.

    The prior claims on an asset are stated on its target in its own currency; they are 0 on its other targets.
    """
    return read_columns(connection, *_COVER_TARGETS.of(asset_keys))


def read_classes(connection: Source, asset_keys: Int) -> Columns:
    """Returns the classes of assets, ordered by asset key."""
    return read_columns(connection, *_CLASSES.of(asset_keys))


_CLASSES = KeyedSelect(
    select(AssetRow.asset_key, AssetRow.asset_class).order_by(AssetRow.asset_key), AssetRow.asset_key
)


_PRIOR_CLAIMS = case((TargetRow.currency == AssetRow.currency, AssetRow.prior_claims_minor), else_=0)
_COVER_TARGETS = KeyedSelect(
    select(TargetRow.target_key, TargetRow.asset_key, _PRIOR_CLAIMS.label("prior_claims_minor"))
    .join(AssetRow, AssetRow.asset_key == TargetRow.asset_key)
    .order_by(TargetRow.target_key),
    # Both tables are filtered, because PostgreSQL does not propagate the keys through the join.
    TargetRow.asset_key,
    AssetRow.asset_key,
)


def foreign_assets(connection: Connection) -> Columns:
    """Returns the assets valued through an exchange rate.

    The columns are the asset key, the currency of the price (``base``), and the currency of the value.
    """
    base = func.coalesce(PriceSeriesRow.currency, AssetRow.currency)
    statement = (
        select(TargetRow.asset_key, base.label("base"), TargetRow.currency)
        .join(AssetRow, AssetRow.asset_key == TargetRow.asset_key)
        .outerjoin(InventoryRow, InventoryRow.asset_key == TargetRow.asset_key)
        .outerjoin(PriceSeriesRow, PriceSeriesRow.series_key == InventoryRow.series_key)
        .where(base != TargetRow.currency)
    )
    return read_columns(connection, statement)


def assets_of_series(connection: Connection, series_keys: Int) -> Int:
    """Returns the sorted keys of the lots priced by these series, and of the machines indexed by one of them."""
    named = {"keys": series_keys}
    return np.union1d(*(read_keys(connection, one, named) for one in (_PRICED_LOTS, _INDEXED_MACHINES)))


_PRICED_LOTS = select(InventoryRow.asset_key).where(is_one_of(InventoryRow.series_key, KEYS))
_INDEXED_MACHINES = select(EquipmentRow.asset_key).where(is_one_of(EquipmentRow.index_key, KEYS))


def machines_of_classes(connection: Connection, classes: Sequence[str]) -> Int:
    """Returns the sorted keys of the machines to which the price index of one of the classes applies.

    Such a machine belongs to one of the classes or a subclass, names no index itself, and states the day of its price.
    """
    below = [col(AssetRow.asset_class).startswith(f"{one}.", autoescape=True) for one in classes]
    statement = (
        select(EquipmentRow.asset_key)
        .join(AssetRow, AssetRow.asset_key == EquipmentRow.asset_key)
        .where(EquipmentRow.index_key == 0, EquipmentRow.price_new_day != NO_DAY)
        .where(or_(AssetRow.asset_class.in_(classes), *below))
        .order_by(EquipmentRow.asset_key)
    )
    return read_keys(connection, statement)


def _kind_columns(connection: Source, table: type[SQLModel], keys: Int, asset_key: Int) -> Columns:
    """Returns the details of the assets of one kind, with the row number of each; series key 0 means no series."""
    details = read_columns(connection, *_OF_KIND[table].of(keys))
    details["asset_row"] = np.searchsorted(asset_key, details.pop("asset_key")).astype(np.int64)
    return details


def _of_kind(table: type[SQLModel]) -> KeyedSelect:
    columns = table.__table__.c
    chosen = [column for column in columns if column.key not in {"series_id", "series_key"}]
    if "series_key" in columns:
        chosen.append(func.coalesce(columns.series_key, 0).label("series_key"))
    return KeyedSelect(select(*chosen).order_by(columns.asset_key), columns.asset_key)


_OF_KIND: dict[type[SQLModel], KeyedSelect] = {
    table: _of_kind(table) for table in (InventoryRow, EquipmentRow, IntellectualPropertyRow)
}


def facts_of(connection: Connection, asset: Asset, key: int = 0) -> AssetFacts:
    """Returns the facts of an asset that is not registered, in the same columns as for registered assets.

    ``key`` stands for the asset; it is not positive, as keys of registered assets are.
    """
    table, numbers = numbers_of(connection, asset)
    days = {"insurance_day": day_of(asset.insurance_expire), "inspection_day": day_of(asset.last_inspection)}
    prior = asset.prior_claims.minor if asset.prior_claims else 0
    own = {"asset_key": key, "revision": 0, "status": int(asset.status), "prior_claims_minor": prior, **days}
    return AssetFacts(
        **{name: np.array([value], dtype=np.int64) for name, value in own.items()},
        asset_class=np.array([asset.asset_class], dtype=object),
        currency=np.array([asset.currency], dtype=object),
        inventory=_quoted_columns(InventoryRow, table, numbers),
        equipment=_quoted_columns(EquipmentRow, table, numbers),
        rights=_quoted_columns(IntellectualPropertyRow, table, numbers),
    )


def _quoted_columns(table: type[SQLModel], own: type[SQLModel] | None, numbers: Mapping[str, Any]) -> Columns:
    """Returns the columns of a table: one row if the table is for the asset's kind, otherwise no rows."""
    columns: Columns = {"asset_row": np.zeros(int(table is own), dtype=np.int64)}
    for column in table.__table__.c:
        if column.key in {"asset_key", "series_id"}:
            continue
        data = [numbers.get(column.key, unverified_stock().get(column.key))] if table is own else []
        if column.key == "series_key":
            data = [value or 0 for value in data]
        columns[column.key] = typed_column(column.type, data)
    return columns
