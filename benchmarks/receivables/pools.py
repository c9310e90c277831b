"""Times the ladder of a pool in memory against a floor in the same run: ``python -m benchmarks.receivables.pools``.

The floor does the arithmetic alone, in numpy: four rules and cross-ageing with unknown facts, the first rule of each
invoice, three cuts, the fixed point of concentration and the expected amount. It has no last good sum, 26 rules less
and no haircut parts, and it does not round in money.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import numpy as np

from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts, AssignmentState
from collateral_registry.domain.receivables.changes.computed_pool import computed
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_columns import number_keys
from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts, PoolTerms, stated_debtors
from collateral_registry.domain.receivables.pool_ladder import ladder
from collateral_registry.domain.receivables.rule_numbers import DEFAULT_VALUES, ReceivableNumbers
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.runtime.process_memory import keep_freed_memory
from valuation._typing import Int, Texts
from valuation.receivables.concentration import greatest_total

SIZES = ((10_000, 300), (100_000, 1_000), (1_000_000, 20_000))
"""Numbers of invoices and of debtors."""

DAY = 20_000
ROUNDS = 9
CHANGED = {"past_due_days": "30", "cross_age_share": "0.5", "concentration_share": "0.10", "concentration_mode": "3"}
NUMBERS = ReceivableNumbers({**DEFAULT_VALUES, **{name: Decimal(value) for name, value in CHANGED.items()}})


def made_pool(invoices: int, debtors: int, exponent: float = 1.4) -> PoolFacts:
    """Returns an invented pool: one in a hundred invoices has no due day, one in ten debtors is abroad.

    The invoices of a debtor follow Zipf's law with an exponent.
    """
    draw = np.random.default_rng(1)
    none = np.zeros(invoices, dtype=np.int64)
    names = _texts(f"debtor-{number:06}" for number in range(debtors))
    debtor = np.sort(draw.zipf(exponent, invoices) % debtors)
    issue = draw.integers(DAY - 100, DAY, invoices)
    amount = draw.lognormal(9.5, 1.2, invoices).astype(np.int64) * 100 + 1
    owed = np.unique(debtor)[: debtors // 20]
    ledger = PoolLedger(
        pool_key=1,
        entry_number=invoices,
        entry_day=DAY,
        invoice_number=_texts(map(str, range(invoices))),
        number_key=number_keys(_texts(map(str, range(invoices)))),
        debtor=names[debtor],
        currency=np.full(invoices, "EUR", dtype=object),
        type_code=none + 380,
        flags=none,
        face_minor=amount,
        paid_minor=none,
        credited_minor=none,
        written_off_minor=none,
        open_minor=amount,
        disputed_minor=np.where(draw.random(invoices) < 0.02, draw.integers(100, 5_000, invoices), 0),
        retention_minor=none,
        retention_day=none + NO_DAY,
        issue_day=issue,
        due_day=np.where(draw.random(invoices) < 0.01, NO_DAY, issue + 60),
        delivery_day=issue,
        withdrawn_minor=none,
        withdrawn_day=none + NO_DAY,
        balance_debtor=names[owed],
        unapplied_minor=np.zeros(len(owed), dtype=np.int64),
        contra_minor=np.full(len(owed), 100_000),
        contra_day=np.full(len(owed), DAY),
        balance_currency=np.full(len(owed), "EUR", dtype=object),
    )
    stated = stated_debtors(ledger)
    return PoolFacts(
        ledger=ledger,
        debtors=_debtors(stated, draw),
        assignments=AssignmentFacts(
            state=none + int(AssignmentState.NOTIFIED),
            registered_us=none + 1,
            earlier_assignee=np.zeros(invoices, dtype=np.bool_),
            search_day=none + DAY,
            bars_assignment=none,
            excluded_manually=np.zeros(invoices, dtype=np.bool_),
        ),
        terms=PoolTerms("EUR", owner_group=10**9, owner_country="DE"),
        line_left_minor=np.full(len(stated), NO_LINE),
    )


def _debtors(stated: Texts, draw: np.random.Generator) -> DebtorFacts:
    count = len(stated)
    keys = np.arange(1, count + 1)
    return DebtorFacts(
        stated=stated,
        debtor_key=keys,
        own_key=keys,
        group_key=keys,
        parent_stated=np.ones(count, dtype=np.bool_),
        kind=np.ones(count, dtype=np.int64),
        state=np.ones(count, dtype=np.int64),
        is_core_firm=np.zeros(count, dtype=np.bool_),
        country=np.where(draw.random(count) < 0.1, "FR", "DE").astype(object),
        pd=draw.uniform(0.002, 0.1, count),
        pd_day=np.full(count, DAY),
        line_minor=np.full(count, NO_LINE),
        line_currency=np.full(count, "", dtype=object),
        line_expire_day=np.full(count, NO_DAY),
    )


def _texts(values: object) -> Texts:
    return np.array([*values], dtype=object)  # type: ignore[misc] # any iterable of strings


def plain_data(invoices: int, debtors: int) -> dict[str, Int]:
    """Returns the columns of the floor, in the order of their arrival."""
    draw = np.random.default_rng(1)
    return {
        "open": draw.lognormal(9.5, 1.2, invoices).astype(np.int64) * 100 + 1,
        "issue": draw.integers(DAY - 100, DAY, invoices),
        "due": np.where(draw.random(invoices) < 0.01, -1, 0),
        "debtor": draw.zipf(1.4, invoices) % debtors,
        "affiliate": (draw.random(debtors) < 0.01).astype(np.int64),
        "foreign": (draw.random(debtors) < 0.1).astype(np.int64),
        "insured": np.where(draw.random(debtors) < 0.5, 500_000, 0),
        "contra": np.where(draw.random(debtors) < 0.05, 100_000, 0),
        "disputed": np.where(draw.random(invoices) < 0.02, draw.integers(100, 5_000, invoices), 0),
        "late_days": draw.normal(1, 5, debtors),
        "pd": draw.uniform(0.002, 0.1, debtors),
    }


def plain_ladder(data: dict[str, Int]) -> int:
    """Returns the expected amount of a pool by the arithmetic alone; the floor of the measurement."""
    amount, of, count = data["open"], data["debtor"], len(data["affiliate"])
    due = np.where(data["due"] < 0, -1, data["issue"] + 60)
    unknown = due < 0
    over, past = DAY - data["issue"] > 90, (DAY - due > 30) & ~unknown
    foreign = (data["foreign"][of] > 0) & (data["insured"][of] == 0)
    sums, late, doubt = (
        np.bincount(of, weights, count)
        for weights in (amount, np.where(over | past, amount, 0), np.where(unknown & ~over, amount, 0))
    )
    crossed, doubtful = late * 2 > sums, (late + doubt) * 2 > sums
    true = (data["affiliate"][of] | over * 2 | past * 4 | foreign * 8 | crossed[of] * 16).astype(np.uint8)
    unsure = (unknown * 4 | (doubtful & ~crossed)[of] * 16).astype(np.uint8)
    first = np.where(true > 0, np.log2(np.maximum(true & -true.astype(np.int16), 1)).astype(np.int8), -1)
    kept = (first < 0) & (unsure == 0)
    left = np.where(kept, amount - np.minimum(amount, data["disputed"]), 0)
    by_debtor = np.bincount(of, left, count)
    limited = np.minimum(by_debtor, np.where(data["foreign"] > 0, data["insured"], by_debtor))
    claimed = np.maximum(limited - data["contra"], 0).astype(np.int64)
    most = np.minimum(claimed, greatest_total(claimed, np.full(count, 100_000)) // 10)
    order = np.lexsort((np.where(due < 0, 1 << 30, due), of))
    ordered, group = left[order], of[order]
    running = np.cumsum(ordered)
    starts = np.searchsorted(group, np.arange(count))
    before = np.where(starts > 0, running[np.maximum(starts - 1, 0)], 0)
    eligible = np.empty_like(left)
    eligible[order] = np.clip(most[group] - (running - ordered - before[group]), 0, ordered)
    days = np.maximum(due - DAY, 0) + np.maximum(data["late_days"][of], 0) + 10
    paid = 0.97 * (1 - 0.6 * (1 - (1 - data["pd"][of]) ** (days / 365)))
    return int((eligible * paid * 1.05 ** (-days / 365)).sum())


def _best_ms(*works: Callable[[], object]) -> list[float]:
    """Returns the shortest processor time of each piece of work; they take turns, so that load slows all of them."""
    found = [[0.0] * ROUNDS for _ in works]
    for turn in range(ROUNDS):
        for work, times in zip(works, found, strict=True):
            start = time.process_time()
            work()
            times[turn] = time.process_time() - start
    return [min(times) * 1_000 for times in found]


def _fresh(pool: PoolFacts) -> PoolFacts:
    """Returns the same facts without what was derived from them."""
    return PoolFacts(pool.ledger, pool.debtors, pool.assignments, pool.terms, pool.line_left_minor)


def _ladder(pool: PoolFacts) -> object:
    return ladder(_fresh(pool), NUMBERS, DAY)


def _full(pool: PoolFacts) -> object:
    return computed(_fresh(pool), NUMBERS, DAY)


def main() -> None:
    """Prints a JSON line for each size: milliseconds of the sums, of the ladder alone and of the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, action="append", help="may be given more than once")
    chosen = parser.parse_args().invoices
    keep_freed_memory()  # as every process of the service
    for invoices, debtors in SIZES:
        if chosen and invoices not in chosen:
            continue
        pool = made_pool(invoices, debtors)
        data = plain_data(invoices, debtors)
        rows, value, floor = _best_ms(partial(_ladder, pool), partial(_full, pool), partial(plain_ladder, data))
        record = {
            "measure": "ladder of a pool",
            "invoices": invoices,
            "debtors": debtors,
            "value_ms": round(value, 2),
            "floor_ms": round(floor, 2),
            "ratio": round(value / floor, 2),
            "invoices_ms": round(rows, 2),
        }
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
