"""Cross-ageing: the late invoices of a debtor exclude all of them."""

from __future__ import annotations

from valuation._typing import Int
from valuation.money import PPM, mul_div_floor
from valuation.receivables.groups import Groups
from valuation.receivables.rules import Truth


def cross_age(late: Truth, open_minor: Int, debtors: Groups, limit_ppm: Int) -> Truth:
    """Returns CROSS_AGE of each invoice [n]: whether the late share of its debtor exceeds the limit [d].

    The share is of the debtor's open amount before any exclusion. It is unknown whether it exceeds the limit if it does
    with the doubtful invoices and does not without them.
    """
    # A share is above the limit exactly if the amount is above the limit's whole minor units.
    limit = mul_div_floor(debtors.sums(open_minor), limit_ppm, PPM)
    certain = debtors.sums(open_minor * late.true)
    possible = certain + debtors.sums(open_minor * late.unknown)
    return Truth((certain > limit)[debtors.of], (possible > limit)[debtors.of])
