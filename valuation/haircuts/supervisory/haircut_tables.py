"""Supervisory tables: haircuts of financial collateral, and parameters of the foundation LGD*.

The data are in ``data/supervisory_haircuts.csv`` and ``data/foundation_lgd.csv``; each row cites its paragraph.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from functools import cache
from types import MappingProxyType

from numpy.typing import ArrayLike

from valuation.errors import InvalidInput
from valuation.haircuts.supervisory.formulas import SecuredSlice
from valuation.packaged import read_table

PACKAGE = "valuation.haircuts.supervisory"


class Framework(Enum):
    """Regulatory text: the final Basel III framework, or the EU regulation as first adopted."""

    BASEL = "BASEL"
    CRR = "CRR"


@cache
def _haircuts() -> Mapping[tuple[str, str, str], tuple[tuple[float, float], ...]]:
    """Returns the maturity bands by framework, collateral and step, in order of years.

    Each band consists of its longest residual maturity in years and its haircut.
    """
    bands: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for row in read_table(PACKAGE, "supervisory_haircuts.csv"):
        until = float(row["to_years"] or math.inf)
        key = (row["framework"], row["collateral"], row["step"])
        bands.setdefault(key, []).append((until, float(row["haircut_pct"]) / 100.0))
    return MappingProxyType({key: tuple(rows) for key, rows in bands.items()})


def ten_day_haircut(framework: Framework, collateral: str, *, step: int | None = None, years: float = 0.0) -> float:
    """Returns the haircut of financial collateral with a 10-day holding period and daily revaluation.

    ``step`` is the credit quality step of a bond's issuer, and ``years`` is the residual maturity of the bond; other
    collateral has neither. Raises InvalidInput for collateral that is not in the table at this step and is therefore
    not eligible.
    """
    key = (framework.value, collateral, "" if step is None else str(step))
    if key not in _haircuts():
        raise InvalidInput("collateral, step", (collateral, step), f"eligible under {framework.value}")
    if not years >= 0.0:
        raise InvalidInput("years", years, "0 or more")
    return next(haircut for until, haircut in _haircuts()[key] if years <= until)


def foundation_slice(framework: Framework, collateral: str, amount: ArrayLike, h_fx: float = 0.0) -> SecuredSlice:
    """Returns a slice of non-financial collateral for ``foundation_lgd``, with the parameters of its type.

    Raises InvalidInput for a type that is not in the table.
    """
    for row in read_table(PACKAGE, "foundation_lgd.csv"):
        if (row["framework"], row["collateral"]) == (framework.value, collateral):
            return SecuredSlice(
                amount,
                float(row["haircut_pct"]) / 100.0 + h_fx,
                float(row["lgd_pct"]) / 100.0,
                float(row["over_collateralisation_pct"]) / 100.0,
                float(row["minimum_cover_pct"]) / 100.0,
            )
    raise InvalidInput("collateral", collateral, f"a type of the foundation approach under {framework.value}")
