"""Tables of equipment models, their activations and appraisals of machines."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from collateral_registry.store.schema.columns import big, text


class EquipmentModelRow(SQLModel, table=True):
    """A fitted model of comparables. A model and its files are never changed."""

    __tablename__: ClassVar[str] = "equipment_model"
    model_key: int | None = big(primary_key=True, default=None)
    model_id: str = text(unique=True)
    currency: str = text()
    sales: int = big()
    first_day: int = big()
    last_day: int = big()
    data_hash: str = text()
    model_hash: str = text()
    card: str = text()
    created_seq: int = big()


class EquipmentModelFileRow(SQLModel, table=True):
    """A file of a model."""

    __tablename__: ClassVar[str] = "equipment_model_file"
    model_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = text(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)


class EquipmentActivationRow(SQLModel, table=True):
    """Activation of a model for an asset class, starting with a commit; the newest row applies."""

    __tablename__: ClassVar[str] = "equipment_activation"
    asset_class: str = text(primary_key=True)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    model_key: int = big()


class AppraisalRow(SQLModel, table=True):
    """The value of a machine on a day according to an appraiser."""

    __tablename__: ClassVar[str] = "appraisal"
    __table_args__ = (Index("appraisal_asset", "asset_key", "appraisal_key"),)
    appraisal_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big()
    appraiser: str = text()
    day: int = big()
    basis: int = big()
    amount_minor: int = big()
    currency: str = text()
    seq: int = big()
