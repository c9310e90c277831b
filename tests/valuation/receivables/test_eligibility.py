"""Every minor unit of a pool is in one bucket: the worked example, a plain model, and completions of missing facts."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.receivables import DAY, ORDER, Invoice, Pool, computed, example_pool, split_plainly
from valuation.errors import InvalidInput
from valuation.receivables.concentration import ConcentrationMode
from valuation.receivables.eligibility import Buckets, eligibility
from valuation.receivables.rules import NO_RULE, Rule

days_ago = st.integers(0, 200).map(lambda days: DAY - timedelta(days))
due_days = st.integers(-100, 240).map(lambda days: DAY + timedelta(days))
amounts = st.integers(0, 100_000)


@st.composite
def invoices(draw) -> Invoice:
    """An invoice of one of four debtors; a third lack a due day."""
    foreign = draw(st.booleans()) and draw(st.booleans())
    return Invoice(
        key="",
        debtor=draw(st.sampled_from("ABCD")),
        open=draw(amounts),
        issue=draw(days_ago),
        due=draw(st.none() | due_days | due_days),
        affiliate=draw(st.integers(0, 9)) == 0,
        foreign=foreign,
        insured=draw(amounts) if foreign else 0,
        retention=draw(st.sampled_from([0, 0, 0, 999])),
        disputed=draw(st.sampled_from([0, 0, 0, 50_001])),
        was_good=draw(st.booleans()),
    )


by_debtor = st.dictionaries(st.sampled_from("ABCD"), amounts, max_size=4)
pools = st.builds(
    lambda rows, **rest: Pool(tuple(replace(one, key=f"i{n:02}") for n, one in enumerate(rows)), **rest),
    st.lists(invoices(), min_size=1, max_size=12),
    unapplied=by_debtor,
    contra=by_debtor,
    limit=by_debtor,
    cross_ppm=st.sampled_from([100_000, 250_000, 500_000]),
    share_ppm=st.sampled_from([100_000, 250_000, 333_333, 500_000, 1_000_000]),
    mode=st.sampled_from(ConcentrationMode),
)


def total(buckets: Buckets) -> int:
    return int(buckets.eligible_minor.sum())


def split(pool: Pool, buckets: Buckets) -> dict[str, dict[str, int]]:
    """Returns the amounts of each invoice by bucket, without empty ones."""
    found = {}
    for row, one in enumerate(pool.invoices):
        parts = {rule.name: int(column[row]) for rule, column in buckets.cut_minor.items()}
        if buckets.excluded_by[row] != NO_RULE:
            parts[Rule(buckets.excluded_by[row]).name] = one.open
        parts |= {"UNKNOWN": int(buckets.unknown_minor[row]), "ELIGIBLE": int(buckets.eligible_minor[row])}
        found[one.key] = {name: amount for name, amount in parts.items() if amount}
    return found


def test_the_example_pool_attributes_every_cent_to_one_rule():
    found = computed(example_pool()).conservative

    assert found.open_minor.sum() == 92_000_000
    assert {rule.name: amount for rule, amount in found.by_rule().items()} == {
        "AFFILIATE": 5_000_000,
        "OVER_AGE": 12_000_000,
        "FOREIGN_UNINSURED": 7_500_000,
        "CROSS_AGE": 2_000_000,
        "RETENTION": 450_000,
        "DISPUTED": 1_500_000,
        "UNAPPLIED_CREDIT": 800_000,
        "CONTRA": 1_200_000,
        "CONCENTRATION": 13_435_000,
    }
    assert (total(found), found.unknown_minor.sum()) == (39_115_000, 9_000_000)
    assert found.unknown_by[8] == Rule.PAST_DUE


def test_a_missing_due_day_becomes_known():
    kept = computed(example_pool().changed("E1", due=date(2026, 8, 19))).conservative
    late = computed(example_pool().changed("E1", issue=date(2026, 4, 1), due=date(2026, 4, 1))).conservative

    assert (total(kept), kept.unknown_minor.sum()) == (50_815_000, 0)
    assert (total(late), late.by_rule()[Rule.PAST_DUE]) == (39_115_000, 9_000_000)


def test_last_good_counts_an_unknown_invoice_that_was_eligible_and_no_other():
    assert total(computed(example_pool()).last_good) == 50_815_000
    assert total(computed(example_pool().changed("E1", was_good=False)).last_good) == 39_115_000


def test_no_order_of_the_whole_invoice_rules_changes_the_eligible_amount():
    assert {total(computed(example_pool(), order).conservative) for order in permutations(ORDER)} == {39_115_000}


def test_contra_is_cut_from_the_known_invoice_first_while_another_is_unknown():
    known = Invoice("K1", "K", 5_000_000, date(2026, 6, 1), date(2026, 7, 31))
    unknown = Invoice("K2", "K", 4_000_000, date(2026, 6, 20), None)
    found = computed(Pool((known, unknown), contra={"K": 3_000_000}, share_ppm=1_000_000))

    assert (total(found.conservative), total(found.last_good)) == (2_000_000, 6_000_000)


def test_unapplied_credits_are_not_netted_against_excluded_invoices():
    current = Invoice("L1", "L", 50_000_000, date(2026, 6, 1), date(2026, 7, 31))
    old = Invoice("L2", "L", 12_000_000, date(2026, 2, 1), date(2026, 3, 1))
    found = computed(Pool((current, old), unapplied={"L": 3_000_000}, share_ppm=1_000_000)).conservative

    assert total(found) == 47_000_000


@given(pools)
def test_columns_give_the_buckets_of_a_plain_model(pool):
    found = computed(pool)

    for buckets, last_good in ((found.conservative, False), (found.last_good, True)):
        plain = split_plainly(pool, last_good=last_good)
        assert split(pool, buckets) == {
            key: {name: amount for name, amount in parts.items() if amount} for key, parts in plain.items()
        }


@given(pools)
def test_the_buckets_of_an_invoice_sum_to_its_open_amount(pool):
    found = computed(pool)

    for buckets in (found.conservative, found.last_good):
        assert all(sum(parts.values()) == one.open for one, parts in _pairs(pool, buckets))
        assert (buckets.eligible_minor >= 0).all()


def _pairs(pool, buckets):
    return zip(pool.invoices, split(pool, buckets).values(), strict=True)


@given(pools, st.permutations(range(12)))
def test_the_order_of_the_rows_does_not_matter(pool, order):
    shuffled = replace(pool, invoices=tuple(pool.invoices[row] for row in order if row < len(pool.invoices)))

    assert split(pool, computed(pool).conservative) == split(shuffled, computed(shuffled).conservative)


@given(pools, st.lists(due_days, min_size=12, max_size=12))
def test_no_completion_of_the_missing_facts_is_below_the_conservative_amount(pool, days):
    # A due day before the issue leaves the rules unknown, so that it completes nothing.
    complete = tuple(
        replace(one, due=max(day, one.issue)) if one.due is None or one.due < one.issue else one
        for one, day in zip(pool.invoices, days, strict=False)
    )

    assert total(computed(replace(pool, invoices=complete)).conservative) >= total(computed(pool).conservative)


@given(pools, amounts, st.sampled_from([ConcentrationMode.ELIGIBLE, ConcentrationMode.FIXED_POINT]))
def test_one_more_kept_invoice_of_a_debtor_without_late_ones_never_lowers_the_amount(pool, amount, mode):
    before = replace(pool, mode=mode)
    added = Invoice("z", "Z", amount, DAY, DAY + timedelta(30))

    more = replace(before, invoices=(*before.invoices, added))

    assert total(computed(more).conservative) >= total(computed(before).conservative)


@given(pools, st.sampled_from("ABCD"), amounts)
def test_a_higher_limit_of_a_debtor_never_lowers_the_amount(pool, debtor, more):
    higher = replace(pool, limit=pool.limit | {debtor: pool.limit.get(debtor, 10**9) + more})

    assert total(computed(higher).conservative) >= total(computed(pool).conservative)


def test_one_more_late_invoice_may_exclude_the_others_of_its_debtor():
    before = Pool((Invoice("a", "A", 100, DAY, DAY),), share_ppm=1_000_000)
    after = replace(before, invoices=(*before.invoices, Invoice("b", "A", 101, DAY - timedelta(91), DAY)))

    assert (total(computed(before).conservative), total(computed(after).conservative)) == (100, 0)


@pytest.mark.parametrize("amount", [[-1], [2**53]])
def test_open_amounts_outside_their_range_are_refused(amount):
    with pytest.raises(InvalidInput, match="open_minor"):
        eligibility(np.array(amount), (), (), np.array([True]))
