"""Hierarchical means and numbers in model names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.equipment.models.levels import level_means
from valuation.equipment.sales.model_names import (
    generation_of_model,
    line_of_family,
    series_of_model,
    size_of_class,
    size_of_family,
)


def texts(*words: str) -> np.ndarray:
    return np.array(words, dtype=object)


def test_an_unseen_key_has_the_mean_of_its_wider_level() -> None:
    wide, narrow = texts("a", "a", "b", "b"), texts("a1", "a2", "b1", "b1")
    means = level_means([wide, narrow], np.array([1.0, 1.2, 3.0, 3.1]))
    found, counts = means.at([texts("a", "c"), texts("a9", "")])
    assert found[1][0] == found[0][0]
    assert found[1][1] == pytest.approx(2.075)
    assert counts[1].tolist() == [0.0, 0.0]


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=40))
def test_a_mean_is_within_the_range_of_its_values(values: list[float]) -> None:
    key = texts(*("ab"[at % 2] for at in range(len(values))))
    found, _ = level_means([key], np.array(values)).at([key])
    assert min(values) - 1e-9 <= found[0].min()
    assert found[0].max() <= max(values) + 1e-9


def test_noise_is_shrunk_and_a_clear_difference_is_kept() -> None:
    random = np.random.default_rng(1)
    key = texts(*("abcdefgh"[at % 8] for at in range(800)))
    noise = random.normal(0.0, 1.0, 800)
    assert np.ptp(level_means([key], noise).at([key])[0][0]) < 0.3
    clear = noise * 0.01 + np.array([ord(word) for word in key.tolist()])
    assert np.ptp(level_means([key], clear).at([key])[0][0]) == pytest.approx(7.0, abs=0.2)


def test_names_contain_size_line_generation_and_series() -> None:
    assert size_of_class("Wheel Loader - 110.0 to 120.0 Horsepower") == 115.0
    assert size_of_family("PC120") == 120.0
    assert line_of_family("PC120") == "PC"
    assert generation_of_model("950FII") == 6.0
    assert series_of_model("PC120-6E") == 6.0
    assert series_of_model("950FII") == 2.0
    assert np.isnan(size_of_class("Motor grader"))
    assert np.isnan(generation_of_model("226"))
