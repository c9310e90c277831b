"""CorrectAssetIdentity and the command over it: required fields, the mask, retries and checks without writing."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.v1 import asset_pb2, finding_pb2
from tests.support.server import Client, details_of

pytestmark = pytest.mark.slow


def renamed(lot: str) -> asset_pb2.Asset:
    return asset_pb2.Asset(name="assets/lot-1", inventory=asset_pb2.Inventory(lot=lot))


def correction(
    lot: str = "L-9", path: str = "inventory.lot", **fields: object
) -> asset_pb2.CorrectAssetIdentityRequest:
    given = {"reason": "the label was misread", "actor": "Lender"} | fields
    return asset_pb2.CorrectAssetIdentityRequest(asset=renamed(lot), update_mask=FieldMask(paths=[path]), **given)


def lot_of(client: Client) -> str:
    return client.assets.GetAsset(asset_pb2.GetAssetRequest(name="assets/lot-1")).inventory.lot


@pytest.fixture
def pledged(client):
    client.covered_loan()
    return client


def test_a_pledged_lot_is_renamed_only_by_a_correction(pledged):
    update = asset_pb2.UpdateAssetRequest(asset=renamed("L-9"), update_mask=FieldMask(paths=["inventory.lot"]))
    with pytest.raises(grpc.RpcError) as refused:
        pledged.assets.UpdateAsset(update)
    info, _ = details_of(refused.value)
    assert (refused.value.code(), info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "IDENTITY_PLEDGED")
    assert "CorrectAssetIdentity" in refused.value.details()

    assert pledged.assets.CorrectAssetIdentity(correction()).inventory.lot == "L-9"
    (found,) = pledged.findings.ListFindings(finding_pb2.ListFindingsRequest()).findings
    assert found.kind == finding_pb2.FINDING_KIND_IDENTITY_CORRECTED


def test_a_check_of_a_correction_writes_nothing_and_a_retry_returns_the_first_answer(pledged):
    pledged.assets.CorrectAssetIdentity(correction(validate_only=True))
    assert lot_of(pledged) == "LOT-1"

    first = pledged.assets.CorrectAssetIdentity(correction(request_id="r-1"))
    assert pledged.assets.CorrectAssetIdentity(correction(request_id="r-1")) == first


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"reason": "", "actor": ""}, ["reason", "actor"]),
        ({"path": "inventory.quantity"}, ["update_mask"]),
        ({"path": "equipment.make"}, ["update_mask"]),
        ({"lot": "lot 1"}, ["update_mask"]),
    ],
)
def test_a_correction_names_its_wrong_fields(pledged, fields, named):
    with pytest.raises(grpc.RpcError) as refused:
        pledged.assets.CorrectAssetIdentity(correction(**fields))
    assert details_of(refused.value)[1] == named


def test_the_command_corrects_an_asset(pledged, server):
    given = ["asset", "correct", "lot-1", "lot=L-7", "owner=Beta", "--reason", "misread", "--actor", "Lender"]
    done = CliRunner().invoke(app, [*given, "--server", server.address])
    wrong = CliRunner().invoke(app, [*given[:3], "serial_number=1", *given[5:], "--server", server.address])

    assert done.exit_code == 0, done.output
    assert lot_of(pledged) == "L-7"
    assert wrong.exit_code != 0
