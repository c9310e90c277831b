"""Shows the concentration of the book in one currency, with its index and the rates used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import grpc

from collateral_registry.cli.common.formatting import format_date, to_decimal
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.table_files import Section, show_table
from collateral_registry.cli.common.tables import (
    COVERAGE_STYLES,
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    share,
)
from collateral_registry.v1 import common_pb2, concentration_pb2 as pb, concentration_pb2_grpc, report_pb2

OTHERS = "(others)"
NOT_STATED = "(not stated)"
UNKNOWN = "(unknown)"
"""Keys of the rows that sum other keys, that state none, and that stand for a distribution without a rate."""

DETAIL = Importance.DETAIL

CONCENTRATION = Table(
    "rows",
    (
        Column("dimension", Kind.CODE, "by"),
        Column("key", Kind.TEXT),
        Column("currency", Kind.CODE, "ccy", Importance.USUAL),
        Column("amount", Kind.AMOUNT),
        Column("share", Kind.SHARE),
        Column("loan_count", Kind.COUNT, "loans"),
        Column("unknown_count", Kind.COUNT, "unknown\ncoverage", Importance.USUAL),
        Column("others_count", Kind.COUNT, "other\nkeys", Importance.LOW),
        Column("measure", Kind.CODE, importance=DETAIL),
        Column("herfindahl_index", Kind.SHARE, "HHI", DETAIL),
        Column("key_count", Kind.COUNT, "keys", DETAIL),
        Column("unknown_because", Kind.LABELS, "unknown\nbecause", DETAIL),
    ),
)
INDICES = Table(
    "dimensions",
    (
        Column("dimension", Kind.CODE, "by"),
        Column("measure", Kind.CODE),
        Column("key_count", Kind.COUNT, "keys"),
        Column("herfindahl_index", Kind.SHARE, "HHI"),
        Column("effective_count", Kind.NUMBER, "equal\nkeys"),
        Column("total", Kind.AMOUNT),
    ),
)
TOTALS = Table(
    "totals",
    (
        Column("currency", Kind.CODE, "ccy"),
        Column("coverage", Kind.CODE, "total", styles=COVERAGE_STYLES),
        Column("exposure", Kind.AMOUNT),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue"),
        Column("market_value", Kind.AMOUNT, "market\nvalue", Importance.USUAL),
    ),
)
RATES = Table(
    "rates",
    (
        Column("currency", Kind.CODE, "ccy"),
        Column("rate", Kind.FACTOR),
        Column("date", Kind.DATE),
        Column("quotes", Kind.LABELS),
        Column("problem", Kind.CODE, styles={"NO_RATE": "bold magenta", "STALE_RATE": "bold magenta"}),
    ),
)


def show_concentration(
    channel: grpc.Channel,
    dimensions: Sequence[str],
    currency: str,
    as_of: str,
    filter_: str,
    limit: int,
    layout: Layout,
) -> None:
    """Shows the largest keys of each dimension; for a person also the indices, the total and the rates."""
    request = pb.GenerateConcentrationReportRequest(
        as_of=as_of_message(as_of),
        filter=filter_,
        reporting_currency_code=currency,
        dimensions=[report_pb2.ConcentrationDimension.Value(f"CONCENTRATION_DIMENSION_{one}") for one in dimensions],
        key_limit=limit,
    )
    report = concentration_pb2_grpc.ConcentrationServiceStub(channel).GenerateConcentrationReport(request)
    total = report.reporting_total
    below = (
        Section("Indices", INDICES, ListedRows(map(_index_row, report.distributions))),
        Section("Total", TOTALS, ListedRows([_total_row(total)] if total.currency_code else [])),
        Section("Rates", RATES, ListedRows(map(_rate_row, total.rates))),
    )
    moment = (
        f"on {format_date(report.market_date)}, commit {report.sequence}" if report.sequence else "of an empty book"
    )
    title = f"Concentration {moment}"
    rows = ListedRows(row for one in report.distributions for row in _rows(one, total))
    show_table(CONCENTRATION, rows, layout, title, below)


def _rows(one: pb.ConcentrationDistribution, total: report_pb2.ReportingTotal) -> Iterator[Row]:
    """Yields the rows of a dimension; a single one with the reasons if a rate is missing."""
    measure, index = _measure(one), share(one.herfindahl_index)
    if not one.HasField("total"):
        reasons = [f"{rate.currency_code}:{_problem(rate)}" for rate in total.rates if rate.problem]
        unknown = (None, None, None, None, None, measure, None, one.key_count, reasons)
        yield (_dimension(one), UNKNOWN, total.currency_code, *unknown)
    for row in one.rows:
        yield (
            _dimension(one),
            row.key or (NOT_STATED if row.not_stated else OTHERS),
            row.amount.currency_code,
            to_decimal(row.amount),
            share(row.share),
            row.loan_count,
            row.unknown_count,
            row.others_count or None,
            measure,
            index,
            one.key_count,
            [],
        )


def _index_row(one: pb.ConcentrationDistribution) -> Row:
    effective = Decimal(one.effective_count.value).quantize(Decimal("0.1")) if one.effective_count.value else None
    total = to_decimal(one.total) if one.HasField("total") else None
    return (_dimension(one), _measure(one), one.key_count, share(one.herfindahl_index), effective, total)


def _total_row(total: report_pb2.ReportingTotal) -> Row:
    coverage = label(common_pb2.Coverage.Name(total.coverage), "COVERAGE_")
    names = ("exposure", "lendable_value", "market_value")
    sums = (to_decimal(getattr(total, name)) if total.HasField(name) else None for name in names)
    return (total.currency_code, coverage, *sums)


def _rate_row(rate: report_pb2.ReportingRate) -> Row:
    quotes = [f"{'1/' * leg.inverse}{leg.price_series.rpartition('/')[2]} {leg.rate.value}" for leg in rate.legs]
    value = Decimal(rate.rate.value) if rate.rate.value else None
    return (rate.currency_code, value, day(rate.date), quotes, _problem(rate) if rate.problem else None)


def _problem(rate: report_pb2.ReportingRate) -> str:
    return report_pb2.RateProblem.Name(rate.problem).removeprefix("RATE_PROBLEM_")


def _dimension(one: pb.ConcentrationDistribution) -> str | None:
    return label(report_pb2.ConcentrationDimension.Name(one.dimension), "CONCENTRATION_DIMENSION_")


def _measure(one: pb.ConcentrationDistribution) -> str | None:
    return label(pb.ConcentrationMeasure.Name(one.measure), "CONCENTRATION_MEASURE_")
