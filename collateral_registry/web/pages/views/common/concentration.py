"""The concentration of the book in one currency, with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from collateral_registry.v1 import concentration_pb2 as pb, report_pb2
from collateral_registry.web.pages.charts.bars import Share, shares
from collateral_registry.web.pages.numbers import percent, ratio_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.visit import Visit


@dataclass(frozen=True)
class Shown:
    """The distribution over a dimension, with the names of its rows and their picture; empty without rows."""

    distribution: pb.ConcentrationDistribution
    names: Sequence[str]
    chart: Markup | str


async def fetch_concentration(
    visit: Visit,
    as_of: report_pb2.AsOf,
    selected: str = "",
    dimensions: Sequence[report_pb2.ConcentrationDimension.ValueType] = (),
    keys: int = 0,
) -> pb.GenerateConcentrationReportResponse:
    """Returns the concentration at a moment in the currency of the address, or that of most loans."""
    request = pb.GenerateConcentrationReportRequest(
        as_of=as_of,
        filter=selected,
        reporting_currency_code=visit.query.get("in", ""),
        dimensions=dimensions,
        key_limit=keys,
    )
    service = visit.book.services.concentrations
    found: pb.GenerateConcentrationReportResponse = await visit.book.call(service.GenerateConcentrationReport, request)
    return found


def shown(texts: Texts, one: pb.ConcentrationDistribution) -> Shown:
    """Returns a distribution with the names of its rows and their picture."""
    names = [_name(texts, row) for row in one.rows]
    bars = [
        Share(name, ratio_of(row.share) or Decimal(0), percent(row.share))
        for name, row in zip(names, one.rows, strict=True)
    ]
    return Shown(one, names, shares(bars, word(texts, "dimension", one.dimension)) if bars else "")


def _name(texts: Texts, row: pb.ConcentrationRow) -> str:
    """Returns the name of a row: its key, or what it stands for."""
    if row.not_stated:
        return texts("reports.not_stated")
    return texts("overview.others", n=row.others_count) if row.others_count else row.key
