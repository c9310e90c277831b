"""Orders the assignees of one receivable by the priority of their claims."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby


@dataclass(frozen=True)
class Assignee:
    """A lender to whom a receivable was assigned, with the times of its registration and its notice to the debtor.

    The times are in UTC. A registration that has expired or was released counts as none.
    """

    name: str
    registered: datetime | None = None
    notified: datetime | None = None


def priority(assignees: Iterable[Assignee]) -> tuple[tuple[Assignee, ...], ...]:
    """Returns the assignees in tiers; a tier is satisfied before the next, and its members share in proportion.

    Registered assignees precede the others, by the time of registration. Others follow by the time at which the debtor
    received their notice, and those without notice are last (Civil Code of China, article 768).
    """
    ordered = sorted(assignees, key=_rank)
    return tuple(tuple(tier) for _, tier in groupby(ordered, key=_rank))


def _rank(assignee: Assignee) -> tuple[int, float]:
    if assignee.registered is not None:
        return 0, assignee.registered.timestamp()
    if assignee.notified is not None:
        return 1, assignee.notified.timestamp()
    return 2, 0.0
