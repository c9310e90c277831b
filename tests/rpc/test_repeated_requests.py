"""Repeated, stale, masked and paged requests have the answers that the contract promises for every resource."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import asset_pb2, loan_pb2
from tests.support.server import copper_lot, details_of

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def refused(call, request) -> grpc.RpcError:
    """The error of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return caught.value


def test_registering_the_same_thing_twice_names_the_holder(client):
    client.register_lot("lot-1")
    twin = copper_lot(lot="LOT-1")
    error = refused(client.assets.CreateAsset, asset_pb2.CreateAssetRequest(asset=twin, asset_id="lot-2"))

    assert error.code() == grpc.StatusCode.ALREADY_EXISTS
    assert "assets/lot-1" in error.details()
    assert details_of(error)[0].metadata["holder"] == "assets/lot-1"


def test_a_stale_etag_is_refused(client):
    etag = client.register_lot().etag
    change = asset_pb2.Asset(
        name="assets/lot-1", etag=etag, inventory=asset_pb2.Inventory(quantity=Decimal(value="90"))
    )
    request = asset_pb2.UpdateAssetRequest(asset=change, update_mask=FieldMask(paths=["inventory.quantity"]))
    updated = client.assets.UpdateAsset(request)
    error = refused(client.assets.UpdateAsset, request)

    assert updated.inventory.quantity.value == "90"
    assert updated.inventory.warehouse == "W-1"
    assert error.code() == grpc.StatusCode.ABORTED
    assert details_of(error)[0].reason == "ETAG_MISMATCH"


@pytest.mark.parametrize("path", ["", "name", "etag", "inventory.colour", "create_time"])
def test_a_mask_may_name_only_changeable_fields(client, path):
    client.register_lot()
    change = asset_pb2.Asset(name="assets/lot-1", inventory=asset_pb2.Inventory(quantity=Decimal(value="1")))
    mask = FieldMask(paths=[path] if path else [])
    error = refused(client.assets.UpdateAsset, asset_pb2.UpdateAssetRequest(asset=change, update_mask=mask))

    assert details_of(error)[1] == ["update_mask"]


def test_the_same_request_id_gives_the_same_answer_and_another_body_is_refused(client):
    request = asset_pb2.CreateAssetRequest(asset=copper_lot(), asset_id="lot-1", request_id="r-1")
    first, again = client.assets.CreateAsset(request), client.assets.CreateAsset(request)
    request.asset.owner = "Another Owner"
    error = refused(client.assets.CreateAsset, request)

    assert again == first
    assert error.code() == INVALID
    assert details_of(error)[0].reason == "REQUEST_ID_REUSED"


def test_validation_alone_writes_nothing(client):
    request = asset_pb2.CreateAssetRequest(asset=copper_lot(), asset_id="lot-1", validate_only=True)
    answer = client.assets.CreateAsset(request)

    assert answer.name == "assets/lot-1"
    error = refused(client.assets.GetAsset, asset_pb2.GetAssetRequest(name="assets/lot-1"))
    assert error.code() == grpc.StatusCode.NOT_FOUND


def test_lists_are_paged_and_foreign_tokens_are_refused(client):
    for number in range(5):
        client.register_lot(f"lot-{number}")
    first = client.assets.ListAssets(asset_pb2.ListAssetsRequest(page_size=3))
    second = client.assets.ListAssets(asset_pb2.ListAssetsRequest(page_size=3, page_token=first.next_page_token))

    assert [asset.name for asset in (*first.assets, *second.assets)] == [f"assets/lot-{n}" for n in range(5)]
    assert second.next_page_token == ""
    for call, request in [
        (client.assets.ListAssets, asset_pb2.ListAssetsRequest(page_token="garbage")),
        (client.assets.ListAssets, asset_pb2.ListAssetsRequest(page_token=first.next_page_token, filter="owner = x")),
        (client.loans.ListLoans, loan_pb2.ListLoansRequest(page_token=first.next_page_token)),
    ]:
        assert details_of(refused(call, request))[1] == ["page_token"]


def test_lists_are_filtered_and_bad_filters_are_refused(client):
    client.register_lot("lot-1")
    found = client.assets.ListAssets(asset_pb2.ListAssetsRequest(filter='kind = INVENTORY AND owner = "Acme Metals"'))

    assert len(found.assets) == 1
    for bad in ("kind = SHIP", "colour = red", "owner", "owner = 'x' or kind = INVENTORY", "x" * 20_001):
        error = refused(client.assets.ListAssets, asset_pb2.ListAssetsRequest(filter=bad))
        assert details_of(error)[1] == ["filter"]
