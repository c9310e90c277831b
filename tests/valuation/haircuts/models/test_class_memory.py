"""Tests of the class memory."""

import numpy as np
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation.haircuts.models.class_memory import (
    HALF_LIFE_DAYS,
    NOTHING_LEARNED,
    POWER,
    PRIOR_WINDOWS,
    Outcomes,
    class_memory,
    memory_of,
)
from valuation.haircuts.models.pooled import OWN_HORIZONS, OWN_TAIL
from valuation.haircuts.models.price_haircut import haircut, haircut_batch

CALM = [(walk(noise(1500, sd=0.012, seed=seed)), DAYS[:1501]) for seed in range(6)]


def falling(seed, count=1500):
    """Returns a calm year, then months of moves of the same sign, which fall further than the pool expects."""
    signs = np.repeat(np.random.default_rng(seed).choice([-1.0, 1.0], count // 20), 20)
    moves = np.abs(noise(count, sd=0.009, seed=seed)) * signs + noise(count, sd=0.004, seed=seed + 50)
    moves[:260] = noise(260, sd=0.01, seed=seed + 90)
    return walk(moves)


STORMY = [(falling(seed), DAYS[:1501]) for seed in range(6)]


def column(days, hits, weight=1.0):
    return [Outcomes(np.array(days), np.array(hits, dtype=bool), weight)]


def test_the_multiplier_is_the_ratio_of_decayed_counts():
    """Compares with explicit weights by the age of each outcome."""
    days, hits = [100, 400, 401, 2000], [True, True, False, True]

    found = memory_of([column(days, hits)] + [[]] * 5)

    age = 0.5 ** ((2000 - np.array(days)) / HALF_LIFE_DAYS)
    prior = PRIOR_WINDOWS * OWN_TAIL
    ratio = (age @ hits + prior) / (age.sum() * OWN_TAIL + prior)
    assert found.log_multipliers[-1, 0] == pytest.approx(POWER * np.log(ratio))
    assert found.log_multipliers[-1, 1:].tolist() == [0.0] * 5


def test_only_outcomes_that_matured_before_the_day_count():
    found = memory_of([column([100, 200], [True, True])] * 6)

    assert found.before(np.datetime64(100, "D")).tolist() == [0.0] * 6
    assert found.before(np.datetime64(101, "D")).tolist() == found.log_multipliers[0].tolist()
    assert found.before(np.datetime64(999, "D")).tolist() == found.log_multipliers[1].tolist()


def test_too_few_exceedances_never_narrow_the_haircut():
    found = memory_of([column(range(5000), [False] * 5000)] * 6)

    assert not found.log_multipliers.any()


def test_a_class_that_falls_further_than_predicted_widens_all_its_haircuts():
    memory = class_memory(STORMY)
    newcomer, dates = CALM[0][0][:300], DAYS[1201:1501]

    alone, together = haircut(newcomer, dates, 20), haircut(newcomer, dates, 20, memory=memory)

    assert together.loss > 1.05 * alone.loss
    assert together.model == "pooled-scale/2+class-memory/1"
    assert alone.model == "pooled-scale/2"


def test_a_class_that_behaves_as_predicted_changes_little():
    memory = class_memory(CALM)

    assert (memory.log_multipliers[-1] < 0.10).all()


def test_the_order_of_the_series_does_not_matter():
    one, other = class_memory([*CALM, *STORMY]), class_memory([*STORMY[::-1], *CALM])

    assert one.log_multipliers == pytest.approx(other.log_multipliers, abs=1e-12)


def test_later_outcomes_of_other_series_do_not_affect_earlier_dates():
    origin = DAYS[1000]
    until = [(prices[:1001], dates[:1001]) for prices, dates in STORMY]

    assert class_memory(STORMY).before(origin) == pytest.approx(class_memory(until).before(origin))


def test_a_later_level_break_does_not_remove_earlier_outcomes():
    broken = [(np.where(np.arange(1501) < 1200, prices, prices * 100.0), dates) for prices, dates in STORMY]
    origin = DAYS[1150]

    assert class_memory(broken).before(origin) == pytest.approx(class_memory(STORMY).before(origin))


def test_it_widens_by_the_same_factor_in_every_traffic_light_status():
    """The status of a series is the same with and without the class memory."""
    memory = class_memory(STORMY)
    for jumps in range(0, 13, 2):
        moves = noise(1500, sd=0.012)
        moves[1250 : 1250 + 19 * jumps : 19] = -0.08
        alone, together = (haircut(walk(moves), DAYS[:1501], 20, memory=one) for one in (NOTHING_LEARNED, memory))

        assert together.watch == alone.watch
        assert together.loss > alone.loss
        assert together.path_shortfall > alone.path_shortfall


@pytest.mark.parametrize(
    "series", [[], [([], [])], [(walk(noise(100)), DAYS[:101])], [(np.full(600, 5.0), DAYS[:600])]]
)
def test_a_class_without_outcomes_has_learned_nothing(series):
    memory = class_memory(series)

    assert not memory.before(DAYS[-1]).any()
    assert haircut(*CALM[0], 20, memory=memory).loss == haircut(*CALM[0], 20).loss


def test_a_batch_gives_the_same_haircuts_as_single_calls():
    memory = class_memory(STORMY)

    together = haircut_batch(CALM[:2], 20, memory=memory)

    assert [one.loss for one in together] == [haircut(*one, 20, memory=memory).loss for one in CALM[:2]]
    assert haircut_batch(CALM[:1], 20, memory=NOTHING_LEARNED)[0].loss == haircut(*CALM[0], 20).loss


def test_horizons_are_those_of_the_pool():
    assert class_memory(CALM).log_multipliers.shape[1] == len(OWN_HORIZONS)
