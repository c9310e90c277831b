"""Reports for export, from the messages of the service."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial

import pyarrow as pa

from collateral_registry.exports.ltv_rows import as_they_are, ltv_batch
from collateral_registry.exports.program_files import spool, table_of as rows_table
from collateral_registry.exports.report import Chart, Fact, Labels, Report, Row, Section, Selection, Table
from collateral_registry.v1 import breach_pb2, report_pb2 as pb
from collateral_registry.web.pages.charts.bars import level_bar
from collateral_registry.web.pages.charts.distribution import distribution_of
from collateral_registry.web.pages.charts.svg import standalone
from collateral_registry.web.pages.exports.columns import BREACHES, CONCENTRATIONS, LTV, TOTALS, code_of, table_of
from collateral_registry.web.pages.numbers import calendar, identifier, shown_day, value_of
from collateral_registry.web.pages.texts import Texts, texts_of

LEVELS = ("LIQUIDATION", "STOP_DRAW", "MARGIN_CALL", "WATCH")
"""Levels of the chart from the worst."""

FIRST_ORDER = "ltv desc"

Heading = pb.StreamLtvReportResponse | pb.GenerateLtvReportResponse | pb.GenerateBreachReportResponse


def ltv_report(
    texts: Texts,
    selection: Selection,
    heading: pb.StreamLtvReportResponse,
    sums: pb.GenerateLtvReportResponse,
    limits: Mapping[str, Decimal],
) -> Report:
    """Returns the loan-to-value report, whose rows are the Arrow stream of StreamLtvReport."""
    ordered = Selection(selection.filter, selection.order_by or FIRST_ORDER)
    return _report(
        texts, "ltv", "nav.loans", ordered, heading, table_of(texts, "nav.loans", LTV), _totals(texts, sums),
        ltv_batch, partial(ltv_charts, texts.language, dict(limits)),
    )  # fmt: skip


def concentration_report(
    texts: Texts, selection: Selection, sums: pb.GenerateLtvReportResponse
) -> tuple[Report, bytes]:
    """Returns the concentrations with the totals, and their rows as an Arrow stream."""
    report = _report(
        texts, "concentrations", "export.concentrations", selection, sums,
        table_of(texts, "export.concentrations", CONCENTRATIONS), _totals(texts, sums), as_they_are, no_charts,
    )  # fmt: skip
    return report, spool(rows_table(report, [_concentration(one) for one in sums.concentrations]))


def breach_report(
    texts: Texts,
    selection: Selection,
    heading: pb.GenerateBreachReportResponse,
    breaches: Sequence[breach_pb2.Breach],
) -> tuple[Report, bytes]:
    """Returns the breaches of a report, and their rows as an Arrow stream."""
    report = _report(
        texts, "breaches", "nav.breaches", selection, heading, table_of(texts, "nav.breaches", BREACHES), (),
        as_they_are, no_charts,
    )  # fmt: skip
    return report, spool(rows_table(report, [_breach(one) for one in breaches]))


def ltv_charts(language: str, limits: Mapping[str, Decimal], rows: pa.Table) -> list[Chart]:
    """Returns the loans by level and by LTV."""
    texts = texts_of(language)
    counted = Counter(rows["level"].to_pylist())
    by_level = [(4 - place, counted[level]) for place, level in enumerate(LEVELS)]
    shown = ", ".join(f"{texts(f'level.{level.lower()}')} {counted[level]}" for level in LEVELS)
    ltvs = [
        (ltv, coverage == "UNKNOWN")
        for ltv, coverage in zip(rows["ltv"].to_pylist(), rows["coverage"].to_pylist(), strict=True)
        if ltv is not None and not math.isnan(ltv)
    ]
    charts = []
    if ltvs:
        label = f"{texts('overview.distribution_label')}. {texts('overview.distribution_caption')}"
        _, chart = distribution_of(ltvs, limits, label)
        charts.append(Chart(texts("overview.distribution"), standalone(chart), label))
    if any(count for _, count in by_level):
        charts.append(Chart(texts("export.beyond"), standalone(level_bar(by_level, shown)), shown))
    return charts


def no_charts(_: pa.Table) -> list[Chart]:
    """Returns no charts."""
    return []


def _report(
    texts: Texts,
    name: str,
    title: str,
    selection: Selection,
    heading: Heading,
    table: Table,
    sections: tuple[Section, ...],
    convert: Callable[[pa.RecordBatch, pa.Schema], pa.RecordBatch],
    charts: Callable[[pa.Table], Sequence[Chart]],
) -> Report:
    day = calendar(heading.market_date)
    facts = (
        Fact("report", "", name),
        Fact("as_of", texts("strip.as_of"), day.isoformat() if day else ""),
        Fact("commit", texts("strip.commit"), str(heading.sequence)),
        Fact("policy", texts("strip.policy"), identifier(heading.policy)),
        Fact("filter", texts("common.filter"), " ".join(selection.filter.splitlines())),
        Fact("order_by", texts("export.order"), selection.order_by),
    )
    as_of = texts("export.as_of", day=shown_day(day, texts.language), commit=heading.sequence)
    return Report(
        name, texts(title), day, facts, table, sections, labels_of(texts, as_of), convert, charts
    )  # fmt: skip


def labels_of(texts: Texts, as_of: str) -> Labels:
    """Returns the texts that every file for people has."""
    return Labels(
        language=texts.language,
        product=texts("common.product"),
        about=texts("export.about"),
        rows=texts("export.rows"),
        digest=texts("export.digest"),
        page=texts("export.page"),
        as_of=as_of,
        missing=texts("export.missing"),
        yes=texts("export.yes"),
        no=texts("export.no"),
    )


def _totals(texts: Texts, sums: pb.GenerateLtvReportResponse) -> tuple[Section, ...]:
    rows: list[Row] = [
        (
            total.currency_code, total.loan_count, total.breach_count, total.unknown_count, value_of(total.exposure),
            value_of(total.lendable_value), value_of(total.market_value),
        )
        for total in sums.totals
    ]  # fmt: skip
    return (Section(table_of(texts, "overview.by_currency", TOTALS), tuple(rows)),)


def _concentration(one: pb.Concentration) -> Row:
    return (
        code_of("dimension", one.dimension), one.key or None, one.others_count or None, one.currency_code,
        value_of(one.lendable_value), float(one.share.value) if one.share.value else None,
    )  # fmt: skip


def _breach(one: breach_pb2.Breach) -> Row:
    last = one.history[-1] if one.history else breach_pb2.BreachEvent()
    amounts = (last.exposure, last.lendable_value, last.market_value, last.cash_cure, last.collateral_cure)
    return (
        one.borrower, one.name.split("/")[1], int(identifier(one.name)), code_of("breach_state", one.state),
        code_of("level", one.level), code_of("level", one.worst_level), calendar(one.open_date),
        calendar(one.deadline_date), calendar(one.cure_date), one.acknowledged, one.waived,
        calendar(one.waiver_expire_date), one.disputed, one.in_disposal,
        code_of("event", last.kind), calendar(last.market_date), last.actor or None, len(one.history),
        last.exposure.currency_code or None, _ltv(last), last.ltv_infinite,
        *(value_of(amount) if amount.currency_code else None for amount in amounts),
    )  # fmt: skip


def _ltv(event: breach_pb2.BreachEvent) -> float | None:
    if event.ltv_infinite:
        return math.inf
    return float(event.ltv.value) if event.ltv.value else None
