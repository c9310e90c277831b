"""Tables of revaluation runs, their partitions and their pending events."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from collateral_registry.store.schema.columns import big, text
from collateral_registry.store.schema.loans import EventColumns


class RunRow(SQLModel, table=True):
    """A revaluation of the whole book as of the commit that started it.

    ``models`` names the models of its values with their versions.
    """

    __tablename__: ClassVar[str] = "revaluation_run"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    state: int = big()
    market_day: int = big()
    policy_key: int = big()
    models: str = text(default="")
    actor: str = text()
    published_seq: int | None = big(index=True, default=None)
    finished_us: int | None = big(default=None)
    events: int = big(default=0)
    judged_again: int = big(default=0)


class RunPartitionRow(SQLModel, table=True):
    """A partition of a run, with the range it covers and whether its results are stored.

    ``facts`` are the digests of its results as JSON; ``published_seq`` is 0 until the run is published.
    """

    __tablename__: ClassVar[str] = "run_partition"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    step: int = big()
    first_key: int = big()
    last_key: int = big()
    needs: bytes | None = Field(sa_type=LargeBinary, default=None)
    done: int = big(default=0)
    valued: int = big(default=0)
    judged: int = big(default=0)
    facts: str = text(default="", sa_column_kwargs={"server_default": ""})
    published_seq: int = big(index=True, default=0, sa_column_kwargs={"server_default": "0"})


class RunEventRow(EventColumns, table=True):
    """An event that is raised when the run is published, unless its loan is judged again before that."""

    __tablename__: ClassVar[str] = "run_event"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    place: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})


PENDING = tuple(EventColumns.model_fields)
"""Columns that a pending event shares with the event that it becomes."""
