"""Pick-ups, controlled values and double pledges, over gRPC and at the command line."""

import grpc
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import (
    asset_pb2,
    common_pb2,
    double_pledge_pb2,
    double_pledge_pb2_grpc,
    loan_pb2,
    pickup_pb2,
    pickup_pb2_grpc,
)
from tests.support.launch import run
from tests.support.server import FIRST_DAY, Client, Server, calendar, copper_lot, details_of


@pytest.fixture
def pickups(client: Client) -> pickup_pb2_grpc.PickupServiceStub:
    client.covered_loan()
    return pickup_pb2_grpc.PickupServiceStub(client.channel)


def requested(pickups, quantity: str, pickup_id: str = "u-1", **fields: object) -> pickup_pb2.Pickup:
    return pickups.RequestPickup(
        pickup_pb2.RequestPickupRequest(
            parent="loans/loan-1",
            asset="assets/lot-1",
            quantity=Decimal(value=quantity),
            pickup_id=pickup_id,
            **fields,
        )
    )


def checked(pickups, quantity: str) -> pickup_pb2.CheckPickupResponse:
    return pickups.CheckPickup(
        pickup_pb2.CheckPickupRequest(loan="loans/loan-1", asset="assets/lot-1", quantity=Decimal(value=quantity))
    )


def test_the_largest_quantity_is_allowed_and_the_returned_cash_frees_the_whole(client: Client, pickups) -> None:
    beyond = checked(pickups, "90")
    largest = checked(pickups, beyond.largest_quantity.value)
    client.owe(f"{500_000 - beyond.cash.units - 1}")

    assert (beyond.allowed, beyond.unit) == (False, "t")
    assert 0 < float(beyond.largest_quantity.value) < 90
    assert largest.allowed
    assert checked(pickups, "90").allowed


def test_an_authorisation_is_stored_listed_and_cancelled(client: Client, pickups) -> None:
    stored = requested(pickups, "5", note="truck 7", expire_date=calendar(FIRST_DAY))
    again = pickups.GetPickup(pickup_pb2.GetPickupRequest(name=stored.name))
    listed = pickups.ListPickups(
        pickup_pb2.ListPickupsRequest(parent="loans/-", filter='warehouse = "W-1" AND state = AUTHORISED')
    ).pickups
    flags = client.loan().cover.quality_flags
    cancelled = pickups.CancelPickup(pickup_pb2.CancelPickupRequest(name=stored.name))

    assert stored.name == "loans/loan-1/pickups/u-1"
    assert (stored.quantity.value, stored.taken_quantity.value, stored.unit) == ("5", "0", "t")
    assert stored.warehouse == "W-1"
    assert again == stored
    assert list(listed) == [stored]
    assert common_pb2.QUALITY_FLAG_PICKUP_AUTHORISED in flags
    assert cancelled.state == pickup_pb2.PICKUP_STATE_CANCELLED


def test_pages_of_pickups_hold_each_of_them_once(pickups) -> None:
    for number in range(5):
        requested(pickups, "1", f"u-{number}")
    names, token = [], ""
    while token or not names:
        page = pickups.ListPickups(pickup_pb2.ListPickupsRequest(parent="loans/loan-1", page_size=2, page_token=token))
        names += [one.name for one in page.pickups]
        token = page.next_page_token

    assert names == [f"loans/loan-1/pickups/u-{number}" for number in range(5)]


def test_a_refused_pickup_states_the_allowed_quantity(pickups) -> None:
    with pytest.raises(grpc.RpcError) as error:
        requested(pickups, "90")
    info, _ = details_of(error.value)

    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert info.reason == "PICKUP_REFUSED"
    assert info.metadata["largest"].endswith(" t")
    assert info.metadata["cash"].endswith(" USD")


def test_validation_only_authorises_nothing(pickups) -> None:
    requested(pickups, "5", validate_only=True)

    assert not pickups.ListPickups(pickup_pb2.ListPickupsRequest(parent="loans/loan-1")).pickups


def test_the_controlled_value_of_a_loan_includes_its_floor(client: Client, pickups) -> None:
    found = pickups.GetControlledValue(pickup_pb2.GetControlledValueRequest(name="loans/loan-1"))

    assert found.exposure.units == 500_000
    assert found.target_ratio.value == "0.99"
    assert found.floor.units == 505_050
    assert found.controlled_value == client.loan().cover.lendable_value
    assert found.gap.units == 0
    assert float(found.market_pledge_rate.value) == pytest.approx(0.5)
    assert found.coverage == common_pb2.COVERAGE_KNOWN


def test_a_pledge_has_a_mode_and_a_static_one_releases_nothing_before_repayment(client: Client, pickups) -> None:
    pledge = loan_pb2.Pledge(name="loans/loan-1/pledges/p-1", mode=loan_pb2.PLEDGE_MODE_STATIC)
    request = loan_pb2.UpdatePledgeRequest(pledge=pledge)
    request.update_mask.paths.append("mode")
    changed = client.loans.UpdatePledge(request)

    assert changed.mode == loan_pb2.PLEDGE_MODE_STATIC
    assert checked(pickups, "1").largest_quantity.value == "0"


def test_receipt_and_bin_are_stored_and_a_receipt_number_is_unique(client: Client) -> None:
    message = copper_lot()
    message.inventory.receipt_number, message.inventory.bin = "WR-2022-007", "R4-02"
    stored = client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id="lot-1"))
    message.inventory.lot, message.inventory.receipt_number = "another", "wr 2022/7"
    with pytest.raises(grpc.RpcError) as error:
        client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id="lot-2"))
    info, _ = details_of(error.value)

    assert (stored.inventory.receipt_number, stored.inventory.bin) == ("WR-2022-007", "R4-02")
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert info.reason == "DOUBLE_PLEDGE"
    assert (info.metadata["holder"], info.metadata["other_value"]) == ("assets/lot-1", "WR-2022-007")


def test_the_book_is_checked_and_a_double_pledge_is_confirmed(client: Client) -> None:
    for asset_id, receipt in (("lot-1", "WR-4410"), ("lot-2", "WR-4411")):
        message = copper_lot(lot=asset_id)
        message.inventory.receipt_number = receipt
        client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id=asset_id))
    stub = double_pledge_pb2_grpc.DoublePledgeServiceStub(client.channel)
    found = stub.CheckDoublePledge(double_pledge_pb2.CheckDoublePledgeRequest())
    confirmed = stub.ConfirmDoublePledge(
        double_pledge_pb2.ConfirmDoublePledgeRequest(name="findings/1", actor="risk desk", note="one warrant")
    )
    status = client.assets.GetAsset(asset_pb2.GetAssetRequest(name=confirmed.asset)).status

    assert (found.same_number_count, found.suspicion_count, found.opened_finding_count) == (0, 1, 0)
    assert status == asset_pb2.ASSET_STATUS_DOUBLE_PLEDGED
    with pytest.raises(grpc.RpcError) as error:
        stub.ConfirmDoublePledge(
            double_pledge_pb2.ConfirmDoublePledgeRequest(name="findings/99", actor="risk desk", note="none")
        )
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.usefixtures("pickups")
def test_the_command_line_gives_the_same_answers(server: Server) -> None:
    def collateral(*words: str) -> tuple[int, str]:
        done = run(*words, server=server.address)
        return done.returncode, done.stdout + done.stderr

    code, output = collateral("pickup", "check", "loan-1", "lot-1", "90")
    assert (code, "may leave" in output) == (1, True)
    code, output = collateral("pickup", "request", "loan-1", "lot-1", "5", "--note", "truck 7")
    assert code == 0
    code, output = collateral("pickup", "list", "--loan", "loan-1")
    assert "AUTHORISED" in output
    code, output = collateral("loan", "floor", "loan-1")
    assert "505,050.5" in output
    code, output = collateral("check", "book")
    assert (code, "0 suspicions" in output) == (0, True)
