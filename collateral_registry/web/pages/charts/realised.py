"""What assets brought, next to what was estimated of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from collateral_registry.web.pages.charts.svg import rect, svg, text

BAR, GAP, HEAD, SPACE = 14.0, 3.0, 20.0, 12.0


@dataclass(frozen=True)
class Bar:
    """An amount with its text. ``further`` is added to it as an amount that is not certain."""

    label: str
    amount: float
    shown: str
    kind: str
    further: float = 0.0


@dataclass(frozen=True)
class Realised:
    """The bars of one asset."""

    name: str
    bars: Sequence[Bar]


def realised_bars(assets: Sequence[Realised], label: str) -> Markup:
    """Returns a block of bars for each asset, on one scale."""
    left, width = 150.0, 290.0
    largest = max((bar.amount + bar.further for asset in assets for bar in asset.bars), default=0)
    scale, parts = width / (largest or 1), []
    top = 0.0
    for asset in assets:
        parts.append(text(0, top + 13, asset.name, "lab strong"))
        for row, bar in enumerate(asset.bars):
            y = top + HEAD + row * (BAR + GAP)
            length = max(bar.amount, 0) * scale
            parts.append(text(left - 8, y + 12, bar.label, "lab", "end"))
            parts.append(rect(left, y, max(length, 1), BAR, bar.kind))
            if bar.further:
                parts.append(rect(left + length, y, bar.further * scale, BAR, "fu"))
            parts.append(text(560, y + 12, bar.shown, "lab", "end"))
        top += HEAD + len(asset.bars) * (BAR + GAP) + SPACE
    return svg(560, top, label, parts)
