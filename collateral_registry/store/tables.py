"""The schema: thin tables, no behaviour. Invariants live in the domain types.

Names say the unit: ``_minor`` is minor units of the row's currency, ``_ppm`` millionths, ``_day`` days from
1970-01-01 (NO_DAY where unset), ``_us`` microseconds from 1970-01-01 UTC. ``seq`` is the commit that made a fact known;
rows that carry one are never changed afterwards. Values and covers come from changes of the book (``of_run`` 0) and
from revaluation runs (1), whose rows carry the sequence of the run's start and count once the run is published
(store/newest.py).
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlmodel import Field, SQLModel

from valuation.flags import QualityFlag

Big = BigInteger().with_variant(Integer(), "sqlite")


def big(**options: Any) -> Any:  # noqa: ANN401 - SQLModel's Field is typed Any
    """A 64-bit integer column."""
    return Field(sa_type=Big, **options)


def real(**options: Any) -> Any:  # noqa: ANN401 - SQLModel's Field is typed Any
    """A float64 column, for model numbers."""
    return Field(sa_type=Float(53), **options)


def text(**options: Any) -> Any:  # noqa: ANN401 - SQLModel's Field is typed Any
    """A text column."""
    return Field(sa_type=Text, **options)


def incremental(name: str, key: str) -> Index:
    """An index on the rows that a change of the book wrote; those of a run are found by its sequence alone."""
    only = sql_text("of_run = 0")
    return Index(name, key, "seq", sqlite_where=only, postgresql_where=only)


IN_ORDER = {"sqlite_with_rowid": False}
"""SQLite keeps the rows in the order of their key, so that a run only appends."""


class CommitRow(SQLModel, table=True):
    """One committed change; its sequence orders everything."""

    __tablename__: ClassVar[str] = "commit_log"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    known_us: int = big(index=True)
    market_day: int = big(index=True)
    kind: str = text()
    actor: str = text()


class RequestRow(SQLModel, table=True):
    """The first answer to a request_id, so that a retry gets it again."""

    __tablename__: ClassVar[str] = "request"
    request_id: str = text(primary_key=True)
    body_hash: str = text()
    answer: bytes = Field(sa_type=LargeBinary)
    seq: int = big()


class AssetRow(SQLModel, table=True):
    """An asset as it is now."""

    __tablename__: ClassVar[str] = "asset"
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
    """Every state an asset has had; ``good`` is its class where there is no good."""

    __tablename__: ClassVar[str] = "asset_revision"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(index=True)
    good: str = text()
    place: str = text()
    document: str = text()


class InventoryRow(SQLModel, table=True):
    """The numbers of an inventory lot that its value is computed from.

    ``counted_share`` is the share of the quantity that is there, as far as anybody can tell, and not on its way out;
    ``stock_quality`` holds the quality flags that go with it.
    """

    __tablename__: ClassVar[str] = "inventory"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    series_id: str = text(index=True)
    series_key: int | None = big(index=True, default=None)
    quantity_in_series_unit: float | None = real(default=None)
    counted_share: float = real(default=1.0, sa_column_kwargs={"server_default": "1"})
    stock_quality: int = big(
        default=int(QualityFlag.STOCK_UNVERIFIED),
        sa_column_kwargs={"server_default": str(int(QualityFlag.STOCK_UNVERIFIED))},
    )
    warehouse_haircut: float = real(default=0.0, sa_column_kwargs={"server_default": "0"})


class EquipmentRow(SQLModel, table=True):
    """The numbers of a machine that its value is computed from."""

    __tablename__: ClassVar[str] = "equipment"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    price_new: float = real()
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
    """The numbers of a right that its value is computed from."""

    __tablename__: ClassVar[str] = "intellectual_property"
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    right_kind: int = big()
    office: str = text()
    filing_day: int = big()
    grant_day: int = big()
    expire_day: int = big()
    legal_status: int = big()
    next_year_revenue: float = real()
    growth: float = real()
    royalty_rate: float = real()
    tax_rate: float = real()
    discount_rate: float = real()
    annual_survival: float = real()
    technology_life_years: float | None = real(default=None)
    amortisation_years: float = real()
    owned_share: float = real(default=1.0, sa_column_kwargs={"server_default": "1"})
    licensed_exclusively: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    cap_share: float = real(default=1.0, sa_column_kwargs={"server_default": "1"})
    technology_life_day: int = big()


class PriceSeriesRow(SQLModel, table=True):
    """A price series with its newest accepted price; exchange rates are series too.

    ``history_seq`` is the commit that last changed what the series had said before its newest price, 0 for none.
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
    created_seq: int = big()


class PriceRow(SQLModel, table=True):
    """An observation; a correction is a later row of the same day."""

    __tablename__: ClassVar[str] = "price"
    series_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    day: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    verdict: int = big()
    value: float = real()
    decimal_text: str = text()


class EstimateRow(SQLModel, table=True):
    """A haircut curve of a series in a currency at a confidence; arrays are float64 bytes, one a business day."""

    __tablename__: ClassVar[str] = "estimate"
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
    seq: int = big()
    model: str = text()
    observations: int = big()
    flags: int = big()
    daily_volatility: float = real()
    hidden_gap: float = real()
    light: str = text()
    multiplier: float = real()
    exceedances: int = big()
    promises: int = big()
    drift: float = real()
    next_variance: float = real()
    cause: str = text()
    loss: bytes = Field(sa_type=LargeBinary)
    expected_shortfall: bytes = Field(sa_type=LargeBinary)
    standard_error: bytes = Field(sa_type=LargeBinary)


class PolicyRow(SQLModel, table=True):
    """A version of the policy."""

    __tablename__: ClassVar[str] = "policy"
    policy_key: int | None = big(primary_key=True, default=None)
    policy_id: str = text(unique=True)
    effective_day: int = big()
    created_seq: int = big()
    activated_seq: int | None = big(default=None)
    document: str = text()


class LoanRow(SQLModel, table=True):
    """A loan as it is now."""

    __tablename__: ClassVar[str] = "loan"
    loan_key: int | None = big(primary_key=True, default=None)
    loan_id: str = text(unique=True)
    borrower: str = text()
    currency: str = text()
    exposure_minor: int = big()
    balance_day: int = big()
    credit_limit_minor: int = big()
    ltv_basis: int = big()
    watch_ppm: int = big()
    margin_call_ppm: int = big()
    stop_draw_ppm: int = big()
    liquidation_ppm: int = big()
    maturity_day: int = big()
    state: int = big()
    revision: int = big()
    created_seq: int = big()
    updated_seq: int = big()


class LoanRevisionRow(SQLModel, table=True):
    """Every state a loan has had, balances included; what reports need of it stands in columns."""

    __tablename__: ClassVar[str] = "loan_revision"
    loan_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(index=True)
    borrower: str = text()
    currency: str = text()
    state: int = big()
    document: str = text()


class TargetRow(SQLModel, table=True):
    """An asset in a currency: what a valuation is of."""

    __tablename__: ClassVar[str] = "valuation_target"
    __table_args__ = (UniqueConstraint("asset_key", "currency"),)
    target_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big()
    currency: str = text()


class PledgeRow(SQLModel, table=True):
    """A pledge as it is now."""

    __tablename__: ClassVar[str] = "pledge"
    __table_args__ = (UniqueConstraint("loan_key", "pledge_id"),)
    pledge_key: int | None = big(primary_key=True, default=None)
    pledge_id: str = text()
    loan_key: int = big(index=True)
    asset_key: int = big(index=True)
    target_key: int = big()
    rank: int = big()
    share_ppm: int = big()
    limit_minor: int = big()
    registration_expire_day: int = big()
    state: int = big()
    revision: int = big()
    created_seq: int = big()
    updated_seq: int = big()


class PledgeRevisionRow(SQLModel, table=True):
    """Every state a pledge has had."""

    __tablename__: ClassVar[str] = "pledge_revision"
    pledge_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big()
    document: str = text()


class ValuationRow(SQLModel, table=True):
    """A valuation as its steps: the explanation is the row."""

    __tablename__: ClassVar[str] = "valuation"
    __table_args__ = (incremental("valuation_of_target", "target_key"), IN_ORDER)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    target_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    of_run: int = big(default=0)
    market_day: int = big()
    asset_revision: int = big()
    policy_key: int = big()
    estimate_key: int = big()
    model: int = big()
    price: float | None = real(default=None)
    price_day: int = big()
    quantity: float | None = real(default=None)
    fx_rate: float | None = real(default=None)
    fx_day: int = big()
    horizon_days: int = big()
    h_value: float | None = real(default=None)
    h_market: float | None = real(default=None)
    h_liquidity: float | None = real(default=None)
    h_cost: float | None = real(default=None)
    h_legal: float | None = real(default=None)
    stand_ins: int = big()
    haircut: float | None = real(default=None)
    haircut_floor: float | None = real(default=None)
    cap: float | None = real(default=None)
    market_minor: int = big()
    lendable_minor: int = big()
    good_seq: int = big()
    good_market_minor: int = big()
    good_lendable_minor: int = big()
    unknown: int = big()
    zero: int = big()
    quality: int = big()
    oldest_day: int = big()


class LoanCoverRow(SQLModel, table=True):
    """A judgement of a loan: its cover, its limits and what is remembered until the next."""

    __tablename__: ClassVar[str] = "loan_cover"
    __table_args__ = (incremental("cover_of_loan", "loan_key"), IN_ORDER)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    loan_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    of_run: int = big(default=0)
    market_day: int = big()
    exposure_minor: int = big()
    market_minor: int = big()
    lendable_minor: int = big()
    good_market_minor: int = big()
    good_lendable_minor: int = big()
    basis: int = big()
    watch_ppm: int = big()
    margin_call_ppm: int = big()
    stop_draw_ppm: int = big()
    liquidation_ppm: int = big()
    buffer_ppm: int = big()
    judged: int = big()
    level: int = big()
    coverage_unknown: int = big()
    cash_cure_minor: int = big()
    collateral_cure_minor: int = big()
    watch_day: int = big()
    unknown_day: int = big()
    breach_number: int = big()
    breach_open: int = big()
    deadline_day: int = big()
    deadline_missed: int = big()
    noticed: int = big()
    waived: int = big()
    unknown_assets: int = big()
    unknown: int = big()
    quality: int = big()
    oldest_day: int = big()


class PledgeCoverRow(SQLModel, table=True):
    """What a pledge claimed when its loan was judged."""

    __tablename__: ClassVar[str] = "pledge_cover"
    __table_args__ = (incremental("cover_of_pledge", "pledge_key"), IN_ORDER)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    pledge_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    of_run: int = big(default=0)
    market_minor: int = big()
    lendable_minor: int = big()


class EventRow(SQLModel, table=True):
    """Something that happened to a loan, with the cover it was judged on; numbered without gaps."""

    __tablename__: ClassVar[str] = "event"
    __table_args__ = (Index("event_story", "loan_key", "breach_number", "event_seq"),)
    event_seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(index=True)
    kind: int = big()
    loan_key: int = big()
    breach_number: int = big()
    event_us: int = big()
    market_day: int = big()
    actor: str = text()
    note: str = text()
    level_before: int = big()
    level: int = big()
    coverage_unknown: int = big()
    exposure_minor: int = big()
    market_minor: int = big()
    lendable_minor: int = big()
    basis: int = big()
    cash_cure_minor: int = big()
    collateral_cure_minor: int = big()
    deadline_day: int = big()


class BreachRow(SQLModel, table=True):
    """The head of a breach: where its story begins and, once cured, the commit that ended it."""

    __tablename__: ClassVar[str] = "breach"
    __table_args__ = (UniqueConstraint("loan_key", "breach_number"),)
    first_event: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    loan_key: int = big()
    breach_number: int = big()
    opened_seq: int = big()
    cured_seq: int = big(index=True)
