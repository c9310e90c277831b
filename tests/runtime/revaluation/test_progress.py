"""The watchers of a run share the reading of it, and all get its end or its error."""

import asyncio
from dataclasses import dataclass

import pytest

from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.runtime.revaluation.progress import RunProgress


@dataclass(frozen=True)
class State:
    """A state of a run."""

    done: int
    is_over: bool = False


class Runs:
    """Runs that take a step at each reading; counts the readings."""

    def __init__(self, steps: int) -> None:
        self.steps, self.reads = steps, 0

    async def read(self, seq: int) -> State:
        self.reads += 1
        await asyncio.sleep(0)
        if seq != 1:
            raise NotFound(f"revaluations/{seq}")
        return State(self.reads, is_over=self.reads >= self.steps)


async def watched(progress: RunProgress, seq: int) -> list[int]:
    return [state.done async for state in progress.watch(seq)]


def test_all_watchers_of_a_run_share_its_readings_and_get_its_end():
    async def go():
        runs = Runs(3)
        progress = RunProgress(runs.read)
        watchers = [asyncio.create_task(watched(progress, 1)) for _ in range(50)]
        for _ in range(10):
            await asyncio.sleep(0.005)
            progress.wake()
        found = await asyncio.gather(*watchers)
        reads = runs.reads
        return found, reads, await watched(progress, 1)

    found, reads, later = asyncio.run(asyncio.wait_for(go(), 10))
    assert reads == 3
    assert {one[-1] for one in found} == {3}
    assert later == [4]


def test_all_watchers_of_a_run_get_the_error_of_reading_it():
    async def go():
        progress = RunProgress(Runs(3).read)
        return await asyncio.gather(*(watched(progress, 7) for _ in range(5)), return_exceptions=True)

    assert [str(error) for error in asyncio.run(go())] == ["revaluations/7 does not exist"] * 5


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_that_nothing_watches_any_more_is_not_read(count):
    async def go():
        runs = Runs(1_000)
        progress = RunProgress(runs.read)
        watchers = [asyncio.create_task(watched(progress, 1)) for _ in range(count)]
        await asyncio.sleep(0.01)
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        before = runs.reads
        await asyncio.sleep(0.3)
        return runs.reads - before

    assert asyncio.run(go()) == 0
