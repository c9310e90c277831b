"""Checks the pure rule of dispositions in every small world: two assets, two loans, amounts 0 to 3.

``make small-worlds`` walks every sequence of three dispositions from every initial world and prints the number of
states. The oracle is this module's own arithmetic on whole numbers, not the code under test.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from collateral_registry.domain.loans.collateral import ClaimSums
from collateral_registry.domain.loans.cover import NO_LIMIT, PledgeColumns, TargetColumns, claim_values, pool_sums
from collateral_registry.domain.loans.dispositions import CoverState, disposition_refusal
from valuation.money import PPM

AMOUNTS = range(4)
SHARES = (0, 1, 2)
"""Pledged halves of an asset; 0 means that there is no pledge."""

TARGET_PPM = PPM
STEPS = 3


class World(NamedTuple):
    """Values of the two assets, debts of the two loans, and the halves of each asset pledged to each loan."""

    values: tuple[int, int]
    debts: tuple[int, int]
    pledged: tuple[tuple[int, int], tuple[int, int]]
    """By asset, then by loan."""


def worlds() -> Iterator[World]:
    """Yields every world in which no asset is pledged by more than the whole."""
    splits = [(one, other) for one in SHARES for other in SHARES if one + other <= 2]
    for values in itertools.product(AMOUNTS, repeat=2):
        for debts in itertools.product(AMOUNTS, repeat=2):
            for pledged in itertools.product(splits, repeat=2):
                yield World(values, debts, pledged)


def dispositions(world: World) -> Iterator[World]:
    """Yields the world after each disposition: a release, an update of a share, a pledge or a draw, accepted or not."""
    for asset, loan in itertools.product(range(2), repeat=2):
        other = world.pledged[asset][1 - loan]
        for half in SHARES:
            if half != world.pledged[asset][loan] and half + other <= 2:
                yield _pledged(world, asset, loan, half)
    for loan in range(2):
        if world.debts[loan] < max(AMOUNTS):
            debts = list(world.debts)
            debts[loan] += 1
            yield world._replace(debts=(debts[0], debts[1]))


def _pledged(world: World, asset: int, loan: int, half: int) -> World:
    rows = [list(row) for row in world.pledged]
    rows[asset][loan] = half
    return world._replace(pledged=((rows[0][0], rows[0][1]), (rows[1][0], rows[1][1])))


def pools(world: World) -> list[int]:
    """Returns the collateral value of each loan by the rules under test, in hundredths."""
    rows = [(asset, loan) for asset in range(2) for loan in range(2) if world.pledged[asset][loan]]
    columns = PledgeColumns(
        target=np.array([asset for asset, _ in rows], dtype=np.int64),
        loan=np.array([loan for _, loan in rows], dtype=np.int64),
        rank=np.ones(len(rows), dtype=np.int64),
        share_ppm=np.array([world.pledged[asset][loan] * PPM // 2 for asset, loan in rows], dtype=np.int64),
        limit_minor=np.full(len(rows), NO_LIMIT, dtype=np.int64),
    )
    targets = TargetColumns(np.arange(2, dtype=np.int64), np.zeros(2, dtype=np.int64))
    value = np.array(world.values, dtype=np.int64) * 100
    return pool_sums(columns, claim_values(columns, targets, value), 2).tolist()


def covers(world: World) -> list[CoverState]:
    """Returns the state of each loan as the disposition rule sees it."""
    return [
        CoverState(debt * 100, pool, TARGET_PPM, coverage_unknown=False, claims=ClaimSums(pool, pool, pool))
        for debt, pool in zip(world.debts, pools(world), strict=True)
    ]


def accepted(before: World, after: World) -> bool:
    """Returns whether the rule under test accepts a disposition for both loans."""
    for loan, (old, new) in enumerate(zip(covers(before), covers(after), strict=True)):
        lowered = any(after.pledged[asset][loan] < before.pledged[asset][loan] for asset in range(2))
        if after.debts[loan] > before.debts[loan]:
            if not new.is_covered:
                return False
        elif disposition_refusal(old, new, removes=lowered):
            return False
    return True


def is_covered(world: World, loan: int) -> bool:
    """Returns by plain arithmetic whether the debt is at most the pledged halves of the values."""
    held = sum(world.values[asset] * world.pledged[asset][loan] for asset in range(2))
    return 2 * world.debts[loan] <= held


def holds(world: World, loan: int) -> int:
    """Returns twice the value pledged to a loan, by plain arithmetic."""
    return sum(world.values[asset] * world.pledged[asset][loan] for asset in range(2))


def should_accept(before: World, after: World) -> bool:
    """Returns the verdict of the oracle: no covered loan is uncovered, and no uncovered loan gets worse."""
    for loan in range(2):
        worse = after.debts[loan] > before.debts[loan] or holds(after, loan) < holds(before, loan)
        if worse and not is_covered(after, loan):
            return False
    return True


def check() -> tuple[int, int, int]:
    """Walks every sequence of STEPS dispositions; returns the numbers of states, transitions and acceptances.

    Raises AssertionError where the rule and the oracle disagree, or an accepted disposition uncovers a covered loan.
    """
    start = set(worlds())
    seen, frontier, transitions, allowed = set(start), start, 0, 0
    for _ in range(STEPS):
        following = set()
        for before in frontier:
            for after in dispositions(before):
                transitions += 1
                verdict = accepted(before, after)
                assert verdict == should_accept(before, after), (before, after, verdict)
                if verdict:
                    allowed += 1
                    uncovered = [one for one in range(2) if is_covered(before, one) and not is_covered(after, one)]
                    assert not uncovered, (before, after)
                    following.add(after)
        frontier = following - seen
        seen |= following
    return len(seen), transitions, allowed


def main() -> None:
    """Prints what was walked."""
    began = time.monotonic()
    states, transitions, allowed = check()
    seconds = time.monotonic() - began
    sys.stdout.write(f"{states} states, {transitions} dispositions, {allowed} accepted, {seconds:.1f} s\n")


if __name__ == "__main__":
    main()
