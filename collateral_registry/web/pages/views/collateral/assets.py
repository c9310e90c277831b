"""The list of assets with their values."""

from __future__ import annotations

from collateral_registry.v1 import asset_pb2, valuation_pb2
from collateral_registry.web.pages.views.common.filters import conjunction, equals, prefix
from collateral_registry.web.pages.visit import ROWS, Page, Visit

KINDS = ("INVENTORY", "EQUIPMENT", "INTELLECTUAL_PROPERTY", "RECEIVABLE", "PURCHASE_ORDER", "RECEIVABLE_POOL")


async def assets(visit: Visit) -> Page:
    """Returns the page of assets that the address selects, valued as of now in their own currencies."""
    query, services = visit.query, visit.book.services
    kind = query.get("kind", "")
    selected = conjunction(
        prefix("owner", query.get("q", "").strip()),
        equals("kind", kind if kind in KINDS else ""),
        equals("good", query.get("good", "").strip()),
        prefix("warehouse", query.get("warehouse", "").strip()),
        query.get("filter", ""),
    )
    request = asset_pb2.ListAssetsRequest(filter=selected, page_size=ROWS, page_token=query.get("page_token", ""))
    listed = await visit.book.call(services.assets.ListAssets, request)
    names = [asset.name for asset in listed.assets]
    values = []
    if names:
        valued = valuation_pb2.ValueAssetsRequest(names=names)
        values = list((await visit.book.call(services.valuations.ValueAssets, valued)).valuations)
    rows = list(zip(listed.assets, values, strict=True))
    return Page("assets.html", "assets", {"rows": rows, "kinds": KINDS, "next": listed.next_page_token})
