"""A writer that is behind: nothing is lost, and streams are read no further than their windows and the held limit."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from benchmarks.measured import peak_mb_of
from collateral_registry.rpc.stock.movement_columns import BATCH_ITEMS_LIMIT
from collateral_registry.runtime.stock.stock_batcher import HELD_ITEMS_LIMIT, WINDOW
from collateral_registry.v1 import stock_pb2 as pb
from tests.support.postgres import wait_until
from tests.support.pushing import Push, batch, receipt
from tests.support.server import Client, Server, details_of

HELD_SECONDS = 1.0

FEEDS = 8
GROWTH_LIMIT_MB = 200
"""What is held, what is booked at once, and what is in transit; 256,000 items would be some 400 MB."""

IN_TRANSIT_BYTES = 16 * 1024 * 1024
"""What the buffers of a connection hold at most beside the window; its flow control lets no more through."""


@pytest.fixture
def running(database_url):
    server = Server(database_url).start()
    yield server
    server.stop()


@pytest.fixture
def pusher(running) -> Iterator[Client]:
    with grpc.insecure_channel(running.address) as channel:
        yield Client(channel)


def large(sequence: int, lot: str = "L-1") -> pb.StockBatch:
    """A batch as large as batches may be."""
    rows = (receipt(f"m-{sequence}-{row}", 1, lot=lot, document="d" * 200) for row in range(BATCH_ITEMS_LIMIT))
    return batch(sequence, *rows)


def test_every_answer_states_the_fixed_window_and_no_delay(pusher, others_turn):
    push = Push(pusher)
    window = push.opened().window
    with others_turn():
        push.send(batch(1, receipt("m-1", 1)))
        time.sleep(HELD_SECONDS)
    late = push.hear().acknowledged
    push.send(batch(3, receipt("m-3", 1)))

    assert (window, late.window, push.hear().rewind.window) == (WINDOW, WINDOW, WINDOW)
    assert not late.HasField("retry_delay")


def test_while_the_writer_is_held_up_no_more_than_a_window_is_read_and_then_all_is_booked(pusher, others_turn):
    taken, count = [], 6 * WINDOW
    in_transit = IN_TRANSIT_BYTES // large(1).ByteSize()

    def requests():
        yield pb.PushStockRequest(open=pb.PushStockOpen(stock_feed="stockFeeds/acme"))
        for sequence in range(1, count + 1):
            taken.append(sequence)
            yield pb.PushStockRequest(batch=large(sequence))

    answers = pusher.stock.PushStock(requests())
    next(answers)
    with others_turn():
        wait_until(lambda: len(taken) >= WINDOW)
        time.sleep(HELD_SECONDS)
        read = len(taken)
    heard = [answer.acknowledged for answer in answers]

    assert read <= WINDOW + in_transit < count
    assert [answer.sequence for answer in heard] == list(range(1, count + 1))
    assert sum(answer.booked_count for answer in heard) == count * BATCH_ITEMS_LIMIT


def test_memory_stays_bounded_however_many_partners_push_while_the_writer_is_held_up(running, pusher, others_turn):
    feeds = ["acme", *(f"feed-{number}" for number in range(FEEDS - 1))]
    warm = Push(pusher, "acme")
    warm.opened()
    warm.push(1, receipt("first", 1))
    before = peak_mb_of(running.process.pid)
    pushes = {feed: Push(pusher, feed) for feed in feeds}
    begins = {feed: push.opened().last_sequence + 1 for feed, push in pushes.items()}
    with others_turn():
        for feed, push in pushes.items():
            push.send(*(large(begins[feed] + number, feed) for number in range(WINDOW)))
        time.sleep(2 * HELD_SECONDS)
        grown = peak_mb_of(running.process.pid) - before
    booked = sum(push.hear().acknowledged.booked_count for push in pushes.values() for _ in range(WINDOW))

    assert booked == FEEDS * WINDOW * BATCH_ITEMS_LIMIT
    assert FEEDS * WINDOW * BATCH_ITEMS_LIMIT > 4 * HELD_ITEMS_LIMIT, "or there was nothing to hold back"
    assert grown < GROWTH_LIMIT_MB


def test_a_server_that_stops_acknowledges_what_is_under_way_and_ends_the_stream(running, pusher, others_turn):
    push = Push(pusher)
    push.opened()
    with ThreadPoolExecutor(1) as thread:
        with others_turn():
            push.send(batch(1, receipt("m-1", 1)))
            time.sleep(HELD_SECONDS)
            stopped = thread.submit(running.stop)
            time.sleep(HELD_SECONDS)
        heard = [answer.acknowledged.sequence for answer in push.rest()]

        assert (heard, stopped.result()) == ([1], 0)
    running.start()
    with grpc.insecure_channel(running.address) as channel:
        assert Push(Client(channel)).opened().last_sequence == 1


def test_a_stream_opened_at_another_server_ends_the_older_one_when_it_writes(postgres_url):
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
