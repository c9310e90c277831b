"""The evidence for a share of anomalies among observations."""

import numpy as np
import pytest

from valuation.statistics.mixture import evidence


def test_the_evidence_of_usual_observations_is_slightly_against_and_of_likely_anomalies_for():
    usual, anomalous = evidence(np.array([0.0, 100.0]), 0.1)

    assert usual == pytest.approx(np.log10(0.9))
    assert anomalous == pytest.approx(np.log10(10.9))


def test_without_anomalies_the_evidence_rarely_exceeds_two():
    rng = np.random.default_rng(1)
    waits = rng.random((20_000, 50)) < 0.1
    total = evidence(np.where(waits, 1.0 / 0.1, 0.0), 0.1).sum(axis=1)

    assert (total > 2.0).mean() <= 0.01
    assert (10.0**total).mean() == pytest.approx(1.0, abs=0.1)
