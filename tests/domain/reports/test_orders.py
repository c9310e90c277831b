"""An order of the report has one sequence of rows, in which absent values are last."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.reports.ltv_rows import WORD_COLUMNS, values_of, wanted_rows
from collateral_registry.domain.reports.orders import ORDER_FIELDS, in_order
from tests.support.snapshots import PlainLoan, books, snapshot_of
from valuation.errors import InvalidInput

AMOUNTS = {"exposure", "market_value", "lendable_value", "cash_cure"}


@given(books, st.sampled_from(ORDER_FIELDS), st.booleans())
def test_rows_are_ordered_by_the_field_with_absent_values_last(book, field, is_descending):
    every = wanted_rows(book, EVERYTHING)
    rows = in_order(book, every, field + " desc" * is_descending)

    assert sorted(rows.tolist()) == every.tolist()
    if field in WORD_COLUMNS:
        column = WORD_COLUMNS[field]
        found = [getattr(book.words, column).texts[n] for n in book.terms[column][book.cover_terms[rows]].tolist()]
        assert found == sorted(found, reverse=is_descending)
        return
    values, present = (one[rows] for one in values_of(book, field))
    assert present.tolist() == sorted(present.tolist(), reverse=True)
    with np.errstate(invalid="ignore"):
        steps = np.diff(values[present]) * (-1 if is_descending else 1)
    codes = [book.words.currency.texts[n] for n in book.terms["currency"][book.cover_terms[rows]].tolist()]
    within = np.array([a == b for a, b in pairwise(codes)], dtype=bool)
    if field in AMOUNTS:
        assert codes == sorted(codes)
        assert (steps[within] >= 0).all()
    else:
        assert (steps[~np.isnan(steps)] >= 0).all()  # the difference of two infinite LTVs is NaN


@given(books, st.sampled_from(ORDER_FIELDS))
def test_equal_values_are_in_the_order_of_the_ids_in_both_directions(book, field):
    up, down = (in_order(book, wanted_rows(book, EVERYTHING), order) for order in (field, f"{field} desc"))
    same = in_order(book, wanted_rows(book, EVERYTHING)[::-1], field)

    assert up.tolist() == same.tolist()
    assert len(down) == len(up)


def test_a_debt_without_collateral_is_the_highest_ltv_and_a_loan_without_debt_has_none():
    claim = ("copper", "W-1", "inventory.base_metal", "", 100)
    book = snapshot_of([PlainLoan(), PlainLoan(exposure=50), PlainLoan(exposure=90, claims=[claim])])
    every = wanted_rows(book, EVERYTHING)

    assert in_order(book, every, "").tolist() == [1, 2, 0]
    assert in_order(book, every, "ltv").tolist() == [2, 1, 0]


def test_another_field_is_refused_with_the_fields_that_can_be_ordered():
    with pytest.raises(InvalidInput, match=r"order_by: got 'colour desc', want one of loan, borrower"):
        in_order(snapshot_of([PlainLoan()]), np.zeros(1, dtype=np.int64), "colour desc")
