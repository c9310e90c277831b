"""The number of loans by LTV, against the limits of the policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from markupsafe import Markup

from collateral_registry.web.pages.charts.bars import Bin, distribution

BIN = 5
LOWEST, HIGHEST = 30, 120
"""Range of the distribution of LTVs in percent, and the width of its bins."""

LIMITS = ("watch", "margin_call", "stop_draw", "liquidation")


def distribution_of(
    ltvs: Iterable[tuple[Decimal | float, bool]], policy: Mapping[str, Decimal], label: str
) -> tuple[list[Bin], Markup]:
    """Returns the bins and the chart of LTVs, which are ratios or infinite, with whether each is not fully known."""
    counted: Counter[int] = Counter()
    unknown: Counter[int] = Counter()
    for ltv, is_unknown in ltvs:
        edge = int(min(max(ltv * 100, LOWEST), HIGHEST)) // BIN * BIN
        counted[edge] += 1
        unknown[edge] += is_unknown
    return distribution_by_bin({edge: (counted[edge], unknown[edge]) for edge in counted}, policy, label)


def distribution_by_bin(
    counts: Mapping[int, tuple[int, int]], policy: Mapping[str, Decimal], label: str
) -> tuple[list[Bin], Markup]:
    """Returns the bins and the chart of LTVs from the loans of each bin, and how many of them are not fully known.

    A bin is named by its lower end in percent.
    """
    limits = [policy[name] * 100 for name in LIMITS if name in policy]
    bins = [
        Bin(
            f"≥{edge}" if edge == HIGHEST else str(edge),
            sum(edge >= limit for limit in limits),
            *counts.get(edge, (0, 0)),
        )
        for edge in range(LOWEST, HIGHEST + 1, BIN)
    ]
    lines = [
        ((float(limit) - LOWEST) / BIN, n + 1) for n, limit in enumerate(limits) if LOWEST <= limit <= HIGHEST + BIN
    ]
    return bins, distribution(bins, lines, label)
