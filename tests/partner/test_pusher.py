"""Pusher against a real server: every movement is booked once, despite failures."""

import signal
import threading

import grpc
import pytest

from collateral_partner import NoAnswer, OtherBook, Outbox, Pusher, ServerBehind, open_channel
from collateral_partner.stream import reason_of
from tests.support.movements import movement, receipts
from tests.support.pushing import Push, receipt
from tests.support.server import Server, free_port


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "outbox.db", "acme") as opened:
        yield opened


@pytest.fixture
def channel(server):
    with open_channel(server.address) as opened:
        yield opened


def stored(server, query="SELECT count(*), count(DISTINCT movement_id) FROM stock_movement"):
    """Returns a row from the database of the server."""
    import sqlite3

    with sqlite3.connect(server.url.removeprefix("sqlite:///")) as connection:
        found = connection.execute(query).fetchone()
    connection.close()
    return found


def test_all_pending_movements_become_durable(server, channel, outbox):
    durable = []
    outbox.add(receipts(1_000))
    pushed = Pusher(channel, outbox, batch_items=30, on_durable=durable.append).push()

    assert (pushed.booked, pushed.known, pushed.rejected) == (1_000, 0, [])
    assert sum(durable) == 1_000
    assert outbox.backlog().items == 0
    assert stored(server) == (1_000, 1_000)


def test_pushing_the_same_movements_again_books_nothing(server, channel, outbox):
    for _ in range(2):
        outbox.add(receipts(10))
        pushed = Pusher(channel, outbox).push()

    assert (pushed.booked, pushed.known) == (0, 10)
    assert stored(server) == (10, 10)


def test_rejected_items_are_returned_and_stay_listed(channel, outbox):
    outbox.add([movement("m-1"), movement("m-2", "ISSUE", "5"), movement("m-3")])
    pushed = Pusher(channel, outbox).push()

    assert pushed.booked == 2
    assert [(one.item_id, one.reason) for one in pushed.rejected] == [("m-2", "INSUFFICIENT_STOCK")]
    assert outbox.rejected() == pushed.rejected


def test_a_lost_acknowledgement_is_repeated(channel, outbox):
    """The server recognises the batch and reports its rejected items again."""
    outbox.add([movement("m-1"), movement("m-2", "ISSUE", "5")])
    failing = _FailingOutbox(outbox)
    with pytest.raises(_FailingOutbox.Killed):
        Pusher(channel, failing).push()
    pushed = Pusher(channel, outbox).push()

    assert pushed.booked == 1
    assert [one.item_id for one in pushed.rejected] == ["m-2"]
    assert outbox.backlog().items == 0


class _WrappedOutbox:
    """An outbox that passes every call on to another one."""

    def __init__(self, outbox):
        self._outbox = outbox

    def __getattr__(self, name):
        return getattr(self._outbox, name)


class _FailingOutbox(_WrappedOutbox):
    """An outbox that fails before it stores an acknowledgement."""

    class Killed(Exception):
        """Stands for a killed process."""

    def acknowledge(self, *_):
        raise self.Killed


def test_a_stream_at_most_doubles_its_batches_with_each_response(channel, outbox):
    outbox.add(receipts(200))
    recording = _RecordingOutbox(outbox)
    Pusher(channel, recording, batch_items=5).push()

    assert recording.limits[0] == 1
    assert all(later <= 2 * (sum(recording.limits[:at]) or 1) for at, later in enumerate(recording.limits))
    assert max(recording.limits) > 1


class _RecordingOutbox(_WrappedOutbox):
    """An outbox that records the limits of its calls to ``batches``."""

    def __init__(self, outbox):
        super().__init__(outbox)
        self.limits = []

    def batches(self, after, limit, *rest):
        self.limits.append(limit)
        return self._outbox.batches(after, limit, *rest)


def test_a_new_outbox_continues_after_the_sequence_of_the_server(server, channel, outbox, tmp_path):
    outbox.add(receipts(20))
    Pusher(channel, outbox, batch_items=5).push()
    with Outbox(tmp_path / "new.db", "acme") as new:
        new.add(receipts(15, first=16))
        pushed = Pusher(channel, new, batch_items=5).push()

    assert (pushed.booked, pushed.known) == (10, 5)
    assert last_sequence(server) == (7,)
    assert stored(server) == (30, 30)


def last_sequence(server):
    return stored(server, "SELECT last_sequence FROM stock_source")


def test_a_server_that_lost_acknowledged_batches_is_detected(channel, tmp_path):
    with Outbox(tmp_path / "before.db", "acme") as before:
        before.add(receipts(4))
        before.batches(0, 8, 6, 2)
        before.acknowledge(8, [])
        before.add(receipts(1, first=5))
        with pytest.raises(ServerBehind, match="last batch of the server is 0, but batch 8 was acknowledged"):
            Pusher(channel, before).push()


def test_a_push_survives_a_kill_and_restart_of_the_server(server, channel, outbox):
    outbox.add(receipts(6_000))
    killed = threading.Event()
    restart = threading.Thread(target=_kill_and_start, args=(server, killed))
    restart.start()
    Pusher(channel, outbox, batch_items=20, on_durable=lambda _: killed.set()).push()
    restart.join()

    assert stored(server) == (6_000, 6_000)
    assert outbox.backlog().items == 0


def _kill_and_start(server, first_durable):
    first_durable.wait()
    server.stop(signal.SIGKILL)
    server.start()


def test_a_push_without_a_server_ends_after_its_patience(outbox):
    outbox.add(receipts(1))
    with (
        open_channel(f"127.0.0.1:{free_port()}") as channel,
        pytest.raises(NoAnswer, match=r"no response from the server for 0\.3 s"),
    ):
        Pusher(channel, outbox, silence_seconds=0.3, patience_seconds=0.6).push()

    assert outbox.backlog().items == 1


def test_a_second_pusher_of_the_feed_ends_the_first(client, channel, outbox):
    """Two pushers that supersede each other would never end, so a pusher gives up after a few times."""
    others = []

    def supersede(_):
        others.append(Push(client))
        others[-1].opened()

    outbox.add(receipts(2_000))
    with pytest.raises(grpc.RpcError) as caught:
        Pusher(channel, outbox, batch_items=10, on_durable=supersede).push()

    assert reason_of(caught.value) == "STREAM_SUPERSEDED"
    assert len(others) > 1


def test_a_sequence_used_by_another_pusher_ends_the_push(client, channel, outbox):
    outbox.add(receipts(1))
    outbox.batches(0, 1, 0, 1)
    other = Push(client)
    other.opened()
    other.push(1, receipt("x-1", 1))
    with pytest.raises(OtherBook, match="batch 1 has other movements at the server than in the outbox"):
        Pusher(channel, outbox).push()

    assert outbox.waiting() == ["m-1"]


@pytest.mark.slow
def test_both_database_engines_book_a_push(database_url, outbox):
    running = Server(database_url).start()
    outbox.add(receipts(500))
    with open_channel(running.address) as opened:
        pushed = Pusher(opened, outbox, batch_items=50).push()
    running.stop()

    assert pushed.booked == 500
