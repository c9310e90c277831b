"""Items that queue while one group is processed form the next one, within the limit of a group's weight."""

import asyncio

import pytest

from collateral_registry.runtime.batching import Batcher


class Processor:
    """Doubles numbers after its release; a negative number is an error of that item, 100 of its whole group."""

    def __init__(self, group_limit=100):
        self.groups: list[list[int]] = []
        self.released = asyncio.Event()
        self.batcher = Batcher(self.process, abs, group_limit)

    async def process(self, group):
        self.groups.append(list(group))
        await self.released.wait()
        if 100 in group:
            raise ZeroDivisionError
        return [ValueError(number) if number < 0 else 2 * number for number in group]


def results_of(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, timeout=10))


def test_items_that_arrive_while_a_group_is_processed_form_the_next_one():
    async def work():
        processor = Processor()
        first = processor.batcher.submit(1)
        await asyncio.sleep(0)
        rest = [processor.batcher.submit(number) for number in (2, 3)]
        processor.released.set()
        return await asyncio.gather(first, *rest), processor.groups

    assert results_of(work()) == ([2, 4, 6], [[1], [2, 3]])


def test_a_group_is_no_heavier_than_its_limit_unless_it_is_one_item():
    async def work():
        processor = Processor(group_limit=5)
        results = [processor.batcher.submit(number) for number in (3, 2, 1, 9, 4)]
        processor.released.set()
        await asyncio.gather(*results)
        return processor.groups

    assert results_of(work()) == [[3, 2], [1], [9], [4]]


def test_an_error_of_an_item_is_raised_for_that_item_alone():
    async def work():
        processor = Processor()
        results = [processor.batcher.submit(number) for number in (1, -1, 2)]
        processor.released.set()
        return await asyncio.gather(*results, return_exceptions=True)

    first, failed, last = results_of(work())
    assert (first, type(failed), last) == (2, ValueError, 4)


def test_an_error_of_a_group_is_raised_for_its_items_and_spares_the_next_group():
    async def work():
        processor = Processor(group_limit=100)
        results = [processor.batcher.submit(number) for number in (100, 1)]
        processor.released.set()
        with pytest.raises(ZeroDivisionError):
            await results[0]
        return await results[1]

    assert results_of(work()) == 2


def test_a_caller_who_has_gone_leaves_the_others_of_the_group_their_results():
    async def work():
        processor = Processor()
        gone, other = processor.batcher.submit(1), processor.batcher.submit(2)
        await asyncio.sleep(0)
        gone.cancel()
        processor.released.set()
        return await other

    assert results_of(work()) == 4


def test_an_item_whose_caller_has_gone_before_its_group_began_is_not_processed():
    async def work():
        processor = Processor()
        first = processor.batcher.submit(1)
        await asyncio.sleep(0)
        gone, other = processor.batcher.submit(2), processor.batcher.submit(3)
        gone.cancel()
        processor.released.set()
        await asyncio.gather(first, other)
        return processor.groups

    assert results_of(work()) == [[1], [3]]


def test_a_queue_of_nothing_but_items_whose_callers_have_gone_processes_no_group():
    async def work():
        processor = Processor()
        first = processor.batcher.submit(1)
        await asyncio.sleep(0)
        for _ in range(1_000):
            processor.batcher.submit(2).cancel()
        processor.released.set()
        await first
        later = await processor.batcher.submit(3)
        return later, processor.groups

    assert results_of(work()) == (6, [[1], [3]])
