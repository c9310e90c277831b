"""Tests of haircuts of an illiquid grade that is linked to a liquid proxy."""

import numpy as np
import pytest
from scipy.special import ndtri

from tests.support.price_series import DAYS, noise, walk
from valuation.flags import QualityFlag
from valuation.haircuts.models.pooled import volatility_log_quantile
from valuation.haircuts.models.price_haircut import haircut
from valuation.haircuts.models.proxy import fitted_link, linked_haircut
from valuation.haircuts.monitoring.model_monitor import UNWATCHED
from valuation.prices.cleaning import clean

DATES = DAYS[:2001]
PROXY_MOVES = noise(2000, sd=0.015, seed=11)
PROXY = walk(PROXY_MOVES)
MONTHLY = np.arange(2000, -1, -21)[:40][::-1]


def grade(beta, basis, seed=12):
    """Returns daily prices of a grade that follows the proxy with its own basis."""
    return walk(beta * PROXY_MOVES + noise(2000, sd=basis, seed=seed))


def linked(prices, rows=MONTHLY, horizon_days=20):
    return linked_haircut(prices[rows], DATES[rows], PROXY, DATES, horizon_days)


@pytest.mark.parametrize("beta", [0.3, 0.8, 1.2])
def test_the_link_is_estimated_from_the_grades_own_dates(beta):
    rows = np.sort(np.random.default_rng(5).choice(2001, 150, replace=False))

    link = linked(grade(beta, 0.004), rows).link

    assert link.beta == pytest.approx(beta, abs=0.12)
    assert link.basis_volatility == pytest.approx(0.004, rel=0.25)


def test_the_link_is_ordinary_least_squares_for_equally_spaced_dates():
    """Solves the normal equations on 21-day moves of the proxy, same and previous period."""
    prices = grade(0.7, 0.006)[MONTHLY]
    ours, theirs = np.diff(np.log(prices))[1:], np.diff(np.log(PROXY[MONTHLY]))
    columns = np.stack([theirs[1:], theirs[:-1]])
    expected = np.linalg.solve(columns @ columns.T, columns @ ours)

    link = fitted_link(clean(DATES[MONTHLY], prices), clean(DATES, PROXY))

    left = ours - expected @ columns
    assert [link.same, link.lagged] == pytest.approx(expected)
    assert link.basis_volatility == pytest.approx(np.sqrt(left @ left / (len(ours) - 2) / 21))
    assert link.pairs == len(ours) == 38


def test_a_grade_that_reacts_a_month_late_keeps_the_full_risk_of_its_proxy():
    late = np.concatenate([np.zeros(21), PROXY_MOVES[:-21]])
    prices = walk(0.5 * PROXY_MOVES + 0.5 * late + noise(2000, sd=0.002, seed=3))

    link = linked(prices).link

    assert link.same == pytest.approx(0.5, abs=0.1)
    assert link.beta == pytest.approx(1.0, abs=0.12)


def test_the_basis_is_added_to_the_shared_part():
    close, wide = linked(grade(1.0, 0.002)), linked(grade(1.0, 0.012))

    assert close.loss == pytest.approx(close.proxy.loss, rel=0.10)
    assert wide.loss > 1.15 * wide.proxy_loss
    assert np.log1p(-wide.loss) ** 2 == pytest.approx(np.log1p(-wide.proxy_loss) ** 2 + np.log1p(-wide.basis_loss) ** 2)
    assert wide.expected_shortfall > wide.loss
    assert wide.path_minimum >= wide.loss


def test_the_status_of_the_proxy_raises_the_shared_part():
    moves = PROXY_MOVES.copy()
    moves[1750 : 1750 + 19 * 13 : 19] = -0.12
    falling, few = walk(moves), MONTHLY[-5:]

    found = linked_haircut(grade(1.0, 0.004)[MONTHLY], DATES[MONTHLY], falling, DATES, 20)
    unlinked = linked_haircut(grade(1.0, 0.004)[few], DATES[few], falling, DATES, 20)

    assert found.watch == haircut(falling, DATES, 20).watch
    assert found.watch.multiplier > 1.0
    assert QualityFlag.MODEL_RED in found.flags
    assert np.log1p(-found.proxy_loss) == pytest.approx(found.link.beta * np.log1p(-found.proxy.loss))
    assert unlinked.watch == UNWATCHED


def test_an_unrelated_proxy_does_not_reduce_the_haircut():
    """The haircut covers the normal loss of the grade's own volatility."""
    alone = walk(noise(2000, sd=0.02, seed=8))

    assert linked(alone).loss > -np.expm1(ndtri(0.01) * 0.02 * np.sqrt(20))


def test_a_basis_estimated_from_few_moves_is_wider_than_from_many():
    prices = grade(0.9, 0.008)
    many, few = linked(prices).link, linked(prices, MONTHLY[-16:]).link

    def widened(link):
        return link.basis_log_quantile(20, 0.01) / volatility_log_quantile(
            link.basis_volatility, 20, 0.01, trend=0.5348
        )

    assert widened(few) > 1.05 * widened(many) > 1.05


@pytest.mark.parametrize("count", [0, 1, 13])
def test_too_few_common_moves_give_no_opinion_and_the_class_floor(count):
    found = linked(grade(1.0, 0.002), MONTHLY[:count])

    assert not found.has_opinion
    assert QualityFlag.SHORT_HISTORY in found.flags
    assert found.class_floor == haircut([], [], 20).class_floor


def test_a_proxy_price_that_is_too_old_gives_no_pair():
    kept = DATES[1500] > DATES

    link = linked_haircut(grade(1.0, 0.002)[MONTHLY], DATES[MONTHLY], PROXY[kept], DATES[kept], 20).link

    assert link.pairs == int(np.sum(MONTHLY < 1505)) - 2


def test_haircuts_hold_on_unseen_random_walks():
    """Judges forty grades with monthly quotes by their moves in the next twenty days."""
    hits, windows = 0, 0
    for seed in range(40):
        prices = grade(0.8, 0.009, seed=100 + seed)
        for end in range(900, 1980, 90):
            rows = np.arange(end, -1, -21)[:30][::-1]
            known = slice(0, end + 1)
            found = linked_haircut(prices[rows], DATES[rows], PROXY[known], DATES[known], 20)
            hits += 1.0 - prices[end + 20] / prices[end] > found.loss
            windows += 1

    assert windows == 480
    assert hits / windows < 0.02


def test_a_grade_that_never_moves_is_stale_and_has_no_opinion():
    found = linked(np.full(2001, 50.0))

    assert not found.has_opinion
    assert QualityFlag.STALE_SERIES in found.flags
    assert found.link is None


def test_a_grade_whose_unit_changed_is_linked_by_later_prices():
    prices = grade(0.8, 0.004)
    changed = np.where(np.arange(2001) < 800, 1000.0 * prices, prices)
    rows = np.arange(0, 2001, 21)

    assert linked(changed, rows).link == linked(prices, rows[rows >= 800]).link
