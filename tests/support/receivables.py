"""Pools of invoices for tests: a worked example, their rules in columns, and the same rules one invoice at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

import numpy as np

from valuation.money import PPM
from valuation.receivables.concentration import ConcentrationMode
from valuation.receivables.cross_ageing import cross_age
from valuation.receivables.eligibility import Eligibility, eligibility
from valuation.receivables.exclusions import over_age, past_due, tenor
from valuation.receivables.groups import latest_due_first
from valuation.receivables.partial_cuts import GroupCut, GroupLimit, InvoiceCut, InvoiceLimit, ShareLimit
from valuation.receivables.rules import Rule, stated

DAY = date(2026, 6, 30)
OVER_AGE_DAYS, PAST_DUE_DAYS, TENOR_DAYS = 90, 60, 180
NO_LIMIT = 2**52
ORDER = (Rule.AFFILIATE, Rule.OVER_AGE, Rule.PAST_DUE, Rule.TENOR, Rule.FOREIGN_UNINSURED)


@dataclass(frozen=True)
class Invoice:
    """An open invoice; ``insured`` is the insured amount of a foreign debtor's invoice."""

    key: str
    debtor: str
    open: int
    issue: date
    due: date | None
    affiliate: bool = False
    foreign: bool = False
    insured: int = 0
    retention: int = 0
    disputed: int = 0
    was_good: bool = True


@dataclass(frozen=True)
class Pool:
    """Invoices, amounts by debtor, and the numbers of the policy."""

    invoices: tuple[Invoice, ...]
    unapplied: dict[str, int] = field(default_factory=dict)
    contra: dict[str, int] = field(default_factory=dict)
    limit: dict[str, int] = field(default_factory=dict)
    cross_ppm: int = 500_000
    share_ppm: int = 300_000
    mode: ConcentrationMode = ConcentrationMode.ELIGIBLE

    def changed(self, key: str, **fields: object) -> Pool:
        """Returns the pool with other fields of one invoice."""
        return replace(self, invoices=tuple(replace(i, **fields) if i.key == key else i for i in self.invoices))


def example_pool() -> Pool:
    """Twelve invoices of eight debtors, 920,000.00 in all; the due day of E1 is missing."""
    june = {day: date(2026, 6, day) for day in range(1, 31)}
    invoices = (
        Invoice("A1", "A", 10_000_000, june[1], date(2026, 7, 31)),
        Invoice("A2", "A", 4_000_000, date(2026, 3, 1), date(2026, 4, 15)),
        Invoice("A3", "A", 6_000_000, date(2026, 5, 20), date(2026, 7, 19), disputed=1_500_000),
        Invoice("B1", "B", 8_000_000, date(2026, 2, 20), date(2026, 4, 20)),
        Invoice("B2", "B", 2_000_000, june[10], date(2026, 8, 9)),
        Invoice("C1", "C", 5_000_000, june[5], date(2026, 8, 4), affiliate=True),
        Invoice("D1", "D", 7_000_000, date(2026, 5, 5), date(2026, 7, 4), foreign=True),
        Invoice("D2", "D", 3_000_000, june[15], date(2026, 8, 14), foreign=True, insured=2_500_000),
        Invoice("E1", "E", 9_000_000, june[20], None),
        Invoice("F1", "F", 30_000_000, june[2], date(2026, 8, 1)),
        Invoice("G1", "G", 4_500_000, june[25], date(2026, 12, 22), retention=450_000),
        Invoice("H1", "H", 3_500_000, june[18], date(2026, 8, 17)),
    )
    return Pool(invoices, unapplied={"F": 800_000}, contra={"H": 1_200_000})


def computed(pool: Pool, order: tuple[Rule, ...] = ORDER) -> Eligibility:
    """Applies the rules in columns."""
    invoices = pool.invoices
    names = sorted({one.debtor for one in invoices})
    keys = sorted(one.key for one in invoices)

    def column(name: str, dtype: type = np.int64) -> np.ndarray:
        return np.array([getattr(one, name) for one in invoices], dtype=dtype)

    def by_debtor(amounts: dict[str, int], default: int) -> np.ndarray:
        return np.array([amounts.get(name, default) for name in names], dtype=np.int64)

    amount, day = column("open"), np.datetime64(DAY)
    issue, due = (column(name, "datetime64[D]") for name in ("issue", "due"))
    key = np.array([keys.index(one.key) for one in invoices])
    debtors = latest_due_first(np.array([names.index(one.debtor) for one in invoices]), due, key, len(names))
    foreign, insured = column("foreign", bool), column("insured")
    truths = {
        Rule.AFFILIATE: stated(column("affiliate", bool)),
        Rule.OVER_AGE: over_age(day, issue, OVER_AGE_DAYS),
        Rule.PAST_DUE: past_due(day, due, issue, PAST_DUE_DAYS),
        Rule.TENOR: tenor(due, issue, TENOR_DAYS),
        Rule.FOREIGN_UNINSURED: stated(foreign & (insured == 0)),
    }
    late = truths[Rule.OVER_AGE] | truths[Rule.PAST_DUE]
    crossed = cross_age(late, amount, debtors, np.full(len(names), pool.cross_ppm))
    cuts = (
        InvoiceCut(Rule.RETENTION, column("retention")),
        InvoiceCut(Rule.DISPUTED, column("disputed")),
        InvoiceLimit(Rule.FOREIGN_UNINSURED, np.where(foreign, insured, NO_LIMIT)),
        GroupCut(Rule.UNAPPLIED_CREDIT, debtors, by_debtor(pool.unapplied, 0)),
        GroupCut(Rule.CONTRA, debtors, by_debtor(pool.contra, 0)),
        GroupLimit(Rule.DEBTOR_LIMIT, debtors, by_debtor(pool.limit, NO_LIMIT)),
        ShareLimit(Rule.CONCENTRATION, debtors, np.full(len(names), pool.share_ppm), pool.mode, sum(amount.tolist())),
    )
    exclusions = [*((rule, truths[rule]) for rule in order), (Rule.CROSS_AGE, crossed)]
    return eligibility(amount, exclusions, cuts, column("was_good", bool))


Split = dict[str, dict[str, int]]
"""The amounts of each invoice by the name of their bucket."""


def split_plainly(pool: Pool, *, last_good: bool) -> Split:
    """Applies the same rules to one invoice and one debtor after the other, with fractions."""
    found: Split = {one.key: {} for one in pool.invoices}
    left: dict[str, int] = {}
    for one in pool.invoices:
        truths = {**_truths(one), "CROSS_AGE": _crossed(pool, one.debtor)}
        true = [name for name, truth in truths.items() if truth is True]
        unknown = [name for name, truth in truths.items() if truth is None]
        if true:
            found[one.key][true[0]] = one.open
        elif unknown and not (last_good and one.was_good):
            found[one.key]["UNKNOWN"] = one.open
        else:
            left[one.key] = one.open
    live = [one for one in pool.invoices if one.key in left]
    for one in live:
        _cut(left, found, [one], one.retention, "RETENTION")
        _cut(left, found, [one], one.disputed, "DISPUTED")
        if one.foreign:
            _cut(left, found, [one], max(0, left[one.key] - one.insured), "FOREIGN_UNINSURED")
    debtors = {one.debtor: [other for other in live if other.debtor == one.debtor] for one in live}
    for name, mine in debtors.items():
        _cut(left, found, mine, pool.unapplied.get(name, 0), "UNAPPLIED_CREDIT")
        _cut(left, found, mine, pool.contra.get(name, 0), "CONTRA")
        above = sum(left[one.key] for one in mine) - pool.limit.get(name, NO_LIMIT)
        _cut(left, found, mine, max(0, above), "DEBTOR_LIMIT")
    sums = {name: sum(left[one.key] for one in mine) for name, mine in debtors.items()}
    cap = _cap(pool, sums)
    for name, mine in debtors.items():
        _cut(left, found, mine, max(0, sums[name] - cap), "CONCENTRATION")
    for key, amount in left.items():
        found[key]["ELIGIBLE"] = amount
    return found


def _truths(one: Invoice) -> dict[str, bool | None]:
    implausible = one.due is None or one.due < one.issue
    return {
        "AFFILIATE": one.affiliate,
        "OVER_AGE": (DAY - one.issue).days > OVER_AGE_DAYS,
        "PAST_DUE": None if implausible else (DAY - one.due).days > PAST_DUE_DAYS,
        "TENOR": None if implausible else (one.due - one.issue).days > TENOR_DAYS,
        "FOREIGN_UNINSURED": one.foreign and not one.insured,
    }


def _crossed(pool: Pool, debtor: str) -> bool | None:
    late = doubtful = total = 0
    for one in pool.invoices:
        if one.debtor != debtor:
            continue
        truths = _truths(one)
        total += one.open
        if truths["OVER_AGE"] or truths["PAST_DUE"]:
            late += one.open
        elif truths["PAST_DUE"] is None:
            doubtful += one.open
    limit = Fraction(pool.cross_ppm, PPM) * total
    return True if late > limit else False if late + doubtful <= limit else None


def _cut(left: dict[str, int], found: Split, invoices: list[Invoice], amount: int, rule: str) -> None:
    for one in sorted(invoices, key=lambda one: (one.due or date.max, one.key), reverse=True):
        taken = min(left[one.key], amount)
        amount -= taken
        left[one.key] -= taken
        found[one.key][rule] = found[one.key].get(rule, 0) + taken


def _cap(pool: Pool, sums: dict[str, int]) -> int:
    share = Fraction(pool.share_ppm, PPM)
    base = sum(one.open for one in pool.invoices) if pool.mode is ConcentrationMode.GROSS else sum(sums.values())
    if pool.mode is ConcentrationMode.FIXED_POINT:
        while (kept := sum(min(amount, int(share * base)) for amount in sums.values())) != base:
            base = kept
    return base if pool.mode is ConcentrationMode.NONE else int(share * base)
