"""Records and ends reserves, and judges their loans."""

from __future__ import annotations

from collateral_registry.domain.borrowing_base.base import Reserve, check_owner
from collateral_registry.domain.loans.agreements import Loan, LoanState
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.borrowing_base.reserves import (
    StoredReserve,
    end_reserve as store_end,
    get_reserve,
    insert_reserve,
)
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.repository import get_loan
from valuation.errors import InvalidInput


def create_reserve(write: Write, loan_id: str, reserve: Reserve) -> StoredReserve:
    """Records a reserve. It may leave the loan uncovered: the lender states what it has found.

    Raises Refused for a loan that is closed or has no borrowing base, and InvalidInput for a last day that has passed
    or the owner of the reserves for ledgers.
    """
    check_owner(reserve)
    stored = get_loan(write.connection, loan_id)
    check_has_base(stored.loan)
    today = date_at(write.market_day)
    if reserve.last_day is not None and reserve.last_day < today:
        raise InvalidInput("last_date", reserve.last_day, f"{today}, the business date, or later")
    insert_reserve(write, loan_id, stored.key, reserve)
    write.touched.add(loans=[stored.key])
    return get_reserve(write.connection, loan_id, reserve.reserve_id)


def end_reserve(write: Write, loan_id: str, reserve_id: str, reason: str) -> StoredReserve:
    """Ends a reserve with this commit, so that the base of its loan is no longer reduced.

    Raises Refused for a reserve that has ended already.
    """
    stored = get_reserve(write.connection, loan_id, reserve_id)
    last_day = stored.reserve.last_day
    if stored.ended_us is not None or (last_day is not None and last_day < date_at(write.market_day)):
        raise Refused("RESERVE_ENDED", f"{stored.name} has ended already: create another reserve")
    store_end(write, stored, reason)
    if get_loan(write.connection, loan_id).loan.state == LoanState.ACTIVE:
        write.touched.add(loans=[stored.loan_key])
    return get_reserve(write.connection, loan_id, reserve_id)


def check_has_base(loan: Loan) -> None:
    """Raises Refused for a loan that is closed or has no borrowing base."""
    if loan.state == LoanState.CLOSED:
        raise Refused("LOAN_CLOSED", f"loans/{loan.loan_id} is closed and cannot change: register a new loan")
    if loan.base_terms is None:
        message = f"loans/{loan.loan_id} has no borrowing base: state its borrowing_base_terms by UpdateLoan first"
        raise Refused("NO_BORROWING_BASE", message)
