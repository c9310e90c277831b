"""Tests of the reliability data of the benchmark: predicted against observed exceedance rates."""

from __future__ import annotations

from benchmarks.haircuts.histories import PriceHistory
from benchmarks.haircuts.reliability import TAILS, reliability
from tests.support.price_series import DAYS, noise, walk


def test_a_random_walk_exceeds_as_often_as_predicted():
    prices = walk(noise(2500))
    history = PriceHistory(name="a", liquid=True, dates=DAYS[: len(prices)], prices=prices)

    rows = list(reliability([history], (10,), 500, 1))

    assert [row["promised"] for row in rows] == list(TAILS)
    for row in rows:
        assert row["windows"] == 200
        assert row["band_low"] <= row["promised"] <= row["band_high"]
        assert row["observed"] <= row["band_high"]
