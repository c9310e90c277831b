"""The whole book looked over: numbers that come twice, and goods claimed beyond what is there."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.commands.findings.double_pledge import check_book
from collateral_registry.commands.pipeline.over_pledging import conserve_book
from collateral_registry.commands.pipeline.recompute import recompute
from collateral_registry.store.engine.database import Write


@dataclass(frozen=True)
class BookChecked:
    """How many pairs of one number, how many suspicions, how many places over-pledged, and what is new."""

    strong: int
    suspicions: int
    over_pledged: int
    opened: int
    changed: bool


def check_whole_book(write: Write) -> BookChecked:
    """Checks every number and every place, opens findings for what is new, and counts anew what is short."""
    numbers = check_book(write)
    over, assets = conserve_book(write)
    if len(assets):
        recompute(write, assets=assets)
    changed = bool(numbers.opened or over or len(assets))
    return BookChecked(numbers.strong, numbers.suspicions, over, numbers.opened, changed)
