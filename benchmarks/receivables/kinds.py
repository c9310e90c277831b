"""The eight kinds of fraud as changes of an honest world; ``simulate`` states how each differs from honest conduct."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from benchmarks.receivables.honest import Market, deliver, rounded
from benchmarks.receivables.sources import month_of
from benchmarks.receivables.world import END, NEVER, OWN_ACCOUNT, START, Claim, World, business, extend, keep
from valuation._typing import Bool, Float, Int
from valuation.receivables.ledgers.columns import NO_DAY

FIRST_SHARE = 0.25
"""Share of its peak with which a fraud begins."""

SLOW_BEFORE = 40
"""Days before the start at which the debtors whose invoices are re-aged become slow."""

LINKED_ACCOUNT = 900_000
"""Payer of cash from an account that the borrower controls and the lender does not know."""


class Kind(IntEnum):
    """Kinds of fraud with receivables."""

    INVENTED = 1
    DUPLICATE = 2
    PRE_BILLED = 3
    RE_AGED = 4
    DIVERTED = 5
    LAPPED = 6
    HIDDEN_CREDITS = 7
    FICTITIOUS_DEBTOR = 8


@dataclass(frozen=True)
class Plan:
    """A fraud from ``start`` on that rises within ``ramp`` days to the share ``peak`` of what it concerns."""

    start: int
    peak: float
    ramp: int

    def risen(self, day: Int) -> Float:
        """Returns the share of the peak that is reached on each day, 0 before the start."""
        share = FIRST_SHARE + (1.0 - FIRST_SHARE) * np.clip((day - self.start) / self.ramp, 0.0, 1.0)
        return np.asarray(np.where(day >= self.start, share, 0.0))

    def intensity(self, day: Int) -> Float:
        """Returns the share that the fraud concerns on each day."""
        return self.peak * self.risen(day)


def plan_of(rng: np.random.Generator, strength: float) -> Plan:
    """Returns a plan that starts in the second year: a peak of 15 to 40 % within 20 to 60 days, times ``strength``."""
    start = int(business(np.array([START + rng.integers(400, 540)]))[0])
    return Plan(start, float(rng.uniform(0.15, 0.40)) * strength, int(rng.integers(20, 61)))


def invented(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Adds invoices to real debtors for sales that never were."""
    templates = _chosen(world.invoices["issue"], plan, rng)
    issue, count = world.invoices["issue"][templates], len(templates)
    if rng.random() < 0.5:
        issue = _month_end(issue, rng)
    recent = np.flatnonzero((world.invoices["issue"] >= plan.start - 120) & (world.invoices["issue"] < plan.start))
    model = rng.choice(recent, count)
    is_round = (rng.random() < 0.3) & (rng.random(count) < 0.7)
    amount = rounded(world.invoices["amount"][model] * rng.uniform(0.9, 1.5, count), is_round)
    debtor = world.invoices["debtor"][model]
    rows = _issue(world, market, rng, debtor, amount, issue, Claim.INVENTED)
    forged = rng.choice([0.0, 0.8], p=[0.75, 0.25])
    deliver(world, rng, rows, issue, float(forged))
    gone = rng.random(count) < 0.6
    day = business(world.invoices["due"][rows] + rng.integers(30, 61, count))[gone]
    extend(world.credits, invoice=rows[gone], document=day, entry=day, amount=amount[gone])
    if rng.random() < 0.3:
        extend(world.unbooked, entry=world.invoices["entry"][rows], amount=-amount)


def duplicate(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Adds copies of genuine invoices, 2 to 40 days later, under an altered number or the next of the series."""
    again = world.invoices["entry"] + rng.integers(2, 41, len(world.invoices["entry"]))
    rows = _chosen(again, plan, rng)
    count = len(rows)
    old = {name: column[rows] for name, column in world.invoices.items()}
    factor = np.where(rng.random(count) < 0.3, rng.uniform(0.98, 1.02, count), 1.0)
    amount = np.rint(old["amount"] * factor).astype(np.int64)
    issue = np.where(rng.random(count) < 0.5, old["issue"], again[rows])
    new = _issue(world, market, rng, old["debtor"], amount, issue, Claim.INVENTED)
    world.invoices["entry"][new] = business(again[rows])
    world.invoices["fraud_day"][new] = world.invoices["entry"][new]
    world.invoices["copy_of"][new] = np.where(rng.random(count) < 0.75, rows, -1)
    deliver(world, rng, new, old["issue"], 0.3)


def pre_billed(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Issues invoices 15 to 45 days before the goods are delivered; payment comes when it would have come."""
    del market
    shift = rng.integers(15, 46, len(world.invoices["issue"]))
    rows = _chosen(np.maximum(world.invoices["issue"] - shift, 0), plan, rng)
    rows = rows[world.invoices["copy_of"][rows] < 0]
    for name in ("issue", "due", "entry"):
        world.invoices[name][rows] -= shift[rows]
    world.invoices["entry"][rows] = business(world.invoices["entry"][rows])
    world.invoices["claim"][rows] = Claim.UNDELIVERED
    world.invoices["fraud_day"][rows] = world.invoices["entry"][rows]


def re_aged(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Makes late invoices young: credits and issues them again, or moves their due day. Some debtors are slow first."""
    joins = _joining(world, plan, rng)
    one = world.invoices
    slow = (joins[one["debtor"]] < NEVER) & (one["due"] >= plan.start - SLOW_BEFORE)
    for events, column in ((world.payments, "day"), (world.postings, "entry")):
        slow[events["invoice"][events[column] < plan.start - SLOW_BEFORE]] = False
    delay = np.where(slow, rng.integers(40, 121, len(slow)), 0)
    world.payments["day"] = _later(world.payments["day"], delay[world.payments["invoice"]])
    world.postings["entry"] = _later(world.postings["entry"], delay[world.postings["invoice"]])
    day = business(one["due"] + rng.integers(8, 36, len(slow)))
    last = np.full(len(slow), NEVER)
    last[world.payments["invoice"]] = world.payments["day"]
    credited = np.isin(np.arange(len(slow)), world.credits["invoice"])
    likely = 0.9 * plan.risen(day)
    rows = np.flatnonzero(slow & ~credited & (last > day) & (rng.random(len(slow)) < likely) & (day < END))
    by_credit = rng.random(len(rows)) < float(rng.choice([0.0, 0.5, 1.0], p=[0.4, 0.2, 0.4]))
    _credit_and_issue(world, market, rng, rows[by_credit], day[rows[by_credit]])
    moved, when = rows[~by_credit], day[rows[~by_credit]]
    extend(world.due_moves, invoice=moved, entry=when, due=when + rng.integers(20, 61, len(moved)))
    world.invoices["fraud_day"][moved] = when


def diverted(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Lets debtors pay elsewhere. The invoices stay open in the ledger, or are posted as paid although no cash came."""
    del market
    joins = _joining(world, plan, rng)
    paid = world.payments
    taken = (paid["day"] >= joins[world.invoices["debtor"][paid["invoice"]]]) & (paid["day"] < END)
    rows = paid["invoice"][taken]
    world.invoices["claim"][rows] = Claim.PAID_ELSEWHERE
    world.invoices["fraud_day"][rows] = paid["day"][taken]
    paid["day"][taken] = NEVER
    if rng.random() < 0.6:
        since = world.invoices["fraud_day"][world.postings["invoice"]]
        keep(world.postings, (since == NO_DAY) | (world.postings["entry"] < since))


def lapped(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Posts cash 15 to 40 days late, or to late invoices of other debtors first, so that invoices look open or paid."""
    del market
    rows = _chosen(world.postings["entry"], plan, rng)
    rows = rows[world.postings["amount"][rows] > 0]
    entry, amount = world.postings["entry"][rows], world.postings["amount"][rows]
    own = world.postings["invoice"][rows]
    world.invoices["fraud_day"][own] = entry
    world.postings["entry"][rows] = business(entry + rng.integers(15, 41, len(rows)))
    if rng.random() < 0.6:
        return
    one = world.invoices
    due, face, debtor = one["due"], one["amount"], one["debtor"]
    for place in np.argsort(entry, kind="stable").tolist():
        now = entry[place]
        late = (due < now - 3) & (due > now - 60) & (debtor != debtor[own[place]]) & (one["fraud_day"] == NO_DAY)
        late &= _unpaid(world, now)
        others = np.flatnonzero(late & (face >= amount[place]))
        if len(others):
            taken = int(others[np.argmin(face[others])])
            one["fraud_day"][taken] = now
            extend(world.postings, invoice=taken, entry=int(now), amount=int(amount[place]))


def hidden_credits(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Keeps credit notes out of the ledger for 45 to 90 days while returns rise; debtors pay short."""
    del market
    _hide_usual(world, plan, rng)
    one = world.invoices
    count = len(one["issue"])
    first = np.full(count, NEVER)
    np.minimum.at(first, world.payments["invoice"], world.payments["day"])
    document = business(np.minimum(one["issue"] + 2 + rng.gamma(2.0, 5.0, count).astype(np.int64), first - 2))
    free = ~np.isin(np.arange(count), world.credits["invoice"]) & (first < NEVER) & (document >= one["issue"])
    rows = _chosen(np.where(free, document, 0), plan, rng)
    part = rng.beta(1.5, 2.0, count)
    for events in (world.payments, world.postings):
        of = np.isin(events["invoice"], rows)
        events["amount"][of] -= np.rint(part[events["invoice"][of]] * events["amount"][of]).astype(np.int64)
    amount = np.rint(part[rows] * one["amount"][rows]).astype(np.int64)
    entry = business(document[rows] + rng.integers(45, 91, len(rows)))
    dated = entry if rng.random() < 0.5 else document[rows]
    extend(world.credits, invoice=rows, document=dated, entry=entry, amount=amount)
    one["claim"][rows] = Claim.REDUCED
    one["fraud_day"][rows] = document[rows]
    if rng.random() < 0.3:
        extend(world.unbooked, entry=document[rows], amount=-amount)
        extend(world.unbooked, entry=entry, amount=amount)


def fictitious_debtor(world: World, market: Market, plan: Plan, rng: np.random.Generator) -> None:
    """Adds one to three new debtors of the borrower's own; half of their invoices are paid late with its money."""
    templates = _chosen(world.invoices["issue"], plan, rng)
    issue, count = world.invoices["issue"][templates], len(templates)
    first = len(market.terms)
    debtors = int(rng.integers(1, 4))
    joined = plan.start + np.sort(rng.integers(0, plan.ramp, debtors))
    joined[0] = plan.start
    debtor = first + np.minimum(rng.integers(0, debtors, count), np.searchsorted(joined, issue, side="right") - 1)
    recent = np.flatnonzero((world.invoices["issue"] >= plan.start - 120) & (world.invoices["issue"] < plan.start))
    amount = world.invoices["amount"][rng.choice(recent, count)] * rng.uniform(0.8, 1.3, count)
    market.terms = np.concatenate([market.terms, np.full(debtors, int(rng.choice([15, 30, 45])))])
    rows = _issue(world, market, rng, debtor, rounded(amount, np.zeros(count, dtype=bool)), issue, Claim.COLLUSIVE)
    deliver(world, rng, rows, issue, float(rng.choice([0.0, 0.9], p=[0.7, 0.3])))
    paid = rows[rng.random(count) < 0.5]
    day = business(world.invoices["due"][paid] + rng.integers(20, 61, len(paid)))
    payer = OWN_ACCOUNT if rng.random() < 0.3 else LINKED_ACCOUNT
    amount = world.invoices["amount"][paid]
    extend(world.payments, invoice=paid, day=day, amount=amount, payer=payer, named=1, lump=0)
    extend(world.postings, invoice=paid, entry=day, amount=amount)


FRAUDS: Mapping[Kind, Callable[[World, Market, Plan, np.random.Generator], None]] = {
    Kind.INVENTED: invented,
    Kind.DUPLICATE: duplicate,
    Kind.PRE_BILLED: pre_billed,
    Kind.RE_AGED: re_aged,
    Kind.DIVERTED: diverted,
    Kind.LAPPED: lapped,
    Kind.HIDDEN_CREDITS: hidden_credits,
    Kind.FICTITIOUS_DEBTOR: fictitious_debtor,
}


def _chosen(day: Int, plan: Plan, rng: np.random.Generator) -> Int:
    """Returns the rows that the fraud concerns, each with the intensity of its day."""
    return np.flatnonzero((rng.random(len(day)) < plan.intensity(day)) & (day < END))


def _joining(world: World, plan: Plan, rng: np.random.Generator) -> Int:
    """Returns the day from which the fraud concerns each debtor, NEVER for most.

    Debtors join one after the other until they have the plan's share of the sales of four months.
    """
    one = world.invoices
    near = (one["issue"] >= plan.start - 60) & (one["issue"] < plan.start + 60)
    sales = np.bincount(one["debtor"][near], weights=one["amount"][near], minlength=int(one["debtor"].max()) + 1)
    order = rng.permutation(np.flatnonzero(sales > 0.0))
    before = np.cumsum(sales[order] / sales.sum()) - sales[order] / sales.sum()
    fraction = np.clip((before / plan.peak - FIRST_SHARE) / (1.0 - FIRST_SHARE), 0.0, 1.0)
    joins = np.full(len(sales), NEVER)
    members = before < plan.peak
    joins[order[members]] = plan.start + np.rint(fraction[members] * plan.ramp).astype(np.int64)
    return joins


def _issue(
    world: World, market: Market, rng: np.random.Generator, debtor: Int, amount: Int, issue: Int, claim: Claim
) -> Int:
    """Adds fraudulent invoices under the next numbers of the series, and returns their rows."""
    entry = business(issue + rng.integers(0, 2, len(issue)))
    due = issue + market.terms[debtor]
    return extend(
        world.invoices,
        debtor=debtor,
        amount=amount,
        issue=issue,
        due=due,
        entry=entry,
        copy_of=-1,
        claim=claim,
        fraud_day=entry,
    )


def _credit_and_issue(world: World, market: Market, rng: np.random.Generator, rows: Int, day: Int) -> None:
    """Credits invoices in full and issues them again up to 5 days later; what was paid of them pays the new ones."""
    old = {name: column[rows] for name, column in world.invoices.items()}
    count = len(rows)
    factor = np.where(rng.random(count) < 0.3, rng.uniform(0.98, 1.02, count), 1.0)
    amount = np.rint(old["amount"] * factor).astype(np.int64)
    new = _issue(world, market, rng, old["debtor"], amount, business(day + rng.integers(0, 6, count)), Claim.OWED)
    extend(world.credits, invoice=rows, document=day, entry=day, amount=old["amount"])
    world.invoices["fraud_day"][rows] = day
    deliver(world, rng, new, old["issue"], 0.5)
    successor = np.arange(len(world.invoices["entry"]))
    successor[rows] = new
    for events in (world.payments, world.postings):
        events["invoice"] = successor[events["invoice"]]


def _hide_usual(world: World, plan: Plan, rng: np.random.Generator) -> None:
    """Enters the credit notes that the ledger would have had 45 to 90 days later, more of them as the fraud rises."""
    held = world.credits
    late = (rng.random(len(held["document"])) < plan.risen(held["document"])) & (held["document"] < END)
    rows = held["invoice"][late]
    world.invoices["fraud_day"][rows] = held["document"][late]
    world.invoices["claim"][rows] = Claim.REDUCED
    held["entry"] = np.where(late, business(held["document"] + rng.integers(45, 91, len(late))), held["entry"])


def _later(day: Int, delay: Int) -> Int:
    return np.where((delay > 0) & (day < NEVER), business(day + delay), day)


def _unpaid(world: World, day: int) -> Bool:
    """Returns whether nothing is posted to each invoice by a day."""
    untouched = np.ones(len(world.invoices["entry"]), dtype=bool)
    for events in (world.postings, world.credits):
        untouched[events["invoice"][events["entry"] <= day]] = False
    return untouched


def _month_end(day: Int, rng: np.random.Generator) -> Int:
    """Returns one of the last four days of the month for days of its second half, and other days as they are."""
    first = (month_of(day) + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return np.where(first - day > 16, day, np.maximum(day, first - rng.integers(1, 5, len(day))))
