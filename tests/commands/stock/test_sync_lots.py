"""Stock movements reach the asset, its value, its loan and the event stream through the stock sync."""

import time

import grpc
import pytest

from collateral_registry.v1 import asset_pb2, breach_pb2, common_pb2, finding_pb2
from tests.support.postgres import wait_until
from tests.support.pushing import Push, movement, receipt
from tests.support.server import Client, Server, copper_lot

pytestmark = pytest.mark.slow

OPENED = breach_pb2.BREACH_EVENT_KIND_OPENED
CURED = breach_pb2.BREACH_EVENT_KIND_CURED


@pytest.fixture
def fed(database_url):
    """A client of a server with a loan of 500,000 secured by 100 t of copper in warehouse W-1, lot LOT-1."""
    server = Server(database_url).start()
    with grpc.insecure_channel(server.address) as channel:
        client = Client(channel)
        client.covered_loan()
        yield client
    server.stop()


def quantity(client, asset="lot-1") -> str:
    found = client.assets.GetAsset(asset_pb2.GetAssetRequest(name=f"assets/{asset}"))
    return found.inventory.quantity.value


def events(client):
    stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())
    for answer in stream:
        yield from answer.events


def first_of(received, kind):
    return next(event for event in received if event.kind == kind)


def test_an_issue_opens_a_breach_that_is_streamed_and_a_receipt_cures_it(fed):
    push, received = Push(fed), events(fed)
    push.opened()
    push.push(1, receipt("in-1", 100, lot="LOT-1"))
    push.push(2, movement("out-1", "ISSUE", 80, lot="LOT-1"))
    opened = first_of(received, OPENED)
    wait_until(lambda: quantity(fed) == "20", seconds=10)
    push.push(3, receipt("in-2", 80, lot="LOT-1"))
    cured = first_of(received, CURED)

    assert opened.loan == "loans/loan-1"
    assert cured.sequence > opened.sequence
    wait_until(lambda: quantity(fed) == "100", seconds=10)


@pytest.mark.long
def test_a_stock_event_is_streamed_within_a_second_on_a_busy_machine(fed):
    push, received = Push(fed), events(fed)
    push.opened()
    push.push(1, receipt("in-1", 100, lot="LOT-1"))
    wait_until(lambda: quantity(fed) == "100")
    found = []
    for turn in range(10):
        number = 2 + 2 * turn
        start = time.perf_counter()
        push.push(number, movement(f"out-{turn}", "ISSUE", 80, lot="LOT-1"))
        first_of(received, OPENED)
        found.append(time.perf_counter() - start)
        push.push(number + 1, receipt(f"in-{number}", 80, lot="LOT-1"))
        first_of(received, CURED)

    assert sorted(found)[5] < 1.0


def test_a_lot_reported_before_its_registration_has_the_reported_quantity(fed):
    push = Push(fed)
    push.opened()
    push.push(1, receipt("in-1", 40, lot="EARLY"))
    message = copper_lot("90", lot="EARLY")
    fed.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id="early"))

    wait_until(lambda: quantity(fed, "early") == "40", seconds=10)


def test_a_lot_in_another_unit_is_converted(fed):
    push = Push(fed)
    push.opened()
    message = copper_lot("1000", lot="KG", unit="kg")
    fed.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=message, asset_id="in-kg"))
    push.push(1, receipt("in-1", 1.5, lot="KG"))

    wait_until(lambda: quantity(fed, "in-kg") == "1500", seconds=10)


def test_many_movements_of_one_lot_make_few_revisions(fed):
    push = Push(fed)
    push.opened()
    push.push(1, *(receipt(f"in-{number}", 1, lot="LOT-1") for number in range(400)))
    wait_until(lambda: quantity(fed) == "400", seconds=10)
    etag = fed.assets.GetAsset(asset_pb2.GetAssetRequest(name="assets/lot-1")).etag

    assert int(etag) < 10


def test_stock_pending_when_a_server_dies_is_synced_by_the_next(database_url):
    first = Server(database_url).start()
    with grpc.insecure_channel(first.address) as channel:
        client = Client(channel)
        client.covered_loan()
        push = Push(client)
        push.opened()
        push.push(1, receipt("in-1", 70, lot="LOT-1"))
        first.stop(9)
    second = Server(database_url).start()
    with grpc.insecure_channel(second.address) as channel:
        client = Client(channel)
        wait_until(lambda: quantity(client) == "70", seconds=10)
    second.stop()


def test_a_lot_reported_as_another_good_counts_zero_and_a_finding_names_both(fed):
    push = Push(fed)
    push.opened()
    push.push(1, receipt("in-1", 500, lot="LOT-1", good="zinc"))
    wait_until(lambda: quantity(fed) == "0", seconds=10)
    (found,) = fed.findings.ListFindings(finding_pb2.ListFindingsRequest(filter="kind=LOT_MISMATCH")).findings

    assert (found.asset, found.severity) == ("assets/lot-1", finding_pb2.FINDING_SEVERITY_CRITICAL)
    evidence = {one.name: one.value for one in found.evidence}
    assert (evidence["registered"], evidence["reported"]) == ("copper", "500 t of zinc")
    assert fed.loan().cover.level == common_pb2.LTV_LEVEL_LIQUIDATION


def test_the_same_good_reported_in_barrels_does_not_stop_the_sync(fed):
    push = Push(fed)
    push.opened()
    push.push(1, receipt("in-1", 5, lot="BARRELS", unit="bbl"))
    push.push(2, receipt("in-2", 60, lot="LOT-1"))

    wait_until(lambda: quantity(fed) == "60", seconds=10)


def test_a_lot_reported_above_the_limit_counts_zero_and_does_not_stop_the_sync(fed):
    push = Push(fed)
    push.opened()
    fed.assets.CreateAsset(
        asset_pb2.CreateAssetRequest(asset=copper_lot("1000", lot="KG", unit="kg"), asset_id="in-kg")
    )
    push.push(1, receipt("in-1", 1e11, lot="KG"))
    push.push(2, receipt("in-2", 60, lot="LOT-1"))
    wait_until(lambda: (quantity(fed, "in-kg"), quantity(fed)) == ("0", "60"), seconds=10)
    found = fed.findings.ListFindings(finding_pb2.ListFindingsRequest(filter="kind=LOT_MISMATCH")).findings

    assert [one.asset for one in found] == ["assets/in-kg"]


def test_a_value_beyond_the_money_range_is_unknown_and_does_not_stop_the_sync(fed):
    push = Push(fed)
    push.opened()
    push.push(1, receipt("in-1", 1.2e10, lot="LOT-1"))
    wait_until(lambda: quantity(fed) == "12000000000", seconds=10)
    cover = fed.loan().cover

    assert cover.coverage == common_pb2.COVERAGE_UNKNOWN
    assert list(cover.unknown_reasons) == [common_pb2.UNKNOWN_REASON_OUT_OF_RANGE]
    push.push(2, movement("out-1", "ISSUE", 1.2e10 - 100, lot="LOT-1"))
    wait_until(lambda: fed.loan().cover.coverage == common_pb2.COVERAGE_KNOWN, seconds=10)


def test_stock_pushed_to_one_server_is_streamed_by_another(postgres_url):
    servers = [Server(postgres_url).start() for _ in range(2)]
    with (
        grpc.insecure_channel(servers[0].address) as here,
        grpc.insecure_channel(servers[1].address) as there,
    ):
        client = Client(here)
        client.covered_loan()
        push, received = Push(client), events(Client(there))
        push.opened()
        push.push(1, receipt("in-1", 100, lot="LOT-1"), movement("out-1", "ISSUE", 80, lot="LOT-1"))

        assert first_of(received, OPENED).loan == "loans/loan-1"
        assert quantity(client) == "20"
    for server in servers:
        server.stop()
