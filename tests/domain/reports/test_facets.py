"""A facet counts the loans that its own filters select, and a choice hides no other choice."""

import numpy as np
from hypothesis import given, strategies as st

from collateral_registry.domain.filters.expressions import AllOf, conjuncts
from collateral_registry.domain.filters.parser import parse_filter
from collateral_registry.domain.reports.facets import FACET_FIELDS, loan_facets
from collateral_registry.domain.reports.ltv_rows import LTV_FILTER, wanted_rows
from tests.support.snapshots import PlainLoan, books, snapshot_of

TODAY = 19_001
PARTS = {
    "level": "level >= MARGIN_CALL",
    "currency_code": "currency_code IN (USD, JPY)",
    "good": "good = copper OR good = zinc",
    "warehouse": "warehouse != W-1",
    "deadline_date": "deadline_date < 2022-01-12",
    "unknown_reason": "unknown_reason = NO_PRICE",
    "borrower": "borrower:A* OR level = WATCH",
}
"""A part of a filter by the only field that it tests, except that of the borrower, which tests two."""


def count(book, *filters):
    parts = [part for one in filters for part in conjuncts(parse_filter(one, LTV_FILTER))]
    return len(wanted_rows(book, AllOf(tuple(parts))))


@given(books, st.sets(st.sampled_from(sorted(PARTS)), max_size=3))
def test_each_count_is_that_of_its_filter_and_of_the_parts_that_test_other_fields(book, chosen):
    stated = {field: f"({PARTS[field]})" for field in sorted(chosen)}
    wanted = parse_filter(" AND ".join(stated.values()), LTV_FILTER)
    found = loan_facets(book, wanted, FACET_FIELDS, TODAY, 100)

    assert found.loans == count(book, *stated.values())
    for facet in found.facets:
        others = [text for field, text in stated.items() if field != facet.field]
        for one in facet.values:
            assert one.loans == count(book, f"({one.filter})", *others), one
            assert one.unknown == count(book, f"({one.filter})", *others, "coverage = UNKNOWN"), one


@given(books)
def test_the_values_of_a_field_that_a_loan_has_once_add_up_to_all_loans(book):
    facets = loan_facets(book, AllOf(()), FACET_FIELDS, TODAY, 100)

    for facet in facets.facets:
        if facet.field not in {"good", "warehouse", "asset_class", "unknown_reason", "quality_flag"}:
            assert sum(one.loans for one in facet.values) == facets.loans, facet


def test_an_amount_is_not_parted_from_its_currency():
    book = snapshot_of([PlainLoan("USD", exposure=500), PlainLoan("JPY", exposure=500)])
    facet = loan_facets(book, parse_filter('exposure >= "5 USD"', LTV_FILTER), ["currency_code"], TODAY, 9).facets[0]

    assert [(one.value, one.loans) for one in facet.values] == [("USD", 1)]


def test_the_values_of_most_loans_are_listed_and_the_others_counted():
    goods = ["copper", "copper", "zinc", "wheat"]
    book = snapshot_of([PlainLoan(claims=[(good, "W", "c", "", 1)]) for good in goods])
    facet = loan_facets(book, AllOf(()), ["good"], TODAY, 2).facets[0]

    assert [(one.value, one.loans) for one in facet.values] == [("copper", 2), ("wheat", 1)]
    assert facet.others == 1


def test_a_loan_with_two_lots_of_a_good_is_counted_once():
    lot = ("copper", "W", "c", "", 1)
    book = snapshot_of([PlainLoan(claims=[lot, lot])])

    assert loan_facets(book, AllOf(()), ["good"], TODAY, 2).facets[0].values[0].loans == 1
    assert np.array_equal(wanted_rows(book, parse_filter("good = copper", LTV_FILTER)), [0])
