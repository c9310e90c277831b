"""Totals and concentrations of the book as of any moment."""

from __future__ import annotations

from collateral_registry.v1 import report_pb2 as pb
from collateral_registry.web.pages.views.common.report import fetch_report, moment_of
from collateral_registry.web.pages.visit import Page, Visit

KEYS_SHOWN = 20
DIMENSIONS = (
    pb.CONCENTRATION_DIMENSION_GOOD,
    pb.CONCENTRATION_DIMENSION_WAREHOUSE,
    pb.CONCENTRATION_DIMENSION_BORROWER,
)


async def reports(visit: Visit) -> Page:
    """Returns the reports as of the moment of the address."""
    report = await fetch_report(visit, page_size=1, concentration_limit=KEYS_SHOWN)
    by_dimension = [
        (dimension, [one for one in report.concentrations if one.dimension == dimension]) for dimension in DIMENSIONS
    ]
    values = {"totals": report.totals, "by_dimension": by_dimension}
    return Page("reports.html", "reports", values, moment_of(visit, report), "/reports")
