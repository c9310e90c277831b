"""Partners that push feeds: the token of each feed, and the warehouses or pools that the feed may report."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from collateral_registry.domain.shared.names import checked_id, checked_text
from valuation.errors import InvalidInput

DIGEST_CHARACTERS = 64


@dataclass(frozen=True)
class Partner:
    """A feed with the SHA-256 of its token, in hexadecimal, and its warehouses or its pools of invoices.

    ``of_account`` states that it reports the payments of the collection account, and not a borrower's ledger.
    """

    source_id: str
    token_sha256: str
    warehouses: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    of_account: bool = False

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput, also for a plain token in place of its digest."""
        checked_id("partners", self.source_id)
        digest = self.token_sha256
        if len(digest) != DIGEST_CHARACTERS or not set(digest) <= set("0123456789abcdef"):
            # The value may be a plain token, so the message does not show it.
            raise InvalidInput(f"partners.{self.source_id}.token_sha256", "other text", "64 hexadecimal digits")
        if not self.warehouses and not self.pools:
            raise InvalidInput(f"partners.{self.source_id}.warehouses", "none", "at least one, or one of pools")
        for warehouse in self.warehouses:
            checked_text(f"partners.{self.source_id}.warehouses", warehouse)
        for pool in self.pools:
            checked_id(f"partners.{self.source_id}.pools", pool)


def partner_of(token: str, partners: Mapping[str, Partner]) -> Partner | None:
    """Returns the partner to which a token belongs; None if there is none.

    All digests are compared in constant time, so that the duration reveals nothing about them.
    """
    digest = hashlib.sha256(token.encode()).hexdigest()
    found = [partner for partner in partners.values() if hmac.compare_digest(partner.token_sha256, digest)]
    return found[0] if found else None
