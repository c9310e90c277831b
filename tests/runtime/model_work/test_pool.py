"""Model work runs in processes of its own, within a queue, a time and a memory limit, and stops when unwanted."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

from collateral_registry.domain.shared.errors import Busy, Overdue, TooLarge
from collateral_registry.runtime.model_work.pool import ModelPool
from tests.support.postgres import wait_until
from tests.support.price_series import DAYS, noise, walk
from tests.support.server import repository
from valuation.errors import InvalidInput
from valuation.forecast.value import forecast

pytestmark = pytest.mark.slow

PRICES, DATES = walk(noise(199)), DAYS[:200]
QUICK = partial(forecast, PRICES, DATES, 10, model="random-walk")
SLOW = partial(time.sleep, 30.0)
MEMORY_BYTES = 384 << 20
EXIT_CODE = 3


def run(work, workers=1, **limits):
    """Runs a coroutine function on a pool."""

    async def with_pool():
        pool = ModelPool(workers, MEMORY_BYTES, **limits)
        try:
            return await asyncio.wait_for(work(pool), 60)
        finally:
            pool.close()

    return asyncio.run(with_pool())


def allocated(size):
    """Returns the sum of an array of many bytes, which all need memory."""
    return int(np.ones(size, dtype=np.int8)[0])


def counted(progress):
    for share in (0.25, 0.5, 1.0):
        progress(share)
    return "done"


def runs(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_result_is_that_of_the_library_and_an_error_is_raised_with_its_place():
    async def work(pool):
        found = await pool.compute(QUICK)
        with pytest.raises(InvalidInput, match="prices: got none") as raised:
            await pool.compute(partial(forecast, -PRICES, DATES, 10))
        assert "in forecast" in raised.value.__notes__[0]
        return found

    np.testing.assert_array_equal(run(work).fan, forecast(PRICES, DATES, 10, model="random-walk").fan)


def test_work_whose_caller_has_gone_is_stopped_and_the_next_is_computed():
    async def work(pool):
        await pool.compute(QUICK)
        (before,) = pool.process_ids
        unwanted = asyncio.create_task(pool.compute(SLOW))
        await asyncio.sleep(0.1)
        unwanted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unwanted
        found = await pool.compute(QUICK)
        (after,) = pool.process_ids
        assert before != after
        assert not runs(before)
        return found

    assert run(work).fan.shape == (7, 10)


def test_queued_work_whose_caller_has_gone_leaves_the_queue():
    async def work(pool):
        running = asyncio.create_task(pool.compute(SLOW))
        await asyncio.sleep(0)
        queued = [asyncio.create_task(pool.compute(SLOW)) for _ in range(2)]
        await asyncio.sleep(0)
        for one in (*queued, running):
            one.cancel()
        await asyncio.sleep(0)
        return await pool.compute(QUICK)

    assert run(work, waiting_limit=2).observations == 200


def test_work_beyond_the_time_limit_is_stopped():
    async def work(pool):
        with pytest.raises(Overdue, match=r"the computation was stopped after 0\.05 s"):
            await pool.compute(SLOW)

    run(work, seconds_limit=0.05)


def test_more_than_the_waiting_limit_is_refused_and_the_others_are_computed():
    async def work(pool):
        jobs = [asyncio.create_task(pool.compute(QUICK)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="2 computations are waiting"):
            await pool.compute(QUICK)
        return await asyncio.gather(*jobs)

    assert len(run(work, waiting_limit=2)) == 3


def test_work_that_needs_too_much_memory_is_stopped_and_the_next_is_computed():
    async def work(pool):
        with pytest.raises(TooLarge, match="needs more than 384 MiB of memory"):
            await pool.compute(partial(allocated, 2 * MEMORY_BYTES))
        return await pool.compute(partial(allocated, 1 << 20))

    assert run(work) == 1


def test_a_process_killed_by_the_system_fails_its_job_and_is_replaced():
    async def work(pool):
        await pool.compute(QUICK)
        running = asyncio.create_task(pool.compute(SLOW))
        await asyncio.sleep(0.1)
        os.kill(pool.process_ids[0], signal.SIGKILL)
        with pytest.raises(TooLarge, match="as it does when memory runs out"):
            await running
        return await pool.compute(QUICK)

    assert run(work).observations == 200


def test_a_process_that_dies_otherwise_fails_its_job_and_is_replaced():
    async def work(pool):
        with pytest.raises(RuntimeError, match="died with exit code 3"):
            await pool.compute(partial(os._exit, EXIT_CODE))
        return await pool.compute(partial(allocated, 1))

    assert run(work) == 1


def test_work_reports_its_progress_in_order():
    seen = []

    async def work(pool):
        return await pool.compute_reporting(counted, seen.append)

    assert run(work) == "done"
    assert seen == [0.25, 0.5, 1.0]


def test_idle_processes_are_ended_on_request():
    async def work(pool):
        await pool.compute(partial(allocated, 1))
        (process,) = pool.process_ids
        await pool.end_idle()
        assert not runs(process)
        return await pool.compute(partial(allocated, 1))

    assert run(work) == 1


def test_the_process_ends_with_its_pool():
    async def work(pool):
        await pool.compute(partial(allocated, 1))
        return pool.process_ids[0]

    process = run(work)

    wait_until(lambda: not runs(process))


SERVICE = """
import asyncio, time
from functools import partial
from collateral_registry.runtime.model_work.pool import ModelPool

async def serve():
    pool = ModelPool(1, 384 << 20)
    await pool.compute(partial(abs, 1))
    asyncio.create_task(pool.compute(partial(time.sleep, 60.0)))
    await asyncio.sleep(0.1)
    print(*pool.process_ids, flush=True)
    await asyncio.sleep(60.0)

asyncio.run(serve())
"""


def test_no_process_outlives_a_killed_service():
    command = [sys.executable, "-c", SERVICE]
    with subprocess.Popen(command, cwd=repository(), stdout=subprocess.PIPE, text=True) as service:
        process = int(service.stdout.readline())
        assert runs(process)
        service.kill()

    wait_until(lambda: not runs(process))
