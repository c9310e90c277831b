"""What admission knows of a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import grpc

from collateral_registry.rpc.limits.cost_classes import (
    COST_CLASSES,
    HEALTH_LIMIT_BYTES,
    LARGE_METHODS,
    OPEN_ENDED,
    SMALL_LIMIT_BYTES,
    CostClass,
)
from collateral_registry.rpc.limits.numbers import CallLimits


@dataclass(frozen=True, slots=True)
class Method:
    """A method with its class, its limits and the function that reads its requests."""

    path: str
    cost: CostClass
    streams: bool
    """Whether it streams responses."""

    uploads: bool
    """Whether it receives a stream and answers once: its messages must follow each other."""

    limit_bytes: int
    seconds_setting: str
    seconds: float
    decode: Callable[[bytes], Any]


def method_of(path: str, handler: grpc.RpcMethodHandler[Any, Any], limits: CallLimits) -> Method | None:
    """Returns the method of a path; None if it has no cost class."""
    name = path.rpartition("/")[2]
    cost = COST_CLASSES.get(name)
    if cost is None:
        return None
    setting, seconds = limits.seconds_of(cost)
    return Method(
        path=path,
        cost=cost,
        streams=bool(handler.response_streaming),
        uploads=bool(handler.request_streaming and not handler.response_streaming),
        limit_bytes=_limit_bytes(name, cost, limits),
        seconds_setting=setting,
        seconds=inf if name in OPEN_ENDED else seconds,
        decode=handler.request_deserializer or bytes,
    )


def _limit_bytes(name: str, cost: CostClass, limits: CallLimits) -> int:
    if name in LARGE_METHODS:
        return limits.message_limit_bytes
    return min(HEALTH_LIMIT_BYTES if cost is CostClass.HEALTH else SMALL_LIMIT_BYTES, limits.message_limit_bytes)
