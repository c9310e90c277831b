"""Tables of price series, their prices and their haircut curves."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.schema.columns import big, real, text


class PriceSeriesRow(SQLModel, table=True):
    """A price series, or a series of exchange rates, with its newest accepted price.

    ``history_seq`` is the last commit that changed a price older than the newest one; 0 if there is none.
    ``quarantined_low`` and ``quarantined_high`` are the lowest and the highest quarantined price on or after the day of
    the newest accepted one, of both directions of a currency pair; None if there is none. ``quarantined_day`` is the
    day of the newest of them.
    """

    __tablename__: ClassVar[str] = "price_series"
    series_key: int | None = big(primary_key=True, default=None)
    series_id: str = text(unique=True)
    is_fx: int = big()
    good: str = text()
    unit: str = text()
    currency: str = text()
    market: str = text()
    source: str = text()
    max_age_days: int = big()
    latest_day: int = big()
    latest_price: float | None = real(default=None)
    latest_text: str = text()
    latest_return: float | None = real(default=None)
    history_seq: int = big(default=0)
    quarantined_low: float | None = real(default=None)
    quarantined_high: float | None = real(default=None)
    quarantined_day: int = big(default=NO_DAY)
    created_seq: int = big()


class UnitSpellingRow(SQLModel, table=True):
    """An own spelling of a unit; ``owner`` is the resource name of a stock feed or a price series."""

    __tablename__: ClassVar[str] = "unit_spelling"
    owner: str = text(primary_key=True)
    spelling: str = text(primary_key=True)
    unit: str = text()


class PriceRow(SQLModel, table=True):
    """A price observation; a correction is a later row of the same day."""

    __tablename__: ClassVar[str] = "price"
    series_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    day: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    verdict: int = big()
    value: float = real()
    decimal_text: str = text()


class HaircutCurveRow(SQLModel, table=True):
    """A haircut curve of a series in a currency at a confidence.

    The arrays are stored as bytes of float64, one number per business day of the horizon. ``of_run`` is 0 for a curve
    that a change estimated.
    """

    __tablename__: ClassVar[str] = "haircut_curve"
    __table_args__ = (Index("estimate_subject", "series_key", "base_currency", "currency", "confidence_ppm", "day"),)
    estimate_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    series_key: int = big()
    base_currency: str = text()
    currency: str = text()
    confidence_ppm: int = big()
    day: int = big()
    price: float | None = real(default=None)
    log_return: float | None = real(default=None)
    history_seq: int = big()
    seq: int = big(index=True)
    of_run: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    model: str = text()
    observations: int = big()
    flags: int = big()
    daily_volatility: float = real()
    hidden_gap: float = real()
    supported_price: float | None = real(default=None)
    light: str = text()
    multiplier: float = real()
    exceedances: int = big()
    promises: int = big()
    drift: float = real()
    next_variance: float = real()
    cause: str = text()
    loss: bytes = Field(sa_type=LargeBinary)
    own_loss: bytes | None = Field(sa_type=LargeBinary, default=None)
    expected_shortfall: bytes = Field(sa_type=LargeBinary)
    standard_error: bytes = Field(sa_type=LargeBinary)
