"""Inspections of machines are stored as reported, and what they contradict is a finding."""

from collections.abc import Iterator
from datetime import date

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import asset_pb2, finding_pb2, finding_pb2_grpc
from tests.support.diggers import digger, register
from tests.support.server import Client, Server, calendar, connected


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server for all tests of the module, each of which has machines of its own."""
    server = Server(f"sqlite:///{tmp_path_factory.mktemp('inspections') / 'book.db'}").start()
    with connected(server) as client:
        yield client
    server.stop()


def findings(client: Client, asset_id: str) -> list[tuple[str, bool]]:
    """The flags of the findings on a machine, oldest first, and whether they are open."""
    request = finding_pb2.ListFindingsRequest(filter=f'asset = "{asset_id}" AND kind = INSPECTION_CONTRADICTS')
    listed = finding_pb2_grpc.FindingServiceStub(client.channel).ListFindings(request).findings
    return [
        (
            next(one.value for one in finding.evidence if one.name == "flag"),
            finding.state == finding_pb2.FINDING_STATE_OPEN,
        )
        for finding in reversed(listed)
    ]


def inspect(client: Client, asset_id: str, work_done: str = "", **fields: object) -> None:
    """Updates the fields of a machine that an inspection reports."""
    machine = asset_pb2.Equipment(**fields)
    client.assets.UpdateAsset(
        asset_pb2.UpdateAssetRequest(
            asset=asset_pb2.Asset(name=f"assets/{asset_id}", equipment=machine),
            update_mask=FieldMask(paths=[f"equipment.{name}" for name in fields]),
            work_done=work_done,
        )
    )


def test_an_implausible_inspection_is_a_finding_and_is_stored_as_reported(client: Client) -> None:
    register(client, "digger-3")
    assert findings(client, "digger-3") == []
    inspect(client, "digger-3", hours=Decimal(value="4200"))
    assert findings(client, "digger-3") == []
    inspect(client, "digger-3", hours=Decimal(value="3000"))
    assert findings(client, "digger-3") == [("HOURS_FELL", True)]
    asset = client.assets.GetAsset(asset_pb2.GetAssetRequest(name="assets/digger-3"))
    assert asset.equipment.hours.value == "3000"
    inspect(client, "digger-3", condition=asset_pb2.CONDITION_EXCELLENT)
    assert findings(client, "digger-3")[1:] == [("CONDITION_IMPROVED", True)]
    inspect(client, "digger-3", build_date=calendar(date(2004, 1, 1)))
    assert findings(client, "digger-3")[2:] == [("BUILD_YEAR_CHANGED", True)]


def test_an_omitted_reading_does_not_hide_a_fall_of_hours(client: Client) -> None:
    register(client, "digger-4")
    client.assets.UpdateAsset(
        asset_pb2.UpdateAssetRequest(
            asset=asset_pb2.Asset(name="assets/digger-4"), update_mask=FieldMask(paths=["equipment.hours"])
        )
    )
    inspect(client, "digger-4", hours=Decimal(value="100"))
    assert findings(client, "digger-4") == [("HOURS_FELL", True)]


def test_a_better_condition_without_work_is_a_finding_that_stating_the_work_resolves(client: Client) -> None:
    register(client, "digger-5")
    inspect(client, "digger-5", work_done="new engine", condition=asset_pb2.CONDITION_EXCELLENT)
    assert findings(client, "digger-5") == [("CONDITION_IMPROVED", False)]


def test_the_attributes_of_a_machine_are_replaced_as_a_whole(client: Client) -> None:
    register(client, "digger-words")
    inspect(client, "digger-words", attributes={"kind": "digger"})
    asset = client.assets.GetAsset(asset_pb2.GetAssetRequest(name="assets/digger-words"))
    assert dict(asset.equipment.attributes) == {"kind": "digger"}


def test_a_machine_built_in_a_year_after_its_inspection_is_a_finding(client: Client) -> None:
    asset = digger("S-6")
    asset.last_inspection_date.CopyFrom(calendar(date(2001, 5, 1)))
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="digger-6"))
    assert findings(client, "digger-6") == [("BUILT_AFTER", True)]
