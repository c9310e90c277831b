"""Partners that push feeds, and the warehouses or pools that the feed of each may report."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.domain.shared.names import checked_id, checked_text
from valuation.errors import InvalidInput

FEED_ACTOR = "stockFeeds/"
"""Prefix of the actor of a count that a warehouse reports itself. All other counts are the lender's."""


@dataclass(frozen=True)
class Partner:
    """A feed with its warehouses or its pools of invoices.

    ``of_account`` states that it reports the payments of the collection account, and not a borrower's ledger.
    """

    source_id: str
    warehouses: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    of_account: bool = False

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        checked_id("partners", self.source_id)
        if not self.warehouses and not self.pools:
            raise InvalidInput(f"partners.{self.source_id}.warehouses", "none", "at least one, or one of pools")
        for warehouse in self.warehouses:
            checked_text(f"partners.{self.source_id}.warehouses", warehouse)
        for pool in self.pools:
            checked_id(f"partners.{self.source_id}.pools", pool)
