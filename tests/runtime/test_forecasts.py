"""Forecasts are computed in processes of their own, within a queue and a time limit, and stopped when unwanted."""

import asyncio
import os
import signal
import time

import numpy as np
import pytest

from collateral_registry.domain.shared.errors import Busy, Overdue, WorkerLost
from collateral_registry.runtime.forecasts import ForecastJob, Forecasts
from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.forecast.value import forecast

pytestmark = pytest.mark.slow

PRICES, DATES = walk(noise(199)), DAYS[:200]
QUICK = ForecastJob(DATES, PRICES, 10, "random-walk")
SLOW = ForecastJob(DATES, PRICES, 1500, "random-walk")
"""A horizon of six years, which takes seconds: tests stop it."""


def run(work, **limits):
    """Runs a coroutine function on a queue of forecasts with one process."""

    async def with_forecasts():
        forecasts = Forecasts(workers=1, **limits)
        try:
            return await asyncio.wait_for(work(forecasts), 60)
        finally:
            forecasts.close()

    return asyncio.run(with_forecasts())


def test_a_forecast_is_that_of_the_library_and_an_error_is_raised():
    async def work(forecasts):
        found = await forecasts.compute(QUICK)
        with pytest.raises(InvalidInput, match="prices: got none"):
            await forecasts.compute(ForecastJob(DATES, -PRICES, 10, "auto"))
        return found

    np.testing.assert_array_equal(run(work).fan, forecast(PRICES, DATES, 10, model="random-walk").fan)


def test_a_forecast_whose_caller_has_gone_is_stopped_and_the_next_one_is_computed():
    async def work(forecasts):
        await forecasts.compute(QUICK)
        (before,) = forecasts.process_ids
        unwanted = asyncio.create_task(forecasts.compute(SLOW))
        await asyncio.sleep(0.2)
        unwanted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unwanted
        found = await forecasts.compute(QUICK)
        (after,) = forecasts.process_ids
        assert before != after
        with pytest.raises(ProcessLookupError):
            os.kill(before, 0)
        return found

    assert run(work).fan.shape == (7, 10)


def test_a_forecast_beyond_the_time_limit_is_stopped():
    async def work(forecasts):
        with pytest.raises(Overdue, match=r"the forecast was stopped after 0\.05 s"):
            await forecasts.compute(QUICK)

    run(work, seconds_limit=0.05)


def test_more_than_the_waiting_limit_is_refused_and_the_others_are_computed():
    async def work(forecasts):
        jobs = [asyncio.create_task(forecasts.compute(QUICK)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="2 forecasts are waiting"):
            await forecasts.compute(QUICK)
        return await asyncio.gather(*jobs)

    assert len(run(work, waiting_limit=2)) == 3


def test_a_killed_process_fails_its_forecast_and_is_replaced():
    async def work(forecasts):
        await forecasts.compute(QUICK)
        running = asyncio.create_task(forecasts.compute(SLOW))
        await asyncio.sleep(0.2)
        os.kill(forecasts.process_ids[0], signal.SIGKILL)
        with pytest.raises(WorkerLost, match="has died"):
            await running
        return await forecasts.compute(QUICK)

    assert run(work).observations == 200


def test_the_process_ends_with_its_queue():
    async def work(forecasts):
        await forecasts.compute(QUICK)
        return forecasts.process_ids[0]

    pid = run(work)

    time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
