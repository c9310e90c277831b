"""What changed between two moments: a sentence, the parts of the change by currency, and the loans that differ."""

from __future__ import annotations

from dataclasses import dataclass

from google.type.money_pb2 import Money
from markupsafe import Markup

from collateral_registry.v1 import difference_pb2 as pb, report_pb2
from collateral_registry.web.pages.charts.bridge import Part, bridge
from collateral_registry.web.pages.numbers import change, money_of, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.since import (
    counts_of,
    day_before,
    fetch_differences,
    lendable_changes,
    whole_change,
)
from collateral_registry.web.pages.visit import ROWS, Moment, Page, Visit

VALUE_STEPS = tuple(step for step in pb.ChangeStep.values() if step not in {0, pb.CHANGE_STEP_BALANCE})
"""Steps that change values; the balance changes what is owed."""


@dataclass(frozen=True)
class CurrencyChange:
    """The change of a currency: its totals, its whole changes, and the picture of the parts of the lendable value."""

    total: pb.DifferenceTotal
    exposure: Money
    market_value: Money
    lendable_value: Money
    picture: Markup


@dataclass(frozen=True)
class LoanDifference:
    """A row with the changes of its amounts, and those of its lendable value by VALUE_STEPS."""

    row: pb.DifferenceRow
    exposure: Money
    lendable_value: Money
    by_step: list[Money]
    notes: list[pb.ChangeNote.ValueType]


async def differences(visit: Visit) -> Page:
    """Returns the differences between the two moments of the address, by default since the day before the second."""
    before, after = visit.moment("from"), visit.moment("to")
    if before.WhichOneof("moment") is None:
        request = report_pb2.GenerateLtvReportRequest(as_of=after, page_size=1)
        last = await visit.book.call(visit.book.services.reports.GenerateLtvReport, request)
        before = day_before(last.market_date)
    report = await fetch_differences(
        visit,
        before,
        after,
        filter=visit.query.get("filter", ""),
        page_size=ROWS,
        page_token=visit.query.get("page_token", ""),
    )
    values = {
        "first": report.before,
        "last": report.after,
        "counts": counts_of(report),
        "lendable_changes": lendable_changes(report),
        "currencies": [_currency(visit.texts, total) for total in report.totals],
        "rows": [_loan(row) for row in report.rows],
        "steps": VALUE_STEPS,
        "next": report.next_page_token,
    }
    moment = Moment(report.after.market_date, report.after.sequence, report.after.policy)
    return Page("differences.html", "reports", values, moment)


def _currency(texts: Texts, total: pb.DifferenceTotal) -> CurrencyChange:
    changes = {one.step: one.lendable_value for one in total.steps}
    whole = whole_change(total, "lendable_value")
    parts = [_part(word(texts, "change_step", step), changes[step]) for step in VALUE_STEPS]
    picture = bridge(
        parts,
        _part(texts("differences.whole"), whole),
        texts("differences.bridge_label", currency=total.currency_code),
    )
    exposure, market = (whole_change(total, name) for name in ("exposure", "market_value"))
    return CurrencyChange(total, exposure, market, whole, picture if value_of(whole) or any(changes.values()) else "")


def _part(label: str, money: Money) -> Part:
    return Part(label, float(value_of(money)), change(money))


def _loan(row: pb.DifferenceRow) -> LoanDifference:
    changes = {one.step: one for one in row.steps}
    code = row.steps[0].exposure.currency_code
    return LoanDifference(
        row=row,
        exposure=changes[pb.CHANGE_STEP_BALANCE].exposure,
        lendable_value=money_of(sum(value_of(one.lendable_value) for one in row.steps), code),
        by_step=[changes[step].lendable_value for step in VALUE_STEPS],
        notes=list(dict.fromkeys(note for one in row.steps for note in one.notes)),
    )
