"""The LTV report as the pages show it: rows with their distance to a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from google.type.date_pb2 import Date

from collateral_registry.v1 import common_pb2, concentration_pb2, facets_pb2, loan_pb2, policy_pb2, report_pb2 as pb
from collateral_registry.web.pages.numbers import calendar, ratio_of
from collateral_registry.web.pages.visit import Moment, Visit

LEVEL_NAMES = ("watch", "margin_call", "stop_draw", "liquidation")
BASE_LIMIT = Decimal("1.000001")
"""Margin call of a loan with a borrowing base that states none (docs/rules.md)."""

Limits = Mapping[str, Decimal]
"""Ratio of each level by its name."""


@dataclass(frozen=True)
class Row:
    """A loan of the report. ``fall`` is the fall of its collateral that reaches a margin call; None beyond it.

    ``limit`` is the LTV of the margin call.
    """

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


async def fetch_report(visit: Visit, **fields: object) -> pb.GenerateLtvReportResponse:
    """Returns a page of the report at the moment of the address."""
    request = pb.GenerateLtvReportRequest(as_of=visit.as_of, **fields)
    return await visit.book.call(visit.book.services.reports.GenerateLtvReport, request)


def rows_of(report: pb.GenerateLtvReportResponse) -> list[Row]:
    """Returns the rows of a report."""
    return [_row(row, report.market_date) for row in report.rows]


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


Report = (
    pb.GenerateLtvReportResponse
    | pb.GenerateBreachReportResponse
    | facets_pb2.GetLoanFacetsResponse
    | concentration_pb2.GenerateConcentrationReportResponse
)


def moment_of(visit: Visit, report: Report) -> Moment:
    """Returns the moment of a report."""
    is_past = visit.as_of.WhichOneof("moment") is not None
    return Moment(report.market_date, report.sequence, report.policy, is_past)


def days_left(deadline: Date, today: Date) -> int | None:
    """Returns the days until a deadline, negative after it; None without one."""
    last, now = calendar(deadline), calendar(today)
    return (last - now).days if last and now else None


def _row(row: pb.LtvReportRow, today: Date) -> Row:
    return Row(
        loan=row.loan,
        borrower=row.borrower,
        cover=row.cover,
        breach=row.breach,
        deadline=row.deadline_date,
        days_left=days_left(row.deadline_date, today),
        fall=ratio_of(row.price_fall_to_margin_call),
        limit=ratio_of(row.margin_call_limit),
    )
