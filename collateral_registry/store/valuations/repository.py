"""Stores valuations. Rows are appended and never changed; the newest row of a target is its value."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Subquery, case, select, union_all

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Amount, Day, Enum, Measure, Number, Text, Time
from collateral_registry.store.engine.bulk import Columns, Source, insert_columns, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable
from collateral_registry.store.engine.rows import columns_of, existing
from collateral_registry.store.revaluation.row_versions import newest_of
from collateral_registry.store.schema.assets import AssetRow, TargetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.revaluation import RunRow
from collateral_registry.store.schema.valuations import ValuationRow
from valuation._typing import Int

COVER_COLUMNS = (
    *columns_of(ValuationRow, "target_key", "market_minor", "price_adjustment", "lendable_minor"),
    *columns_of(ValuationRow, "good_seq", "good_market_minor", "good_price_adjustment", "good_lendable_minor"),
    *columns_of(ValuationRow, "unknown", "quality", "oldest_day", "withheld_share", "unknown_part"),
    *columns_of(ValuationRow, "dilution_ppm", "good_dilution_ppm"),
)
"""Columns of a valuation that the cover of a loan is computed from."""


def insert_valuations(write: Write, columns: Columns) -> None:
    """Appends valuations given as columns."""
    change = {"seq": write.seq, "of_run": 0}
    insert_columns(write.connection, ValuationRow, {**columns, **change}, len(columns["target_key"]))


def newest_values(connection: Source, target_keys: Int) -> Columns:
    """Returns the newest valuation of each target that has one."""
    return read_columns(connection, _NEWEST_VALUES, {"keys": target_keys})


def recorded_values(source: Source, target_keys: Int) -> Columns:
    """Returns the amounts of the newest valuation of each target that has one, and what they were computed by."""
    return read_columns(source, _RECORDED_VALUES, {"keys": target_keys})


def estimates_at(connection: Connection, target_keys: Int, seq: int) -> list[int]:
    """Returns the keys of the haircut curves by which targets were valued as of a commit, in ascending order."""
    newest = newest_of(ValuationRow, ValuationRow.target_key, seq)
    found = select(ValuationRow.estimate_key).join_from(
        newest, ValuationRow, (ValuationRow.target_key == newest.c.key) & (ValuationRow.seq == newest.c.version)
    )
    keys = connection.execute(found, {"keys": target_keys}).scalars()
    return sorted({key for key in keys if key})


def dilution_shares_at(connection: Connection, target_keys: Int, seq: int) -> dict[int, int]:
    """Returns, by target, the share of the lendable value that was reserved for dilution as of a commit, in millionths.

    Targets without a reserve have none.
    """
    newest = newest_of(ValuationRow, ValuationRow.target_key, seq)
    found = select(ValuationRow.target_key, ValuationRow.dilution_ppm).join_from(
        newest, ValuationRow, (ValuationRow.target_key == newest.c.key) & (ValuationRow.seq == newest.c.version)
    )
    rows = connection.execute(found.where(ValuationRow.dilution_ppm > 0), {"keys": target_keys})
    return {row.target_key: row.dilution_ppm for row in rows}


def dilution_share_of(connection: Connection, asset_key: int, seq: int) -> int:
    """Returns the share of a pool's lendable value that its valuation with a sequence reserves for dilution."""
    of_asset = TargetRow.target_key == ValuationRow.target_key
    found = select(ValuationRow.dilution_ppm).join(TargetRow, of_asset).limit(1)
    return connection.execute(found.where(TargetRow.asset_key == asset_key, ValuationRow.seq == seq)).scalar() or 0


_NEWEST = newest_of(ValuationRow, ValuationRow.target_key)
_NEWEST_VALUES = select(*COVER_COLUMNS).join_from(
    _NEWEST, ValuationRow, (ValuationRow.target_key == _NEWEST.c.key) & (ValuationRow.seq == _NEWEST.c.version)
)
_RECORDED_VALUES = select(
    *columns_of(ValuationRow, "target_key", "market_minor", "price_adjustment", "lendable_minor", "haircut"),
    *columns_of(ValuationRow, "unknown", "zero", "model", "estimate_key", "policy_key"),
).join_from(_NEWEST, ValuationRow, (ValuationRow.target_key == _NEWEST.c.key) & (ValuationRow.seq == _NEWEST.c.version))


_IS_KNOWN = ValuationRow.unknown == 0

VALUATION_FILTER = FilterTable(
    market_date=FilterField(Day(), ValuationRow.market_day),
    state=FilterField(
        Enum({"KNOWN": 1, "UNKNOWN": 2, "ZERO": 3}, "VALUATION_STATE_"),
        case((ValuationRow.zero != 0, 3), (ValuationRow.unknown != 0, 2), else_=1),
    ),
    currency_code=FilterField(Text(), TargetRow.currency),
    market_value=FilterField(Amount(), ValuationRow.market_minor, _IS_KNOWN),
    lendable_value=FilterField(Amount(), ValuationRow.lendable_minor, _IS_KNOWN),
    haircut=nullable(Measure(), ValuationRow.haircut),
    horizon_days=FilterField(Number(), ValuationRow.horizon_days),
    sequence=FilterField(Number(), ValuationRow.seq),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which the valuations of an asset can be filtered."""


def get_valuation(connection: Connection, asset_id: str, seq: int, currency: str) -> dict[str, Any]:
    """Returns one valuation as a row; raises NotFound."""
    rows = _rows(connection, asset_id, (ValuationRow.seq == seq, TargetRow.currency == currency), 1)
    return existing(rows, f"assets/{asset_id}/valuations/{seq}-{currency.lower()}")


def list_valuations(
    connection: Connection, asset_id: str, wanted: Expression, before: tuple[int, str], limit: int
) -> list[dict[str, Any]]:
    """Returns a page of the valuations of an asset before (sequence, currency), newest first."""
    seq, currency = before
    earlier = (ValuationRow.seq < seq) | ((ValuationRow.seq == seq) & (TargetRow.currency > currency))
    return _rows(connection, asset_id, (VALUATION_FILTER.where(wanted), earlier), limit)


def _rows(connection: Connection, asset_id: str, where: tuple[Any, ...], limit: int) -> list[dict[str, Any]]:
    recorded = _recorded(asset_id)
    statement = (
        select(ValuationRow.__table__, TargetRow.currency, AssetRow.asset_id, AssetRow.asset_key, CommitRow.known_us)
        .join(recorded, (recorded.c.seq == ValuationRow.seq) & (recorded.c.target_key == ValuationRow.target_key))
        .join(TargetRow, TargetRow.target_key == ValuationRow.target_key)
        .join(AssetRow, AssetRow.asset_key == TargetRow.asset_key)
        .join(CommitRow, CommitRow.seq == ValuationRow.seq)
        .where(*where)
        .order_by(ValuationRow.seq.desc(), TargetRow.currency)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def _recorded(asset_id: str) -> Subquery:
    """Selects the sequence and target of the valuations of an asset, except those of runs that are not published."""
    targets = (
        select(TargetRow.target_key)
        .join(AssetRow, AssetRow.asset_key == TargetRow.asset_key)
        .where(AssetRow.asset_id == asset_id)
    )
    pair = select(ValuationRow.seq, ValuationRow.target_key).where(ValuationRow.target_key.in_(targets))
    # The rows of runs are looked up by their primary key; otherwise SQLite would scan all valuations for them.
    of_runs = (
        select(RunRow.seq, TargetRow.target_key)
        .join(AssetRow, AssetRow.asset_key == TargetRow.asset_key)
        .join(RunRow, RunRow.published_seq.is_not(None))
        .where(AssetRow.asset_id == asset_id)
        .cte("of_runs")
        .prefix_with("MATERIALIZED")
    )
    published = (
        select(ValuationRow.seq, ValuationRow.target_key)
        .join_from(
            of_runs,
            ValuationRow,
            (ValuationRow.seq == of_runs.c.seq) & (ValuationRow.target_key == of_runs.c.target_key),
        )
        .where(ValuationRow.of_run > 0)
    )
    return union_all(pair.where(ValuationRow.of_run == 0), published).subquery()
