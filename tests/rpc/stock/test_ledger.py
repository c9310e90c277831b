"""Movements of single calls, lists of reported stock, and the resolution of rejected items."""

import hashlib
import json

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal

from collateral_registry.clock import wall_clock
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import stock_ledger_pb2 as ledger, stock_pb2 as pb
from tests.support.pushing import HAPPENED_US, Push, movement, receipt
from tests.support.server import Server, connected, details_of

TOKEN = "a-token-of-a-partner-and-not-a-secret-of-anybody"


def stock_movement(movement_id, kind, quantity="0", **fields):
    """A movement of copper in lot L-1 of warehouse W-1, as a message."""
    happened = Timestamp()
    happened.FromMicroseconds(HAPPENED_US)
    texts = {"warehouse": "W-1", "lot": "L-1", "good": "copper", "unit": "t", "effective_time": happened, **fields}
    number = pb.MovementKind.Value(f"MOVEMENT_KIND_{kind}")
    return pb.StockMovement(movement_id=movement_id, kind=number, quantity=Decimal(value=quantity), **texts)


def record(client, *movements, request_id="", feed="acme", metadata=None):
    request = pb.RecordMovementsRequest(stock_feed=f"stockFeeds/{feed}", movements=movements, request_id=request_id)
    return client.stock.RecordMovements(request, metadata=metadata)


def lots(client, filter_=""):
    found = client.ledger.ListStockLots(ledger.ListStockLotsRequest(filter=filter_)).stock_lots
    return {(one.warehouse, one.lot): one.quantity.value for one in found}


def rejected(client, filter_="state = OPEN", feed="acme"):
    request = ledger.ListRejectedMovementsRequest(parent=f"stockFeeds/{feed}", filter=filter_)
    return list(client.ledger.ListRejectedMovements(request).rejected_movements)


def resolve(client, name, state=ledger.REJECTION_STATE_BOOKED, **fields):
    request = ledger.ResolveRejectedMovementRequest(name=name, state=state, actor="clerk", note="seen", **fields)
    return client.ledger.ResolveRejectedMovement(request)


def longest_kept(url):
    """The length in characters of the longest rejected item in the database."""
    database = Database(url, wall_clock)
    with database.read() as connection:
        found = connection.exec_driver_sql("SELECT max(length(item)) FROM stock_rejection").scalar_one()
    database.close()
    return found


def reason_of(call, *given, **named):
    with pytest.raises(grpc.RpcError) as refused:
        call(*given, **named)
    return details_of(refused.value)[0].reason


def test_a_call_books_its_movements_names_the_rejected_ones_and_is_counted_once(client):
    movements = [
        stock_movement("in-1", "RECEIPT", "100"),
        stock_movement("out-1", "ISSUE", "130"),
        stock_movement("out-2", "ISSUE", "30.5"),
    ]
    first = record(client, *movements, request_id="r-1")
    again = record(client, *movements, request_id="r-1")

    assert (first.booked_count, first.known_count) == (2, 0)
    assert [(one.row, one.movement_id, one.reason) for one in first.rejected_items] == [
        (1, "out-1", pb.REJECTION_REASON_INSUFFICIENT_STOCK)
    ]
    assert again == first
    assert lots(client) == {("W-1", "L-1"): "69.5"}
    assert len(rejected(client)) == 1


def test_a_repeated_movement_is_known_even_after_the_goods_have_left(client):
    record(client, stock_movement("in-1", "RECEIPT", "100"), stock_movement("out-1", "ISSUE", "100"))
    alone = record(client, stock_movement("out-1", "ISSUE", "100"))
    mixed = record(
        client,
        stock_movement("out-1", "ISSUE", "100"),
        stock_movement("in-2", "RECEIPT", "5"),
        stock_movement("in-1", "RECEIPT", "100"),
        stock_movement("out-2", "ISSUE", "6"),
    )

    assert (alone.booked_count, alone.known_count, list(alone.rejected_items)) == (0, 1, [])
    assert (mixed.booked_count, mixed.known_count) == (1, 2)
    assert [one.movement_id for one in mixed.rejected_items] == ["out-2"]
    assert lots(client) == {("W-1", "L-1"): "5"}


def test_an_id_of_another_movement_is_rejected_and_the_rest_is_booked(client):
    record(client, stock_movement("in-1", "RECEIPT", "100"))
    found = record(client, stock_movement("in-1", "RECEIPT", "50"), stock_movement("in-2", "RECEIPT", "7"))

    assert (found.booked_count, found.known_count) == (1, 0)
    assert [one.reason for one in found.rejected_items] == [pb.REJECTION_REASON_ID_REUSED]
    assert lots(client) == {("W-1", "L-1"): "107"}


def test_a_repeated_correction_corrects_once(client):
    record(client, stock_movement("in-1", "RECEIPT", "100"))
    record(client, stock_movement("fix-1", "CORRECTION", "90", corrects="in-1"))
    found = record(
        client, stock_movement("fix-1", "CORRECTION", "90", corrects="in-1"), stock_movement("out-1", "ISSUE", "1")
    )

    assert (found.booked_count, found.known_count, list(found.rejected_items)) == (1, 1, [])
    assert lots(client) == {("W-1", "L-1"): "89"}


def test_a_correction_without_a_quantity_is_refused(client):
    blank = pb.StockMovement(movement_id="fix-1", kind=pb.MOVEMENT_KIND_CORRECTION, corrects="in-1")
    record(client, stock_movement("in-1", "RECEIPT", "100"))

    with pytest.raises(grpc.RpcError) as found:
        record(client, blank)

    assert "movements[0].quantity: got nothing, want the correct quantity" in found.value.details()
    assert lots(client) == {("W-1", "L-1"): "100"}


def test_a_correction_in_a_stream_without_quantities_is_rejected_and_corrects_nothing(client):
    record(client, stock_movement("in-1", "RECEIPT", "100"))
    push = Push(client)
    push.opened()
    correction = {"kinds": [pb.MOVEMENT_KIND_CORRECTION], "corrects": ["in-1"]}
    push.send(pb.StockBatch(sequence=1, movement_ids=["fix-1"], **correction, documents=["D-2"]))

    (refused,) = push.hear().acknowledged.rejected_items
    assert refused.reason == pb.REJECTION_REASON_INVALID_FIELD
    assert refused.description.startswith("quantity: got nothing, want ")
    assert not rejected(client)[0].movement.HasField("quantity")
    assert lots(client) == {("W-1", "L-1"): "100"}


def test_a_request_id_with_other_movements_and_an_empty_call_are_refused(client):
    record(client, stock_movement("in-1", "RECEIPT", "1"), request_id="r-1")

    assert reason_of(record, client, stock_movement("in-2", "RECEIPT", "1"), request_id="r-1") == "REQUEST_ID_REUSED"
    assert reason_of(record, client) == "INVALID_INPUT"
    assert reason_of(record, client, stock_movement("in-3", "RECEIPT", "0.0000001")) == "INVALID_INPUT"
    assert lots(client) == {("W-1", "L-1"): "1"}


def test_calls_do_not_change_the_sequence_of_the_stream(client):
    push = Push(client)
    push.opened()
    push.push(1, receipt("in-1", 10))
    record(client, stock_movement("in-2", "RECEIPT", "5"))
    acknowledged = push.push(2, receipt("in-3", 1))
    feed = client.ledger.GetStockFeed(ledger.GetStockFeedRequest(name="stockFeeds/acme"))
    listed = client.ledger.ListStockFeeds(ledger.ListStockFeedsRequest()).stock_feeds

    assert acknowledged.booked_count == 1
    assert (feed.last_sequence, feed.call_count, feed.open_rejection_count) == (2, 1, 0)
    assert list(listed) == [feed]
    assert lots(client) == {("W-1", "L-1"): "16"}


def test_movements_are_listed_as_reported_by_their_lot_of_origin_or_destination(client):
    record(
        client,
        stock_movement("in-1", "RECEIPT", "10", document="WR-7", grade="A"),
        stock_movement("to-1", "TRANSFER", "4", to_warehouse="W-2", to_lot="L-9"),
        stock_movement("in-2", "RECEIPT", "3", lot="L-2"),
        stock_movement("fix-1", "CORRECTION", "12", corrects="in-1"),
    )

    def listed(filter_, **paging):
        return client.ledger.ListMovements(ledger.ListMovementsRequest(filter=filter_, **paging))

    changes = [(one.movement.movement_id, one.change.value) for one in listed('lot = "L-1"').movements]
    arrived = listed('warehouse = "W-2" AND lot = "L-9"').movements
    (received,) = listed('document = "WR-7" AND kind = RECEIPT').movements
    page = listed("feed = acme", page_size=3)
    rest = listed("feed = acme", page_size=3, page_token=page.next_page_token)

    assert changes == [("fix-1", "2"), ("to-1", "-4"), ("in-1", "10")]
    assert [one.movement.movement_id for one in arrived] == ["to-1"]
    assert received.movement == stock_movement("in-1", "RECEIPT", "10", document="WR-7", grade="A")
    assert (received.stock_feed, received.sequence, received.row) == ("stockFeeds/acme", -1, 0)
    assert [one.movement.movement_id for one in [*page.movements, *rest.movements]] == [
        "fix-1",
        "in-2",
        "to-1",
        "in-1",
    ]
    assert not rest.next_page_token


def test_a_rejected_item_is_booked_later_as_reported(client):
    record(client, stock_movement("out-1", "ISSUE", "4"))
    (item,) = rejected(client)
    early = reason_of(resolve, client, item.name)
    record(client, stock_movement("in-1", "RECEIPT", "10"))
    booked = resolve(client, item.name)
    again = resolve(client, item.name)

    assert item.reason == pb.REJECTION_REASON_UNKNOWN_LOT
    assert item.movement.movement_id == "out-1"
    assert early == "MOVEMENT_REJECTED"
    assert (booked.state, booked.resolver, booked.note) == (ledger.REJECTION_STATE_BOOKED, "clerk", "seen")
    assert again == booked
    assert lots(client) == {("W-1", "L-1"): "6"}
    assert rejected(client) == []


def test_a_rejected_item_is_booked_as_corrected(client):
    record(client, stock_movement("in-1", "RECEIPT", "10"), stock_movement("out-1", "ISSUE", "40"))
    (item,) = rejected(client)
    resolve(client, item.name, movement=stock_movement("out-1", "ISSUE", "4"))

    assert lots(client) == {("W-1", "L-1"): "6"}


def test_a_dismissed_item_is_never_booked_and_a_booked_item_is_not_dismissed(client):
    record(client, stock_movement("out-1", "ISSUE", "4"), stock_movement("out-2", "ISSUE", "1"))
    second, first = rejected(client)
    dismissed = resolve(client, first.name, ledger.REJECTION_STATE_DISMISSED)
    record(client, stock_movement("in-1", "RECEIPT", "10"))
    resolve(client, second.name)

    assert dismissed.state == ledger.REJECTION_STATE_DISMISSED
    assert reason_of(resolve, client, first.name) == "REJECTION_SETTLED"
    assert reason_of(resolve, client, second.name, ledger.REJECTION_STATE_DISMISSED) == "REJECTION_SETTLED"
    assert lots(client) == {("W-1", "L-1"): "9"}
    assert [one.name for one in rejected(client, "state = DISMISSED")] == [first.name]


def test_a_rejected_item_of_a_stream_is_stored_unchanged(client):
    push = Push(client)
    push.opened()
    push.push(1, movement("odd-1", "RECEIPT", 5, effective_us=2**62, good="no such thing", lot="L\x00"))
    (item,) = rejected(client)

    assert item.movement.good == "no such thing"
    assert item.movement.lot == "L\\x00"
    assert not item.movement.HasField("effective_time")
    assert reason_of(resolve, client, item.name) == "MOVEMENT_REJECTED"


@pytest.mark.parametrize("column", ["document", "corrects", "movement_id", "good"])
def test_a_text_of_megabytes_is_rejected_and_stored_truncated_and_other_items_are_booked(client, database_url, column):
    long = "x" * 3_000_000
    kind = "CORRECTION" if column == "corrects" else "RECEIPT"
    push = Push(client)
    push.opened()
    taken = push.push(1, movement("long", kind, 1) | {column: long}, receipt("other", 2))
    push.close()
    (kept,) = rejected(client)

    assert taken.booked_count == 1
    assert kept.reason == pb.REJECTION_REASON_INVALID_FIELD
    assert kept.description.startswith(f"{column}: got ")
    assert longest_kept(database_url) < 1_000


def test_a_correction_of_an_impossible_id_is_rejected_and_other_items_are_booked(client):
    push = Push(client)
    push.opened()
    taken = push.push(1, receipt("m-1", 2), movement("m-2", "CORRECTION", 1, corrects="m\0-1"))
    push.close()

    assert taken.booked_count == 1
    assert [item.reason for item in taken.rejected_items] == [pb.REJECTION_REASON_INVALID_FIELD]


def test_an_unknown_item_and_an_invalid_state_are_refused_by_name(client):
    assert reason_of(resolve, client, "stockFeeds/acme/rejectedMovements/7") == "NOT_FOUND"
    assert reason_of(resolve, client, "stockFeeds/acme/rejectedMovements/x") == "INVALID_INPUT"
    record(client, stock_movement("out-1", "ISSUE", "4"))
    (item,) = rejected(client)
    assert reason_of(resolve, client, item.name, ledger.REJECTION_STATE_OPEN) == "INVALID_INPUT"


@pytest.mark.slow
def test_a_partner_reports_movements_of_its_own_warehouses_only(tmp_path, sqlite_url):
    entry = {"token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "warehouses": ["W-1"]}
    path = tmp_path / "partners.json"
    path.write_text(json.dumps({"acme": entry}))
    server = Server(sqlite_url, environment={"COLLATERAL_PARTNERS_FILE": str(path)}).start()
    bearer = [("authorization", f"Bearer {TOKEN}")]
    with connected(server) as guarded:
        taken = record(
            guarded,
            stock_movement("in-1", "RECEIPT", "5"),
            stock_movement("in-2", "RECEIPT", "5", warehouse="W-2"),
            metadata=bearer,
        )
        without = reason_of(record, guarded, stock_movement("in-3", "RECEIPT", "5"))
        other = reason_of(record, guarded, stock_movement("in-3", "RECEIPT", "5"), feed="zenith", metadata=bearer)
    server.stop()

    assert taken.booked_count == 1
    assert [one.reason for one in taken.rejected_items] == [pb.REJECTION_REASON_FOREIGN_WAREHOUSE]
    assert (without, other) == ("UNAUTHENTICATED", "NOT_PERMITTED")


def test_sending_rejected_movements_again_opens_no_second_rejection(client):
    movements = [stock_movement("in-1", "RECEIPT", "10"), stock_movement("out-1", "ISSUE", "30")]
    record(client, *movements)
    again = record(client, *movements, request_id="r-2")
    repeated = record(client, *movements, request_id="r-2")

    assert [one.movement_id for one in again.rejected_items] == ["out-1"]
    assert repeated == again
    assert [one.movement.movement_id for one in rejected(client, "")] == ["out-1"]
    feed = client.ledger.GetStockFeed(ledger.GetStockFeedRequest(name="stockFeeds/acme"))
    assert feed.open_rejection_count == 1


def test_a_dismissed_rejection_stays_dismissed_when_its_movement_is_sent_again(client):
    issue = stock_movement("out-1", "ISSUE", "30")
    record(client, issue)
    resolve(client, rejected(client)[0].name, ledger.REJECTION_STATE_DISMISSED)
    record(client, issue)

    assert rejected(client) == []


def test_a_rejection_is_closed_when_its_movement_is_booked_on_a_later_report(client):
    issue = stock_movement("out-1", "ISSUE", "30")
    record(client, stock_movement("in-1", "RECEIPT", "10"), issue)
    record(client, stock_movement("in-2", "RECEIPT", "50"), issue)

    (closed,) = rejected(client, "")
    assert closed.state == ledger.REJECTION_STATE_BOOKED
    assert (closed.resolver, closed.note) == ("stockFeeds/acme", "booked when it was reported again")
    assert lots(client) == {("W-1", "L-1"): "30"}
