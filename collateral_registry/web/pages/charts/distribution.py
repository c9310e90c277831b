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
    edges = range(LOWEST, HIGHEST + 1, BIN)
    counted: Counter[int] = Counter()
    unknown: Counter[int] = Counter()
    for ltv, is_unknown in ltvs:
        place = (int(min(max(ltv * 100, LOWEST), HIGHEST)) - LOWEST) // BIN
        counted[place] += 1
        unknown[place] += is_unknown
    limits = [policy[name] * 100 for name in LIMITS if name in policy]
    bins = [
        Bin(
            f"≥{edge}" if edge == HIGHEST else str(edge), sum(edge >= limit for limit in limits), counted[n], unknown[n]
        )
        for n, edge in enumerate(edges)
    ]
    lines = [
        ((float(limit) - LOWEST) / BIN, n + 1) for n, limit in enumerate(limits) if LOWEST <= limit <= HIGHEST + BIN
    ]
    return bins, distribution(bins, lines, label)
