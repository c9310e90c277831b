"""A batch registers all of its assets or none, as as many single requests would, and returns assets in order."""

import grpc
import pytest

from collateral_registry.v1 import asset_pb2 as pb, valuation_pb2
from tests.support.server import Client, copper_lot, details_of


def requested(name: str, **fields: object) -> pb.CreateAssetRequest:
    """Returns a request to register a copper lot."""
    return pb.CreateAssetRequest(asset_id=name, asset=copper_lot(lot=name.upper(), **fields))


def created(client: Client, *requests: pb.CreateAssetRequest) -> list[pb.Asset]:
    return list(client.assets.BatchCreateAssets(pb.BatchCreateAssetsRequest(requests=requests)).assets)


def refused(client: Client, *requests: pb.CreateAssetRequest) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as error:
        created(client, *requests)
    return error.value


def registered(client: Client) -> list[str]:
    return [asset.name for asset in client.assets.ListAssets(pb.ListAssetsRequest(page_size=1000)).assets]


def test_a_batch_registers_what_single_requests_register(shared_client):
    one, other = requested("pair-1"), requested("pair-2", unit="kg")
    batch = created(shared_client, one, other)
    names = [asset.name for asset in batch]

    single = []
    for at, request in enumerate((one, other)):
        request.asset_id = f"single-{at}"
        request.asset.inventory.lot = f"single {at}"
        single.append(shared_client.assets.CreateAsset(request))

    assert names == ["assets/pair-1", "assets/pair-2"]
    for mine, theirs in zip(batch, single, strict=True):
        for asset in (mine, theirs):
            asset.ClearField("create_time")
            asset.ClearField("update_time")
            asset.name = asset.inventory.lot = ""
    assert batch == single


def test_every_wrong_field_of_every_request_is_named_and_nothing_is_registered(shared_client):
    before = registered(shared_client)
    bad_unit, bad_id, bad_class = requested("bad-1", unit="glug"), requested("Bad"), requested("bad-3")
    bad_class.asset.asset_class = "inventory.none"
    bad_class.request_id = "mine"

    error = refused(shared_client, requested("good"), bad_unit, bad_id, bad_class, requested("good"))

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert details_of(error)[1] == [
        "requests[2].asset_id",
        "requests[3].request_id",
        "requests[4].asset_id",
    ]
    bad_class.request_id = ""
    error = refused(shared_client, requested("good"), bad_unit, requested("good-2"), bad_class)
    assert details_of(error)[1] == ["requests[1].asset.inventory.unit", "requests[3].asset.asset_class"]
    assert registered(shared_client) == before


@pytest.mark.parametrize(("lot", "warehouse"), [("held-1", "W-1"), ("held-2", "w 1")])
def test_a_lot_that_is_registered_already_is_refused_with_its_place_and_nothing_is_registered(
    shared_client, lot, warehouse
):
    shared_client.register_lot(lot)
    before = registered(shared_client)
    second = requested(lot, warehouse=warehouse)
    second.asset_id = "again"

    error = refused(shared_client, requested("fresh"), second)

    assert details_of(error)[0].metadata["place"] == "requests[1].asset"
    assert error.details().startswith("requests[1].asset: ")
    assert registered(shared_client) == before


def test_two_requests_of_a_batch_for_one_lot_are_refused(shared_client):
    second = requested("twice")
    second.asset_id = "twice-again"

    assert refused(shared_client, requested("twice"), second).code() == grpc.StatusCode.ALREADY_EXISTS


def test_assets_are_returned_in_the_order_of_their_names_and_all_must_exist(shared_client):
    created(shared_client, requested("get-1"), requested("get-2"))
    names = ["assets/get-2", "assets/get-1", "assets/get-2"]

    found = shared_client.assets.BatchGetAssets(pb.BatchGetAssetsRequest(names=names)).assets

    assert [asset.name for asset in found] == names
    assert found[0] == shared_client.assets.GetAsset(pb.GetAssetRequest(name="assets/get-2"))
    with pytest.raises(grpc.RpcError, match="assets/none does not exist") as missing:
        shared_client.assets.BatchGetAssets(pb.BatchGetAssetsRequest(names=["assets/get-1", "assets/none"]))
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND


def test_every_wrong_name_of_a_list_is_refused_with_its_place(shared_client):
    names = ["assets/a", "a", "loans/a", "assets/A"]
    calls = (
        lambda: shared_client.assets.BatchGetAssets(pb.BatchGetAssetsRequest(names=names)),
        lambda: shared_client.valuations.ValueAssets(valuation_pb2.ValueAssetsRequest(names=names)),
        lambda: shared_client.valuations.Revalue(valuation_pb2.RevalueRequest(names=names)),
    )

    for call in calls:
        with pytest.raises(grpc.RpcError) as error:
            call()
        assert details_of(error.value)[1] == ["names[1]", "names[2]", "names[3]"]


@pytest.mark.parametrize("unit", ["glug" * 20, "单位" * 40])
def test_the_error_of_a_batch_in_which_everything_is_wrong_reaches_the_client(shared_client, unit):
    error = refused(shared_client, *(requested(f"bad-{at}", unit=unit) for at in range(200)))

    fields = details_of(error)[1]
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fields == [f"requests[{at}].asset.inventory.unit" for at in range(len(fields))]
    assert error.details().endswith(f"; and {200 - len(fields)} more")
