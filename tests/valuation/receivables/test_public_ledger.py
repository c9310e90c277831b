"""The public ledger of open invoices, as of two days: ``pytest tests/valuation/receivables --data FOLDER``.

The folder holds ``credit/b2b_open_invoices.csv``. The rules are OVER_AGE, PAST_DUE, CROSS_AGE and CONCENTRATION.
"""

import csv
from decimal import Decimal

import numpy as np
import pytest

from valuation.money import PPM, mul_div_floor
from valuation.receivables.concentration import ConcentrationMode
from valuation.receivables.cross_ageing import cross_age
from valuation.receivables.eligibility import Buckets, eligibility
from valuation.receivables.exclusions import over_age, past_due
from valuation.receivables.groups import latest_due_first
from valuation.receivables.partial_cuts import ShareLimit
from valuation.receivables.rules import Rule

GROSS, ELIGIBLE, FIXED_POINT = ConcentrationMode.GROSS, ConcentrationMode.ELIGIBLE, ConcentrationMode.FIXED_POINT
MARCH, APRIL = "2020-03-31", "2020-04-15"
OVER_AGE_DAYS = 90


@pytest.fixture(scope="module")
def invoices(data_folder):
    with (data_folder / "credit/b2b_open_invoices.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["invoice_currency"] == "USD"]


def buckets_of(invoices, as_of, past_due_days, cross_ppm, share_ppm, mode) -> Buckets:
    """Returns the conservative buckets of the invoices posted by a day."""
    posted = [row for row in invoices if row["posting_date"] <= as_of]
    day = np.datetime64(as_of)
    names, debtor = np.unique([row["customer"] for row in posted], return_inverse=True)
    issue, due = (
        np.array([row[name] for row in posted], dtype="datetime64[D]") for name in ("document_date", "due_in_date")
    )
    amount = np.array([int(Decimal(row["total_open_amount"]).scaleb(2)) for row in posted], dtype=np.int64)
    debtors = latest_due_first(debtor, due, np.array([int(float(row["doc_id"])) for row in posted]), len(names))
    old, late = over_age(day, issue, OVER_AGE_DAYS), past_due(day, due, issue, past_due_days)
    crossed = cross_age(old | late, amount, debtors, np.full(len(names), cross_ppm))
    limit = ShareLimit(Rule.CONCENTRATION, debtors, np.full(len(names), share_ppm), mode, int(amount.sum()))
    exclusions = [(Rule.OVER_AGE, old), (Rule.PAST_DUE, late), (Rule.CROSS_AGE, crossed)]
    return eligibility(amount, exclusions, [limit], np.ones(len(posted), dtype=bool)).conservative


@pytest.mark.parametrize(
    ("rules", "open_amount", "past_due_amount", "crossed", "unknown", "concentrated", "eligible", "lent"),
    [
        (
            (MARCH, 60, 100_000, 150_000, ELIGIBLE),
            *("138350759.64", "0", "0", "182053.55", "8269339.12", "129899366.97", "110414461.92"),
        ),
        (
            (MARCH, 60, 100_000, 150_000, FIXED_POINT),
            *("138350759.64", "0", "0", "182053.55", "9728634.26", "128440071.83", "109174061.05"),
        ),
        (
            (APRIL, 30, 250_000, 100_000, GROSS),
            *("198469885.15", "8765283.65", "2422251.97", "283623.02", "17435254.05", "169563472.46", "144128951.59"),
        ),
        (
            (APRIL, 30, 250_000, 100_000, ELIGIBLE),
            *("198469885.15", "8765283.65", "2422251.97", "283623.02", "18582369.91", "168416356.60", "143153903.11"),
        ),
        (
            (APRIL, 30, 250_000, 100_000, FIXED_POINT),
            *("198469885.15", "8765283.65", "2422251.97", "283623.02", "20647077.68", "166351648.83", "141398901.50"),
        ),
        (
            (APRIL, 30, 100_000, 100_000, FIXED_POINT),
            *("198469885.15", "8765283.65", "10158465.43", "203575.81", "21497762.82", "157844797.44", "134168077.82"),
        ),
        (
            (APRIL, 30, 500_000, 100_000, FIXED_POINT),
            *("198469885.15", "8765283.65", "306236.37", "172076.89", "20399570.82", "168826717.42", "143502709.80"),
        ),
    ],
)
def test_the_ledger_gives_its_figures_to_the_cent(
    invoices, rules, open_amount, past_due_amount, crossed, unknown, concentrated, eligible, lent
):
    found = buckets_of(invoices, *rules)
    by_rule = found.by_rule()
    total = int(found.eligible_minor.sum())

    assert Rule.OVER_AGE not in by_rule
    assert [
        Decimal(int(amount)).scaleb(-2)
        for amount in (
            found.open_minor.sum(),
            by_rule.get(Rule.PAST_DUE, 0),
            by_rule.get(Rule.CROSS_AGE, 0),
            found.unknown_minor.sum(),
            by_rule[Rule.CONCENTRATION],
            total,
            mul_div_floor(np.array([total]), np.array([850_000]), PPM)[0],
        )
    ] == [Decimal(text) for text in (open_amount, past_due_amount, crossed, unknown, concentrated, eligible, lent)]


@pytest.mark.parametrize(("as_of", "count", "debtors"), [(MARCH, 4_574, 461), (APRIL, 6_428, 512)])
def test_the_ledger_has_its_numbers_of_invoices_and_debtors(invoices, as_of, count, debtors):
    posted = [row["customer"] for row in invoices if row["posting_date"] <= as_of]

    assert (len(posted), len(set(posted))) == (count, debtors)
