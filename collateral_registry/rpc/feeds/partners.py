"""What the partner that makes a call may report: the warehouses or the pools of its own feed.

A caller that is no partner, such as the local owner of a service without configured identities, may report any feed.
"""

from __future__ import annotations

from collateral_registry.domain.feeds.partners import Partner
from collateral_registry.domain.receivables.ledger import EntrySource
from collateral_registry.domain.receivables.ledgers.entries import PartnerScope
from collateral_registry.domain.shared.errors import NotPermitted
from collateral_registry.rpc.common.calls import current_caller
from collateral_registry.store.feeds.batches import FeedTables
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS
from collateral_registry.store.stock.feeds import STOCK_FEEDS


def own_warehouses(source_id: str) -> frozenset[str] | None:
    """Returns the warehouses that the caller may report through a feed; None if it may report all.

    Raises NotPermitted if the feed belongs to another partner.
    """
    partner = _partner_of(STOCK_FEEDS.tables, source_id)
    return None if partner is None else partner.warehouses


def own_pools(source_id: str) -> PartnerScope | None:
    """Returns the pools that the caller may report through a feed, and the record; None if it may report all.

    Raises NotPermitted if the feed belongs to another partner.
    """
    partner = _partner_of(INVOICE_FEEDS.tables, source_id)
    if partner is None:
        return None
    return PartnerScope(partner.pools, EntrySource.ACCOUNT if partner.of_account else EntrySource.LEDGER)


def check_own_feed(tables: FeedTables, name: str) -> None:
    """Raises NotPermitted if the caller is a partner, and a name in its request is not that of its feed."""
    partner = current_caller().partner
    if partner is not None and name != tables.name_of(partner.source_id):
        raise NotPermitted(f"{name or 'every feed'} is not the feed of this token", feed=name)


def _partner_of(tables: FeedTables, source_id: str) -> Partner | None:
    check_own_feed(tables, tables.name_of(source_id))
    return current_caller().partner
