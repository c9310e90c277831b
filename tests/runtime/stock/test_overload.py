"""A writer that is behind: nothing is lost, little is read, and the partner is told to slow down."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import grpc
import pytest
from sqlalchemy import make_url

from benchmarks.measured import peak_mb_of
from collateral_registry.client.pusher import BATCH_ITEMS
from collateral_registry.rpc.stock.movement_columns import BATCH_ITEMS_LIMIT
from collateral_registry.runtime.stock.stock_batcher import (
    BUSY_SECONDS,
    BUSY_WINDOW,
    HELD_ITEMS_LIMIT,
    LONE_WINDOW,
    UNDER_WAY_ITEMS,
    WINDOW,
)
from collateral_registry.v1 import stock_pb2 as pb
from tests.support.postgres import wait_until
from tests.support.pushing import Push, batch, receipt
from tests.support.server import Client, Server, details_of

HELD_SECONDS = 4 * BUSY_SECONDS
TURNS = 50
"""Batches after which a writer that nobody holds up must have been quick once, however busy the machine."""

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


@pytest.fixture
def under_way_items(running) -> int:
    """Items that all streams together are asked to have under way."""
    return UNDER_WAY_ITEMS[make_url(running.url).get_backend_name()]


def large(sequence: int, lot: str = "L-1") -> pb.StockBatch:
    """A batch as large as batches may be."""
    rows = (receipt(f"m-{sequence}-{row}", 1, lot=lot, document="d" * 200) for row in range(BATCH_ITEMS_LIMIT))
    return batch(sequence, *rows)


def test_a_writer_that_was_held_up_asks_for_a_smaller_window_and_a_delay(pusher, others_turn, under_way_items):
    push = Push(pusher)
    window = push.opened().window
    with others_turn():
        push.send(batch(1, receipt("m-1", 1)))
        time.sleep(HELD_SECONDS)
    late = push.hear().acknowledged
    later = (push.push(number, receipt(f"m-{number}", 1)) for number in range(2, TURNS))
    soon = next(answer for answer in later if not answer.HasField("retry_delay"))

    assert window == under_way_items // BATCH_ITEMS
    assert (late.booked_count, late.window) == (1, BUSY_WINDOW)
    assert late.retry_delay.ToTimedelta().total_seconds() > BUSY_SECONDS
    assert soon.window == WINDOW


def test_partners_that_push_together_share_what_may_be_under_way(pusher, others_turn, under_way_items):
    pushes = {feed: Push(pusher, feed) for feed in ("acme", *(f"feed-{number}" for number in range(FEEDS - 1)))}
    begins = {feed: push.opened().last_sequence + 1 for feed, push in pushes.items()}
    rows = [receipt(f"m-{row}", 1) for row in range(BATCH_ITEMS)]
    with others_turn():
        for feed, push in pushes.items():
            push.send(*(batch(begins[feed] + number, *rows) for number in range(2)))
        time.sleep(BUSY_SECONDS / 2)
    together = pushes["acme"].hear().acknowledged
    for push in pushes.values():
        push.close()
    alone = Push(pusher, "acme")
    next_one = alone.opened().last_sequence + 1

    assert together.window == ceil(under_way_items / (FEEDS * BATCH_ITEMS))
    assert alone.push(next_one, *rows).window == under_way_items // BATCH_ITEMS
    assert alone.push(next_one + 1, receipt("m-1", 1)).window == WINDOW, "small batches are limited by their number"
    assert alone.push(next_one + 2, *rows * (BATCH_ITEMS_LIMIT // BATCH_ITEMS)).window == LONE_WINDOW


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
