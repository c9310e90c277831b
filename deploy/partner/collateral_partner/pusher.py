"""Pushes the outbox to the server; after a crash or reset of either side, nothing is lost or booked twice.

A stream starts with one batch in flight. Each response at most doubles the number of batches in flight, up to the
server's window. On a network that breaks streams, the first batches are therefore acknowledged before many are sent.
When a stream breaks, unacknowledged batches are sent again unchanged. The server recognises them by their sequence
numbers, and states again which items it rejected.

A stream begins with the last acknowledged batch. The book that made it durable recognises it; any other book lacks it
or has another batch of that number, and the push ends with OtherBook before it sends anything new.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from random import SystemRandom

import grpc

from collateral_partner.feeds.codec import Message
from collateral_partner.outbox import Outbox, RejectedItem
from collateral_partner.stream import NoAnswer, Stream, details_of, reason_of, retry_seconds

BATCH_ITEMS = 200
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 0.25
"""Bounds of the longest random delay between streams, which doubles: a push resumes within a second of a restart."""

RANDOM = SystemRandom()

SILENCE_SECONDS = 10.0
LONGEST_SILENCE_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
TRANSIENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}
"""Statuses of a broken stream, or of a server that is stopping or busy. Any other status is permanent."""

SUPERSEDED = "STREAM_SUPERSEDED"
SUPERSEDED_LIMIT = 3
"""Number of streams of one push that may be superseded. A broken stream that opens late supersedes its successor once;
a second pusher of the same feed supersedes every stream."""


REUSED = "SEQUENCE_REUSED"


class OtherBook(Exception):
    """Raised if the server's book has other batches of the feed than those that this outbox has pushed.

    Nothing was sent to it. ``sequence`` is the number of a batch that differs, or of the last one of the server.
    """

    def __init__(self, message: str, sequence: int) -> None:
        super().__init__(message)
        self.sequence = sequence


class ServerBehind(OtherBook):
    """Raised if the server lacks acknowledged batches, which the outbox has already deleted."""


@dataclass
class PushResult:
    """The result of a push: how many items were booked or already known, and the rejected items."""

    booked: int = 0
    known: int = 0
    rejected: list[RejectedItem] = field(default_factory=list)


@dataclass
class _Flight:
    """State of a stream: the last sequence sent, the unacknowledged sequences, and the flow control.

    ``known`` is the last batch that was acknowledged before the stream.
    ``window`` is the server's limit on batches in flight. ``ramp`` is the limit that the slow start has reached.
    The server asked the client to pause until the monotonic time ``resume_at``.
    """

    server_last: int
    known: int
    sent: int
    window: int
    batch_items: int
    ramp: int = 1
    unanswered: deque[int] = field(default_factory=deque)
    resume_at: float = 0.0


class Pusher:
    """Pushes the pending items of an outbox.

    ``on_durable`` is called with the number of items that became durable. A push gives up after ``patience_seconds``
    without progress.
    """

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
        self.outbox = outbox
        self._channel = channel
        self._token = token
        self._batch_items = batch_items
        self._silence_seconds = min(silence_seconds, patience_seconds)
        self._on_durable = on_durable
        self._acknowledgements = 0
        self._superseded = 0
        self._silences = 0
        self._patience_seconds = patience_seconds
        self._result = PushResult()

    def push(self) -> PushResult:
        """Pushes until nothing is pending and returns the result.

        Raises grpc.RpcError if the server refuses or streams keep breaking, NoAnswer if the server does not respond,
        and OtherBook if the server's book is not the one that acknowledged the earlier batches. Items still pending
        are sent by the next push.
        """
        self._result, self._superseded = PushResult(), 0
        while self.outbox.backlog().items:
            self._stream_patiently()
        return self._result

    def _stream_patiently(self) -> None:
        """Opens streams until one makes progress; raises the error of the last one when the patience ends."""
        last_attempt = time.monotonic() + self._patience_seconds
        longest_wait = FIRST_WAIT_SECONDS
        while True:
            try:
                return self._stream()
            except (grpc.RpcError, NoAnswer) as error:
                if not self._is_transient(error) or time.monotonic() >= last_attempt:
                    raise
                # After a timeout there is no delay, because the time spent waiting for an answer was already one.
                if not isinstance(error, NoAnswer):
                    time.sleep(RANDOM.uniform(0, longest_wait) + min(retry_seconds(error), LONGEST_PAUSE_SECONDS))
                    longest_wait = min(2 * longest_wait, LONGEST_WAIT_SECONDS)

    def _stream(self) -> None:
        """Pushes on one stream until nothing is pending or the stream breaks.

        A transient error is raised only if the stream received no acknowledgement; otherwise the patience starts again.
        """
        before = self._acknowledgements
        try:
            with closing(Stream(self.outbox.codec, self._channel, self._token, self._silence())) as stream:
                self._exchange(stream)
        except (grpc.RpcError, NoAnswer) as error:
            if isinstance(error, grpc.RpcError) and reason_of(error) == REUSED:
                raise self._other_book(error) from error
            self._silences += isinstance(error, NoAnswer) and stream.answered
            self._superseded += isinstance(error, grpc.RpcError) and reason_of(error) == SUPERSEDED
            if self._acknowledgements == before or not self._is_transient(error):
                raise

    def _silence(self) -> float:
        """Returns how many seconds a stream may be silent; doubled after each timeout, in case the server is slow."""
        return min(self._silence_seconds * 2.0**self._silences, LONGEST_SILENCE_SECONDS)

    def _is_transient(self, error: BaseException) -> bool:
        """Returns whether another attempt after this error may succeed."""
        if isinstance(error, grpc.RpcError):
            superseded = self._superseded <= SUPERSEDED_LIMIT and reason_of(error) == SUPERSEDED
            return superseded or error.code() in TRANSIENT
        return isinstance(error, NoAnswer)

    def _exchange(self, stream: Stream) -> None:
        flight = self._open(stream)
        while True:
            self._send_batches(stream, flight)
            if flight.unanswered:
                self._process(stream.answers(), flight)
            elif (pause := flight.resume_at - time.monotonic()) > 0:
                time.sleep(pause)
            else:
                return

    def _open(self, stream: Stream) -> _Flight:
        """Opens the stream and reads the last sequence and the limits of the server."""
        codec = self.outbox.codec
        stream.send(codec.opening(self.outbox.feed))
        opened = stream.answers()[0].opened
        self._check_last_sequence(opened.last_sequence)
        known = self.outbox.last_acknowledged
        batch_items = min(self._batch_items, opened.batch_items_limit or self._batch_items)
        flight = _Flight(opened.last_sequence, known, known, max(1, opened.window), batch_items)
        if (batch := self.outbox.last_acknowledged_batch()) is not None:
            stream.send(codec.request(batch))
            flight.unanswered.append(batch.sequence)
        return flight

    def _check_last_sequence(self, sequence: int) -> None:
        acknowledged = self.outbox.last_acknowledged
        if sequence < acknowledged:
            raise ServerBehind(
                f"the last batch of the server is {sequence}, but batch {acknowledged} was acknowledged", sequence
            )

    def _other_book(self, error: grpc.RpcError) -> OtherBook:
        """Returns the error for a batch whose number the server's book uses for another batch."""
        sequence = int(details_of(error).get("sequence", "0"))
        return OtherBook(
            f"batch {sequence} has other {self.outbox.codec.items} at the server than in the outbox", sequence
        )

    def _send_batches(self, stream: Stream, flight: _Flight) -> None:
        """Sends batches until the limit of batches in flight is reached, unless the server asked for a pause."""
        free = min(flight.window, flight.ramp) - len(flight.unanswered)
        if free <= 0 or time.monotonic() < flight.resume_at:
            return
        for batch in self.outbox.batches(flight.sent, free, flight.server_last, flight.batch_items):
            stream.send(self.outbox.codec.request(batch))
            flight.sent = batch.sequence
            flight.unanswered.append(batch.sequence)

    def _process(self, answers: Sequence[Message], flight: _Flight) -> None:
        """Applies responses: acknowledgements in one transaction of the outbox, flow control and rewinds."""
        durable, rejected = 0, []
        for answer in answers:
            if answer.HasField("acknowledged"):
                if answer.acknowledged.sequence > flight.known:
                    durable = max(durable, answer.acknowledged.sequence)
                    rejected += self._count(answer.acknowledged)
                self._apply_flow_control(answer.acknowledged, flight)
            elif answer.HasField("rewind"):
                self._rewind(answer.rewind, flight)
        if durable:
            self._on_durable(self.outbox.acknowledge(durable, rejected))
            self._acknowledgements += 1
            self._silences = 0

    def _count(self, acknowledged: Message) -> list[RejectedItem]:
        """Adds an acknowledgement to the result and returns its rejected items."""
        codec = self.outbox.codec
        rejected = [
            RejectedItem(getattr(one, codec.id_field), acknowledged.sequence, codec.reason(one.reason), one.description)
            for one in acknowledged.rejected_items
        ]
        self._result.booked += acknowledged.booked_count
        self._result.known += acknowledged.known_count
        self._result.rejected += rejected
        return rejected

    def _apply_flow_control(self, acknowledged: Message, flight: _Flight) -> None:
        while flight.unanswered and flight.unanswered[0] <= acknowledged.sequence:
            flight.unanswered.popleft()
        flight.window = max(1, acknowledged.window)
        flight.ramp = min(2 * flight.ramp, flight.window)
        delay = acknowledged.retry_delay.ToTimedelta().total_seconds()
        if delay > 0:
            flight.resume_at = time.monotonic() + min(delay, LONGEST_PAUSE_SECONDS)

    def _rewind(self, rewind: Message, flight: _Flight) -> None:
        """Continues with the sequence that the server expects."""
        last = rewind.expected_sequence - 1
        self._check_last_sequence(last)
        flight.unanswered.clear()
        flight.sent = last
        flight.window = max(1, rewind.window)
