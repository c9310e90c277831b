"""Tests of the conversion of calendar days to trading days."""

from __future__ import annotations

import numpy as np

from valuation.prices.calendar_days import days_of_trade

DAYS = np.arange("2020-01-01", "2022-09-27", dtype="datetime64[D]")
PRICES = 100.0 + np.arange(len(DAYS)) % 7


def test_a_market_of_seven_days_trades_on_every_calendar_day():
    assert days_of_trade(DAYS, PRICES, 20) == 20


def test_a_market_closed_on_weekends_trades_on_250_days_of_365():
    weekdays = np.is_busday(DAYS)
    assert days_of_trade(DAYS[weekdays], PRICES[weekdays], 20) == 14


def test_weekends_that_repeat_the_price_of_friday_are_not_trading_days():
    last_weekday = np.maximum.accumulate(np.where(np.is_busday(DAYS), np.arange(len(DAYS)), 0))
    assert days_of_trade(DAYS, PRICES[last_weekday], 20) == 14


def test_a_quote_every_sunday_does_not_mean_daily_trading():
    assert days_of_trade(DAYS[4::7], np.arange(len(DAYS[4::7])) + 1.0, 20) == 14


def test_a_market_without_quotes_counts_as_closed_on_weekends():
    assert days_of_trade(DAYS[:1], PRICES[:1], 20) == 14
