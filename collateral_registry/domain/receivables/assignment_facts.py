"""What is known of the assignment of invoices, in columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from valuation._typing import Bool, Int


class AssignmentState(IntEnum):
    """State of the assignment that covers an invoice; the numeric values are stored and sent."""

    NONE = 0
    REGISTERED = 1
    NOTIFIED = 2
    ACKNOWLEDGED = 3
    ACKNOWLEDGED_WITH_SET_OFF = 4
    REFUSED = 5
    EXPIRED = 6


@dataclass(frozen=True)
class AssignmentFacts:
    """The best assignment of each invoice [n] of a pool as of a commit and a day.

    ``registered_us`` orders pools that share a debtor's line; it is the time of the registration, or 0.
    ``earlier_assignee`` marks invoices that an earlier registration assigns to another lender. ``search_day`` is the
    day of the newest search of the registry, NO_DAY for none. ``bars_assignment`` is 1 if the contract bars it, 0 if it
    does not, and -1 if that is not stated. ``excluded_manually`` marks invoices that a person excludes on that day.
    """

    state: Int
    registered_us: Int
    earlier_assignee: Bool
    search_day: Int
    bars_assignment: Int
    excluded_manually: Bool
