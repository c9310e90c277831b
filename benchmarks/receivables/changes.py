"""Computation of one entry in a pool of 100,000 invoices, and of the whole pool.

``python -m benchmarks.receivables.changes`` changes an invoice of each of many debtors. ``--check N`` compares a small
pool after N random changes in each concentration mode with its whole computation.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.receivables.pools import DAY, NUMBERS, made_pool
from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts
from collateral_registry.domain.receivables.changes.computed_pool import changed, computed
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.pool_facts import GroupName, PoolFacts
from tests.support.changing_pools import follow
from valuation._typing import Bool

INVOICES, DEBTORS = 100_000, 1_000
CHANGES = 200
MODES = "123"
EXPONENTS = (1.4, 1.01)
"""Of the distribution of invoices over debtors: with a few large debtors, and with many of equal size."""

_BALANCES = ("balance_debtor", "balance_currency", "unapplied_minor", "contra_minor", "contra_day")


def part(pool: PoolFacts, groups: Collection[GroupName]) -> PoolFacts:
    """Returns the part of a pool that belongs to some groups of debtors."""
    wanted = np.isin(pool.debtors.group_key, list(groups))
    names = set(pool.debtors.stated[wanted].tolist())
    invoices, balances = (_in(names, one) for one in (pool.ledger.debtor, pool.ledger.balance_debtor))
    columns: dict[str, Any] = {}
    for name, one in vars(pool.ledger).items():
        if isinstance(one, np.ndarray):
            columns[name] = one[balances if name in _BALANCES else invoices]
    return PoolFacts(
        ledger=replace(pool.ledger, **columns),
        debtors=DebtorFacts(**{name: one[wanted] for name, one in vars(pool.debtors).items()}),
        assignments=AssignmentFacts(**{name: one[invoices] for name, one in vars(pool.assignments).items()}),
        terms=pool.terms,
        line_left_minor=pool.line_left_minor[wanted],
    )


def _in(names: Collection[str], texts: np.typing.NDArray[Any]) -> Bool:
    return np.array([text in names for text in texts.tolist()], dtype=np.bool_)


def _paid(pool: PoolFacts) -> PoolFacts:
    """Returns a part after a payment of its first invoice."""
    amount = pool.ledger.open_minor.copy()
    amount[0] //= 2
    return replace(pool, ledger=replace(pool.ledger, open_minor=amount))


def measure(pool: PoolFacts) -> dict[str, object]:
    """Returns the processor time of changes of single debtors and of the whole pool, in milliseconds."""
    start = time.process_time()
    known = computed(pool, NUMBERS, DAY)
    whole_ms = (time.process_time() - start) * 1_000
    keys = np.random.default_rng(2).permutation(pool.debtors.debtor_key[pool.resolved.row])[:CHANGES].tolist()
    parts = {key: part(pool, [key]) for key in keys}
    limited = {name: part(pool, [name]) for name in known.cut}
    taken = []
    for key in keys:
        new = _paid(parts[key])
        start = time.process_time()
        known = changed(known, parts[key], new, limited.__getitem__, NUMBERS, DAY)
        taken.append((time.process_time() - start) * 1_000)
        if key in limited:
            limited[key] = new
    return {
        "measure": "one entry in a pool, computation",
        "invoices": len(pool.ledger.open_minor),
        "debtors": pool.resolved.count,
        "invoices_of_the_largest": int(np.bincount(pool.resolved.of_invoice).max()),
        "limited_groups": len(known.cut),
        "their_invoices": sum(len(one.ledger.open_minor) for one in limited.values()),
        "change_p50_ms": round(float(np.percentile(taken, 50)), 2),
        "change_p99_ms": round(float(np.percentile(taken, 99)), 2),
        "whole_ms": round(whole_ms, 2),
    }


def main() -> None:
    """Prints a JSON line for each measurement, or checks random changes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", type=int, default=0, metavar="N")
    changes = parser.parse_args().check
    if changes:
        moved = {mode: follow(mode, changes, every=1) for mode in MODES}
        print(json.dumps({"measure": "incremental equals whole", "changes": changes, "limits_moved": moved}))
        return
    for exponent in EXPONENTS:
        print(json.dumps(measure(made_pool(INVOICES, DEBTORS, exponent))), flush=True)


if __name__ == "__main__":
    main()
