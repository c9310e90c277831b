"""``make bench-payment-days DATA=folder``: forecasts days late on 20 random halves of public invoices.

The folder holds ``credit/b2b_invoices_days_late.csv``, which is not shipped. Each half learns and forecasts the other
one. Prints each figure next to its target and exits with 1 if a target is missed. The published forecast of the file
is printed for comparison and is never an input.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import chisquare, kstest

from valuation._typing import Float, Int
from valuation.receivables.payment_days import PaymentDays, Payments, payment_days

FILE = Path("credit/b2b_invoices_days_late.csv")
SPLITS = 20
SMALL_SHARE = 0.05
"""Share of the invoices that is forecast to show what more history of the same debtors gives."""

INTERVAL = 0.8
PIT_LEVEL = 0.01
PIT_BINS = 20
LATE_DAYS = 30
AGES = (-10, 60)
"""First and last age of an invoice on the day of an estimate, in days after its due day, for the test of censoring."""

SERIES = 10**9
"""Invoice numbers of one series share the digits above nine places; a series counts upwards in time."""


@dataclass(frozen=True)
class Invoices:
    """Paid invoices [n] without doubled rows; ``number`` is 0 where it is missing."""

    debtor: Int
    days: Int
    number: Int
    published: Float
    debtors: int

    def learn(self, rows: Int) -> PaymentDays:
        """Returns the distributions learned from some of the invoices."""
        open_ = np.zeros(len(rows), dtype=np.bool_)
        return payment_days(Payments(self.debtor[rows], self.days[rows], open_, np.ones(len(rows))), self.debtors)

    def learn_of_day(self, rows: Int, ages: Int, *, with_open: bool) -> PaymentDays:
        """Returns the distributions as of a day on which the invoices are ``ages`` [rows] days after their due days.

        Those that are paid later are open; they are censored, or left out for comparison.
        """
        open_ = self.days[rows] > ages
        keep = np.ones_like(open_) if with_open else ~open_
        days = np.minimum(self.days[rows], ages)
        payments = Payments(self.debtor[rows][keep], days[keep], open_[keep], np.ones(np.count_nonzero(keep)))
        return payment_days(payments, self.debtors)


@dataclass(frozen=True)
class Figures:
    """Figures of the forecasts of one half, and the mean absolute errors of three others on the same invoices."""

    error: float
    covered: float
    width: float
    pit_ks: float
    pit_chi: float
    constant_error: float
    median_error: float
    published_error: float


@dataclass(frozen=True)
class LateShares:
    """Share of invoices paid more than LATE_DAYS late: observed, and forecast with open invoices and without them."""

    observed: float
    with_open: float
    without_open: float


@dataclass(frozen=True)
class Line:
    """One printed figure; ``reached`` states whether it meets its target, and is true for a figure without one."""

    measure: str
    value: float
    target: str = ""
    reached: bool = True


def read(folder: Path) -> tuple[Invoices, int]:
    """Returns the invoices of the file, and the number of rows left out because they repeat another row exactly."""
    with (folder / FILE).open(encoding="utf-8", newline="") as file:
        given = [tuple(row.items()) for row in csv.DictReader(file)]
    rows = [dict(row) for row in dict.fromkeys(given)]
    names, debtor = np.unique([row["customer"] for row in rows], return_inverse=True)
    found = Invoices(
        debtor,
        np.array([int(float(row["actual_days_late"])) for row in rows]),
        np.array([int(np.nan_to_num(float(row["invoice_id"]))) for row in rows]),
        np.array([float(row["predicted_days_late"]) for row in rows]),
        len(names),
    )
    return found, len(given) - len(rows)


def splits(invoices: Invoices, forecast_share: float = 0.5) -> Iterator[tuple[Int, Int]]:
    """Yields the learned and the forecast rows of each random split."""
    count = len(invoices.days)
    learned = count - round(count * forecast_share)
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(count)
        yield order[:learned], order[learned:]


def random_figures(invoices: Invoices, forecast_share: float = 0.5) -> list[Figures]:
    """Returns the figures of each random split."""
    return [figures(invoices, *rows, seed) for seed, rows in enumerate(splits(invoices, forecast_share))]


def by_number(invoices: Invoices) -> tuple[Int, Int]:
    """Returns the earlier and the later half of each series of invoice numbers."""
    series, numbers = invoices.number // SERIES, invoices.number
    middle = {one: np.median(numbers[series == one]) for one in np.unique(series).tolist()}
    later = numbers > np.array([middle[one] for one in series.tolist()])
    return np.flatnonzero(~later), np.flatnonzero(later)


def figures(invoices: Invoices, learned: Int, forecast: Int, seed: int) -> Figures:
    """Returns the figures of one half."""
    found = invoices.learn(learned)
    debtor, days = invoices.debtor[forecast], invoices.days[forecast]
    low, high = found.shortest_interval(INTERVAL)
    ranks = randomised_pit(found, debtor, days, np.random.default_rng([seed, 1]))
    constant = float(np.median(invoices.days[learned]))
    medians = _medians(invoices, learned, constant)
    return Figures(
        _error(days, found.quantile(0.5)[debtor]),
        float(((days >= low[debtor]) & (days <= high[debtor])).mean()),
        float((high - low)[debtor].mean()),
        float(kstest(ranks, "uniform").pvalue),
        float(chisquare(np.histogram(ranks, PIT_BINS, (0.0, 1.0))[0]).pvalue),
        _error(days, np.full(len(days), constant)),
        _error(days, medians[debtor]),
        _error(days, invoices.published[forecast]),
    )


def late_shares(invoices: Invoices) -> list[LateShares]:
    """Returns for each random half the late shares, learned from invoices of random ages."""
    found = []
    for seed, (learned, forecast) in enumerate(splits(invoices)):
        ages = np.random.default_rng([seed, 2]).integers(*AGES, len(learned), endpoint=True)
        forecasts = (invoices.learn_of_day(learned, ages, with_open=with_open) for with_open in (True, False))
        expected = [
            float(one.share[invoices.debtor[forecast]][:, one.days > LATE_DAYS].sum(axis=1).mean()) for one in forecasts
        ]
        found.append(LateShares(float((invoices.days[forecast] > LATE_DAYS).mean()), *expected))
    return found


def randomised_pit(found: PaymentDays, debtor: Int, days: Int, draw: np.random.Generator) -> Float:
    """Returns for each payment [n] a draw between the probabilities of an earlier and of an earlier or equal day.

    The draws are uniform exactly if the distributions are correct (Czado, Gneiting and Held 2009, doi
    10.1111/j.1541-0420.2009.01191.x).
    """
    edges = np.pad(np.cumsum(found.share, axis=1), ((0, 0), (1, 0)))
    column = np.clip(days - found.days[0], -1, len(found.days) - 1)
    below, above = edges[debtor, np.maximum(column, 0)], edges[debtor, column + 1]
    return np.asarray(below + draw.random(len(days)) * (above - below))


def lines(found: list[Figures]) -> Iterator[Line]:
    """Yields the figures over all halves."""

    def mean(of: Callable[[Figures], float]) -> float:
        return float(np.mean([of(one) for one in found]))

    error, covered, width = (mean(of) for of in (lambda one: one.error, lambda one: one.covered, lambda one: one.width))
    # Bonferroni: the smallest of the p-values of all halves is compared with its part of the level.
    least = PIT_LEVEL / len(found)
    ks = np.array([one.pit_ks for one in found])
    chi = np.array([one.pit_chi for one in found])
    yield Line("mean absolute error, days", error, "at most 2.9", error <= 2.9)
    yield Line("80 % interval: share covered", covered, "0.78 to 0.82", 0.78 <= covered <= 0.82)
    yield Line("80 % interval: width, days", width, "at most 6.5", width <= 6.5)
    yield Line(
        "randomised PIT, Kolmogorov-Smirnov: smallest p", float(ks.min()), f"at least {least:g}", ks.min() >= least
    )
    yield Line("randomised PIT, Kolmogorov-Smirnov: median p", float(np.median(ks)))
    yield Line("randomised PIT, chi-square of 20 bins: smallest p", float(chi.min()))
    yield Line("randomised PIT, chi-square of 20 bins: median p", float(np.median(chi)))
    yield Line("error of the debtor's median", mean(lambda one: one.median_error))
    yield Line("error of one constant", mean(lambda one: one.constant_error))
    yield Line("error of the published forecast", mean(lambda one: one.published_error))


def main() -> None:
    """Prints the table and exits with 1 if a target is missed."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "")
    if not (folder / FILE).is_file():
        sys.exit(f"DATA: got {str(folder)!r}, want a folder with {FILE}")
    invoices, doubled = read(folder)
    print(f"{len(invoices.days)} invoices of {invoices.debtors} debtors; {doubled} doubled rows left out")
    table = list(lines(random_figures(invoices)))
    most = random_figures(invoices, SMALL_SHARE)
    later = figures(invoices, *by_number(invoices), SPLITS)
    late = late_shares(invoices)
    table += [
        Line("paid more than 30 days late", float(np.mean([one.observed for one in late]))),
        Line("forecast of it with open invoices censored", float(np.mean([one.with_open for one in late]))),
        Line("forecast of it from paid invoices alone", float(np.mean([one.without_open for one in late]))),
        Line("learned from 95 %: mean absolute error, days", float(np.mean([one.error for one in most]))),
        Line("later half by invoice number: mean absolute error, days", later.error),
        Line("later half by invoice number: share covered", later.covered),
        Line("later half by invoice number: error of the published forecast", later.published_error),
    ]
    for line in table:
        verdict = "" if not line.target else "reached" if line.reached else "missed"
        print(f"{line.measure:64}{line.value:10.4f}  {line.target:16}{verdict}".rstrip())
    if not all(line.reached for line in table):
        sys.exit(1)


def _medians(invoices: Invoices, learned: Int, constant: float) -> Float:
    """Returns the median days of each debtor among the learned invoices, or the constant for a debtor without any."""
    order = learned[np.argsort(invoices.debtor[learned], kind="stable")]
    known, first = np.unique(invoices.debtor[order], return_index=True)
    medians = np.full(invoices.debtors, constant)
    for debtor, days in zip(known.tolist(), np.split(invoices.days[order], first[1:]), strict=True):
        medians[debtor] = np.median(days)
    return medians


def _error(days: Int, forecast: Float | Int) -> float:
    return float(np.abs(days - forecast).mean())


if __name__ == "__main__":
    main()
