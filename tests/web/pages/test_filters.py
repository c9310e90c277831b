"""The fields of a form become a filter in which every text is a value."""

import pytest

from collateral_registry.domain.filters import expressions
from collateral_registry.domain.filters.fields import Text
from collateral_registry.domain.filters.parser import parse_filter
from collateral_registry.web.pages.views.common.filters import (
    borrower_or_loan,
    conjunction,
    equals,
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
