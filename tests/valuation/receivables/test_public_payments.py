"""Payment days on public invoices, 20 random halves: ``pytest tests/valuation/receivables --data FOLDER``.

The folder holds ``credit/b2b_invoices_days_late.csv``. The target of 2.9 days for the mean absolute error is missed, as
docs/models/payment-days.md explains; the error that is reached is held here.
"""

import numpy as np
import pytest

from benchmarks.receivables.payment_days import Figures, Invoices, late_shares, lines, random_figures, read


@pytest.fixture(scope="module")
def invoices(data_folder) -> Invoices:
    found, doubled = read(data_folder)
    assert (len(found.days), found.debtors, doubled) == (7_969, 588, 31)
    return found


@pytest.fixture(scope="module")
def found(invoices) -> list[Figures]:
    return random_figures(invoices)


def test_the_interval_and_the_distribution_reach_their_targets(found):
    missed = [line.measure for line in lines(found) if not line.reached]

    assert missed == ["mean absolute error, days"]


def test_the_forecast_errs_less_than_the_debtors_median_and_than_one_constant(found):
    value = {line.measure: line.value for line in lines(found)}

    assert value["mean absolute error, days"] < 3.13 < value["error of the debtor's median"]
    assert value["mean absolute error, days"] < 0.7 * value["error of one constant"]


def test_late_payers_are_expected_with_open_invoices_and_half_forgotten_without_them(invoices):
    shares = late_shares(invoices)
    observed, with_open, without_open = (
        np.mean([getattr(one, name) for one in shares]) for name in ("observed", "with_open", "without_open")
    )

    assert with_open == pytest.approx(observed, rel=0.1)
    assert without_open < 0.6 * observed
