"""The surprise at a count against the negative binomial distribution that it stands for."""

import numpy as np
import pytest
from scipy.stats import nbinom

from valuation.statistics.surprise import PRIOR_EXPOSURE, WINDOWS, rise, surprise


def test_the_surprise_is_the_tail_of_the_predictive_distribution():
    events, exposure, base_events, base_exposure, prior = 9, 80, 20, 500, 0.05
    known = PRIOR_EXPOSURE + base_exposure
    shape = prior * PRIOR_EXPOSURE + base_events
    tail = nbinom.sf(events - 1, shape, known / (known + exposure))

    value = surprise(np.int64(events), np.int64(exposure), np.int64(base_events), np.int64(base_exposure), prior)

    assert float(value) == pytest.approx(-np.log10(tail))


def test_no_event_is_no_surprise_and_more_events_are_more():
    values = surprise(np.arange(20), np.int64(100), np.int64(50), np.int64(1000), 0.05)

    assert values[0] == 0.0
    assert (np.diff(values) > 0).all()


def test_a_short_base_surprises_less_than_a_long_one_of_the_same_rate():
    short, long = surprise(np.int64(10), np.int64(100), np.array([1, 30]), np.array([20, 600]), 0.05)

    assert short < long


def test_a_rise_names_the_window_in_which_events_began_and_ignores_later_days():
    exposure = np.repeat(np.arange(0, 500), 5)
    events = np.concatenate([np.arange(0, 480, 10), np.repeat(np.arange(487, 494), 4), [495, 496]])

    found = rise(493, events, exposure, 0.02)

    assert found.since == 493 - WINDOWS[0] + 1
    assert found.surprise > 6.0
    assert rise(480, events, exposure, 0.02).surprise < 1.0
