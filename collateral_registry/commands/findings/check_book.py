"""Checks the whole book for duplicate reference numbers and over-pledged stock."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.commands.findings.double_pledge import check_book
from collateral_registry.commands.pipeline.over_pledging import touch_over_pledged_places
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.store.engine.database import Write


@dataclass(frozen=True)
class BookChecked:
    """Numbers of duplicate pairs, suspected pairs, over-pledged places and new findings."""

    strong: int
    suspicions: int
    over_pledged: int
    opened: int
    changed: bool


def check_whole_book(write: Write) -> BookChecked:
    """Checks all reference numbers and all places, opens findings, and reconciles the over-pledged places."""
    numbers = check_book(write)
    over = touch_over_pledged_places(write)
    changed = bool(numbers.opened or over or settle(write).valued)
    return BookChecked(numbers.strong, numbers.suspicions, over, numbers.opened, changed)
