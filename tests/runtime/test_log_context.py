"""Work on threads belongs to the call that requested it; work of a batch belongs to no call."""

import asyncio
from collections.abc import Sequence

from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.logs import CALL, CallRecord
from collateral_registry.runtime.batching import Batcher
from collateral_registry.runtime.transactions import BookRunner


def test_reads_and_changes_on_threads_belong_to_the_call(filled_book):
    async def run() -> list[CallRecord | None]:
        runner = BookRunner(filled_book)
        CALL.set(record)
        read = await runner.read(lambda _: CALL.get())
        changed = await runner.change("Nothing", SERVICE, lambda _: CALL.get(), lambda _: False)
        computed = await runner.long_compute(CALL.get)
        runner.close()
        return [read, changed, computed]

    record = CallRecord("one")

    assert asyncio.run(run()) == [record] * 3


def test_a_batch_belongs_to_none_of_its_calls():
    async def run() -> CallRecord | None:
        async def process(items: Sequence[int]) -> list[CallRecord | None]:
            return [CALL.get() for _ in items]

        CALL.set(CallRecord("one"))
        return await Batcher(process, lambda _: 1, 10).submit(1)

    assert asyncio.run(run()) is None
