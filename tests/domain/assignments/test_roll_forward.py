"""The entries of a period lead to the stated closing amount, or to a gap."""

from dataclasses import replace

import pytest

from collateral_registry.domain.assignments.roll_forward import RollForward
from valuation.errors import InvalidInput
from valuation.money import PPM

MONTH = RollForward(
    opening=81_240_055,
    sales=30_411_820,
    debit_notes=0,
    payments=27_100_415,
    credit_notes=912_000,
    write_offs=330_000,
    corrections=-25_000,
    stated=83_604_460,
)


def test_a_ledger_that_states_more_than_its_entries_has_a_gap():
    assert (MONTH.closing, MONTH.gap) == (83_284_460, 320_000)


def test_every_kind_of_entry_moves_the_closing_amount_once():
    one_more = {name: replace(MONTH, **{name: getattr(MONTH, name) + 1}).closing for name in vars(MONTH)}

    assert {name: amount - MONTH.closing for name, amount in one_more.items()} == {
        "opening": 1,
        "sales": 1,
        "debit_notes": 1,
        "payments": -1,
        "credit_notes": -1,
        "write_offs": -1,
        "corrections": 1,
        "stated": 0,
    }


@pytest.mark.parametrize(("stated", "unreconciled"), [(10_050, 0), (10_051, 51), (9_950, 0), (9_949, 51), (10_000, 0)])
def test_a_gap_beyond_its_tolerance_does_not_count_whatever_its_sign(stated, unreconciled):
    ledger = RollForward(10_000, 0, 0, 0, 0, 0, 0, stated)

    assert ledger.unreconciled(5_050) == unreconciled


@pytest.mark.parametrize("tolerance", [-1, PPM + 1])
def test_a_tolerance_outside_its_range_is_refused(tolerance):
    with pytest.raises(InvalidInput, match="tolerance_ppm"):
        MONTH.unreconciled(tolerance)
