"""Stores assets with their history and with the columns that valuation reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, insert, select, true, update
from sqlmodel import SQLModel

from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.domain.assets.claims import PurchaseOrder, Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Asset, Equipment, IntellectualProperty, Inventory, Status
from collateral_registry.domain.assets.valuation_columns import (
    PricedBy,
    equipment_numbers,
    inventory_numbers,
    ip_numbers,
)
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, EncodedName, Id, Text, Time, enum
from collateral_registry.domain.findings.references import identities_of
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import AlreadyExists, NotFound
from collateral_registry.store.assets.references import write_identities
from collateral_registry.store.engine.asset_documents import asset_from_document
from collateral_registry.store.engine.bulk import Columns, Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, optional_day
from collateral_registry.store.engine.json_documents import to_document
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, DocumentField, KeyedSelect, is_one_of
from collateral_registry.store.engine.rows import columns_of, existing, insert_row, of_first_revision, values_of
from collateral_registry.store.revaluation.row_versions import newest_between
from collateral_registry.store.schema.assets import (
    IS_NEWEST_OF_ASSET,
    AssetRevisionRow,
    AssetRow,
    EquipmentRow,
    IntellectualPropertyRow,
    InventoryRow,
    TargetRow,
)
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.prices import PriceSeriesRow
from collateral_registry.store.stock.claims_by_place import write_claim
from collateral_registry.store.stock.warehouse_scores import haircut_of_warehouse
from valuation._typing import Int

_COUNTRY = func.coalesce(DocumentField(AssetRevisionRow.document, "country"), "")
"""The country of a revision; documents of earlier versions state none."""

_CREATED, _UPDATED = CommitRow.__table__.alias("created"), CommitRow.__table__.alias("updated")

ASSET_FILTER = FilterTable(
    name=FilterField(Id("assets"), AssetRow.asset_id),
    kind=FilterField(enum(Kind, ""), AssetRow.kind),
    asset_class=FilterField(Text(), AssetRow.asset_class),
    owner=FilterField(Text(), AssetRow.owner),
    good=FilterField(Text(), AssetRow.good),
    warehouse=FilterField(EncodedName("warehouses"), AssetRow.place),
    status=FilterField(enum(Status, "ASSET_STATUS_"), AssetRow.status),
    currency_code=FilterField(Text(), AssetRow.currency),
    country_code=FilterField(Text(), _COUNTRY),
    insurance_expire_date=optional_day(Day(), AssetRow.insurance_day),
    last_inspection_date=optional_day(Day(), AssetRow.inspection_day),
    create_time=FilterField(Time(), _CREATED.c.known_us),
    update_time=FilterField(Time(), _UPDATED.c.known_us),
)
"""Fields by which assets can be filtered."""


@dataclass(frozen=True)
class StoredAsset:
    """An asset with its key, revision, and times of creation and last update."""

    key: int
    asset: Asset
    revision: int
    created_us: int
    updated_us: int


def insert_asset(write: Write, asset: Asset) -> int:
    """Stores a new asset and returns its key.

    Raises AlreadyExists, with the name of the other asset, if the id or the identity is taken.
    """
    _check_unique(write.connection, asset, None)
    values = {**_row(asset), "asset_id": asset.asset_id, **of_first_revision(write)}
    key = insert_row(write.connection, AssetRow, **values)
    _write_details(write, key, 1, asset)
    return key


def update_asset(write: Write, stored: StoredAsset, asset: Asset) -> StoredAsset:
    """Stores a new revision of an asset; raises AlreadyExists if its new identity is taken."""
    _check_unique(write.connection, asset, stored.key)
    revision = stored.revision + 1
    row = {**_row(asset), "revision": revision, "updated_seq": write.seq}
    write.connection.execute(update(AssetRow).where(AssetRow.asset_key == stored.key).values(**row))
    _write_details(write, stored.key, revision, asset)
    return replace(stored, asset=asset, revision=revision, updated_us=write.known_us)


def get_asset(connection: Connection, asset_id: str) -> StoredAsset:
    """Returns one asset; raises NotFound."""
    return existing(_stored(connection, [AssetRow.asset_id == asset_id], 1), f"assets/{asset_id}")


def assets_of(connection: Connection, asset_ids: Sequence[str]) -> list[StoredAsset]:
    """Returns the asset with each id [n]; raises NotFound for the first unknown id."""
    found = {row.asset.asset_id: row for row in _stored(connection, [is_one_of(AssetRow.asset_id, asset_ids)], None)}
    missing = next((asset_id for asset_id in asset_ids if asset_id not in found), None)
    if missing is not None:
        raise NotFound(f"assets/{missing}")
    return [found[asset_id] for asset_id in asset_ids]


def list_assets(connection: Connection, wanted: Expression, after: str, limit: int) -> list[StoredAsset]:
    """Returns a page of assets, ordered by id."""
    return _stored(connection, [ASSET_FILTER.where(wanted), AssetRow.asset_id > after], limit)


def asset_keys(connection: Connection, asset_ids: Sequence[str]) -> Int:
    """Returns the key of each id [n]; raises NotFound for the first unknown id."""
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(_KEYS_OF, {"texts": asset_ids})}
    missing = next((asset_id for asset_id in asset_ids if asset_id not in found), None)
    if missing is not None:
        raise NotFound(f"assets/{missing}")
    return np.array([found[asset_id] for asset_id in asset_ids], dtype=np.int64)


_KEYS_OF = select(AssetRow.asset_id, AssetRow.asset_key).where(is_one_of(AssetRow.asset_id, TEXTS))


def read_asset_ids(source: Source, keys: Int) -> Columns:
    """Returns the ids of assets, in key order."""
    return read_columns(source, *_ASSET_IDS.of(keys))


_ASSET_IDS = KeyedSelect(select(AssetRow.asset_key, AssetRow.asset_id).order_by(AssetRow.asset_key), AssetRow.asset_key)


def holder_of_identity(connection: Connection, identity: str) -> str:
    """Returns the id of the asset with a natural key; empty if there is none."""
    return connection.execute(select(AssetRow.asset_id).where(AssetRow.identity == identity)).scalar() or ""


def ensure_target(write: Write, asset_key: int, currency: str) -> int:
    """Returns the key of an asset's valuation target in a currency; creates the target if necessary."""
    found = write.connection.execute(
        select(TargetRow.target_key).where(TargetRow.asset_key == asset_key, TargetRow.currency == currency)
    ).scalar()
    if found is not None:
        return int(found)
    return insert_row(write.connection, TargetRow, asset_key=asset_key, currency=currency, created_seq=write.seq)


def lots_without_series(connection: Connection, series_id: str) -> list[StoredAsset]:
    """Returns the lots whose price series did not exist when they were registered."""
    unpriced = select(InventoryRow.asset_key).where(
        InventoryRow.series_id == series_id, InventoryRow.series_key.is_(None)
    )
    return _stored(connection, [AssetRow.asset_key.in_(unpriced)], None)


def rewrite_numbers(write: Write, stored: StoredAsset) -> None:
    """Stores the valuation columns of an asset again, because its price series has been opened."""
    _write_numbers(write, stored.key, stored.asset)


def documents_of(connection: Connection, asset_keys: Int) -> dict[int, Asset]:
    """Returns the assets that have these keys, by key."""
    rows = connection.execute(_DOCUMENTS, {"keys": asset_keys})
    return {row[0]: asset_from_document(row[1]) for row in rows}


_DOCUMENTS = (
    select(AssetRow.asset_key, AssetRevisionRow.document)
    .join(AssetRevisionRow, IS_NEWEST_OF_ASSET)
    .where(is_one_of(AssetRow.asset_key, KEYS))
)


def equipment_of(source: Source, asset_keys: Int) -> dict[int, Equipment]:
    """Returns the machines among the assets, by key."""
    details = ((key, asset.detail) for key, asset in assets_by_key(source, asset_keys).items())
    return {key: detail for key, detail in details if isinstance(detail, Equipment)}


def assets_by_key(source: Source, asset_keys: Int) -> dict[int, Asset]:
    """Returns assets by key; unlike ``documents_of`` it also reads through ADBC."""
    columns = read_columns(source, _DOCUMENTS, {"keys": asset_keys})
    documents = zip(columns["asset_key"].tolist(), columns["document"].tolist(), strict=True)
    return {key: asset_from_document(document) for key, document in documents}


def places_since(connection: Connection, after: int, seq: int) -> Columns:
    """Returns where each asset that changed after commit ``after`` belongs, as of commit ``seq``.

    The columns are the good, place, asset class and country; ``good`` holds the asset class if the asset has no good.
    """
    revision = AssetRevisionRow
    newest = newest_between(AssetRow.asset_key, revision.asset_key, revision.revision, revision.seq, after, seq)
    is_newest = (revision.asset_key == newest.c.key) & (revision.revision == newest.c.version)
    statement = select(
        *columns_of(revision, "asset_key", "good", "place", "seq"),
        func.coalesce(DocumentField(revision.document, "asset_class"), "").label("asset_class"),
        _COUNTRY.label("country"),
    )
    return read_columns(connection, statement.join_from(newest, revision, is_newest))


def revisions_of(connection: Connection, asset_key: int, revisions: Iterable[int]) -> dict[int, Asset]:
    """Returns the given revisions of an asset by their number."""
    found = connection.execute(_REVISIONS, {"asset_key": asset_key, "keys": revisions})
    return {row.revision: asset_from_document(row.document) for row in found}


_REVISIONS = select(*columns_of(AssetRevisionRow, "revision", "document")).where(
    AssetRevisionRow.asset_key == bindparam("asset_key"), is_one_of(AssetRevisionRow.revision, KEYS)
)


def newest_documents(connection: Connection, asset_key: int, limit: int) -> list[Asset]:
    """Returns the newest revisions of an asset, oldest first."""
    return _newest_documents(connection, asset_key, true(), limit)[::-1]


def assets_as_of(source: Source, asset_keys: Int, seq: int) -> dict[int, Asset]:
    """Returns those of the assets that were registered by commit ``seq`` as they were then, by key."""
    columns = read_columns(source, _AS_OF, {"keys": asset_keys, "seq": seq})
    documents = zip(columns["asset_key"].tolist(), columns["document"].tolist(), strict=True)
    return {key: asset_from_document(document) for key, document in documents}


def _as_of() -> Select[Any]:
    key, revision = KEYS.rows.c.value, AssetRevisionRow
    last = select(func.max(revision.revision)).where(revision.asset_key == key, revision.seq <= bindparam("seq"))
    newest = select(key.label("key"), last.correlate(KEYS.rows).scalar_subquery().label("version")).cte("newest")
    is_it = (revision.asset_key == newest.c.key) & (revision.revision == newest.c.version)
    return select(revision.asset_key, revision.document).join_from(newest, revision, is_it)


_AS_OF = _as_of()


def document_as_of(connection: Connection, asset_key: int, seq: int | None) -> Asset:
    """Returns an asset as of a commit, or its newest revision if no commit is given."""
    by_then = AssetRevisionRow.seq <= seq if seq is not None else true()
    return _newest_documents(connection, asset_key, by_then, 1)[0]


def _newest_documents(connection: Connection, key: int, where: ColumnElement[bool], limit: int) -> list[Asset]:
    """Returns the newest revisions of an asset that meet a condition, newest first."""
    statement = select(AssetRevisionRow.document).where(AssetRevisionRow.asset_key == key, where)
    documents = connection.execute(statement.order_by(AssetRevisionRow.revision.desc()).limit(limit)).scalars()
    return [asset_from_document(document) for document in documents]


def _stored(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[StoredAsset]:
    statement = (
        select(
            AssetRow.asset_key, AssetRevisionRow.document, AssetRow.revision, _CREATED.c.known_us, _UPDATED.c.known_us
        )
        .join(AssetRevisionRow, IS_NEWEST_OF_ASSET)
        .join(_CREATED, _CREATED.c.seq == AssetRow.created_seq)
        .join(_UPDATED, _UPDATED.c.seq == AssetRow.updated_seq)
        .where(*where)
        .order_by(AssetRow.asset_id)
        .limit(limit)
    )
    rows = connection.execute(statement)
    return [StoredAsset(key, asset_from_document(document), *rest) for key, document, *rest in rows]


def _row(asset: Asset) -> dict[str, Any]:
    return {
        **values_of(asset, "asset_class", "currency", "owner", "status"),
        **values_of(asset.detail, "kind", "good", "place"),
        "identity": None if asset.status == Status.RETIRED else asset.identity,
        "prior_claims_minor": asset.prior_claims.minor if asset.prior_claims else 0,
        "insurance_day": day_of(asset.insurance_expire),
        "inspection_day": day_of(asset.last_inspection),
    }


def _check_unique(connection: Connection, asset: Asset, own_key: int | None) -> None:
    statement = select(AssetRow.asset_id, AssetRow.asset_key).where(
        (AssetRow.asset_id == asset.asset_id) | (AssetRow.identity == asset.identity)
    )
    for holder, key in connection.execute(statement):
        if key != own_key:
            what = f"id {asset.asset_id}" if holder == asset.asset_id else asset.identity
            raise AlreadyExists(what, f"assets/{holder}")


def _write_revision(write: Write, key: int, revision: int, asset: Asset) -> None:
    values = {
        "asset_key": key,
        "revision": revision,
        "seq": write.seq,
        "good": asset.detail.good or asset.asset_class,
        "place": asset.detail.place,
        "document": to_document(asset),
    }
    write.connection.execute(insert(AssetRevisionRow), values)


def _write_numbers(write: Write, key: int, asset: Asset) -> None:
    """Stores the valuation columns of an asset; the counted share of a lot is kept."""
    table, numbers = numbers_of(write.connection, asset)
    if table is None:
        return
    changed = write.connection.execute(update(table).where(table.asset_key == key).values(**numbers))
    if not changed.rowcount:
        write.connection.execute(insert(table), {"asset_key": key, **numbers})


def _write_details(write: Write, key: int, revision: int, asset: Asset) -> None:
    """Stores a revision of an asset with its valuation columns, references, claim on a place and valuation target."""
    _write_revision(write, key, revision, asset)
    _write_numbers(write, key, asset)
    write_identities(write.connection, key, 0, identities_of(asset))
    write_claim(write.connection, key, asset)
    ensure_target(write, key, asset.currency)


def numbers_of(connection: Connection, asset: Asset) -> tuple[type[SQLModel] | None, Mapping[str, Any]]:
    """Returns the table of an asset's kind and the values of its row; None and no values if its kind has no table."""
    detail = asset.detail
    match detail:
        case Inventory():
            series = priced_by(connection, detail.price_series)
            return InventoryRow, inventory_numbers(detail, series, haircut_of_warehouse(connection, detail.warehouse))
        case Equipment():
            return EquipmentRow, equipment_numbers(detail, _index_key(connection, detail))
        case IntellectualProperty():
            return IntellectualPropertyRow, ip_numbers(detail, pledged_elsewhere=asset.status is Status.DOUBLE_PLEDGED)
        case Receivable() | PurchaseOrder() | ReceivablePool():
            return None, {}
        case _:
            assert_never(detail)


def priced_by(connection: Connection, series_id: str) -> PricedBy | None:
    """Returns the price series with an id; None if it does not exist."""
    statement = select(PriceSeriesRow.series_key, PriceSeriesRow.good, PriceSeriesRow.unit)
    found = connection.execute(statement.where(PriceSeriesRow.series_id == series_id)).first()
    return PricedBy(*found) if found else None


def _index_key(connection: Connection, machine: Equipment) -> int:
    """Returns the key of the price index of a machine; 0 if it names none. Raises NotFound for an unknown index."""
    if not machine.price_index:
        return 0
    statement = select(PriceSeriesRow.series_key).where(PriceSeriesRow.series_id == machine.price_index)
    key = connection.execute(statement).scalar()
    if key is None:
        raise NotFound(f"priceSeries/{machine.price_index}")
    return int(key)
