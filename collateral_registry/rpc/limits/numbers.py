"""The numbers of the limits. They are settings with the same names, described in docs/limits.md."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.rpc.limits.cost_classes import CostClass

HEALTH_CALLS_LIMIT = 32
HEALTH_STREAMS_LIMIT = 256
HEALTH_SECONDS = 10.0


@dataclass(frozen=True)
class CallLimits:
    """What calls may use; each number is a setting."""

    concurrent_calls_limit: int
    model_calls_limit: int
    whole_book_calls_limit: int
    streams_limit: int
    connection_streams_limit: int
    connection_tokens_per_second: float
    connection_tokens_burst: float
    message_limit_bytes: int
    received_bytes_limit: int
    message_seconds: float
    read_seconds: float
    write_seconds: float
    model_seconds: float
    whole_book_seconds: float

    def seconds_of(self, cost: CostClass) -> tuple[str, float]:
        """Returns the name and the value of the time limit of a class."""
        if cost is CostClass.HEALTH:
            return "HEALTH_SECONDS", HEALTH_SECONDS
        name = f"{cost.name.lower()}_seconds"
        return name, getattr(self, name)


@dataclass(frozen=True)
class ConnectionLimits:
    """What connections may use; each number is a setting."""

    connections_limit: int
    connection_calls_limit: int
    connection_idle_seconds: float
    connection_age_seconds: float
