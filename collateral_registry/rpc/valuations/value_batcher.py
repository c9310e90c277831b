"""Values for many callers at once: calls that wait together are answered from one snapshot.

While one batch is read the next one gathers, so 32 callers cost one gathering of facts, not 32. An answer is kept until
the next commit: the newest sequence says whether it still holds. A process that alone writes knows it, others read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from collateral_registry.commands.valuations.value import value_assets
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.rpc.valuations.messages import valuation_message
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import valuation_pb2 as pb
from valuation.errors import InvalidInput

KEPT_ANSWERS_LIMIT = 20_000
"""Valuations kept between commits: some 40 MB."""


@dataclass(frozen=True)
class _Asked:
    """One call that waits for its values."""

    asset_ids: tuple[str, ...]
    currency: str
    answer: asyncio.Future[pb.ValueAssetsResponse]


Answer = pb.ValueAssetsResponse | DomainError | InvalidInput


class ValueBatcher:
    """Answers ValueAssets in batches."""

    def __init__(self, runner: BookRunner) -> None:
        """Nobody waits and nothing is kept yet."""
        self.runner = runner
        self._waiting: list[_Asked] = []
        self._worker: asyncio.Task[None] | None = None
        self._seq = -1
        self._kept: dict[tuple[str, str], pb.ValueAssetsResponse] = {}

    async def value(self, asset_ids: Sequence[str], currency: str) -> pb.ValueAssetsResponse:
        """The values of assets in one currency, or each in its own; raises NotFound."""
        if self._seq == self.runner.newest_seq and len(asset_ids) == 1 and (asset_ids[0], currency) in self._kept:
            return self._kept[asset_ids[0], currency]
        asked = _Asked(tuple(asset_ids), currency, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await asked.answer

    async def _work(self) -> None:
        """Answers those who wait until nobody does."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                answers = await self.runner.read(lambda connection, batch=batch: self._answers(connection, batch))  # type: ignore[misc]
            except DomainError as error:
                answers = [error] * len(batch)
            for asked, answer in zip(batch, answers, strict=True):
                if asked.answer.done():
                    continue
                if isinstance(answer, pb.ValueAssetsResponse):
                    asked.answer.set_result(answer)
                else:
                    asked.answer.set_exception(answer)

    def _answers(self, connection: Connection, batch: Sequence[_Asked]) -> list[Answer]:
        """The answer of each call; what one cannot have does not touch the others."""
        seq, _ = newest_commit(connection)
        self.runner.note_commit(seq)
        if seq != self._seq or len(self._kept) > KEPT_ANSWERS_LIMIT:
            self._kept, self._seq = {}, seq
        for currency in {asked.currency for asked in batch}:
            wanted = {name for asked in batch if asked.currency == currency for name in asked.asset_ids}
            missing = sorted(name for name in wanted if (name, currency) not in self._kept)
            try:
                self._keep(connection, missing, currency)
            except DomainError:
                continue  # somebody asked for an asset that is not there; each call is tried on its own below
        return [self._answer(connection, asked) for asked in batch]

    def _answer(self, connection: Connection, asked: _Asked) -> Answer:
        try:
            self._keep(
                connection,
                [name for name in asked.asset_ids if (name, asked.currency) not in self._kept],
                asked.currency,
            )
        except (DomainError, InvalidInput) as error:
            return error
        kept = [self._kept[name, asked.currency] for name in asked.asset_ids]
        return kept[0] if len(kept) == 1 else pb.ValueAssetsResponse(valuations=[one.valuations[0] for one in kept])

    def _keep(self, connection: Connection, asset_ids: Sequence[str], currency: str) -> None:
        if asset_ids:
            for valued in value_assets(connection, asset_ids, currency):
                message = pb.ValueAssetsResponse(valuations=[valuation_message(valued)])
                self._kept[valued.asset.asset_id, currency] = message
