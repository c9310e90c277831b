"""Changes by forms: saved views of a list or report."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

from collateral_registry.domain.saved_views.saved_views import PAGES, PASSING
from collateral_registry.v1 import saved_view_pb2 as pb
from collateral_registry.web.pages.visit import Visit, address_of


async def save_view(visit: Visit, form: Mapping[str, str]) -> str:
    """Saves the address of a page under a name and returns it; raises grpc.aio.AioRpcError or HTTPException."""
    address = _address(visit, form)
    view = pb.SavedView(display_name=form.get("display_name", ""), path=address, shared=form.get("shared", "") == "1")
    request = pb.SaveViewRequest(saved_view=view, request_id=form.get("request_id", ""))
    await visit.book.call(visit.book.services.saved_views.SaveView, request)
    return address


async def delete_view(visit: Visit, form: Mapping[str, str]) -> str:
    """Deletes a saved view and returns the address of the form; raises grpc.aio.AioRpcError or HTTPException."""
    address = _address(visit, form)
    name = f"savedViews/{form.get('view', '')}"
    request = pb.DeleteSavedViewRequest(name=name, request_id=form.get("request_id", ""))
    await visit.book.call(visit.book.services.saved_views.DeleteSavedView, request)
    return address


def _address(visit: Visit, form: Mapping[str, str]) -> str:
    """Returns the address of the page with a form; the form states its query only, so that it cannot lead elsewhere."""
    page = f"/{visit.parameters['page']}"
    if page not in PAGES:
        raise HTTPException(404)
    _, _, query = form.get("address", "").partition("?")
    return address_of(page, {name: value for name, value in parse_qsl(query) if name not in PASSING})
