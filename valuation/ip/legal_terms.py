"""Legal terms of protection of IP assets by office, kind and dates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates
from valuation.packaged import read_table

ANY_OFFICE = "*"


class RightKind(IntEnum):
    """Kind of IP asset; the numeric values are stored."""

    PATENT = 0
    UTILITY_MODEL = 1
    DESIGN = 2
    TRADEMARK = 3
    COPYRIGHT = 4
    SOFTWARE = 5


@dataclass(frozen=True)
class LegalTerms:
    """Legal terms [n]: length in years, whether counted from grant instead of filing, and whether renewable."""

    years: NDArray[np.int64]
    from_grant: NDArray[np.bool_]
    renewable: NDArray[np.bool_]


def legal_terms(kind: NDArray[np.int8], office: NDArray[Any], filing: Dates) -> LegalTerms:
    """Returns the legal term of each IP asset [n].

    Offices that are not listed get the minimum term of the international treaties. If the law changed and the filing
    date is unknown (NaT), the older and shorter term applies.
    """
    terms = LegalTerms(np.zeros(len(kind), np.int64), np.zeros(len(kind), np.bool_), np.zeros(len(kind), np.bool_))
    for row in read_table("valuation.ip", "legal_terms.csv"):
        # Later rows of the table are more specific and override earlier ones.
        applies = kind == RightKind[row["kind"]]
        if row["office"] != ANY_OFFICE:
            applies = applies & (office == row["office"])
        if row["filed_from"]:
            applies = applies & (filing >= np.datetime64(row["filed_from"]))
        terms.years[applies] = int(row["years"])
        terms.from_grant[applies] = row["counted_from"] == "grant"
        terms.renewable[applies] = row["renewable"] == "1"
    return terms


def end_of_term(terms: LegalTerms, filing: Dates, grant: Dates, valuation_date: np.datetime64) -> Dates:
    """Returns the last day of the term [n].

    For a renewable IP asset, this is the term that contains the valuation date.

    If the term counts from the grant and the grant date is unknown, it counts from the filing date and ends earlier.
    The result is NaT where no date to count from is known.
    """
    start = np.where(terms.from_grant & ~np.isnat(grant), grant, filing)
    elapsed = _whole_years_between(start, valuation_date)
    renewals = np.where(terms.renewable & (elapsed > 0), elapsed // terms.years, 0)
    return years_later(start, terms.years * (renewals + 1))


def years_later(date: Dates, years: NDArray[np.int64]) -> Dates:
    """Returns the same day a number of years later [n]; 29 February becomes 28 February if needed, NaT stays NaT."""
    day = date.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    later = month + (12 * years).astype("timedelta64[M]")
    last = (later + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    same_day: Dates = later.astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
    return np.where(same_day > last, last, same_day)


def _whole_years_between(start: Dates, end: np.datetime64) -> NDArray[np.int64]:
    """Returns the number of anniversaries of ``start`` up to ``end`` [n]; 0 where the start is unknown."""
    from_day, to_day = start.astype("datetime64[D]"), end.astype("datetime64[D]")
    from_month, to_month = from_day.astype("datetime64[M]"), to_day.astype("datetime64[M]")
    months = (to_month - from_month).astype(np.int64)
    not_yet = (to_day - to_month.astype("datetime64[D]")) < (from_day - from_month.astype("datetime64[D]"))
    return np.where(np.isnat(start), 0, (months - not_yet) // 12)
