"""The 70 % / 10 % test with its bound, and the test of haircuts by realised values."""

import pytest

from collateral_registry.domain.disposals.realisation import RealisationVerdict, realisation_tests, verdict_of
from collateral_registry.domain.disposals.results import ItemResult
from tests.domain.disposals.test_results import item

NOT_YET, PASSED, FAILED = RealisationVerdict


def liquidation(net=76_000_000, expected=0, days=60, **fields):
    stated = {"item": item(), "is_finished": True, "buyer_related": False, **fields}
    return ItemResult(net_minor=net, expected_minor=expected, days=days, **stated)


LOW = liquidation(net=53_199_999)


def test_three_of_forty_pass_and_the_bound_is_reported_with_the_verdict():
    total, (of_class,) = realisation_tests([LOW] * 3 + [liquidation()] * 37)

    assert (total.verdict, total.below, total.liquidations) == (PASSED, 3, 40)
    assert (round(total.probability, 4), total.below_share) == (0.4231, 0.075)
    assert total.upper_bound == pytest.approx(0.18255, abs=1e-4)
    assert (of_class.asset_class, of_class.below) == ("inventory.base_metal", 3)


def test_seventy_percent_of_the_value_is_enough():
    total, _ = realisation_tests([liquidation(net=53_200_000)])

    assert total.below == 0


@pytest.mark.parametrize(
    ("below", "count", "open_below", "open_count", "verdict"),
    [(0, 19, 0, 0, NOT_YET), (19, 19, 0, 0, NOT_YET), (2, 20, 0, 0, PASSED), (3, 20, 0, 0, FAILED),
     (2, 20, 5, 5, FAILED), (2, 20, 0, 5, PASSED), (0, 0, 0, 50, NOT_YET)],
)  # fmt: skip
def test_fewer_than_twenty_prove_nothing_and_open_cases_may_fail_it(below, count, open_below, open_count, verdict):
    assert verdict_of(below, count, open_below, open_count) is verdict


def test_related_buyers_and_unknown_values_are_left_out_and_counted():
    unknown = liquidation(item=item(state=2, market=0, lendable=0))
    total, _ = realisation_tests([liquidation(buyer_related=True), unknown, liquidation()])

    assert (total.liquidations, total.related, total.unvalued) == (1, 1, 1)


def test_an_open_case_counts_with_the_share_still_expected():
    waiting = liquidation(net=10_000_000, expected=50_000_000, is_finished=False)
    hopeless = liquidation(net=10_000_000, is_finished=False)
    total, _ = realisation_tests([waiting, hopeless])

    assert (total.liquidations, total.open, total.open_below) == (0, 2, 1)


def test_haircuts_are_tested_by_what_was_realised_below_the_lendable_value():
    held, exceeded = liquidation(net=54_000_000), liquidation(net=53_999_999)
    good, _ = realisation_tests([held] * 100)
    bad, _ = realisation_tests([held] * 95 + [exceeded] * 5)
    short, _ = realisation_tests([held] * 5)

    assert (good.exceedances, good.light) == (0, "green")
    assert (bad.exceedances, bad.light) == (5, "amber")
    assert bad.kupiec_p is not None
    assert good.kupiec_p is not None
    assert bad.kupiec_p < 0.05 < good.kupiec_p
    assert bad.expected_exceedances == pytest.approx(1.0)
    assert short.light == "none"


def test_a_sale_that_takes_longer_than_the_days_to_sell_is_late():
    total, _ = realisation_tests([liquidation(days=90), liquidation(days=91)])

    assert total.late == 1
