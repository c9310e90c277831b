"""The stream of stock: acknowledged batches are durable and booked once."""

from collateral_registry.v1 import stock_pb2 as pb
from tests.support.pushing import Push, batch, movement, receipt
from tests.support.server import details_of


def test_a_batch_is_durable_before_it_is_acknowledged(client):
    push = Push(client)
    opened = push.opened()
    acknowledged = push.push(1, receipt("m-1", 100), movement("m-2", "ISSUE", 30))
    rest = push.close()

    assert opened.last_sequence == 0
    assert (acknowledged.sequence, acknowledged.booked_count, acknowledged.repeated_batch) == (1, 2, False)
    assert rest == []
    assert Push(client).opened().last_sequence == 1


def test_a_repeat_is_acknowledged_and_not_booked_again(client):
    push = Push(client)
    push.opened()
    first = push.push(1, receipt("m-1", 100), movement("m-2", "ISSUE", 300))
    again = push.push(1, receipt("m-1", 100), movement("m-2", "ISSUE", 300))

    assert again.repeated_batch
    assert (again.booked_count, again.rejected_items) == (first.booked_count, first.rejected_items)


def test_a_gap_is_answered_with_a_rewind_and_batches_until_then_are_dropped(client):
    push = Push(client)
    push.opened()
    push.send(*(batch(number, receipt(f"m-{number}", 1)) for number in (2, 3, 1, 2)))
    answers = [push.hear() for _ in range(3)]

    assert answers[0].rewind.expected_sequence == 1
    assert [answer.acknowledged.sequence for answer in answers[1:]] == [1, 2]
    assert push.close() == []


def test_a_durable_sequence_with_other_content_ends_the_stream(client):
    push = Push(client)
    push.opened()
    push.push(1, receipt("m-1", 100))
    push.send(batch(1, receipt("m-1", 99)))

    assert details_of(push.error())[0].reason == "SEQUENCE_REUSED"


def test_a_new_stream_ends_the_older_one_of_its_feed(client):
    older = Push(client)
    older.opened()
    newer = Push(client)
    newer.opened()

    assert details_of(older.error())[0].reason == "STREAM_SUPERSEDED"
    assert newer.push(1, receipt("m-1", 1)).booked_count == 1


def test_a_rejected_item_is_named_and_does_not_stop_the_stream(client):
    push = Push(client)
    push.opened()
    acknowledged = push.push(1, receipt("m-1", 10), movement("m-2", "ISSUE", 11), movement("m-3", "ISSUE", 10))

    assert acknowledged.booked_count == 2
    assert [(item.row, item.movement_id, item.reason) for item in acknowledged.rejected_items] == [
        (1, "m-2", pb.REJECTION_REASON_INSUFFICIENT_STOCK)
    ]
    assert "want at most the 10 t of lot L-1 in warehouse W-1" in acknowledged.rejected_items[0].description
    assert push.push(2, receipt("m-4", 1)).booked_count == 1
