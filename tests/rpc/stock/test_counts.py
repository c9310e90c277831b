"""Stock counts, findings and warehouses."""

import asyncio
import hashlib
import json

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal

from collateral_registry.rpc.stock.count_messages import read_count
from collateral_registry.v1 import breach_pb2, finding_pb2, stock_pb2, valuation_pb2, warehouse_pb2
from tests.commands.stock.test_sync_lots import events, first_of, quantity
from tests.support.postgres import wait_until
from tests.support.pushing import HAPPENED_US, Push, receipt
from tests.support.server import FIRST_DAY, Server, calendar, connected, details_of, value_of
from valuation.errors import InvalidInput

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-a-partner-and-not-a-secret-of-anybody"
BEARER = [("authorization", f"Bearer {TOKEN}")]
NAME = "warehouses/W-1"


@pytest.fixture
def fed(database_url):
    """A loan of 500,000 dollars secured by 100 t of copper that warehouse W-1 reports as lot LOT-1."""
    server = Server(database_url).start()
    with connected(server) as client:
        client.covered_loan()
        push = Push(client)
        push.opened()
        push.push(1, receipt("in-1", 100, lot="LOT-1"))
        wait_until(lambda: quantity(client) == "100", seconds=10)
        push.close()
        yield client
    server.stop()


def stock_count(tonnes, lot="LOT-1", **fields):
    """A physical count of one copper lot, a second after its receipt."""
    counted = Timestamp()
    counted.FromMicroseconds(HAPPENED_US + 1_000_000)
    line = warehouse_pb2.CountLine(lot=lot, good="copper", unit="t", quantity=Decimal(value=tonnes))
    method = warehouse_pb2.COUNT_METHOD_PHYSICAL_COUNT
    return warehouse_pb2.StockCount(count_time=counted, method=method, lines=[line], document="R-7", **fields)


def inspect(client, tonnes, **fields):
    request = warehouse_pb2.RecordInspectionRequest(
        warehouse=NAME, count=stock_count(tonnes), actor="inspector", **fields
    )
    return client.warehouses.RecordInspection(request).reconciliation


def test_a_line_of_a_count_is_named_by_its_place():
    count = stock_count("1")
    count.lines.add(lot="LOT-2", good="copper", unit="t", quantity=Decimal(value="many"))

    with pytest.raises(InvalidInput, match=r"count\.lines\[1\]\.quantity: got"):
        asyncio.run(read_count("W-1", count))


def test_a_valuation_states_the_count_and_the_inspection_that_were_recorded_by_then(fed):
    (before, *_) = fed.recorded_valuations("lot-1")
    inspect(fed, "40")
    now, (after, *_) = value_of(fed, "lot-1"), fed.recorded_valuations("lot-1")

    again = fed.valuations.GetValuation(valuation_pb2.GetValuationRequest(name=before.name))
    assert not again.HasField("quantity_count")
    assert again.inspection_date == calendar(FIRST_DAY)
    for found in (now, after):
        count = found.quantity_count
        assert (count.counted_quantity.value, count.unit, count.by_lender) == ("40", "t", True)
        assert (count.actor, count.document, count.method) == ("inspector", "R-7", stock_count("40").method)
        assert count.count_time == stock_count("40").count_time


def test_an_inspection_with_a_shortage_is_a_finding_and_reaches_the_watcher_as_a_breach(fed):
    heard = events(fed)
    found = inspect(fed, "40")
    opened = first_of(heard, breach_pb2.BREACH_EVENT_KIND_FINDING_OPENED)
    breach = first_of(heard, breach_pb2.BREACH_EVENT_KIND_OPENED)

    (difference,) = found.differences
    assert (difference.counted_quantity.value, difference.book_quantity.value) == ("40", "100")
    assert difference.reserved_quantity.value == "60"
    assert difference.finding in opened.note
    assert breach.loan == "loans/loan-1"
    assert quantity(fed) == "40"


def test_a_finding_is_listed_with_its_evidence_and_resolved_with_a_reason(fed):
    (difference,) = inspect(fed, "90").differences
    listed = fed.findings.ListFindings(finding_pb2.ListFindingsRequest(filter="state = OPEN"))
    request = finding_pb2.ResolveFindingRequest(name=difference.finding, actor="auditor", note="found in bay 4")
    resolved = fed.findings.ResolveFinding(request)
    again = fed.findings.GetFinding(finding_pb2.GetFindingRequest(name=difference.finding))
    with pytest.raises(grpc.RpcError) as refused:
        fed.findings.ResolveFinding(request)

    (finding,) = listed.findings
    evidence = {one.name: one.value for one in finding.evidence}
    assert finding.kind == finding_pb2.FINDING_KIND_COUNT_BELOW_BOOK
    assert (finding.asset, finding.warehouse, finding.lot) == ("assets/lot-1", NAME, "LOT-1")
    assert (evidence["counted"], evidence["book_as_of_count"], evidence["document"]) == ("90 t", "100 t", "R-7")
    assert (resolved.resolver, resolved.note) == ("auditor", "found in bay 4")
    assert again == resolved
    assert details_of(refused.value)[0].reason == "FINDING_RESOLVED"
    wait_until(lambda: quantity(fed) == "100", seconds=10)


def test_a_warehouse_has_its_track_record(fed):
    inspect(fed, "96")
    warehouse = fed.warehouses.GetWarehouse(warehouse_pb2.GetWarehouseRequest(name=NAME))
    listed = fed.warehouses.ListWarehouses(warehouse_pb2.ListWarehousesRequest())
    lots = fed.warehouses.ListCountedLots(warehouse_pb2.ListCountedLotsRequest(parent=NAME))

    assert list(listed.warehouses) == [warehouse]
    assert (warehouse.movement_count, warehouse.counted_lot_count, warehouse.open_finding_count) == (1, 1, 1)
    assert warehouse.shrinkage_rate.value == "0.04"
    assert warehouse.late_share.value == "1"
    assert float(warehouse.haircut.value) == pytest.approx(2 * 0.04 + 0.02)
    assert [(lot.lot, lot.counted_quantity.value, lot.actor) for lot in lots.counted_lots] == [
        ("LOT-1", "96", "inspector")
    ]


def test_a_repeated_inspection_is_recorded_once(fed):
    first, again = inspect(fed, "90", request_id="r-1"), inspect(fed, "90", request_id="r-1")
    lots = fed.warehouses.ListCountedLots(warehouse_pb2.ListCountedLotsRequest(parent=NAME))

    assert first == again
    assert len(lots.counted_lots) == 1


def test_an_unknown_warehouse_is_not_found(fed):
    with pytest.raises(grpc.RpcError) as refused:
        fed.warehouses.GetWarehouse(warehouse_pb2.GetWarehouseRequest(name="warehouses/Nowhere"))

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_partner_reports_counts_of_its_own_warehouse_only(tmp_path, sqlite_url):
    entry = {"token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "warehouses": ["W-1"]}
    path = tmp_path / "partners.json"
    path.write_text(json.dumps({"acme": entry}))
    server = Server(sqlite_url, environment={"COLLATERAL_PARTNERS_FILE": str(path)}).start()
    with connected(server) as client:

        def report(warehouse, metadata=None, feed="acme"):
            request = stock_pb2.ReportCountRequest(
                stock_feed=f"stockFeeds/{feed}", warehouse=warehouse, count=stock_count("5")
            )
            return client.stock.ReportCount(request, metadata=metadata)

        def reason(*given):
            with pytest.raises(grpc.RpcError) as refused:
                report(*given)
            return refused.value.code()

        taken = report(NAME, BEARER).reconciliation
        codes = [reason(NAME), reason("warehouses/W-2", BEARER), reason(NAME, BEARER, "zenith")]
    server.stop()

    assert taken.agreed_count == 1
    assert codes == [
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.PERMISSION_DENIED,
    ]
