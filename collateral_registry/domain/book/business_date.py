"""Decides how far the business date may move (rules.md section 7)."""

from __future__ import annotations

from datetime import date, timedelta

from collateral_registry.domain.shared.errors import Refused
from valuation.errors import InvalidInput

JUMP_LIMIT_DAYS = 10
"""Largest number of days by which the business date moves without a flag."""

JUMP = timedelta(days=JUMP_LIMIT_DAYS)


def check_requested(to: date, current: date, today: date) -> None:
    """Raises Refused for a date too far after both the business date and the clock's date."""
    farthest = max(current, today) + JUMP
    if to > farthest:
        raise Refused(
            "DATE_TOO_FAR",
            f"date: got {to}, want at most {farthest}, which is {JUMP_LIMIT_DAYS} days after the later of the business "
            f"date {current} and the clock's date {today}; set allow_jump if the date is meant",
        )


def check_followed(today: date, current: date, *, allow_jump: bool) -> None:
    """Raises Refused with what to do if the business date must not follow the clock to its date."""
    if today < current:
        raise Refused(
            "CLOCK_BEHIND",
            f"the business date stays at {current}, because the clock's date {today} is earlier: check the clock; "
            f"a business date that was set too far ahead is set back by: collateral business-date repair --to {today}",
        )
    if today > current + JUMP and not allow_jump:
        raise Refused(
            "CLOCK_JUMP",
            f"the business date stays at {current}, because the clock's date {today} is more than {JUMP_LIMIT_DAYS} "
            f"days later: check the clock, then start once with --allow-jump, or with --business-date {current} to "
            "advance the book by hand",
        )


def follows_by_date(current: date, today: date) -> bool:
    """Returns whether a book whose mode was never recorded follows the clock: its date is near the clock's date."""
    return abs(today - current) <= JUMP


def check_repair(to: date, current: date, earliest: date) -> None:
    """Raises InvalidInput if the business date cannot be set back to a date without changing reports of days before."""
    if not earliest <= to < current:
        want = f"a date before the business date {current} and not before {earliest}, the date before it was moved"
        raise InvalidInput("--to", to, want)
