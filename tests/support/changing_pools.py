"""A pool of invoices that changes at random, computed change by change and as a whole."""

from dataclasses import fields, replace

import numpy as np

from collateral_registry.domain.receivables.changes.computed_pool import EMPTY, ComputedPool, changed, computed
from collateral_registry.domain.receivables.pool_facts import PoolFacts
from collateral_registry.domain.receivables.pool_sums import PoolSums
from tests.support.invoice_pools import TODAY, Balance, KnownDebtor, OpenInvoice, numbers, pool_of

GROUPS = {"a": 0, "b": 50, "c": 50, "d": 0, "e": 60, "f": 60}
DEBTORS = {
    name: KnownDebtor(key, group=group, country="FR" if name == "d" else "DE", pd=0.01 * key)
    for key, (name, group) in enumerate(GROUPS.items(), 1)
} | {"alias": KnownDebtor(1), "late": KnownDebtor(7)}
"""Registered debtors: two groups, another name of one debtor, and one whose invoices are late; "new" is unknown."""

NAMES = (*DEBTORS, "new")


class Pool:
    """Invoices and balances that change at random."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.invoices: dict[tuple[str, str], OpenInvoice] = {}
        self.balances: dict[str, Balance] = {}

    def change(self, name: str) -> None:
        """Changes an invoice or a balance of a debtor."""
        what = self.draw.random()
        mine = [one for one in self.invoices.values() if one.debtor == name]
        if what < 0.1:
            unapplied, contra = self.draw.integers(0, 30_000, 2).tolist()
            self.balances[name] = Balance(unapplied, contra, currency="USD" if what < 0.02 else "EUR")
        elif what < 0.5 or not mine:
            one = self._invoice(name)
            self.invoices[name, one.number] = one
        elif what < 0.9:
            one = mine[int(self.draw.integers(len(mine)))]
            self.invoices[name, one.number] = replace(
                one, face=one.face or one.open, open=int(self.draw.integers(one.open + 1))
            )
        else:
            del self.invoices[name, mine[0].number]

    def _invoice(self, debtor: str) -> OpenInvoice:
        number, amount, due = self.draw.integers((0, 1_000, -80), (30, 400_000, 90)).tolist()
        issued = -100 if debtor == "late" else min(due, 0) - 30
        doubt = self.draw.random()
        text = f"{number}" if amount % 5 else f"0{number}"
        return OpenInvoice(
            text, debtor, amount, issued=issued, due=None if doubt < 0.05 else due,
            disputed=amount // 9 if doubt > 0.9 else 0, searched=-40 if 0.05 < doubt < 0.15 else -1,
            currency="USD" if 0.15 < doubt < 0.25 else "EUR",
        )  # fmt: skip

    def facts(self, groups=None) -> PoolFacts:
        """Returns the whole pool, or the part of some groups of debtors."""

        def is_in(name: str) -> bool:
            return groups is None or group_of(name) in groups

        balances = {name: one for name, one in self.balances.items() if is_in(name)}
        return pool_of(
            *(one for one in self.invoices.values() if is_in(one.debtor)), debtors=DEBTORS, balances=balances
        )


def group_of(name: str):
    """Returns the group of a debtor as the ladder names it."""
    return DEBTORS[name].group or DEBTORS[name].key if name in DEBTORS else name


def as_plain(pool: ComputedPool) -> dict[str, object]:
    sums = {one.name: np.asarray(getattr(pool.sums, one.name)).tolist() for one in fields(PoolSums)}
    return {"sums": sums, "left": dict(pool.left), "cut": dict(pool.cut), "debtors": dict(pool.debtors)}


def follow(mode: str, changes: int, every: int) -> int:
    """Compares a pool with the whole computation after some changes; returns how often a limit on shares moved."""
    pool, policy = Pool(int(mode)), numbers(concentration_mode=mode, concentration_share="0.2")
    known, moved = EMPTY, 0
    for number in range(changes):
        name = NAMES[int(pool.draw.integers(len(NAMES)))]
        group = {group_of(name)}
        old = pool.facts(group) if group & known.left.keys() else None
        pool.change(name)
        after = changed(known, old, pool.facts(group), lambda name: pool.facts({name}), policy, TODAY)
        moved += after.cut != known.cut
        known = after
        if number % every == 0:
            assert as_plain(known) == as_plain(computed(pool.facts(), policy, TODAY))
    return moved
