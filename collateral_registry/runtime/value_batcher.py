"""Batches value requests: requests that arrive while a snapshot is being read share the next snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from collateral_registry.commands.valuations.value import Valued, value_assets
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.runtime.batching import Batcher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from valuation.errors import InvalidInput

T = TypeVar("T")

GROUP_ASSETS_LIMIT = 4_000
"""Assets valued on one snapshot."""


@dataclass(frozen=True)
class _ValueRequest:
    """Assets to value in one currency; if the currency is empty, each asset is valued in its own currency."""

    asset_ids: tuple[str, ...]
    currency: str


class ValueBatcher(Generic[T]):
    """Values the assets of concurrent callers on a reader thread, and converts each value with ``convert``."""

    def __init__(self, runner: BookRunner, convert: Callable[[Valued], T]) -> None:
        self._runner = runner
        self._convert = convert
        self._batcher = Batcher(self._value, lambda request: len(request.asset_ids), GROUP_ASSETS_LIMIT)

    async def value(self, asset_ids: Sequence[str], currency: str) -> list[T]:
        """Returns the value of each asset [n] in a currency; an empty currency stands for each asset's own.

        Raises NotFound and InvalidInput.
        """
        return await self._batcher.submit(_ValueRequest(tuple(asset_ids), currency))

    async def _value(self, group: Sequence[_ValueRequest]) -> list[list[T] | Exception]:
        return await self._runner.read(partial(self._answers, group=group))

    def _answers(self, connection: Connection, group: Sequence[_ValueRequest]) -> list[list[T] | Exception]:
        values = {}
        for currency in {request.currency for request in group}:
            together = [request for request in group if request.currency == currency]
            values.update(self._values(connection, together, currency))
        return [values[request] for request in group]

    def _values(
        self, connection: Connection, requests: Sequence[_ValueRequest], currency: str
    ) -> dict[_ValueRequest, list[T] | Exception]:
        """Values requests together; if that fails, values each request alone, so that only the invalid ones fail."""
        wanted = sorted({name for request in requests for name in request.asset_ids})
        try:
            found = value_assets(connection, wanted, currency)
        except (DomainError, InvalidInput) as error:
            if len(requests) == 1:
                return {requests[0]: error}
            answers: dict[_ValueRequest, list[T] | Exception] = {}
            for request in requests:
                answers |= self._values(connection, [request], currency)
            return answers
        converted = {name: self._convert(valued) for name, valued in zip(wanted, found, strict=True)}
        return {request: [converted[name] for name in request.asset_ids] for request in requests}
