"""How many loans would be beyond their limits if all collateral fell, and how far loans are from their limits."""

from __future__ import annotations

from decimal import Decimal

from collateral_registry.web.pages.charts.distribution import distribution_by_bin
from collateral_registry.web.pages.charts.lines import fall_curve
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.facets import Facets
from collateral_registry.web.pages.views.common.report import Limits

BAD_MONTH = 20
"""Fall of all collateral that the page shows first, in percent."""

FALLS = 51
"""Falls of all collateral that are shown: 0 to 50 percent."""


def bad_month(texts: Texts, facets: Facets, beyond: int) -> dict[str, object]:
    """Returns the number of loans beyond their limits by fall of all collateral, in percent."""
    counts = [beyond + facets.within(Decimal(n) / 100) for n in range(FALLS)]
    return {
        "fall": Decimal(BAD_MONTH) / 100,
        "fall_count": counts[BAD_MONTH],
        "falls": [(Decimal(n) / 100, counts[n]) for n in range(0, FALLS, 5)],
        "fall_curve": fall_curve(counts, BAD_MONTH, texts("overview.fall_label")),
    }


def distances(texts: Texts, facets: Facets, policy: Limits) -> dict[str, object]:
    """Returns the number of loans by LTV, with the limits of the policy."""
    found = {round(100 * float(one.value)): one for one in facets.by_field["ltv"] if one.value}
    counts = {edge: (one.loan_count, one.unknown_count) for edge, one in found.items()}
    bins, chart = distribution_by_bin(counts, policy, texts("overview.distribution_label"))
    return {"bins": bins, "distribution": chart}
