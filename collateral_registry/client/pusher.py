"""From the outbox to the server, through any crash or reset of either, nothing lost and nothing twice.

Batches go with the server's window in flight; a stream begins with one and twice as many after each answer, so that on
a network that cuts streams the first batches are answered before much more is sent. What was sent and not acknowledged
is sent again, unchanged, when a stream breaks: the server knows it by its number, and says again which items it
rejected.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import grpc
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from collateral_registry.client.outbox import Outbox, RejectedMovement
from collateral_registry.client.stream import NoAnswer, Stream, reason_of
from collateral_registry.v1 import stock_pb2

BATCH_ITEMS = 200
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 0.25
"""A partner is back within a second of its server."""

SILENCE_SECONDS = 10.0
LONGEST_SILENCE_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
REASON_PREFIX = "REJECTION_REASON_"
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}
"""Statuses of a stream that was cut, or of a server that is going or busy; any other stays until somebody mends it."""

SUPERSEDED = "STREAM_SUPERSEDED"
SUPERSEDED_LIMIT = 3
"""Streams of one push that another may take over: the late opening of a broken one may, a second pusher always does."""


class ServerBehind(Exception):
    """The server has lost batches that it had acknowledged, and the outbox has let go of them."""


@dataclass
class Pushed:
    """What became of the movements that the server made durable in this push."""

    booked: int = 0
    known: int = 0
    rejected: list[RejectedMovement] = field(default_factory=list)


@dataclass
class _Flight:
    """What is under way on a stream: the last sequence sent, those unanswered, and how fast the server lets it go.

    ``proven`` is how many batches in flight the stream has earned by its answers.
    """

    server_last: int
    sent: int
    window: int
    batch_items: int
    proven: int = 1
    unanswered: deque[int] = field(default_factory=deque)
    go_on_at: float = 0.0


class Pusher:
    """Pushes what waits in an outbox."""

    def __init__(
        self,
        channel: grpc.Channel,
        outbox: Outbox,
        token: str = "",
        *,
        batch_items: int = BATCH_ITEMS,
        silence_seconds: float = SILENCE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        on_durable: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``on_durable`` hears how many more items are durable; ``patience_seconds`` may pass without any progress."""
        self.outbox = outbox
        self._channel = channel
        self._token = token
        self._batch_items = batch_items
        self._silence_seconds = min(silence_seconds, patience_seconds)
        self._on_durable = on_durable
        self._answered = 0
        self._superseded = 0
        self._silences = 0
        self._pushed = Pushed()
        self._trying = Retrying(
            retry=retry_if_exception(self._passes),
            wait=_wait,
            stop=stop_after_delay(patience_seconds),
            reraise=True,
        )

    def push(self) -> Pushed:
        """Pushes until nothing waits, and tells what became of it.

        Raises grpc.RpcError when the server refuses, or broke off until the patience was over; NoAnswer when it said
        nothing; ServerBehind. What waits then is pushed by the next push.
        """
        self._pushed, self._superseded = Pushed(), 0
        while self.outbox.backlog().items:
            self._trying(self._stream)
        return self._pushed

    def _stream(self) -> None:
        """Pushes on one stream until nothing waits or it breaks; a break is an error only when nothing was achieved."""
        before = self._answered
        try:
            with closing(Stream(self._channel, self._token, self._silence())) as stream:
                self._exchange(stream)
        except (grpc.RpcError, NoAnswer) as error:
            self._silences += isinstance(error, NoAnswer) and stream.heard
            self._superseded += isinstance(error, grpc.RpcError) and reason_of(error) == SUPERSEDED
            if self._answered == before or not self._passes(error):
                raise

    def _silence(self) -> float:
        """Seconds of silence that end a stream: twice as many after each that ended so, for the server may be slow."""
        return min(self._silence_seconds * 2.0**self._silences, LONGEST_SILENCE_SECONDS)

    def _passes(self, error: BaseException) -> bool:
        """Whether trying again may do."""
        if isinstance(error, grpc.RpcError):
            taken_over = self._superseded <= SUPERSEDED_LIMIT and reason_of(error) == SUPERSEDED
            return taken_over or error.code() in PASSING
        return isinstance(error, NoAnswer)

    def _exchange(self, stream: Stream) -> None:
        flight = self._opened(stream)
        while True:
            self._fill(stream, flight)
            if flight.unanswered:
                self._take(stream.answers(), flight)
            elif (pause := flight.go_on_at - time.monotonic()) > 0:
                time.sleep(pause)
            else:
                return

    def _opened(self, stream: Stream) -> _Flight:
        """Opens the stream and learns where the server stands."""
        opening = stock_pb2.PushStockOpen(stock_feed=f"stockFeeds/{self.outbox.source}")
        stream.send(stock_pb2.PushStockRequest(open=opening))
        opened = stream.answers()[0].opened
        self._check_server_at(opened.last_sequence)
        sent = self.outbox.last_acknowledged
        batch_items = min(self._batch_items, opened.batch_items_limit or self._batch_items)
        return _Flight(opened.last_sequence, sent, max(1, opened.window), batch_items)

    def _check_server_at(self, sequence: int) -> None:
        acknowledged = self.outbox.last_acknowledged
        if sequence < acknowledged:
            raise ServerBehind(f"the server stands at batch {sequence}, but had acknowledged all up to {acknowledged}")

    def _fill(self, stream: Stream, flight: _Flight) -> None:
        """Sends as many batches as the window has room for."""
        room = min(flight.window, flight.proven) - len(flight.unanswered)
        if room <= 0 or time.monotonic() < flight.go_on_at:
            return
        for batch in self.outbox.batches(flight.sent, room, flight.server_last, flight.batch_items):
            stream.send(stock_pb2.PushStockRequest(batch=batch))
            flight.sent = batch.sequence
            flight.unanswered.append(batch.sequence)

    def _take(self, answers: Sequence[stock_pb2.PushStockResponse], flight: _Flight) -> None:
        """Notes what has become durable, all of it in one transaction, and goes as fast as the server says."""
        durable, rejected = 0, []
        for answer in answers:
            if answer.HasField("acknowledged"):
                durable = max(durable, answer.acknowledged.sequence)
                rejected += self._counted(answer.acknowledged)
                self._heed(answer.acknowledged, flight)
            elif answer.HasField("rewind"):
                self._go_back(answer.rewind, flight)
        if durable:
            self._on_durable(self.outbox.acknowledge(durable, rejected))
            self._answered += 1
            self._silences = 0

    def _counted(self, acknowledged: stock_pb2.PushStockAcknowledged) -> list[RejectedMovement]:
        rejected = [
            RejectedMovement(one.movement_id, acknowledged.sequence, _reason(one.reason), one.description)
            for one in acknowledged.rejected_items
        ]
        self._pushed.booked += acknowledged.booked_count
        self._pushed.known += acknowledged.known_count
        self._pushed.rejected += rejected
        return rejected

    def _heed(self, acknowledged: stock_pb2.PushStockAcknowledged, flight: _Flight) -> None:
        while flight.unanswered and flight.unanswered[0] <= acknowledged.sequence:
            flight.unanswered.popleft()
        flight.window = max(1, acknowledged.window)
        flight.proven = min(2 * flight.proven, flight.window)
        delay = acknowledged.retry_delay.ToTimedelta().total_seconds()
        if delay > 0:
            flight.go_on_at = time.monotonic() + min(delay, LONGEST_PAUSE_SECONDS)

    def _go_back(self, rewind: stock_pb2.PushStockRewind, flight: _Flight) -> None:
        """Sends again from where the server says."""
        awaited = rewind.expected_sequence
        self._check_server_at(awaited - 1)
        flight.unanswered.clear()
        flight.sent = awaited - 1
        flight.window = max(1, rewind.window)


def _reason(number: stock_pb2.RejectionReason.ValueType) -> str:
    return stock_pb2.RejectionReason.Name(number).removeprefix(REASON_PREFIX)


_backed_off = wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)


def _wait(state: RetryCallState) -> float:
    """Seconds until the next stream; a silence was wait enough, and the channel by then tries to connect by itself."""
    silent = state.outcome is not None and isinstance(state.outcome.exception(), NoAnswer)
    return 0.0 if silent else _backed_off(state)
