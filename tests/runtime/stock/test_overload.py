"""A slow writer loses nothing, and the server reads no more of a stream than its window and the item limit allow."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from benchmarks.measured import peak_mb_of
from collateral_registry.rpc.feeds.columns import BATCH_ITEMS_LIMIT
from collateral_registry.runtime.feeds.feed_batcher import HELD_ITEMS_LIMIT, WINDOW
from collateral_registry.v1 import stock_pb2 as pb
from tests.support.postgres import wait_until
from tests.support.pushing import Push, batch, receipt
from tests.support.server import Client, Server, connected, details_of

pytestmark = pytest.mark.slow

HELD_SECONDS = 1.0

FEEDS = 8
GROWTH_LIMIT_MB = 200
"""Memory of the items that are queued, being booked and in transit; all 256,000 items would take 400 MB."""

IN_TRANSIT_BYTES = 16 * 1024 * 1024
"""Upper bound of the buffers of a connection, on top of the window; flow control stops the sender there."""


@pytest.fixture
def pusher(running) -> Iterator[Client]:
    with connected(running) as stubs:
        yield stubs


def large(sequence: int, lot: str = "L-1") -> pb.StockBatch:
    """Returns a batch with the maximum number of items."""
    rows = (receipt(f"m-{sequence}-{row}", 1, lot=lot, document="d" * 200) for row in range(BATCH_ITEMS_LIMIT))
    return batch(sequence, *rows)


def test_every_answer_states_the_fixed_window_and_no_delay(pusher, blocked_writer):
    push = Push(pusher)
    window = push.opened().window
    with blocked_writer():
        push.send(batch(1, receipt("m-1", 1)))
        time.sleep(HELD_SECONDS)
    late = push.hear().acknowledged
    push.send(batch(3, receipt("m-3", 1)))

    assert (window, late.window, push.hear().rewind.window) == (WINDOW, WINDOW, WINDOW)
    assert not late.HasField("retry_delay")


def test_a_blocked_writer_limits_reading_to_a_window_and_books_everything_later(pusher, blocked_writer):
    taken, count = [], 6 * WINDOW
    in_transit = IN_TRANSIT_BYTES // large(1).ByteSize()

    def requests():
        yield pb.PushStockRequest(open=pb.PushStockOpen(stock_feed="stockFeeds/acme"))
        for sequence in range(1, count + 1):
            taken.append(sequence)
            yield pb.PushStockRequest(batch=large(sequence))

    answers = pusher.stock.PushStock(requests())
    next(answers)
    with blocked_writer():
        wait_until(lambda: len(taken) >= WINDOW)
        time.sleep(HELD_SECONDS)
        read = len(taken)
    received = [answer.acknowledged for answer in answers]

    assert read <= WINDOW + in_transit < count
    assert [answer.sequence for answer in received] == list(range(1, count + 1))
    assert sum(answer.booked_count for answer in received) == count * BATCH_ITEMS_LIMIT


def test_batches_of_a_stream_that_ends_while_they_wait_are_booked_when_they_are_sent_again(pusher, blocked_writer):
    blocked, left = Push(pusher), Push(pusher, "other")
    blocked.opened()
    left.opened()
    with blocked_writer():
        blocked.send(batch(1, receipt("m-1", 1)))
        time.sleep(HELD_SECONDS)
        left.send(batch(1, receipt("m-1", 1, lot="L-2")), batch(2, receipt("m-2", 1, lot="L-2")))
        time.sleep(HELD_SECONDS)
        left.leave()
        time.sleep(HELD_SECONDS)
    assert blocked.hear().acknowledged.booked_count == 1
    assert blocked.push(2, receipt("m-2", 1)).booked_count == 1
    again = Push(pusher, "other")

    assert again.opened().last_sequence == 0
    answers = [again.push(number, receipt(f"m-{number}", 1, lot="L-2")) for number in (1, 2)]
    assert [(answer.booked_count, answer.repeated_batch) for answer in answers] == [(1, False), (1, False)]


@pytest.mark.long
def test_memory_stays_bounded_while_many_partners_push_to_a_blocked_writer(running, pusher, blocked_writer):
    feeds = ["acme", *(f"feed-{number}" for number in range(FEEDS - 1))]
    warm = Push(pusher, "acme")
    warm.opened()
    warm.push(1, receipt("first", 1))
    before = peak_mb_of(running.process.pid)
    pushes = {feed: Push(pusher, feed) for feed in feeds}
    begins = {feed: push.opened().last_sequence + 1 for feed, push in pushes.items()}
    with blocked_writer():
        for feed, push in pushes.items():
            push.send(*(large(begins[feed] + number, feed) for number in range(WINDOW)))
        time.sleep(2 * HELD_SECONDS)
        grown = peak_mb_of(running.process.pid) - before
    booked = sum(push.hear().acknowledged.booked_count for push in pushes.values() for _ in range(WINDOW))

    assert booked == FEEDS * WINDOW * BATCH_ITEMS_LIMIT
    assert FEEDS * WINDOW * BATCH_ITEMS_LIMIT > 4 * HELD_ITEMS_LIMIT, "more than the limit"
    assert grown < GROWTH_LIMIT_MB


def test_a_stopping_server_acknowledges_batches_in_flight_and_ends_the_stream(running, pusher, blocked_writer):
    push = Push(pusher)
    push.opened()
    with ThreadPoolExecutor(1) as thread:
        with blocked_writer():
            push.send(batch(1, receipt("m-1", 1)))
            time.sleep(HELD_SECONDS)
            stopped = thread.submit(running.stop)
            time.sleep(HELD_SECONDS)
        received = [answer.acknowledged.sequence for answer in push.rest()]

        assert (received, stopped.result()) == ([1], 0)
    running.start()
    with grpc.insecure_channel(running.address) as channel:
        assert Push(Client(channel)).opened().last_sequence == 1


def test_a_stream_opened_at_another_server_ends_the_older_one_at_its_next_write(postgres_url):
    servers = [Server(postgres_url).start() for _ in range(2)]
    channels = [grpc.insecure_channel(server.address) for server in servers]
    older = Push(Client(channels[0]))
    older.opened()
    newer = Push(Client(channels[1]))
    newer.opened()
    newer.push(1, receipt("m-1", 1))
    older.send(batch(1, receipt("m-1", 1)))

    assert details_of(older.error())[0].reason == "STREAM_SUPERSEDED"
    assert newer.push(2, receipt("m-2", 1)).booked_count == 1
    for channel, server in zip(channels, servers, strict=True):
        channel.close()
        server.stop()
