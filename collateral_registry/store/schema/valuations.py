"""The table of recorded valuations."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import IN_ORDER, big, incremental, real, text


class ValuationRow(SQLModel, table=True):
    """A valuation with all its intermediate results, so that the row explains the value.

    ``fx_path`` holds the quotes of the exchange rate (domain/prices/exchange_rates.py). It is empty without a
    conversion and in rows older than the column. ``withheld_share`` is the share of the adjusted value that draws and
    releases may not use, because a newer price in quarantine is lower. The columns ``good_*`` are copied from the last
    valuation that had no unknown reasons. A missing adjustment is 1. In a known valuation of a pool of receivables they
    may be larger than the value: they count what was last known of the part whose reasons are in ``unknown_part``.
    ``dilution_ppm`` is the share of the lendable value that loans reserve for dilution.
    """

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
    fx_path: str = text(default="")
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
    price_adjustment: float | None = real(default=None)
    lendable_minor: int = big()
    good_seq: int = big()
    good_market_minor: int = big()
    good_price_adjustment: float | None = real(default=None)
    good_lendable_minor: int = big()
    unknown: int = big()
    zero: int = big()
    quality: int = big()
    oldest_day: int = big()
    withheld_share: float = real(default=0.0)
    unknown_part: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    dilution_ppm: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    good_dilution_ppm: int = big(default=0, sa_column_kwargs={"server_default": "0"})


class PoolStatementRow(SQLModel, table=True):
    """The statement of a pool of receivables that was valued with the same sequence, in its currency.

    ``entry_number`` is the newest entry of its ledger that is included. ``sums`` holds the amounts by rule, age and
    debtor as a JSON document (store/valuations/pool_statements.py). Nothing is stored for an invoice.
    """

    __tablename__: ClassVar[str] = "pool_statement"
    __table_args__ = (incremental("pool_statement_of_asset", "asset_key"), IN_ORDER)
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    of_run: int = big(default=0)
    market_day: int = big()
    policy_key: int = big()
    entry_number: int = big()
    face_minor: int = big()
    open_minor: int = big()
    excluded_minor: int = big()
    unknown_minor: int = big()
    eligible_minor: int = big()
    recoverable_minor: int = big()
    lendable_minor: int = big()
    last_good_minor: int = big()
    last_good_lendable_minor: int = big()
    sums: str = text()


class PoolDebtorRow(SQLModel, table=True):
    """A debtor that a pool names in its ledger or as its owner. ``stated`` is the text, an identifier in normal form.

    ``debtor_key`` is the debtor to which the text led when the pool was last valued by a change, 0 for none.
    """

    __tablename__: ClassVar[str] = "pool_debtor"
    __table_args__ = (Index("pool_debtor_stated", "stated"), Index("pool_debtor_key", "debtor_key", "asset_key"))
    asset_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stated: str = text(primary_key=True)
    debtor_key: int = big()


class PoolEstimateRow(SQLModel, table=True):
    """What was estimated of a pool from its ledger up to an entry, as of a day; a row is never changed.

    ``document`` is JSON with dilution and expected days of payment of the pool and its debtors
    (store/valuations/pool_estimates.py). A valuation uses the newest estimate of its commit.
    """

    __tablename__: ClassVar[str] = "pool_estimate"
    __table_args__ = (Index("pool_estimate_of_asset", "asset_key", "seq"),)
    estimate_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big()
    seq: int = big()
    day: int = big()
    entry_number: int = big()
    document: str = text()
