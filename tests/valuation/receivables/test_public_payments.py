"""Payment days on public invoices, 20 random halves: ``pytest tests/valuation/receivables --data FOLDER``.

The folder holds ``credit/b2b_invoices_days_late.csv``. The target of 2.9 days for the mean absolute error is missed, as
docs/models/payment-days.md explains; the error that is reached is held here.
"""

import pytest

from benchmarks.receivables.payment_days import Figures, lines, random_figures, read


@pytest.fixture(scope="module")
def found(data_folder) -> list[Figures]:
    invoices, doubled = read(data_folder)
    assert (len(invoices.days), invoices.debtors, doubled) == (7_969, 588, 31)
    return random_figures(invoices)


def test_the_interval_and_the_distribution_reach_their_targets(found):
    missed = [line.measure for line in lines(found) if not line.reached]

    assert missed == ["mean absolute error, days"]


def test_the_forecast_errs_less_than_the_debtors_median_and_than_one_constant(found):
    value = {line.measure: line.value for line in lines(found)}

    assert value["mean absolute error, days"] < 3.13 < value["error of the debtor's median"]
    assert value["mean absolute error, days"] < 0.7 * value["error of one constant"]
