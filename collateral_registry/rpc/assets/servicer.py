"""Servicer of AssetService."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grpc.aio import ServicerContext

from collateral_registry.commands.assets import register as commands
from collateral_registry.commands.assets.corrections import correct_identity
from collateral_registry.domain.assets.identity import IDENTITY_FIELDS
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.rpc.assets.messages import asset_message, plain_message, read_active
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.checks import check_count, ids_of
from collateral_registry.rpc.common.field_masks import masked
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.assets.repository import StoredAsset, assets_of, get_asset, list_assets
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import asset_pb2 as pb, asset_pb2_grpc
from valuation.errors import InvalidInput

CREATED_LIMIT = 200
"""Largest number of assets that a batch registers in one transaction."""

NAMES_LIMIT = 1_000
"""Largest number of assets that a batch returns."""

MASKED_FIELDS = (
    "display_name",
    "owner",
    "asset_class",
    "currency_code",
    "inventory",
    "equipment",
    "intellectual_property",
    "receivable",
    "purchase_order",
    "receivable_pool",
    "prior_claims",
    "insurance_expire_date",
    "last_inspection_date",
    "status",
    "country_code",
)
"""Fields of an asset that an update mask may name, as a whole or by subfield."""


class AssetServicer(asset_pb2_grpc.AssetServiceServicer):
    """Registers and updates movable assets and IP assets."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def CreateAsset(self, request: pb.CreateAssetRequest, context: ServicerContext) -> pb.Asset:
        """Registers an asset, whose id and natural key must be new."""
        asset = _read_new(request)
        work = _answering(lambda write: commands.register(write, asset))
        return await self.runner.write(call_of(request, "CreateAsset", pb.Asset), work)

    async def BatchCreateAssets(
        self, request: pb.BatchCreateAssetsRequest, context: ServicerContext
    ) -> pb.BatchCreateAssetsResponse:
        """Registers assets, all or none."""
        check_count("requests", request.requests, CREATED_LIMIT)
        assets = _read_batch(request.requests)

        def work(write: Write) -> pb.BatchCreateAssetsResponse:
            return pb.BatchCreateAssetsResponse(assets=map(asset_message, commands.register_all(write, assets)))

        return await self.runner.write(call_of(request, "BatchCreateAssets", pb.BatchCreateAssetsResponse), work)

    async def GetAsset(self, request: pb.GetAssetRequest, context: ServicerContext) -> pb.Asset:
        """Returns one asset."""
        (asset_id,) = id_of("name", request.name, "assets")
        return await self.runner.read(lambda connection: asset_message(get_asset(connection, asset_id)))

    async def BatchGetAssets(
        self, request: pb.BatchGetAssetsRequest, context: ServicerContext
    ) -> pb.BatchGetAssetsResponse:
        """Returns assets in the order of their names in the request."""
        asset_ids = ids_of("names", request.names, "assets", NAMES_LIMIT)
        return await self.runner.read(
            lambda connection: pb.BatchGetAssetsResponse(assets=map(asset_message, assets_of(connection, asset_ids)))
        )

    async def ListAssets(self, request: pb.ListAssetsRequest, context: ServicerContext) -> pb.ListAssetsResponse:
        """Lists assets in the order of their ids."""
        wanted, page = filtered_page(request, "ListAssets", "")

        def work(connection: Connection) -> pb.ListAssetsResponse:
            messages, token = page.filled(
                list_assets(connection, wanted, *page.bounds), lambda row: row.asset.asset_id, asset_message
            )
            return pb.ListAssetsResponse(assets=messages, next_page_token=token)

        return await self.runner.read(work)

    async def UpdateAsset(self, request: pb.UpdateAssetRequest, context: ServicerContext) -> pb.Asset:
        """Changes the fields that the mask names and recomputes everything that depends on them."""
        read = convert.read_all(
            asset_id=lambda: id_of("asset.name", request.asset.name, "assets")[0],
            work_done=lambda: checked_text("work_done", request.work_done, required=False),
        )
        asset_id: str = read["asset_id"]
        etag, work_done = request.asset.etag, read["work_done"]

        def changed(asset: Asset) -> Asset:
            message = plain_message(asset)
            _check_kind(request, message)
            masked(request.asset, message, request.update_mask, MASKED_FIELDS)
            return read_active(message, asset_id)

        work = _answering(lambda write: commands.change(write, asset_id, etag, changed, work_done))
        return await self.runner.write(call_of(request, "UpdateAsset", pb.Asset), work)

    async def CorrectAssetIdentity(self, request: pb.CorrectAssetIdentityRequest, context: ServicerContext) -> pb.Asset:
        """Corrects the fields that identify an asset; its former numbers stay reserved."""
        read = convert.read_all(
            names=lambda: id_of("asset.name", request.asset.name, "assets"),
            reason=lambda: checked_text("reason", request.reason),
            actor=lambda: actor_of(request),
        )
        (asset_id,) = read["names"]

        def changed(asset: Asset) -> Asset:
            message = plain_message(asset)
            _check_kind(request, message)
            _check_identifies(request, asset)
            masked(request.asset, message, request.update_mask, MASKED_FIELDS)
            return read_active(message, asset_id)

        def work(write: Write) -> StoredAsset:
            return correct_identity(write, asset_id, request.asset.etag, changed, read["reason"])

        call = call_of(request, "CorrectAssetIdentity", pb.Asset, read["actor"])
        return await self.runner.write(call, _answering(work))

    async def RetireAsset(self, request: pb.RetireAssetRequest, context: ServicerContext) -> pb.Asset:
        """Retires an asset; fails while it is pledged."""
        (asset_id,) = id_of("name", request.name, "assets")
        work = _answering(lambda write: commands.retire(write, asset_id, request.etag))
        return await self.runner.write(call_of(request, "RetireAsset", pb.Asset), work)


def _check_identifies(request: pb.CorrectAssetIdentityRequest, asset: Asset) -> None:
    """Raises InvalidInput if the mask names a field that does not identify the asset."""
    kind = asset.detail.kind
    allowed = ["owner", *(f"{kind.name.lower()}.{field}" for field in IDENTITY_FIELDS[kind].values())]
    for path in request.update_mask.paths:
        if path not in allowed:
            raise InvalidInput("update_mask", repr(path[:80]), "one of " + ", ".join(allowed))


def _check_kind(request: pb.UpdateAssetRequest | pb.CorrectAssetIdentityRequest, stored: pb.Asset) -> None:
    """Raises InvalidInput if the mask names a field of another kind of assets than the stored one."""
    own = stored.WhichOneof("detail")
    kinds = {field.name for field in pb.Asset.DESCRIPTOR.oneofs_by_name["detail"].fields}
    for path in request.update_mask.paths:
        if path.split(".")[0] in kinds - {own}:
            raise InvalidInput("update_mask", repr(path[:80]), f"fields of {own}: {stored.name} keeps its kind")


def _read_new(request: pb.CreateAssetRequest) -> Asset:
    """Returns the asset that a request registers; raises InvalidInput with the name of the field."""
    read = convert.read_all(
        asset=lambda: read_active(request.asset, request.asset_id),
        asset_id=lambda: checked_id("asset_id", request.asset_id),
    )
    asset: Asset = read["asset"]
    return asset


def _read_batch(requests: Sequence[pb.CreateAssetRequest]) -> dict[str, Asset]:
    """Returns the assets of a batch by their places in it; raises one InvalidInput that lists all violations."""
    used: set[str] = set()

    def read(one: pb.CreateAssetRequest) -> Asset:
        stated = convert.read_all(
            asset=lambda: _read_new(one),
            asset_id=lambda: _check_first(one.asset_id, used),
            request_id=lambda: _check_of_batch("request_id", one.request_id),
            validate_only=lambda: _check_of_batch("validate_only", one.validate_only),
        )
        asset: Asset = stated["asset"]
        return asset

    assets = convert.read_each("requests", requests, read)
    return {f"requests[{at}].asset": asset for at, asset in enumerate(assets)}


def _check_first(asset_id: str, used: set[str]) -> None:
    if asset_id in used:
        raise InvalidInput("asset_id", repr(asset_id[:80]), "an id that no other request of the batch has")
    used.add(asset_id)


def _check_of_batch(name: str, value: object) -> None:
    """Raises InvalidInput for a field that one request of a batch states and that applies to the whole batch."""
    if value:
        raise InvalidInput(name, repr(value)[:80], f"nothing: {name} is stated for the batch")


def _answering(work: Callable[[Write], StoredAsset]) -> Callable[[Write], pb.Asset]:
    return lambda write: asset_message(work(write))
