"""The LTV report as the pages show it: rows with their limits and their distance to a call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from google.type.date_pb2 import Date

from collateral_registry.v1 import common_pb2, loan_pb2, policy_pb2, report_pb2 as pb
from collateral_registry.web.pages.numbers import calendar, ratio_of
from collateral_registry.web.pages.views.common.filters import NAMES_IN_FILTER, batched, one_of
from collateral_registry.web.pages.visit import Moment, Visit

LEVEL_NAMES = ("watch", "margin_call", "stop_draw", "liquidation")
BASE_LIMIT = Decimal("1.000001")
"""Margin call of a loan with a borrowing base that states none (docs/rules.md)."""

Limits = Mapping[str, Decimal]
"""Ratio of each level by its name."""


@dataclass(frozen=True)
class Row:
    """A loan of the report. ``fall`` is the fall of its collateral that reaches a margin call; None beyond it."""

    loan: str
    borrower: str
    cover: loan_pb2.LoanCover
    breach: str
    deadline: Date
    days_left: int | None
    fall: Decimal | None
    limit: Decimal | None

    @property
    def is_beyond(self) -> bool:
        """Whether the loan is at a margin call or worse."""
        return self.cover.level >= common_pb2.LTV_LEVEL_MARGIN_CALL

    @property
    def is_unknown(self) -> bool:
        """Whether its coverage is unknown."""
        return self.cover.coverage == common_pb2.COVERAGE_UNKNOWN

    def is_beyond_after(self, fall: Decimal) -> bool:
        """Whether the loan would be beyond its limit if its collateral fell by a share."""
        ltv = ratio_of(self.cover.ltv)
        if self.is_beyond or self.cover.ltv_infinite or ltv is None or self.limit is None:
            return self.is_beyond
        return ltv >= self.limit * (1 - fall)


async def fetch_report(visit: Visit, **fields: object) -> pb.GenerateLtvReportResponse:
    """Returns a page of the report at the moment of the address."""
    request = pb.GenerateLtvReportRequest(as_of=visit.as_of, **fields)
    return await visit.book.call(visit.book.services.reports.GenerateLtvReport, request)


async def rows_of(
    visit: Visit, report: pb.GenerateLtvReportResponse, limits_read: int = 1000
) -> tuple[list[Row], Limits]:
    """Returns the rows of a report with the limits that apply to them, and the limits of the policy.

    Limits of single loans are those agreed now, also in the report of a past moment. They are read for the first
    ``limits_read`` loans that are not beyond them; of the others the policy's limits are taken.
    """
    ahead = [row for row in report.rows if row.cover.level < common_pb2.LTV_LEVEL_MARGIN_CALL]
    policy, own = await asyncio.gather(policy_limits(visit, report.policy), _own_limits(visit, ahead[:limits_read]))
    return [_row(row, report.market_date, policy, own.get(row.loan, {})) for row in report.rows], policy


async def policy_limits(visit: Visit, policy: str) -> Limits:
    """Returns the limits of a policy; none before the first policy."""
    if not policy:
        return {}
    request = policy_pb2.GetPolicyRequest(name=policy)
    found = await visit.book.call(visit.book.services.policies.GetPolicy, request)
    return stated_limits(found)


def stated_limits(policy: policy_pb2.Policy) -> Limits:
    """Returns the limits that a policy states."""
    rules = {rule.parameter: rule.value.value for rule in policy.rules}
    return {name: Decimal(rules[name]) for name in LEVEL_NAMES if rules.get(name)}


def own_limits(loan: loan_pb2.Loan) -> Limits:
    """Returns the limits that a loan states itself."""
    stated = {name: ratio_of(getattr(loan.ltv_levels, name)) for name in LEVEL_NAMES}
    found = {name: ratio for name, ratio in stated.items() if ratio is not None}
    if loan.HasField("borrowing_base_terms"):
        found.setdefault("margin_call", BASE_LIMIT)
    return found


def moment_of(visit: Visit, report: pb.GenerateLtvReportResponse | pb.GenerateBreachReportResponse) -> Moment:
    """Returns the moment of a report."""
    is_past = visit.as_of.WhichOneof("moment") is not None
    return Moment(report.market_date, report.sequence, report.policy, is_past)


def days_left(deadline: Date, today: Date) -> int | None:
    """Returns the days until a deadline, negative after it; None without one."""
    last, now = calendar(deadline), calendar(today)
    return (last - now).days if last and now else None


async def _own_limits(visit: Visit, rows: Sequence[pb.LtvReportRow]) -> dict[str, Limits]:
    loans = visit.book.services.loans
    requests = [
        loan_pb2.ListLoansRequest(filter=one_of("name", names), page_size=len(names))
        for names in batched([row.loan for row in rows], NAMES_IN_FILTER)
    ]
    pages = await asyncio.gather(*(visit.book.call(loans.ListLoans, request) for request in requests))
    return {loan.name: own_limits(loan) for page in pages for loan in page.loans}


def _row(row: pb.LtvReportRow, today: Date, policy: Limits, own: Limits) -> Row:
    limit, ltv = {**policy, **own}.get("margin_call"), ratio_of(row.cover.ltv)
    fall = 1 - ltv / limit if ltv and limit and ltv < limit else None
    return Row(
        loan=row.loan,
        borrower=row.borrower,
        cover=row.cover,
        breach=row.breach,
        deadline=row.deadline_date,
        days_left=days_left(row.deadline_date, today),
        fall=fall,
        limit=limit,
    )
