"""Stores fitted equipment models with their files, and the asset classes that each model values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, insert, select

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Id, Number, Text, Time
from collateral_registry.store.engine.bulk import Source, read_columns, read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.engine.rows import check_unused, columns_of, existing, from_row, insert_row
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.equipment import EquipmentActivationRow, EquipmentModelFileRow, EquipmentModelRow
from valuation._typing import Int


@dataclass(frozen=True)
class StoredModel:
    """A model and the classes for which it is active, without its files."""

    key: int
    model_id: str
    currency: str
    sales: int
    first_day: int
    last_day: int
    data_hash: str
    model_hash: str
    card: str
    created_us: int
    active_classes: tuple[str, ...]


def insert_model(write: Write, values: Mapping[str, object], files: Mapping[str, bytes]) -> None:
    """Stores a model with its files; raises AlreadyExists if its id is taken."""
    model_id = values["model_id"]
    check_unused(write.connection, f"equipmentModels/{model_id}", EquipmentModelRow.model_id == model_id)
    key = insert_row(write.connection, EquipmentModelRow, **values, created_seq=write.seq)
    rows = [{"model_key": key, "name": name, "content": content} for name, content in files.items()]
    write.connection.execute(insert(EquipmentModelFileRow), rows)


def get_model(connection: Connection, model_id: str) -> StoredModel:
    """Returns one model; raises NotFound."""
    return existing(_stored(connection, EquipmentModelRow.model_id == model_id, 1), f"equipmentModels/{model_id}")


MODEL_FILTER = FilterTable(
    name=FilterField(Id("equipmentModels"), EquipmentModelRow.model_id),
    currency_code=FilterField(Text(), EquipmentModelRow.currency),
    sale_count=FilterField(Number(), EquipmentModelRow.sales),
    first_sale_date=FilterField(Day(), EquipmentModelRow.first_day),
    last_sale_date=FilterField(Day(), EquipmentModelRow.last_day),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which models can be filtered."""


def list_models(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredModel]:
    """Returns a page of models, newest first."""
    return _stored(connection, MODEL_FILTER.where(wanted) & (EquipmentModelRow.model_key < before_key), limit)


def files_of(source: Source, model_key: int) -> dict[str, bytes]:
    """Returns the files of a model by name."""
    statement = select(EquipmentModelFileRow.name, EquipmentModelFileRow.content)
    columns = read_columns(source, statement.where(EquipmentModelFileRow.model_key == model_key))
    return dict(zip(columns["name"].tolist(), map(bytes, columns["content"].tolist()), strict=True))


def activate_model(write: Write, model_key: int, asset_class: str) -> None:
    """Activates a model for a class, starting with the current commit."""
    values = {"asset_class": asset_class, "seq": write.seq, "model_key": model_key}
    write.connection.execute(insert(EquipmentActivationRow).values(**values))


def active_models(source: Source, classes: Sequence[str]) -> dict[str, tuple[int, str, str]]:
    """Returns the key, hash and currency of the active model of each class that has one, by class."""
    if not classes:
        return {}
    columns = read_columns(source, _ACTIVE, {"texts": classes})
    rows = zip(*(columns[name].tolist() for name in ("model_key", "model_hash", "currency")), strict=True)
    return dict(zip(columns["asset_class"].tolist(), rows, strict=True))


_NEWEST = (
    select(EquipmentActivationRow.asset_class, func.max(EquipmentActivationRow.seq).label("seq"))
    .where(is_one_of(EquipmentActivationRow.asset_class, TEXTS))
    .group_by(EquipmentActivationRow.asset_class)
    .subquery()
)
_ACTIVE = (
    select(EquipmentActivationRow.asset_class, *columns_of(EquipmentModelRow, "model_key", "model_hash", "currency"))
    .join(
        _NEWEST,
        (EquipmentActivationRow.asset_class == _NEWEST.c.asset_class) & (EquipmentActivationRow.seq == _NEWEST.c.seq),
    )
    .join(EquipmentModelRow, EquipmentModelRow.model_key == EquipmentActivationRow.model_key)
)


def assets_of_class(connection: Connection, asset_class: str) -> Int:
    """Returns the sorted keys of the assets of exactly this class, without its subclasses."""
    statement = select(AssetRow.asset_key).where(AssetRow.asset_class == asset_class).order_by(AssetRow.asset_key)
    return read_keys(connection, statement)


def _stored(connection: Connection, where: ColumnElement[bool], limit: int) -> list[StoredModel]:
    statement = (
        select(EquipmentModelRow.__table__, CommitRow.known_us.label("created_us"))
        .join(CommitRow, CommitRow.seq == EquipmentModelRow.created_seq)
        .where(where)
        .order_by(EquipmentModelRow.model_key.desc())
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    valued = _classes_now(connection)
    return [from_row(StoredModel, row, key=row.model_key, active_classes=valued.get(row.model_key, ())) for row in rows]


def _classes_now(connection: Connection) -> dict[int, tuple[str, ...]]:
    """Returns, by model key, the classes for which the model is active."""
    classes = connection.execute(select(EquipmentActivationRow.asset_class).distinct()).scalars().all()
    found: dict[int, tuple[str, ...]] = {}
    for asset_class, (key, _, _) in sorted(active_models(connection, classes).items()):
        found[key] = (*found.get(key, ()), asset_class)
    return found
