"""Remaining economic life of a right: the shorter of its legal term and its technology."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation.tables import read_table

DAYS_PER_YEAR = 365.25

RENEWALS_COUNTED = 1
"""A renewable right counts its present term and this many renewals, since nobody is bound to renew."""


class RightKind(IntEnum):
    """Kind of right; the numbers are stored."""

    PATENT = 0
    UTILITY_MODEL = 1
    DESIGN = 2
    TRADEMARK = 3
    COPYRIGHT = 4
    SOFTWARE = 5


@dataclass(frozen=True)
class RemainingLife:
    """Years left [n], NaN where neither dates nor technology say; ``legal_binds`` where the law ends first."""

    years: NDArray[np.float64]
    legal_binds: NDArray[np.bool_]


def remaining_life_years(
    kind: NDArray[np.int8],
    office: NDArray[Any],
    filing: NDArray[np.datetime64],
    grant: NDArray[np.datetime64],
    expire: NDArray[np.datetime64],
    technology_life_years: NDArray[np.float64],
    valuation_date: np.datetime64,
) -> RemainingLife:
    """Life left from the valuation date: stated expiry, else the term of office and kind, at most the technology's."""
    legal = (_legal_end(kind, office, filing, grant, expire) - valuation_date).astype(np.float64) / DAYS_PER_YEAR
    missing = np.isnat(_legal_end(kind, office, filing, grant, expire))
    legal = np.where(missing, np.nan, legal)
    years = np.fmin(legal, technology_life_years)
    return RemainingLife(years, np.nan_to_num(legal, nan=np.inf) <= np.nan_to_num(technology_life_years, nan=np.inf))


def _legal_end(
    kind: NDArray[np.int8],
    office: NDArray[Any],
    filing: NDArray[np.datetime64],
    grant: NDArray[np.datetime64],
    expire: NDArray[np.datetime64],
) -> NDArray[np.datetime64]:
    terms = {(row["office"], row["kind"]): row for row in read_table("valuation.ip", "legal_terms.csv")}
    end = expire.astype("datetime64[D]").copy()
    for row in range(len(kind)):
        name = RightKind(int(kind[row])).name
        term = terms.get((str(office[row]), name), terms["*", name])
        if np.isnat(end[row]):
            start = grant[row] if term["from"] == "grant" else filing[row]
            end[row] = _years_later(start, int(term["years"]))
        if term["renewable"] == "1":
            end[row] = _years_later(end[row], int(term["years"]) * RENEWALS_COUNTED)
    return end


def _years_later(date: np.datetime64, years: int) -> np.datetime64:
    """The same day some years later, 28 February for a 29th that is missing; NaT stays."""
    if np.isnat(date):
        return np.datetime64("NaT", "D")
    month = date.astype("datetime64[M]")
    day = (date.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    later = month + np.timedelta64(12 * years, "M")
    last = ((later + 1).astype("datetime64[D]") - later.astype("datetime64[D]")).astype(np.int64) - 1
    return later.astype("datetime64[D]") + np.timedelta64(int(min(day, last)), "D")
