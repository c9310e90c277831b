"""The traffic-light status of the haircut models, newest curve of each series and currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from collateral_registry.v1 import haircut_pb2 as pb
from collateral_registry.web.pages.visit import Visit

CURVES_READ = 200
"""Newest curves that are read. Those that were not computed lately may not be among them."""

LIGHTS = ("green", "amber", "red", "none")


@dataclass(frozen=True)
class Tests:
    """The newest curves and the number of each status."""

    curves: Sequence[pb.HaircutEstimate]
    counts: dict[str, int]


async def haircut_tests(visit: Visit, selected: str = "") -> Tests:
    """Returns the newest curve of each series, currency and confidence."""
    request = pb.ListHaircutEstimatesRequest(page_size=CURVES_READ, filter=selected)
    listed = await visit.book.call(visit.book.services.haircuts.ListHaircutEstimates, request)
    newest: dict[tuple[str, str, str, str], pb.HaircutEstimate] = {}
    for curve in listed.haircut_estimates:
        key = (curve.price_series, curve.base_currency_code, curve.currency_code, curve.confidence.value)
        newest.setdefault(key, curve)
    counted = Counter(curve.light or "none" for curve in newest.values())
    return Tests(list(newest.values()), {light: counted[light] for light in LIGHTS})
