"""``python -m benchmarks.receivables.simulate``: ledgers of two years, honest or with one of eight frauds.

No public data joins invoices, payments, credit notes and defaults, so everything found on these ledgers is *simulated*.
Days late are resampled from debtors of a public file, amounts, shares and terms from those of a public open ledger
(``--data FOLDER``, see ``sources``); the rest are assumptions, stated where they stand. The number of a borrower is its
seed. Its honest part is the same with and without a fraud.

A fraud starts on a business day between 400 and 540 days after the first one, so that it has a history of a year. It
begins with a quarter of its peak and reaches it after 20 to 60 days; the peak is 15 to 40 % of the sales, or of the
cash, that it concerns. Weaker frauds are not simulated, except by ``--strength 0.5``, which halves the peaks.

INVENTED
    Invoices to real debtors without a sale, in the series of numbers: for half of the borrowers pushed to the ends of
    months, for 30 % mostly round. A quarter of the borrowers forges most records of carriers. Nothing is paid; 60 % is
    credited a month or two after the due day. In 30 % the accounts do not contain them.
    Honest lookalikes: busy ends of months, campaigns, round prices, 1 to 12 % of deliveries that are never recorded.

DUPLICATE
    A genuine invoice again after 2 to 40 days, with a suffix, exchanged digits, another digit or the next number; 30 %
    with an amount up to 2 % different, half with the old date, 30 % with the carrier's record of the genuine one.
    Honest lookalikes: fixed prices, two equal invoices on one day, double entry by mistake that is credited within 15
    days, re-billing of errors, which 30 % of the borrowers number by altering the old number.

PRE_BILLED
    Genuine sales are invoiced 15 to 45 days before the delivery. The due day is earlier, the payment is not.
    Honest lookalikes: late deliveries, records of deliveries that come weeks late.

RE_AGED
    Debtors with the plan's share of sales pay 40 to 120 days late. Up to 90 % of their late invoices are credited and
    issued again within 5 days, or get a later due day.
    Honest lookalikes: errors found when a debtor is reminded (0.08 % of invoices), payment plans (0.15 %).

DIVERTED
    Debtors with the plan's share of sales pay elsewhere. In 60 % the ledger keeps the invoices open, else it posts
    payments without cash.
    Honest lookalikes: slow and insolvent debtors, payments to an old account that the borrower forwards.

LAPPED
    Cash is posted 15 to 40 days late; in 40 % it is posted at once to late invoices of other debtors.
    Honest lookalikes: postings up to 20 days late (1.5 %), postings to a wrong debtor that are corrected (0.2 %).

HIDDEN_CREDITS
    Returns rise. Their credit notes, and most of the usual ones, reach the ledger 45 to 90 days late, for half of the
    borrowers with the true date. Debtors pay short. In 30 % the accounts have the credit notes in time.
    Honest lookalikes: deductions of 1 to 5 % that are credited weeks later (1 %), credit notes up to 20 days late,
    months of bad quality.

FICTITIOUS_DEBTOR
    One to three new debtors that the borrower controls; for 30 % carriers record deliveries. Half of the invoices are
    paid 20 to 60 days late from one account of the borrower. Letters are confirmed or not answered.
    Honest lookalikes: large new customers, groups that pay from one account.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.receivables.honest import honest
from benchmarks.receivables.kinds import FRAUDS, Kind, Plan, plan_of
from benchmarks.receivables.sources import Sources, sources_of
from benchmarks.receivables.world import Rendered, World, ledger_of
from valuation.receivables.ledgers.columns import NO_DAY


@dataclass(frozen=True)
class Borrower:
    """A simulated borrower; ``plan`` is the plan of its fraud of a kind, None for an honest one."""

    world: World
    rendered: Rendered
    kind: Kind | None
    plan: Plan | None

    @property
    def start(self) -> int | None:
        """The day of the first fraudulent act, None for an honest borrower."""
        acts = self.rendered.fraud_day[self.rendered.fraud_day != NO_DAY]
        return int(acts.min()) if len(acts) else None


def simulate(borrower: int, kind: Kind | None, sources: Sources, strength: float = 1.0) -> Borrower:
    """Returns a borrower and its ledger of two years; ``strength`` multiplies the peak of the fraud."""
    world, market = honest(borrower, sources)
    plan = None
    if kind is not None:
        rng = np.random.default_rng([borrower, 2, kind])
        plan = plan_of(rng, strength)
        FRAUDS[kind](world, market, plan, rng)
    return Borrower(world, ledger_of(world), kind, plan)


def main() -> None:
    """Prints what the ledgers of some borrowers hold, a JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the public files")
    parser.add_argument("--borrowers", type=int, nargs="+", default=[1])
    parser.add_argument("--strength", type=float, default=1.0)
    arguments = parser.parse_args()
    sources = sources_of(arguments.data)
    for number in arguments.borrowers:
        for kind in (None, *Kind):
            print(json.dumps(summary(number, simulate(number, kind, sources, arguments.strength))), flush=True)


def summary(number: int, borrower: Borrower) -> dict[str, object]:
    """Returns the counts of a borrower's records."""
    ledger = borrower.rendered.ledger
    days = borrower.rendered.fraud_day
    start = borrower.start
    within = 0 if start is None else int(((days != NO_DAY) & (days < start + 30)).sum())
    return {
        "borrower": number,
        "kind": borrower.kind.name if borrower.kind else "HONEST",
        "debtors": len(np.unique(ledger.invoices.debtor)),
        "invoices": len(ledger.invoices.debtor),
        "payments": len(ledger.payments.invoice),
        "credit_notes": len(ledger.credit_notes.invoice),
        "due_moves": len(ledger.due_moves.invoice),
        "deliveries": len(ledger.deliveries.invoice),
        "receipts": len(ledger.receipts.invoice),
        "fraudulent": int((days != NO_DAY).sum()),
        "fraudulent_within_30_days": within,
    }


if __name__ == "__main__":
    main()
