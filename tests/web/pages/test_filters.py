"""The fields of a form become a filter in which every text is a value."""

import pytest

from collateral_registry.domain.filters import expressions
from collateral_registry.domain.filters.fields import Id, Text
from collateral_registry.domain.filters.parser import parse_filter
from collateral_registry.web.pages.views.common.filters import (
    NAMES_IN_FILTER,
    batched,
    borrower_or_loan,
    conjunction,
    equals,
    one_of,
    prefix,
)


def test_fields_of_a_form_are_joined():
    assert conjunction("", equals("good", "copper"), "", "a = 1 OR b = 2") == '(good = "copper") AND (a = 1 OR b = 2)'
    assert conjunction("", "ltv > 1") == "ltv > 1"
    assert conjunction("", "") == ""


@pytest.mark.parametrize("text", ['x" OR level = NONE OR borrower = "', "a\\", "*", "Müller & Söhne", "铜业\n", "'"])
def test_a_hostile_text_stays_a_value(text):
    assert prefix("borrower", text).startswith('borrower:"')
    expression = parse_filter(prefix("borrower", text), {"borrower": Text()})
    (test,) = expressions.tests_in(expression)
    assert test.values == (text,)


def test_a_text_that_can_be_an_id_finds_loans_too():
    assert borrower_or_loan("loan-1") == 'borrower:"loan-1*" OR loan:"loan-1*"'
    assert borrower_or_loan("Red") == 'borrower:"Red*"'
    assert borrower_or_loan("") == ""


def test_the_longest_names_of_a_batch_are_within_the_limits_of_a_filter():
    names = [f"loans/{number:063d}" for number in range(1000)]

    batches = batched(names, NAMES_IN_FILTER)
    assert [name for batch in batches for name in batch] == names
    for batch in batches:
        parse_filter(one_of("name", batch), {"name": Id("loans")})
