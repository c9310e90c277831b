"""The book by day, as running sums, equals a plain count of what was current at the end of each day."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.reports.history import (
    SUMS,
    KeyTotal,
    book_collateral,
    book_levels,
    current,
    totals_of,
    with_largest,
)
from collateral_registry.domain.shared.errors import Refused

DAYS = 4
DAY_SEQS = [300, 400, 500, 600]
LOANS = 3
CURRENCIES = ("EUR", "USD", "EUR")
CLASSES = ("metal", "grain")
OPEN = 2**62

AMOUNTS = st.integers(0, 10**9)
JUDGED = st.tuples(
    st.integers(0, DAYS - 1), st.integers(0, LOANS - 1), st.integers(1, 99), st.integers(0, 4), st.booleans(), AMOUNTS
)
"""A judgement: its day, its loan, its place in the day, its level, whether its coverage is unknown, its exposure."""


@st.composite
def histories(draw):
    """Judgements of which at most one is current a day, with a claim each on one of two assets that change class."""
    judged = {(day, loan): rest for day, loan, *rest in draw(st.lists(JUDGED, max_size=12))}
    # A run has the sequence of its start, which may be of an earlier day than the one on which it is published.
    early = draw(st.sets(st.sampled_from(sorted(judged)), max_size=2)) if judged else set()
    closed = draw(st.lists(st.sampled_from([OPEN, 350, 400, 550]), min_size=LOANS, max_size=LOANS))
    changes = draw(st.lists(st.tuples(st.integers(1, DAYS - 1), st.integers(0, 1), st.integers(0, 1)), max_size=3))
    return judged, early, closed, changes


def columns(rows, names):
    data = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return {name: np.array(column, dtype=np.int64) for name, column in zip(names, data, strict=True)}


def tables(history):
    judged, early, closed, changes = history
    rows = [
        (day, loan, DAY_SEQS[day] - place - (150 if (day, loan) in early else 0), level, unknown, *[owed] * len(SUMS))
        for (day, loan), (place, level, unknown, owed) in judged.items()
    ]
    names = ("day", "loan_key", "seq", "level", "coverage_unknown", *SUMS)
    claims = [(loan, loan % 2, seq, owed, owed // 2) for _, loan, seq, _, _, owed, *_ in rows]
    loans = {
        "loan_key": np.arange(LOANS),
        "currency": np.array(CURRENCIES, dtype=object),
        "closed_seq": np.array(closed, dtype=np.int64),
    }
    classes = {(0, asset): 0 for asset in (0, 1)} | {(day, asset): kind for day, asset, kind in changes}
    assets = columns([(day, asset) for day, asset in classes], ("day", "asset_key"))
    assets["asset_class"] = assets["good"] = np.array([CLASSES[kind] for kind in classes.values()], dtype=object)
    claim_names = ("loan_key", "asset_key", "seq", "market_minor", "lendable_minor")
    return rows, loans, columns(rows, names), columns(claims, claim_names), assets, classes


def plain_day(day, rows, loans, classes):
    """The loans of a day by currency and level, and their claims by currency and class."""
    levels, keys = defaultdict(lambda: [0, 0, 0]), defaultdict(lambda: [0, 0])
    for loan in range(LOANS):
        known = [row for row in rows if row[1] == loan and row[0] <= day]
        if not known or loans["closed_seq"][loan] <= DAY_SEQS[day]:
            continue
        _, _, _, level, unknown, owed, *_ = max(known, key=lambda row: row[2])
        found = levels[CURRENCIES[loan], level]
        for place, amount in enumerate((1, int(unknown), owed)):
            found[place] += amount
        kind = classes[max(one for one in classes if one[1] == loan % 2 and one[0] <= day)]
        keys[CURRENCIES[loan], CLASSES[kind]][0] += owed
        keys[CURRENCIES[loan], CLASSES[kind]][1] += owed // 2
    return dict(levels), dict(keys)


@given(histories())
def test_running_sums_are_the_sums_of_what_is_current_at_the_end_of_each_day(history):
    rows, loans, judged, claims, assets, classes = tables(history)
    by_level = book_levels(DAY_SEQS, loans, current(judged))
    collateral = book_collateral(DAY_SEQS, loans, current(judged), claims, assets)

    for number, (loans_of_day, day) in enumerate(zip(by_level, collateral, strict=True)):
        levels, keys = plain_day(number, rows, loans, classes)
        found = {(one.currency, one.level): [one.loans, one.unknown, one.exposure_minor] for one in loans_of_day}
        assert found == levels
        assert {(one.currency, one.key): [one.market_minor, one.lendable_minor] for one in day.classes} == keys
        assert day.goods == day.classes
        assert sum(total.loans for total in totals_of(loans_of_day)) == sum(one[0] for one in levels.values())


def test_a_sum_that_could_overflow_is_refused():
    half = 2**61
    history = ({(0, 0): (1, Level.NONE, False, half), (0, 2): (2, Level.NONE, False, half)}, set(), [OPEN] * LOANS, [])
    _, loans, judged, *_ = tables(history)

    with pytest.raises(Refused, match="got 2\\^62 minor units or more"):
        book_levels(DAY_SEQS, loans, current(judged))


def test_the_largest_keys_of_any_day_are_listed_on_every_day():
    first = [KeyTotal("EUR", "a", 9, 9), KeyTotal("EUR", "b", 1, 1), KeyTotal("USD", "b", 1, 1)]
    second = [KeyTotal("EUR", "b", 5, 5), KeyTotal("EUR", "c", 6, 6)]

    assert with_largest([first, second], 1) == [
        [KeyTotal("EUR", "a", 9, 9), KeyTotal("EUR", "", 1, 1, others=1), KeyTotal("USD", "b", 1, 1)],
        [KeyTotal("EUR", "", 11, 11, others=2)],
    ]
