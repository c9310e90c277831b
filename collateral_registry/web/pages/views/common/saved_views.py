"""The saved views of a list or report, which are links to its addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import uuid4

from collateral_registry.domain.saved_views.saved_views import OWN_LIMIT, PAGES, SHARED_LIMIT
from collateral_registry.v1 import saved_view_pb2 as pb
from collateral_registry.web.pages.visit import Visit, address_of

LINKS = 12
"""Saved views that are shown as links above a list; the form lists all of them."""


@dataclass(frozen=True)
class SavedViews:
    """The views of a page, the reader's own ones first, and the address that would be saved."""

    rows: Sequence[pb.SavedView]
    address: str

    @property
    def links(self) -> Sequence[pb.SavedView]:
        """The views that are shown above the list."""
        return self.rows[:LINKS]

    def is_chosen(self, view: pb.SavedView) -> bool:
        """Whether the page shows a view."""
        return _in_order(view.path) == _in_order(self.address)

    def request_id(self) -> str:
        """Returns the id of a change by a form."""
        return str(uuid4())


async def saved_views_of(visit: Visit) -> SavedViews | None:
    """Returns the saved views of the page of a visit; None for a page whose address cannot be saved."""
    if visit.path not in PAGES:
        return None
    request = pb.ListSavedViewsRequest(filter=f'path:"{visit.path}*"', page_size=OWN_LIMIT + SHARED_LIMIT)
    found = await visit.book.call(visit.book.services.saved_views.ListSavedViews, request)
    rows = sorted(found.saved_views, key=lambda view: (not view.own, view.display_name.casefold()))
    return SavedViews(rows, visit.address(page_token=""))


def _in_order(address: str) -> str:
    """Returns an address with the fields of its query in one order."""
    path, _, query = address.partition("?")
    return address_of(path, dict(sorted(parse_qsl(query))))
