"""What stands behind the numbers: unknown values, tests of haircuts, findings and versions."""

from __future__ import annotations

import asyncio

from collateral_registry.v1 import finding_pb2, price_pb2, revaluation_pb2, service_info_pb2
from collateral_registry.web.pages.numbers import calendar
from collateral_registry.web.pages.views.common.haircut_tests import haircut_tests
from collateral_registry.web.pages.views.common.realisation import realisation
from collateral_registry.web.pages.views.common.report import fetch_report, moment_of
from collateral_registry.web.pages.visit import ROWS, Page, Visit

SERIES_READ = 1000


async def status(visit: Visit) -> Page:
    """Returns the state of the book and of the models behind it."""
    services, call = visit.book.services, visit.book.call
    report, tests, findings, series, runs, info, realised = await asyncio.gather(
        fetch_report(visit, filter="coverage = UNKNOWN", page_size=ROWS, concentration_limit=1),
        haircut_tests(visit),
        call(services.findings.ListFindings, finding_pb2.ListFindingsRequest(filter="state = OPEN", page_size=ROWS)),
        call(services.prices.ListPriceSeries, price_pb2.ListPriceSeriesRequest(page_size=SERIES_READ)),
        call(services.revaluations.ListRevaluations, revaluation_pb2.ListRevaluationsRequest(page_size=1)),
        call(services.info.GetServiceInfo, service_info_pb2.GetServiceInfoRequest()),
        realisation(visit),
    )
    newest = max((day for one in series.price_series if (day := calendar(one.latest_date))), default=None)
    values = {
        "rows": report.rows,
        "unknown_count": sum(total.loan_count for total in report.totals),
        "tests": tests,
        "realised": realised,
        "findings": findings.findings,
        "more_findings": bool(findings.next_page_token),
        "newest_price": newest,
        "run": runs.revaluations[0] if runs.revaluations else None,
        "info": info,
    }
    return Page("status.html", "status", values, moment_of(visit, report))
