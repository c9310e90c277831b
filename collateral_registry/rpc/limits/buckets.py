"""Token buckets: what each caller may use in the long run and at once."""

from __future__ import annotations

from collections import OrderedDict

from collateral_registry.rpc.limits.callers import CallerKey

CALLERS_LIMIT = 10_000
"""Callers that are remembered; beyond it, the one that called least recently is forgotten."""


class TokenBuckets:
    """A bucket of ``burst`` tokens for each caller, filled at ``per_second``. A forgotten caller has a full bucket."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._buckets: OrderedDict[CallerKey, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: CallerKey, cost: float, now: float) -> float:
        """Takes tokens and returns 0; if there are not enough, takes none and returns the seconds until there are.

        A cost above the burst is met by a full bucket.
        """
        cost = min(cost, self._burst)
        tokens = self._tokens(caller, now)
        missing = cost - tokens
        self._put(caller, tokens if missing > 0 else tokens - cost, now)
        return max(missing, 0.0) / self._per_second

    def wait_of(self, caller: CallerKey, cost: float, now: float) -> float:
        """Returns the seconds until there are enough tokens, 0 if there are; takes none."""
        tokens, then = self._buckets.get(caller, (self._burst, now))
        missing = min(cost, self._burst) - tokens - (now - then) * self._per_second
        return max(missing, 0.0) / self._per_second

    def charge(self, caller: CallerKey, cost: float, now: float) -> None:
        """Takes tokens, or all if there are not enough."""
        self._put(caller, max(0.0, self._tokens(caller, now) - cost), now)

    def forget_idle(self, now: float) -> None:
        """Forgets the callers whose buckets are full again whatever they used."""
        full = now - self._burst / self._per_second
        while self._buckets and next(iter(self._buckets.values()))[1] <= full:
            self._buckets.popitem(last=False)

    def _tokens(self, caller: CallerKey, now: float) -> float:
        """Returns the tokens that a caller has, and removes its bucket."""
        tokens, then = self._buckets.pop(caller, (self._burst, now))
        return min(self._burst, tokens + (now - then) * self._per_second)

    def _put(self, caller: CallerKey, tokens: float, now: float) -> None:
        self._buckets[caller] = (tokens, now)
        if len(self._buckets) > CALLERS_LIMIT:
            self._buckets.popitem(last=False)
