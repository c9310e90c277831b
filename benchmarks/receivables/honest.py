"""An honest borrower over two years: growth, seasons, customers that come and go, and errors that look like fraud.

The shares of errors are assumptions unless a source is named; each is chosen so that an honest ledger has, in small
number, everything that a fraud has: slow and insolvent debtors, equal invoices, invoices that are credited and issued
again after they were due, due days moved late, cash that is posted late or to another debtor or that arrives by way of
the borrower, short payments whose credit note follows weeks later, round amounts, busy ends of months, gaps in the
numbers, large new customers, deliveries that no carrier records, and months with many credit notes.
"""

from __future__ import annotations

import numpy as np

from benchmarks.receivables.sources import Sources, month_of
from benchmarks.receivables.world import (
    DAYS,
    END,
    NEVER,
    OWN_ACCOUNT,
    START,
    Claim,
    Events,
    NumberStyle,
    World,
    business,
    extend,
    table,
)
from valuation._typing import Bool, Float, Int
from valuation.receivables.ledgers.columns import NO_DAY

RECURRING_DEBTORS, RECURRING_SHARE = 0.15, 0.6
"""Debtors with fixed prices, and the share of their invoices: 9 % of the open ledger repeat a debtor's amount."""

SPLIT_SHARE = 0.009
"""Invoices followed by an equal one of the same day and debtor: 0.9 % of the open ledger."""

SUFFIXING = 0.3
"""Share of borrowers that give a corrected invoice the number of the old one, altered."""

SLOW_A_YEAR, INSOLVENT_A_YEAR = 0.02, 0.007
"""Shares of debtors that begin a spell of slow payment, and that become insolvent, in a year."""

RECORDED_LATE, LATE_RECORD_SCALE = 0.185, 13.0
"""Deliveries recorded later than delivered, and the mean of their days: of the public file of deliveries."""


class Market:
    """The debtors of one borrower, and how each buys and pays."""

    def __init__(self, rng: np.random.Generator, sources: Sources) -> None:
        self.rng = rng
        self.sources = sources
        first = int(np.clip(np.exp(rng.normal(np.log(30.0), 0.5)), 8, 120))
        later = int(rng.poisson(first * rng.uniform(0.1, 0.5) * DAYS / 365))
        count = first + later
        self.since = np.concatenate([np.full(first, START), START + np.sort(rng.integers(0, DAYS, later))])
        leaves = rng.exponential(365 / 0.15, count).astype(np.int64)
        self.until = np.where(np.arange(count) < first, START, self.since) + leaves
        self.samples = [sources.debtors[one] for one in rng.integers(0, len(sources.debtors), count)]
        weight = np.array([sample.invoices for sample in self.samples])
        self.weight = np.minimum(weight, 0.4 * weight.sum())
        self.days_late = [sources.days_late[one] for one in rng.integers(0, len(sources.days_late), count)]
        self.terms = np.array([sample.terms for sample in self.samples])
        self.recurring = rng.random(count) < RECURRING_DEBTORS
        self.prices = [rng.choice(sample.amount_minor, 3) for sample in self.samples]
        self.lumps = rng.random(count) < 0.05
        self.slow_from, self.slow_until, self.slow_days = _slow_spells(rng, count)
        self.insolvent = START + rng.exponential(365 / INSOLVENT_A_YEAR, count).astype(np.int64)
        self.until = np.minimum(self.until, self.insolvent)
        self.payer = 1 + np.arange(count)
        grouped = rng.random(count) < 0.10
        self.payer[grouped] = 1 + rng.choice(count, int(grouped.sum()))
        self.round_share = rng.uniform(0.02, 0.15) if rng.random() < 0.3 else rng.uniform(0.001, 0.01)

    def buyers(self, day: Int) -> Int:
        """Returns a debtor for each day [n], among those that buy then, in proportion to their weights."""
        found = np.empty(len(day), dtype=np.int64)
        week = (day - START) // 7
        for one in np.unique(week).tolist():
            now = START + 7 * one
            active = np.where((self.since <= now + 6) & (self.until > now), self.weight, 0.0)
            if not active.any():
                active = self.weight
            rows = week == one
            found[rows] = self.rng.choice(len(active), int(rows.sum()), p=active / active.sum())
        return found

    def amounts(self, debtor: Int) -> Int:
        """Returns an amount for an invoice of each debtor [n]."""
        found = np.empty(len(debtor))
        for one in np.unique(debtor).tolist():
            rows = np.flatnonzero(debtor == one)
            drawn = self.rng.choice(self.samples[one].amount_minor, len(rows))
            drawn *= np.exp(self.rng.normal(0.0, 0.15, len(rows)))
            fixed = self.recurring[one] & (self.rng.random(len(rows)) < RECURRING_SHARE)
            found[rows] = np.where(fixed, self.rng.choice(self.prices[one], len(rows)), drawn)
        return rounded(found, self.rng.random(len(found)) < self.round_share)

    def pay_days(self, debtor: Int, due: Int, issue: Int) -> Int:
        """Returns the business day on which each debtor [n] pays, NEVER for the few invoices that it does not pay."""
        late = np.empty(len(debtor), dtype=np.int64)
        for one in np.unique(debtor).tolist():
            rows = debtor == one
            late[rows] = self.rng.choice(self.days_late[one], int(rows.sum()))
        slow = (due >= self.slow_from[debtor]) & (due < self.slow_until[debtor])
        paid = business(np.maximum(due + late + np.where(slow, self.slow_days[debtor], 0), issue + 1))
        return np.where((self.rng.random(len(debtor)) < 0.0015) | (paid >= self.insolvent[debtor]), NEVER, paid)


def _slow_spells(rng: np.random.Generator, count: int) -> tuple[Int, Int, Int]:
    """Returns the first and last day of a spell of 60 to 180 days in which each debtor pays 15 to 60 days later."""
    first = START + rng.exponential(365 / SLOW_A_YEAR, count).astype(np.int64)
    return first, first + rng.integers(60, 181, count), rng.integers(15, 61, count)


def rounded(amount: Float, is_round: Bool) -> Int:
    """Returns whole minor units, of whole hundreds or thousands where an amount is round."""
    unit = np.where(amount >= 5_000_000.0, 100_000.0, 10_000.0)
    return np.asarray(
        np.maximum(np.where(is_round, np.rint(amount / unit) * unit, np.rint(amount)), 100), dtype=np.int64
    )


def honest(borrower: int, sources: Sources) -> tuple[World, Market]:
    """Returns the world of an honest borrower; the number of the borrower is its seed."""
    rng = np.random.default_rng([borrower, 1])
    market = Market(rng, sources)
    issue = _issue_days(rng)
    debtor = market.buyers(issue)
    amount = market.amounts(debtor)
    again = np.flatnonzero(rng.random(len(issue)) < SPLIT_SHARE)
    issue, debtor, amount = (np.concatenate([column, column[again]]) for column in (issue, debtor, amount))
    world = _empty(borrower, rng)
    late_entry = np.where(rng.random(len(issue)) < 0.02, rng.integers(2, 6, len(issue)), rng.integers(0, 2, len(issue)))
    rows = extend(
        world.invoices,
        debtor=debtor,
        amount=amount,
        issue=issue,
        due=issue + market.terms[debtor],
        entry=business(issue + late_entry),
        copy_of=-1,
        claim=Claim.OWED,
        fraud_day=NO_DAY,
    )
    deliver(world, rng, rows, issue + rng.choice([-2, -1, 0, 0, 0, 1, 2, 3], len(rows)), rng.uniform(0.88, 0.99))
    _rebill(world, rng, market)
    _enter_twice(world, rng)
    settle(world, rng, market, np.arange(len(world.invoices["entry"])))
    _write_off(world)
    return world, market


def deliver(world: World, rng: np.random.Generator, rows: Int, day: Int, recorded: float) -> None:
    """Adds carriers' records of the share ``recorded`` of deliveries; 3 % are delivered 5 to 15 days late."""
    day = day + np.where(rng.random(len(rows)) < 0.03, rng.integers(5, 16, len(rows)), 0)
    lag = np.where(
        rng.random(len(rows)) < RECORDED_LATE, rng.exponential(LATE_RECORD_SCALE, len(rows)) / 2.2 + 1.0, 0.0
    )
    entry = np.maximum(day + lag.astype(np.int64), world.invoices["entry"][rows])
    there = rng.random(len(rows)) < recorded
    extend(world.deliveries, invoice=rows[there], day=day[there], entry=business(entry[there]))


def settle(world: World, rng: np.random.Generator, market: Market, rows: Int) -> None:
    """Adds credit notes, moved due days, cash and its postings of the invoices [n] that are not credited already."""
    rows = rows[~np.isin(rows, world.credits["invoice"])]
    one = {name: column[rows] for name, column in world.invoices.items()}
    due = _move_due(world, rng, rows, one)
    day = market.pay_days(one["debtor"], due, one["issue"])
    credit = _credit(world, rng, rows, one, day)
    _deduct(world, rng, rows, one, day, credit)
    owed = one["amount"] - credit
    paid = (day < NEVER) & (owed > 0)
    pay(world, rng, market, rows[paid], day[paid], owed[paid])


def pay(world: World, rng: np.random.Generator, market: Market, rows: Int, day: Int, amount: Int) -> None:
    """Adds cash on the account and its postings in the ledger.

    2 % is paid in two parts; 0.3 % is paid to an old account, and forwarded by the borrower 3 to 15 days later. Of the
    postings 92 % follow within 2 days, 6.5 % within 7 and the rest within 20; 0.2 % are posted to another debtor first.
    """
    parted = rng.random(len(rows)) < 0.02
    second = np.where(parted, amount * 2 // 5, 0)
    rows, amount, day = (
        np.concatenate([rows, rows[parted]]),
        np.concatenate([amount - second, second[parted]]),
        np.concatenate([day, business(day[parted] + rng.integers(7, 31, int(parted.sum())))]),
    )
    count = len(rows)
    debtor = world.invoices["debtor"][rows]
    astray = rng.random(count) < 0.003
    seen = np.where(astray, business(day + rng.integers(3, 16, count)), day)
    extend(
        world.payments,
        invoice=rows,
        day=seen,
        amount=amount,
        payer=np.where(astray, OWN_ACCOUNT, market.payer[debtor]),
        named=(rng.random(count) < 0.93).astype(np.int64),
        lump=(market.lumps[debtor] & ~astray).astype(np.int64),
    )
    drawn = rng.random(count)
    lag = np.where(drawn < 0.92, rng.integers(0, 3, count), rng.integers(3, 8, count))
    entry = business(day + np.where(drawn < 0.985, lag, rng.integers(8, 21, count)))
    extend(world.postings, invoice=rows, entry=entry, amount=amount)
    _post_elsewhere(world, rng, rows, entry, amount)


def _issue_days(rng: np.random.Generator) -> Int:
    """Returns the issue days: a trend, a season, busy ends of months, weeks by chance and a few campaigns."""
    day = np.arange(DAYS)
    monthly = np.clip(np.exp(rng.normal(np.log(150.0), 0.6)), 50.0, 500.0)
    rate = np.where((START + day + 3) % 7 < 5, monthly / 21.7, 0.0)
    rate *= (1.0 + np.clip(rng.normal(0.10, 0.20), -0.25, 0.60)) ** (day / 365)
    rate *= 1.0 + rng.uniform(0.0, 0.3) * np.sin(2.0 * np.pi * (day / 365 + rng.random()))
    rate *= np.exp(rng.normal(0.0, 0.15, DAYS // 7 + 1))[day // 7]
    last = month_of(START + day + 4) > month_of(START + day)
    rate *= np.where(last, rng.uniform(1.0, 3.0), 1.0)
    for campaign in rng.integers(0, DAYS, int(rng.poisson(1.0 * DAYS / 365))).tolist():
        rate[campaign : campaign + 10] *= 1.6
    return np.repeat(START + day, rng.poisson(rate))


def _empty(borrower: int, rng: np.random.Generator) -> World:
    none = np.empty(0, dtype=np.int64)

    def empty(*names: str) -> Events:
        return table(**dict.fromkeys(names, none))

    error = rng.normal(0.0, 0.001, 24) + np.where(rng.random(24) < 0.03, rng.uniform(0.003, 0.012, 24), 0.0)
    return World(
        borrower=borrower,
        invoices=empty("debtor", "amount", "issue", "due", "entry", "copy_of", "claim", "fraud_day"),
        payments=empty("invoice", "day", "amount", "payer", "named", "lump"),
        postings=empty("invoice", "entry", "amount"),
        credits=empty("invoice", "document", "entry", "amount"),
        due_moves=empty("invoice", "entry", "due"),
        deliveries=empty("invoice", "day", "entry"),
        write_offs=empty("invoice", "entry", "amount"),
        skip_share=float(rng.uniform(0.002, 0.01)),
        number_style=int(rng.choice(list(NumberStyle))),
        closing_error=error,
        unbooked=empty("entry", "amount"),
    )


def _rebill(world: World, rng: np.random.Generator, market: Market) -> None:
    """Credits 0.8 % of the invoices in full because of an error, and issues them again.

    A tenth of the errors is found when the debtor is reminded after the due day. 40 % of the new invoices have another
    amount, and half of them keep the due day of the old one.
    """
    rows = np.flatnonzero(rng.random(len(world.invoices["entry"])) < 0.008)
    old = {name: column[rows] for name, column in world.invoices.items()}
    count = len(rows)
    reminded = rng.random(count) < 0.1
    found = np.where(reminded, old["due"] + rng.integers(3, 21, count), old["issue"] + rng.integers(2, 12, count))
    day = business(np.maximum(found, old["entry"] + 1))
    extend(
        world.credits, invoice=rows, document=day, entry=business(day + rng.integers(0, 2, count)), amount=old["amount"]
    )
    issue = business(day + rng.integers(0, 4, count))
    corrected = np.where(rng.random(count) < 0.4, np.exp(rng.normal(0.0, 0.1, count)), 1.0)
    keeps_due = (rng.random(count) < 0.5) & (old["due"] > issue)
    new = extend(
        world.invoices,
        debtor=old["debtor"],
        amount=rounded(old["amount"] * corrected, np.zeros(count, dtype=bool)),
        issue=issue,
        due=np.where(keeps_due, old["due"], issue + market.terms[old["debtor"]]),
        entry=business(issue + rng.integers(0, 2, count)),
        copy_of=rows if rng.random() < SUFFIXING else -1,
        claim=Claim.OWED,
        fraud_day=NO_DAY,
    )
    deliver(world, rng, new, old["issue"], 0.93)


def _enter_twice(world: World, rng: np.random.Generator) -> None:
    """Enters 0.1 % of the invoices twice by mistake; the second is credited 3 to 15 days later."""
    rows = np.flatnonzero(rng.random(len(world.invoices["entry"])) < 0.001)
    rows = rows[~np.isin(rows, world.credits["invoice"])]
    one = {name: column[rows] for name, column in world.invoices.items()}
    one["entry"] = business(one["entry"] + rng.integers(0, 3, len(rows)))
    new = extend(world.invoices, **one)
    day = business(one["entry"] + rng.integers(3, 16, len(rows)))
    extend(world.credits, invoice=new, document=day, entry=day, amount=one["amount"])


def _move_due(world: World, rng: np.random.Generator, rows: Int, one: Events) -> Int:
    """Moves 0.5 % of due days before they come and 0.15 % after, as agreed with the debtor; returns the due days."""
    drawn = rng.random(len(rows))
    early, late = drawn < 0.005, (drawn >= 0.005) & (drawn < 0.0065)
    shift = np.where(early, rng.integers(10, 31, len(rows)), rng.integers(30, 61, len(rows)))
    when = np.where(early, np.maximum(one["due"] - rng.integers(1, 10, len(rows)), one["entry"] + 1), one["due"] + 10)
    moved = early | late
    due = np.where(moved, one["due"] + shift, one["due"])
    extend(world.due_moves, invoice=rows[moved], entry=business(when[moved]), due=due[moved])
    return due


def _credit(world: World, rng: np.random.Generator, rows: Int, one: Events, paid: Int) -> Int:
    """Adds credit notes of mostly 1 to 6 % of sales, more in an episode of bad quality; returns their amounts [n]."""
    count = len(rows)
    share = rng.lognormal(np.log(0.03), 0.4) / 0.46
    likely = np.full(count, share)
    if rng.random() < 0.35 * DAYS / 365:
        first = START + int(rng.integers(0, DAYS))
        unhappy = rng.random(int(one["debtor"].max()) + 1)[one["debtor"]] < 0.3
        likely = np.where(unhappy & (one["issue"] >= first) & (one["issue"] < first + 45), 2.5 * share, likely)
    full = rng.random(count) < 0.25
    part = np.where(full, 1.0, rng.beta(1.2, 3.0, count))
    document = one["issue"] + 2 + rng.gamma(2.0, 5.0, count).astype(np.int64)
    document = business(np.minimum(document, np.maximum(paid - 2, one["issue"] + 1)))
    lag = np.where(rng.random(count) < 0.9, rng.integers(0, 4, count), rng.integers(4, 21, count))
    credited = (rng.random(count) < likely) & (document <= paid)
    amount = np.where(credited, np.rint(part * one["amount"]), 0).astype(np.int64)
    entry = business(np.maximum(document + lag, one["entry"]))
    extend(
        world.credits,
        invoice=rows[credited],
        document=document[credited],
        entry=entry[credited],
        amount=amount[credited],
    )
    return amount


def _deduct(world: World, rng: np.random.Generator, rows: Int, one: Events, paid: Int, credit: Int) -> None:
    """Lets debtors deduct 1 to 5 % of 1 % of the invoices, for which the credit note follows 20 to 60 days later."""
    count = len(rows)
    deducted = (rng.random(count) < 0.01) & (credit == 0) & (paid < END)
    amount = np.rint(rng.uniform(0.01, 0.05, count) * one["amount"]).astype(np.int64)
    day = business(paid + rng.integers(20, 61, count))
    some = deducted & (amount > 0)
    extend(world.credits, invoice=rows[some], document=day[some], entry=day[some], amount=amount[some])
    credit[some] = amount[some]


def _post_elsewhere(world: World, rng: np.random.Generator, rows: Int, entry: Int, amount: Int) -> None:
    """Posts 0.2 % of the payments to an open invoice of another debtor, and corrects it 5 to 20 days later."""
    wrong = np.flatnonzero(rng.random(len(rows)) < 0.002)
    first = len(world.postings["entry"]) - len(rows)
    invoices = world.invoices
    for one in wrong.tolist():
        other = np.flatnonzero(
            (invoices["debtor"] != invoices["debtor"][rows[one]])
            & (invoices["entry"] < entry[one])
            & (invoices["due"] > entry[one] - 10)
            & (invoices["amount"] >= amount[one])
        )
        if not len(other):
            continue
        taken = int(other[np.argmin(invoices["amount"][other])])
        corrected = int(business(entry[one : one + 1] + rng.integers(5, 21))[0])
        world.postings["entry"][first + one] = corrected
        both = np.array([int(amount[one]), -int(amount[one])])
        extend(world.postings, invoice=taken, entry=np.array([entry[one], corrected]), amount=both)


def _write_off(world: World) -> None:
    """Writes off what is still open 150 days after the due day."""
    one = world.invoices
    rest = one["amount"].copy()
    for events in (world.postings, world.credits):
        np.subtract.at(rest, events["invoice"], events["amount"])
    rows = np.flatnonzero((rest > 0) & (one["due"] + 150 < END) & (one["fraud_day"] == NO_DAY))
    extend(world.write_offs, invoice=rows, entry=business(one["due"][rows] + 150), amount=rest[rows])
