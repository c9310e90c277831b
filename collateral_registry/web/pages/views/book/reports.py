"""Totals and concentrations of the book as of any moment, in one currency."""

from __future__ import annotations

from collateral_registry.v1 import report_pb2 as pb
from collateral_registry.web.pages.views.common.concentration import fetch_concentration, shown
from collateral_registry.web.pages.views.common.report import fetch_report, moment_of
from collateral_registry.web.pages.visit import Page, Visit


async def reports(visit: Visit) -> Page:
    """Returns the reports as of the moment of the address."""
    report = await fetch_report(visit, page_size=1, concentration_limit=1)
    found = await fetch_concentration(visit, pb.AsOf(sequence=report.sequence))
    values = {
        "totals": report.totals,
        "reporting": found.reporting_total,
        "unknown_count": found.unknown_count,
        "distributions": [shown(visit.texts, one) for one in found.distributions],
    }
    return Page("reports.html", "reports", values, moment_of(visit, report), "/reports")
