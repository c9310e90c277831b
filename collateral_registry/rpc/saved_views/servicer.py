"""Servicer of SavedViewService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.saved_views.saved_views import delete_own, save_view
from collateral_registry.domain.saved_views.saved_views import SavedView, checked_name, checked_path
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of, current_caller
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.saved_views.repository import StoredView, list_visible
from collateral_registry.v1 import saved_view_pb2 as pb, saved_view_pb2_grpc


class SavedViewServicer(saved_view_pb2_grpc.SavedViewServiceServicer):
    """Keeps the saved views of each caller, and those that callers share."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def SaveView(self, request: pb.SaveViewRequest, context: ServicerContext) -> pb.SavedView:
        """Saves a view of the caller, or replaces the one with the same name."""
        stated, reader = request.saved_view, current_caller().principal
        read = convert.read_all(
            display_name=lambda: checked_name("saved_view.display_name", stated.display_name),
            path=lambda: checked_path("saved_view.path", stated.path),
        )
        view = SavedView(read["display_name"], read["path"], stated.shared)
        call = call_of(request, "SaveView", pb.SavedView)
        return await self.runner.write(call, lambda write: _message(save_view(write, view), reader))

    async def ListSavedViews(
        self, request: pb.ListSavedViewsRequest, context: ServicerContext
    ) -> pb.ListSavedViewsResponse:
        """Lists the caller's own views and the shared ones, oldest first."""
        wanted, page = filtered_page(request, "ListSavedViews", 0)
        reader = current_caller().principal

        def work(connection: Connection) -> pb.ListSavedViewsResponse:
            messages, token = page.filled(
                list_visible(connection, reader, wanted, *page.bounds),
                lambda row: row.key,
                lambda row: _message(row, reader),
            )
            return pb.ListSavedViewsResponse(saved_views=messages, next_page_token=token)

        return await self.runner.read(work)

    async def DeleteSavedView(self, request: pb.DeleteSavedViewRequest, context: ServicerContext) -> pb.SavedView:
        """Deletes a view of the caller and returns it."""
        (number,) = id_of("name", request.name, "savedViews")
        key = number_in_name("name", request.name, number, "savedViews/{number}")
        reader = current_caller().principal
        call = call_of(request, "DeleteSavedView", pb.SavedView)
        return await self.runner.write(call, lambda write: _message(delete_own(write, key), reader))


def _message(stored: StoredView, reader: str) -> pb.SavedView:
    return pb.SavedView(
        name=f"savedViews/{stored.key}",
        display_name=stored.view.display_name,
        path=stored.view.path,
        shared=stored.view.shared,
        owner=stored.owner,
        own=stored.owner == reader,
        create_time=convert.timestamp(stored.created_us),
    )
