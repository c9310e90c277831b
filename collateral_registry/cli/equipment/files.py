"""Reads machines from files, and formats their estimates and scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Table
from collateral_registry.exports.cells import CsvWriter
from valuation.equipment.flags import words_of
from valuation.equipment.models.artefact import load
from valuation.equipment.models.estimates import bases_of_estimate
from valuation.equipment.models.hedonic import Estimates, appraise
from valuation.equipment.models.scores import Score
from valuation.equipment.sales.files import read_assets
from valuation.equipment.sales.mapping import check_read_alike, read_mapping
from valuation.equipment.sales.observations import SEPARATOR, Observations
from valuation.errors import InvalidInput

SCORES = Table(
    "groups of sales",
    (
        Column("group", Kind.TEXT),
        Column("sales", Kind.COUNT),
        Column("rmsle", Kind.NUMBER, "RMSLE"),
        Column("log_bias", Kind.NUMBER),
        Column("coverage", Kind.SHARE, "covered"),
        Column("pinball", Kind.NUMBER),
        Column("median_error", Kind.AMOUNT, "median\nerror"),
        Column("reference_error", Kind.AMOUNT, "error of\nreference", Importance.HIGH),
    ),
)
HEADER = ("id", "fmv", "fmv_low", "fmv_high", "olv", "flv", "nolv", "basis_of_estimate", "flags")


def appraise_file(
    assets: Path, columns: Path, model: Path, as_of: str, date_column: str
) -> tuple[Observations, Estimates]:
    """Returns the machines of a file and the estimates of a stored model for them; raises InvalidInput."""
    if as_of and date_column:
        raise InvalidInput("as_of", as_of, "a date or a date column, not both")
    day = _date(as_of)
    mapping, learned = read_mapping(columns), load(model).learned
    check_read_alike(learned.mapping, mapping)
    machines = read_assets(assets, mapping, day, date_column)
    return machines, appraise(learned, machines)


def write_estimates(path: Path, ids: Sequence[str], estimates: Estimates) -> None:
    """Writes one CSV row per machine; amounts have two decimals and are empty if the model gives no estimate."""
    values = (estimates.fmv, estimates.low, estimates.high, estimates.olv, estimates.flv, estimates.nolv)
    amounts = [_amounts(column) for column in values]
    with path.open("w", encoding="utf-8", newline="") as file:
        CsvWriter(file).write(
            HEADER,
            *zip(
                ids,
                *amounts,
                bases_of_estimate(estimates.fmv, estimates.step),
                words_of(estimates.flags),
                strict=True,
            ),
        )


def score_rows(scores: Sequence[Score]) -> ListedRows:
    """Returns one row per group; the first is that of all sales."""
    return ListedRows(
        (
            score.group.replace(SEPARATOR, " "),
            score.sales,
            *(_decimal(one, 4) for one in (score.rmsle, score.bias)),
            score.coverage,
            _decimal(score.pinball, 4),
            *(_decimal(one, 2) for one in (score.median_error, score.reference_error)),
        )
        for score in scores
    )


def _decimal(value: float, decimals: int) -> Decimal | None:
    return None if np.isnan(value) else Decimal(f"{value:.{decimals}f}")


def _date(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("as_of", repr(text[:40]), "a date such as 2012-03-31") from None


def _amounts(column: NDArray[np.float64]) -> list[str]:
    unknown = f"{np.nan:.2f}"
    return ["" if text == unknown else text for text in map("{:.2f}".format, column.tolist())]
