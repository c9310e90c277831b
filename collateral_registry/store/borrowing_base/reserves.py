"""Stores the reserves of borrowing bases. A reserve is never changed; it is ended once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, insert, or_, select, update

from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Amount, Day, Id, Text, Time, enum
from collateral_registry.domain.shared.days import date_at, date_of, day_of
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable, optional_day, unless
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import check_unused, columns_of, existing, values_of
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.borrowing_base import ReserveRow
from collateral_registry.store.schema.loans import LoanRow
from valuation._typing import Int

NOT_STATED = -1
"""Stored in place of the amount of a reserve that is a rate, and in place of the rate of one that is an amount."""

NOT_ENDED = 0
"""Sequence of the end of a reserve that was not ended."""

_CREATED, _ENDED = CommitRow.__table__.alias("created"), CommitRow.__table__.alias("ended")

RESERVE_FILTER = FilterTable(
    loan=FilterField(Id("loans"), LoanRow.loan_id),
    kind=FilterField(enum(ReserveKind, "RESERVE_KIND_"), ReserveRow.kind),
    currency_code=FilterField(Text(), LoanRow.currency),
    amount=unless(Amount(), ReserveRow.amount_minor, NOT_STATED),
    owner=FilterField(Text(), ReserveRow.owner),
    first_date=optional_day(Day(), ReserveRow.first_day),
    last_date=optional_day(Day(), ReserveRow.last_day),
    create_time=FilterField(Time(), _CREATED.c.known_us),
    end_time=nullable(Time(), _ENDED.c.known_us),
)
"""Fields by which reserves can be filtered."""


@dataclass(frozen=True)
class StoredReserve:
    """A reserve with its loan and times in microseconds UTC; ``ended_us`` is None unless it was ended."""

    key: int
    loan_id: str
    loan_key: int
    currency: str
    reserve: Reserve
    ended_by: str
    end_reason: str
    created_us: int
    ended_us: int | None

    @property
    def name(self) -> str:
        """Resource name of the reserve."""
        return f"loans/{self.loan_id}/reserves/{self.reserve.reserve_id}"


def insert_reserve(write: Write, loan_id: str, loan_key: int, reserve: Reserve) -> None:
    """Stores a new reserve; raises AlreadyExists if the loan has one with that id."""
    own = (ReserveRow.loan_key == loan_key, ReserveRow.reserve_id == reserve.reserve_id)
    check_unused(write.connection, f"loans/{loan_id}/reserves/{reserve.reserve_id}", *own)
    values = {
        **values_of(reserve, "reserve_id", "kind", "owner", "reason"),
        "loan_key": loan_key,
        "amount_minor": NOT_STATED if reserve.amount_minor is None else reserve.amount_minor,
        "rate_ppm": NOT_STATED if reserve.rate_ppm is None else reserve.rate_ppm,
        "first_day": day_of(reserve.first_day),
        "last_day": day_of(reserve.last_day),
        "ended_by": "",
        "end_reason": "",
        "created_seq": write.seq,
        "ended_seq": NOT_ENDED,
    }
    write.connection.execute(insert(ReserveRow).values(**values))


def end_reserve(write: Write, stored: StoredReserve, reason: str) -> None:
    """Ends a reserve with this commit."""
    values = {"ended_seq": write.seq, "ended_by": write.actor, "end_reason": reason}
    write.connection.execute(update(ReserveRow).where(ReserveRow.reserve_key == stored.key).values(**values))


def get_reserve(connection: Connection, loan_id: str, reserve_id: str) -> StoredReserve:
    """Returns one reserve; raises NotFound."""
    rows = _reserves(connection, [LoanRow.loan_id == loan_id, ReserveRow.reserve_id == reserve_id], 1)
    return existing(rows, f"loans/{loan_id}/reserves/{reserve_id}")


def list_reserves(
    connection: Connection, wanted: Expression, after: tuple[str, str], limit: int
) -> list[StoredReserve]:
    """Returns a page of reserves, ordered by the ids of loan and reserve."""
    loan_id, reserve_id = after
    later = or_(LoanRow.loan_id > loan_id, (LoanRow.loan_id == loan_id) & (ReserveRow.reserve_id > reserve_id))
    return _reserves(connection, [RESERVE_FILTER.where(wanted), later], limit)


def reserves_of(source: Source, loan_keys: Int) -> dict[int, list[Reserve]]:
    """Returns the reserves of loans that were not ended, by loan, whatever their days."""
    return _by_loan(read_columns(source, _OPEN, {"keys": loan_keys}))


def loans_with_open_reserve(source: Source, owner: str) -> list[int]:
    """Returns the loans with a reserve of an owner that was not ended."""
    return sorted({*read_columns(source, _OPEN_OF_OWNER, {"owner": owner})["loan_key"].tolist()})


def reserves_at(connection: Connection, loan_key: int, seq: int) -> list[Reserve]:
    """Returns the reserves of a loan that were not ended as of a commit, whatever their days."""
    not_ended = or_(ReserveRow.ended_seq == NOT_ENDED, ReserveRow.ended_seq > seq)
    statement = _COLUMNS.where(ReserveRow.loan_key == loan_key, ReserveRow.created_seq <= seq, not_ended)
    return _by_loan(read_columns(connection, statement)).get(loan_key, [])


_COLUMNS = select(
    *columns_of(ReserveRow, "loan_key", "reserve_id", "kind", "owner", "reason"),
    *columns_of(ReserveRow, "amount_minor", "rate_ppm", "first_day", "last_day"),
).order_by(ReserveRow.loan_key, ReserveRow.reserve_key)

_OPEN = _COLUMNS.where(ReserveRow.ended_seq == NOT_ENDED, is_one_of(ReserveRow.loan_key, KEYS))


_OPEN_OF_OWNER = select(ReserveRow.loan_key).where(
    ReserveRow.ended_seq == NOT_ENDED, ReserveRow.owner == bindparam("owner")
)


def _by_loan(columns: dict[str, Any]) -> dict[int, list[Reserve]]:
    found: dict[int, list[Reserve]] = {}
    for loan_key, *values in zip(*(column.tolist() for column in columns.values()), strict=True):
        found.setdefault(loan_key, []).append(_reserve(*values))
    return found


def _reserve(
    reserve_id: str,
    kind: int,
    owner: str,
    reason: str,
    amount_minor: int,
    rate_ppm: int,
    first_day: int,
    last_day: int,
) -> Reserve:
    return Reserve(
        kind=ReserveKind(kind),
        owner=owner,
        reason=reason,
        first_day=date_at(first_day),
        last_day=date_of(last_day),
        amount_minor=None if amount_minor == NOT_STATED else amount_minor,
        rate_ppm=None if rate_ppm == NOT_STATED else rate_ppm,
        reserve_id=reserve_id,
    )


def _reserves(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int) -> list[StoredReserve]:
    statement = (
        select(
            *columns_of(ReserveRow, "reserve_key", "loan_key", "ended_by", "end_reason"),
            *columns_of(LoanRow, "loan_id", "currency"),
            _CREATED.c.known_us.label("created_us"),
            _ENDED.c.known_us.label("ended_us"),
            *columns_of(ReserveRow, "reserve_id", "kind", "owner", "reason"),
            *columns_of(ReserveRow, "amount_minor", "rate_ppm", "first_day", "last_day"),
        )
        .join(LoanRow, LoanRow.loan_key == ReserveRow.loan_key)
        .join(_CREATED, _CREATED.c.seq == ReserveRow.created_seq)
        .outerjoin(_ENDED, _ENDED.c.seq == ReserveRow.ended_seq)
        .where(*where)
        .order_by(LoanRow.loan_id, ReserveRow.reserve_id)
        .limit(limit)
    )
    return [
        StoredReserve(key, loan_id, loan_key, currency, _reserve(*rest), ended_by, end_reason, created_us, ended_us)
        for key, loan_key, ended_by, end_reason, loan_id, currency, created_us, ended_us, *rest in connection.execute(
            statement
        )
    ]
