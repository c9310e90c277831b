"""Remaining economic life of an IP asset: the shorter of its remaining legal term and its technology life."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation._typing import Dates, Float
from valuation.calendar import DAYS_PER_YEAR
from valuation.checks import require
from valuation.ip.legal_terms import LegalTerms, RightKind, end_of_term, legal_terms

__all__ = ["LifeLimit", "RemainingLife", "RightKind", "remaining_life_years", "technology_years_left"]


class LifeLimit(IntEnum):
    """Limit that ends the life of an IP asset; the numeric values are stored."""

    UNKNOWN = 0
    LEGAL = 1
    TECHNOLOGY = 2


@dataclass(frozen=True)
class RemainingLife:
    """Years left [n] and binding limit [n]; years are 0 after the end and NaN where the legal end is unknown."""

    years: Float
    limit: NDArray[np.int8]


def technology_years_left(life_years: Float, stated: Dates, valuation_date: np.datetime64) -> Float:
    """Returns the years left [n] of technology lives, at least 0; a life begins on the date on which it was stated.

    The full life is left if the date is missing (NaT) or after the valuation date. The result is NaN where no life is
    stated.
    """
    days = valuation_date.astype("datetime64[D]") - stated.astype("datetime64[D]")
    elapsed = np.where(np.isnat(days), 0.0, days.astype(np.float64) / DAYS_PER_YEAR)
    return np.maximum(life_years - np.maximum(elapsed, 0.0), 0.0)


def remaining_life_years(
    kind: NDArray[np.int8],
    office: NDArray[Any],
    filing: Dates,
    grant: Dates,
    expiry: Dates,
    technology_life_years: Float,
    valuation_date: np.datetime64,
) -> RemainingLife:
    """Returns the remaining life of each IP asset [n] from the valuation date.

    ``technology_life_years`` also counts from the valuation date. The legal end is the expiry date stated by the
    office, or else the end of the legal term. A renewable IP asset in its current term lives as long as its technology
    or product. If the life of the technology or product is unknown, only the current term counts, because renewal is
    optional.

    Raises InvalidInput for a kind that is not a RightKind, a negative technology life, or a grant or expiry before the
    filing.
    """
    require("kind", kind, np.isin(kind, list(RightKind)), "a RightKind, 0 to 5")
    require("technology_life_years", technology_life_years, technology_life_years >= 0.0, "0 or more")
    require("grant", grant, ~(grant < filing), "not before the filing")
    require("expiry", expiry, ~(expiry < filing), "not before the filing")
    terms = legal_terms(kind, office, filing)
    end = np.where(np.isnat(expiry), end_of_term(terms, filing, grant, valuation_date), expiry)
    legal = _legal_years(end, terms, technology_life_years, valuation_date)
    years = np.where(np.isnan(legal), np.nan, np.fmin(legal, technology_life_years))
    binding = np.where(technology_life_years < legal, LifeLimit.TECHNOLOGY, LifeLimit.LEGAL)
    limit = np.where(np.isnan(years), LifeLimit.UNKNOWN, binding).astype(np.int8)
    return RemainingLife(years, limit)


def _legal_years(end: Dates, terms: LegalTerms, technology_life_years: Float, valuation_date: np.datetime64) -> Float:
    """Returns years to the legal end [n]; infinite where renewals can continue, NaN where unknown."""
    days = end.astype("datetime64[D]") - valuation_date.astype("datetime64[D]")
    years = np.where(np.isnat(days), np.nan, np.maximum(days.astype(np.float64) / DAYS_PER_YEAR, 0.0))
    renewed = terms.renewable & (years > 0.0) & ~np.isnan(technology_life_years)
    return np.where(renewed, np.inf, years)
