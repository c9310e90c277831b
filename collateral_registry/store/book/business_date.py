"""Stores whether the business date follows the clock, its repairs, and what is dated after a day."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Select, bindparam, func, insert, select
from sqlmodel import col

from collateral_registry.store.engine.database import Write
from collateral_registry.store.schema.assets import AssetRow, EquipmentRow, IntellectualPropertyRow, RightEventRow
from collateral_registry.store.schema.book import CommitRow, DateModeRow, DateRepairRow
from collateral_registry.store.schema.equipment import AppraisalRow
from collateral_registry.store.schema.loans import LoanRow
from collateral_registry.store.schema.prices import PriceSeriesRow


def recorded_mode(connection: Connection) -> bool | None:
    """Returns whether the business date follows the clock; None if that was never recorded."""
    found = connection.execute(_MODE).scalar()
    return None if found is None else bool(found)


_MODE = select(DateModeRow.follows_clock).order_by(col(DateModeRow.seq).desc()).limit(1)


def record_mode(write: Write, *, follows_clock: bool) -> None:
    """Records from this commit on whether the business date follows the clock."""
    write.connection.execute(insert(DateModeRow), {"seq": write.seq, "follows_clock": int(follows_clock)})


@dataclass(frozen=True)
class Move:
    """A move of the business date: the first commit of the new day, and the days before and after."""

    seq: int
    before: int
    day: int


def moves(connection: Connection) -> list[Move]:
    """Returns the moves of the business date, newest first."""
    return [Move(row.seq, row.before, row.market_day) for row in connection.execute(_MOVES)]


def _moves() -> Select[tuple[int, int, int]]:
    before = func.lag(CommitRow.market_day).over(order_by=col(CommitRow.seq)).label("before")
    commits = select(col(CommitRow.seq), before, col(CommitRow.market_day)).subquery()
    moved = select(commits.c.seq, commits.c.before, commits.c.market_day).where(
        commits.c.before != commits.c.market_day
    )
    return moved.order_by(commits.c.seq.desc())


_MOVES = _moves()


def record_repair(write: Write, kept_seq: int, wrong_day: int, reason: str) -> None:
    """Records the repair of a wrong business date with this commit."""
    row = {"seq": write.seq, "kept_seq": kept_seq, "wrong_day": wrong_day, "reason": reason}
    write.connection.execute(insert(DateRepairRow), row)


NEWEST_REPAIR = select(DateRepairRow.kept_seq).order_by(col(DateRepairRow.seq).desc()).limit(1)
"""Selects the last commit before the wrong date of the newest repair."""


def fact_after(connection: Connection, day: int) -> str:
    """Returns a fact of the book that is dated after a day, in words; an empty string if there is none."""
    for what, statement in _LATER.items():
        found = connection.execute(statement, {"day": day}).scalar()
        if found is not None:
            return what.format(found)
    return ""


_DAY = bindparam("day", type_=BigInteger())


def _of_asset(table: type[EquipmentRow | IntellectualPropertyRow | RightEventRow | AppraisalRow]) -> Select[tuple[str]]:
    return select(AssetRow.asset_id).join(table, col(table.asset_key) == AssetRow.asset_key).limit(1)


_LATER = {
    "a price of priceSeries/{}": select(PriceSeriesRow.series_id).where(col(PriceSeriesRow.latest_day) > _DAY).limit(1),
    "the balance of loans/{}": select(LoanRow.loan_id).where(col(LoanRow.balance_day) > _DAY).limit(1),
    "the inspection of assets/{}": select(AssetRow.asset_id).where(col(AssetRow.inspection_day) > _DAY).limit(1),
    "the meter reading of assets/{}": _of_asset(EquipmentRow).where(col(EquipmentRow.hours_day) > _DAY),
    "the technology life of assets/{}": _of_asset(IntellectualPropertyRow).where(
        col(IntellectualPropertyRow.technology_life_day) > _DAY
    ),
    "an event of assets/{}": _of_asset(RightEventRow).where(col(RightEventRow.day) > _DAY),
    "an appraisal of assets/{}": _of_asset(AppraisalRow).where(col(AppraisalRow.day) > _DAY),
}
"""Selects one record whose newest date is after a day, by the words for it."""
