"""Places: how many calls of each class, and how many streams, are served at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import SystemRandom
from time import monotonic

from collateral_registry.domain.shared.errors import LimitReached
from collateral_registry.rpc.limits.buckets import TokenBuckets
from collateral_registry.rpc.limits.callers import CallerKey
from collateral_registry.rpc.limits.cost_classes import CostClass
from collateral_registry.rpc.limits.methods import Method
from collateral_registry.rpc.limits.numbers import HEALTH_CALLS_LIMIT, HEALTH_STREAMS_LIMIT, CallLimits
from collateral_registry.rpc.limits.visits import Visit

SILENT_SECONDS = 0.25
"""A call whose request has not arrived for this long gives its place to another call if none is free."""

SILENT_COST = 500
"""Tokens that a call costs its caller in addition if it ends because its request did not arrive."""

RETRY_SECONDS = (0.5, 1.5)
"""Bounds of the random time after which a caller may try again; different, so that they do not return together."""

RANDOM = SystemRandom()


@dataclass
class Lane:
    """Places that are counted together. ``setting`` names the limit; ``silent`` are the calls without a request."""

    setting: str
    limit: int
    reason: str = "TOO_MANY_CALLS"
    taken: int = 0
    silent: dict[Visit, None] = field(default_factory=dict)

    def full(self, cause: str) -> LimitReached:
        """Returns the error of a call that gets no place."""
        seconds = RANDOM.uniform(*RETRY_SECONDS)
        text = f"{self.setting}: {cause}; make fewer calls at once, and try again after {seconds:.1f} s"
        return LimitReached(self.reason, text, seconds, limit=self.setting)


class Places:
    """The places of all classes, and the calls that hold them."""

    def __init__(self, limits: CallLimits) -> None:
        total = limits.concurrent_calls_limit
        half = max(1, total // 2)
        self._limits = limits
        self._buckets = TokenBuckets(limits.connection_tokens_per_second, limits.connection_tokens_burst)
        calls = Lane("concurrent_calls_limit", total)
        reads = Lane("concurrent_calls_limit", max(1, total * 3 // 4))
        others = Lane("concurrent_calls_limit", half)
        self._streams = Lane("streams_limit", limits.streams_limit, "TOO_MANY_STREAMS")
        # Watches of health need no identity, so that they must not take the places of streams that do.
        self._health_streams = Lane("HEALTH_STREAMS_LIMIT", HEALTH_STREAMS_LIMIT, "TOO_MANY_STREAMS")
        self._lanes = {
            CostClass.HEALTH: (Lane("HEALTH_CALLS_LIMIT", HEALTH_CALLS_LIMIT),),
            CostClass.READ: (reads, calls),
            CostClass.WRITE: (others, calls),
            CostClass.MODEL: (Lane("model_calls_limit", limits.model_calls_limit), others, calls),
            CostClass.WHOLE_BOOK: (Lane("whole_book_calls_limit", limits.whole_book_calls_limit), others, calls),
        }
        self._streams_of: Counter[CallerKey] = Counter()
        self.visits: dict[Visit, None] = {}
        self.bytes = 0

    def enter(self, method: Method, caller: CallerKey) -> Visit:
        """Returns the visit of a call that is admitted; raises LimitReached."""
        if method.cost.value:
            self._charge(method, caller)
        lanes = self._lanes_of(method)
        if method.streams and self._streams_of[caller] >= self._limits.connection_streams_limit:
            raise self._too_many_streams(caller)
        for lane in lanes:
            if lane.taken >= lane.limit and not self._end_silent(lane):
                raise lane.full(f"got {lane.taken} calls in progress, want fewer")
        visit = Visit(method, caller, self, self._limits.message_seconds)
        for lane in lanes:
            lane.taken += 1
            lane.silent[visit] = None
        if method.streams:
            self._streams_of[caller] += 1
        self.visits[visit] = None
        return visit

    def received(self, visit: Visit, size: int) -> None:
        """Records that a message of a call has arrived; raises LimitReached if there is no memory for it.

        Messages of health checks do not count, because their size and their number have small limits.
        """
        for lane in self._lanes_of(visit.method):
            lane.silent.pop(visit, None)
        if visit.method.cost is CostClass.HEALTH:
            return
        if self.bytes + size > self._limits.received_bytes_limit and self.bytes:
            seconds = RANDOM.uniform(*RETRY_SECONDS)
            text = (
                f"received_bytes_limit: the requests in progress have {self.bytes} bytes; send smaller requests or "
                f"fewer at once, and try again after {seconds:.1f} s"
            )
            raise LimitReached("TOO_MANY_BYTES", text, seconds, limit="received_bytes_limit")
        self.bytes += size
        visit.bytes += size

    def forget_bytes(self, visit: Visit) -> None:
        """Stops counting the messages of a call, which have been processed."""
        self.bytes -= visit.bytes
        visit.bytes = 0

    def leave(self, visit: Visit) -> None:
        """Frees the places and the memory of a call, if it still has them."""
        if visit not in self.visits:
            return
        del self.visits[visit]
        self.bytes -= visit.bytes
        for lane in self._lanes_of(visit.method):
            lane.taken -= 1
            lane.silent.pop(visit, None)
        if visit.method.streams:
            self._streams_of[visit.caller] -= 1
            if not self._streams_of[visit.caller]:
                del self._streams_of[visit.caller]

    def end_overdue(self) -> None:
        """Ends the calls whose time is over, and forgets callers that are idle."""
        now = monotonic()
        for visit in [one for one in self.visits if one.due <= now]:
            visit.end_overdue()
            if any(visit in lane.silent for lane in self._lanes_of(visit.method)):
                self._buckets.charge(visit.caller, SILENT_COST, now)
        self._buckets.forget_idle(now)

    def _end_silent(self, lane: Lane) -> bool:
        """Ends the call that has waited the longest for its request, and returns whether there is one."""
        oldest = next(iter(lane.silent), None)
        if oldest is None or monotonic() - oldest.started < SILENT_SECONDS:
            return False
        oldest.end(lane.full(f"the request did not arrive within {SILENT_SECONDS:g} s, and its place was needed"))
        self._buckets.charge(oldest.caller, SILENT_COST, monotonic())
        self.leave(oldest)
        return True

    def _lanes_of(self, method: Method) -> tuple[Lane, ...]:
        if method.streams:
            return (self._health_streams if method.cost is CostClass.HEALTH else self._streams,)
        return self._lanes[method.cost]

    def _charge(self, method: Method, caller: CallerKey) -> None:
        seconds = self._buckets.take(caller, method.cost.value, monotonic())
        if seconds:
            rate, cost = self._limits.connection_tokens_per_second, method.cost
            text = (
                f"connection_tokens_per_second: the calls of this connection cost more than {rate:g} tokens a second, "
                f"of which this one, of class {cost.name}, costs {cost.value}; try again after {seconds:.3f} s"
            )
            raise LimitReached("TOO_MANY_TOKENS", text, seconds, limit="connection_tokens_per_second")

    def _too_many_streams(self, caller: CallerKey) -> LimitReached:
        seconds = RANDOM.uniform(*RETRY_SECONDS)
        text = (
            f"connection_streams_limit: got {self._streams_of[caller]} open streams of this connection, want fewer; "
            f"close one, and try again after {seconds:.1f} s"
        )
        return LimitReached("TOO_MANY_STREAMS", text, seconds, limit="connection_streams_limit")
