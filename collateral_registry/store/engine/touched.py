"""Collects what a change has touched, which must be settled before the change may be committed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Place = tuple[str, str]
"""Warehouse and good, both folded."""


@dataclass(frozen=True)
class Announcement:
    """A finding that was opened or resolved; its loan and the loans that its asset secures get an event."""

    event_kind: int
    asset_key: int
    loan_key: int
    note: str


@dataclass
class Touched:
    """Keys of the assets and loans that a change has touched, collected while it runs.

    ``assets`` must be valued. ``loans`` must be judged although none of their assets changed. ``collateral_added`` are
    loans that received cash or collateral. ``claims`` are assets whose claim on their place may have changed, and
    ``places`` are further places to reconcile. Some changes of an asset must not over-pledge its place; for these,
    ``claimed_before`` holds the asset's previous claim in millionths. ``announcements`` are findings to announce to
    the loans that they concern.
    """

    assets: set[int] = field(default_factory=set)
    loans: set[int] = field(default_factory=set)
    collateral_added: set[int] = field(default_factory=set)
    claims: set[int] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)
    claimed_before: dict[int, int] = field(default_factory=dict)
    announcements: list[Announcement] = field(default_factory=list)

    def add(
        self,
        assets: Iterable[int] = (),
        loans: Iterable[int] = (),
        collateral_added: Iterable[int] = (),
        claims: Iterable[int] = (),
        places: Iterable[Place] = (),
    ) -> None:
        """Adds keys; numpy integers are converted to int."""
        claims = [int(key) for key in claims]
        self.assets.update(int(key) for key in assets)
        self.assets.update(claims)
        self.loans.update(int(key) for key in loans)
        self.collateral_added.update(int(key) for key in collateral_added)
        self.claims.update(claims)
        self.places.update(places)

    def __bool__(self) -> bool:
        return any((self.assets, self.loans, self.collateral_added, self.claims, self.places, self.announcements))
