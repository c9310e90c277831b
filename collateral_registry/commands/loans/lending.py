"""Registers loans, ingests balances, checks draws and closes loans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from collateral_registry.commands.ip.ip_life_check import IpLife, check_ip_life, report_ip_life
from collateral_registry.commands.pipeline.etags import check_etag
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.domain.loans.agreements import Balance, Loan, LoanState, PledgeState, check_loan_currency
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import StoredAsset, get_asset
from collateral_registry.store.book.policies import policies_after, policy_in_force
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pledges import active_pledges_of, update_pledge
from collateral_registry.store.loans.repository import StoredLoan, find_loans, get_loan, insert_loan, update_loan
from valuation.errors import InvalidInput, check_all


@dataclass(frozen=True)
class BalancePush:
    """A balance from the loan system, with its index in the message."""

    index: int
    loan_id: str
    balance: Balance


@dataclass(frozen=True)
class BalanceProblem:
    """The index of a refused balance, and the reason."""

    index: int
    reason: str


@dataclass(frozen=True)
class IngestedBalances:
    """The result of a message of balances."""

    accepted: int
    duplicates: int
    problems: Sequence[BalanceProblem]


def create_loan(write: Write, loan: Loan) -> StoredLoan:
    """Registers a loan and judges it. An exposure without collateral is at the worst level."""
    check_all(
        lambda: _check_balance_date(loan.balance, write.market_day),
        lambda: _check_maturity(loan),
        lambda: _check_limits(write, loan),
    )
    key = insert_loan(write, loan)
    write.touched.add(loans=[key])
    return get_loan(write.connection, loan.loan_id)


def change_terms(write: Write, loan_id: str, etag: str, changed: Callable[[Loan], Loan]) -> StoredLoan:
    """Changes the terms of an open loan and judges it again; compares a later maturity with the pledged IP assets."""
    stored = _open_loan(write, loan_id)
    check_etag(f"loans/{loan_id}", stored.revision, etag)
    loan = changed(stored.loan)
    checks: list[Callable[[], None]] = []
    if loan.maturity != stored.loan.maturity:
        checks.append(lambda: _check_maturity(loan))
    if loan.own_limits != stored.loan.own_limits:
        checks.append(lambda: _check_limits(write, loan))
    check_all(*checks)
    lives = _ip_lives(write, stored, loan) if _ends_later(stored.loan.maturity, loan.maturity) else []
    updated = update_loan(write, stored, loan)
    write.touched.add(loans=[stored.key])
    for asset, life in lives:
        report_ip_life(write, asset, loan_id, stored.key, life)
    return updated


def ingest_balances(write: Write, pushes: Sequence[BalancePush], refused: Sequence[BalanceProblem]) -> IngestedBalances:
    """Ingests balances one by one, and judges the loans whose balance changed."""
    known = find_loans(write.connection, sorted({push.loan_id for push in pushes}))
    problems = list(refused)
    changed, duplicates = [], 0
    for push in pushes:
        stored = known.get(push.loan_id)
        problem = _balance_problem(push, stored, write.market_day)
        if problem is not None:
            problems.append(BalanceProblem(push.index, problem))
        elif stored is not None:
            balance = _with_contingent(push.balance, stored.loan.balance)
            if stored.loan.balance == balance:
                duplicates += 1
            else:
                known[push.loan_id] = update_loan(write, stored, replace(stored.loan, balance=balance))
                changed.append(stored.key)
    write.touched.add(loans=changed)
    return IngestedBalances(len(changed), duplicates, sorted(problems, key=lambda problem: problem.index))


def close_loan(write: Write, loan_id: str, etag: str) -> StoredLoan:
    """Closes a loan and releases its pledges; raises Refused while something is owed or may come to be owed."""
    stored = _open_loan(write, loan_id)
    check_etag(f"loans/{loan_id}", stored.revision, etag)
    if stored.loan.balance.exposure_minor:
        owed = Money(stored.loan.balance.exposure_minor, stored.loan.currency)
        raise Refused(
            "LOAN_OUTSTANDING",
            f"loans/{loan_id} owes {owed.major} {owed.currency}: record the repayment by UpdateBalances first",
        )
    if stored.loan.balance.contingent_minor:
        issued = Money(stored.loan.balance.contingent_minor, stored.loan.currency)
        raise Refused(
            "LOAN_OUTSTANDING",
            f"loans/{loan_id} has contingent amounts of {issued.major} {issued.currency}: record by UpdateBalances that"
            " they have ended first",
        )
    pledges = active_pledges_of(write.connection, stored.key)
    for pledge in pledges:
        update_pledge(write, pledge, replace(pledge.pledge, state=PledgeState.RELEASED))
    write.touched.add(loans=[stored.key], claims=[pledge.asset_key for pledge in pledges])
    settle(write)  # The loan is judged before it is closed, because a closed loan is not judged.
    return update_loan(write, stored, replace(stored.loan, state=LoanState.CLOSED))


def _with_contingent(balance: Balance, recorded: Balance) -> Balance:
    """Returns a new balance with the recorded contingent amount if it states none.

    A loan system that does not know letters of credit must not end them by a payment.
    """
    if balance.contingent is None:
        return replace(balance, contingent=recorded.contingent)
    return balance if balance.contingent.minor else replace(balance, contingent=None)


def _open_loan(write: Write, loan_id: str) -> StoredLoan:
    stored = get_loan(write.connection, loan_id)
    if stored.loan.state == LoanState.CLOSED:
        raise Refused("LOAN_CLOSED", f"loans/{loan_id} is closed and cannot change: register a new loan")
    return stored


def _ends_later(before: date | None, after: date | None) -> bool:
    """Returns whether a maturity was postponed or was stated for the first time."""
    return after is not None and (before is None or after > before)


def _ip_lives(write: Write, stored: StoredLoan, loan: Loan) -> list[tuple[StoredAsset, IpLife]]:
    """Compares the IP assets pledged to a loan with its new maturity; raises Refused as a new pledge would."""
    pledged = sorted({pledge.pledge.asset_id for pledge in active_pledges_of(write.connection, stored.key)})
    assets = [get_asset(write.connection, asset_id) for asset_id in pledged]
    compared = [(asset, check_ip_life(write, asset, loan.maturity)) for asset in assets]
    return [(asset, life) for asset, life in compared if life is not None]


def _check_balance_date(balance: Balance, day: int) -> None:
    if balance.day > date_at(day):
        raise InvalidInput("balance_date", balance.day, f"not after the business date {date_at(day)}")


def _check_maturity(loan: Loan) -> None:
    """Raises InvalidInput for a last day before the balance.

    Only a new maturity is checked, because balances are also recorded after the last day of a loan.
    """
    if loan.maturity is not None and loan.maturity < loan.balance.day:
        raise InvalidInput("maturity_date", loan.maturity, f"not before the balance date {loan.balance.day}")


def _check_limits(write: Write, loan: Loan) -> None:
    """Raises InvalidInput if a loan's own LTV limits contradict the policy in force or one that follows it."""
    if loan.own_limits is None:
        return
    day = write.market_day
    for stored in [policy_in_force(write.connection, day), *policies_after(write.connection, day)]:
        loan.own_limits.completed(stored.policy.limits, stored.policy.buffer_ppm)


def _balance_problem(push: BalancePush, stored: StoredLoan | None, day: int) -> str | None:
    """Returns every reason for which a balance is refused; None if there is none."""
    if stored is None:
        return f"loan: got loans/{push.loan_id}, want one that exists"
    if stored.loan.state == LoanState.CLOSED:
        return f"loan: got loans/{push.loan_id}, want one that is not closed"
    known = stored.loan.balance.day
    try:
        check_all(
            lambda: check_loan_currency("principal", push.balance.principal, stored.loan.currency),
            lambda: _check_balance_date(push.balance, day),
            lambda: _check_order(push.balance.day, known),
        )
    except InvalidInput as error:
        return str(error)
    return None


def _check_order(day: date, known: date) -> None:
    """Raises InvalidInput for a balance older than the recorded one."""
    if day < known:
        raise InvalidInput("balance_date", day, f"not before the recorded balance of {known}")
