"""Compares the book at two commits and divides the change of each loan into steps, without writing anything.

The rules are those of docs/differences.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.covers import CoverInputs, Pools, cover_of
from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.pipeline.registrations import Registrations, registrations_of
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.domain.borrowing_base.columns import BaseInputs
from collateral_registry.domain.borrowing_base.gaps import Gaps
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression
from collateral_registry.domain.reports.differences import (
    AMOUNTS,
    Compared,
    DifferenceTotal,
    Divided,
    LoanChange,
    StepNote,
    changed_in_order,
    compared,
    difference_totals,
    wanted_loans,
)
from collateral_registry.domain.reports.snapshot import Snapshot
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.lru_cache import LruCache
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.value_steps import (
    VALUE_INPUTS,
    VALUE_STEPS,
    Curves,
    RecordedValues,
    Step,
    SteppedValues,
    value_steps,
)
from collateral_registry.store.book.policies import get_policy, policy_by_key
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.past_pledges import pledges_at
from collateral_registry.store.prices.haircut_curves import estimates_by_key
from collateral_registry.store.valuations.past_values import PastTargets, targets_at, values_at
from valuation._typing import Int
from valuation.flags import UnknownReason

SPLIT_LOANS = 2_000
"""Loans whose changes are divided together, which bounds the memory of a report."""

REPORT_LOANS = 200_000
"""Loans whose changes one report divides at most."""

KEPT_DIFFERENCES = 4
"""Reports that are kept for further pages."""

_MARKET, _LENDABLE = AMOUNTS.index("market_minor"), AMOUNTS.index("lendable_minor")


@dataclass(frozen=True)
class DifferenceReport:
    """The differences between two moments: the loans that match, the changed ones in order, and sums.

    ``rows`` [r] are the rows of the changed loans in ``loans``, and ``divided`` holds their changes.
    """

    moments: tuple[Moment, Moment]
    snapshots: tuple[Snapshot, Snapshot]
    loans: Compared
    rows: Int
    divided: Divided
    totals: Sequence[DifferenceTotal]


class DifferenceReports:
    """Difference reports of one book. The newest are kept for further pages."""

    def __init__(self, reports: LtvReports) -> None:
        """Stores the LTV reports, whose snapshots are shared."""
        self._reports = reports
        self._kept: LruCache[tuple[int, int, Expression], DifferenceReport] = LruCache(KEPT_DIFFERENCES)

    def report(
        self, connection: Connection, before: Moment, after: Moment, wanted: Expression = EVERYTHING
    ) -> DifferenceReport:
        """Returns the differences of the loans that match a filter; raises Refused for too many changed loans."""
        key = (before.seq, after.seq, wanted)
        found = self._kept.get(key)
        if found is None:
            found = self._made(connection, before, after, wanted)
            self._kept.put(key, found)
        return found

    def _made(self, connection: Connection, before: Moment, after: Moment, wanted: Expression) -> DifferenceReport:
        first, last = (self._reports.snapshot(connection, one) for one in (before, after))
        loans = wanted_loans(compared(first, last), wanted)
        rows = changed_in_order(loans)
        if len(rows) > REPORT_LOANS:
            raise Refused(
                "TOO_MANY_CHANGES", f"filter: got {len(rows)} changed loans, want at most {REPORT_LOANS}; narrow it"
            )
        divided = divided_changes(connection, before, after, loans.of(rows))
        totals = difference_totals(loans, rows, divided)
        return DifferenceReport((before, after), (first, last), loans, rows, divided, totals)


def divided_changes(connection: Connection, before: Moment, after: Moment, loans: Compared) -> Divided:
    """Returns the changes of loans [l] by step, and the notes on them."""
    divided, whole = Divided.nothing(len(loans.loan_key)), loans.whole_changes
    divided.changes[:, Step.BALANCE - 1, 0] = whole[:, 0]
    same = np.flatnonzero(loans.columns["change"] == int(LoanChange.CHANGED))
    for start in range(0, len(same), SPLIT_LOANS):
        _divide_values(connection, before, after, loans, np.sort(same[start : start + SPLIT_LOANS]), divided)
    values = [_MARKET, _LENDABLE]
    divided.changes[:, Step.PAPERS - 1, values] = whole[:, values] - divided.changes[:, :, values].sum(axis=1)
    return divided


def _divide_values(
    connection: Connection, before: Moment, after: Moment, loans: Compared, rows: Int, divided: Divided
) -> None:
    """Divides the changes of the values of the loans in these rows, where their first cover can be recomputed."""
    order = rows[np.argsort(loans.loan_key[rows])]
    states, whole = _pools_by_step(connection, before, after, loans.loan_key[order])
    start = states[0]
    of = {name: column[order] for name, column in loans.columns.items()}
    follows = (start.market == of["before_market_minor"]) & (start.lendable == of["before_lendable_minor"])
    for step, (earlier, later) in zip(VALUE_STEPS, pairwise(states), strict=True):
        place = step - 1
        divided.changes[order, place, _MARKET] = np.where(follows, later.market - earlier.market, 0)
        divided.changes[order, place, _LENDABLE] = np.where(follows, later.lendable - earlier.lendable, 0)
        noted = _unknown_notes(earlier.unknown_assets, later.unknown_assets)
        noted |= np.where(whole[:, place], int(StepNote.MODEL_AS_A_WHOLE), 0)
        divided.notes[order, place] = np.where(follows, noted, 0)
    noted = _unknown_notes(states[-1].unknown_assets, of["unknown_assets"])
    divided.notes[order, Step.PAPERS - 1] = np.where(follows, noted, int(StepNote.NOT_RECOMPUTED))


def _unknown_notes(before: Int, after: Int) -> Int:
    """Returns the notes [l] on a step after which the number of unknown assets of a loan differs."""
    more = np.where(after > before, int(StepNote.MORE_UNKNOWN), 0)
    return np.where(after < before, int(StepNote.FEWER_UNKNOWN), more).astype(np.int64)


def _pools_by_step(
    connection: Connection, before: Moment, after: Moment, loan_keys: Int
) -> tuple[list[Pools], NDArray[np.bool_]]:
    """Returns the collateral of loans [l] at the first moment and after each of VALUE_STEPS.

    Also returns for each loan and step whether it replaced the value of a model as a whole, [l, 7].
    """
    pledges = pledges_at(connection, loan_keys, before.seq)
    assets = np.unique(pledges["asset_key"])
    targets, later = (targets_at(connection, assets, one.seq) for one in (before, after))
    recorded = [_recorded(connection, one, moment.seq) for one, moment in ((targets, before), (later, after))]
    keys = np.unique(np.concatenate([one.rows["estimate_key"] for one in recorded]))
    curves: Curves = {one[1].estimate_key: one for one in estimates_by_key(connection, keys)}
    digits = _digits(targets)
    stepped = value_steps(recorded[0], recorded[1], curves, digits)
    registrations = [_registrations(connection, pledges, moment, before.market_day) for moment in (before, after)]
    used = [registrations[0]] * len(VALUE_STEPS) + [registrations[1]]
    states = [
        _pools(loan_keys, pledges, targets, values, registered, before.market_day)
        for values, registered in zip(stepped.states, used, strict=True)
    ]
    return states, _whole_of_loans(loan_keys, pledges, targets, stepped)


def _digits(targets: PastTargets) -> Int:
    currencies, code = codes_of(targets.currency)
    return np.array([digits_of(one) for one in currencies], dtype=np.int64)[code]


def _recorded(connection: Connection, targets: PastTargets, seq: int) -> RecordedValues:
    """Returns the valuations of targets [t] at a commit with the numbers of their policies; zeros without a value."""
    found = values_at(connection, targets.target_key, seq)
    row = np.searchsorted(targets.target_key, found["target_key"])
    rows: Columns = {}
    for name in VALUE_INPUTS:
        is_real = found[name].dtype.kind == "f"
        rows[name] = np.full(len(targets.target_key), np.nan if is_real else 0, dtype=found[name].dtype)
        rows[name][row] = found[name]
    is_recorded = np.zeros(len(targets.target_key), dtype=np.bool_)
    is_recorded[row] = True
    rows["unknown"] = np.where(is_recorded, rows["unknown"], int(UnknownReason.MISSING_INPUT))
    return RecordedValues(rows, is_recorded, _numbers(connection, rows["policy_key"], targets))


def _numbers(connection: Connection, policy_keys: Int, targets: PastTargets) -> Columns:
    """Returns the numbers [t] of each target's policy for the class of its asset; NaN without a policy."""
    classes, code = codes_of(targets.asset_class)
    numbers: Columns = {}
    for key in np.unique(policy_keys[policy_keys > 0]).tolist():
        mine = policy_keys == key
        for name, column in policy_by_key(connection, key).policy.table(classes).items():
            numbers.setdefault(name, np.full(len(code), np.nan))[mine] = column[code[mine]]
    empty = np.full(len(code), np.nan)
    names = ("market_haircut", "value_haircut", "cap", "liquidation_days", "cure_days", "revaluation_days")
    return {name: numbers.get(name, empty) for name in names}


def _registrations(connection: Connection, pledges: Columns, moment: Moment, day: int) -> Registrations:
    """Returns what registrations mean on a day by the policy in force at a moment; nothing before the first policy."""
    if not moment.policy_id:
        return Registrations(np.zeros_like(pledges["share_ppm"]), pledges["share_ppm"])
    return registrations_of(connection, pledges, get_policy(connection, moment.policy_id).policy, day)


def _pools(
    loan_keys: Int,
    pledges: Columns,
    targets: PastTargets,
    values: Mapping[str, NDArray[Any]],
    registrations: Registrations,
    day: int,
) -> Pools:
    """Returns the collateral of loans [l] by pledges and values of targets [t]."""
    count = len(targets.target_key)
    none = {name: np.zeros(count, dtype=np.int64) for name in _UNUSED}
    ones = {"good_price_adjustment": np.ones(count), "withheld_share": np.zeros(count)}
    inputs = CoverInputs(
        loans={"loan_key": loan_keys},
        pledges=pledges,
        registrations=registrations,
        targets={
            "target_key": targets.target_key,
            "asset_key": targets.asset_key,
            "prior_claims_minor": targets.prior_claims_minor,
        },
        values={**none, **ones, **values},
        bases=BaseInputs.none(len(pledges["pledge_key"])),
        gaps=Gaps.none(len(pledges["pledge_key"])),
    )
    return cover_of(inputs, day).pools


_UNUSED = (
    *("good_seq", "good_market_minor", "good_lendable_minor", "quality", "oldest_day", "unknown_part"),
    *("dilution_ppm", "good_dilution_ppm"),
)
"""Columns of values on which neither market nor lendable values of loans depend."""


def _whole_of_loans(
    loan_keys: Int, pledges: Columns, targets: PastTargets, stepped: SteppedValues
) -> NDArray[np.bool_]:
    """Returns for each loan and step [l, 7] whether it replaced the value of a model of one of the loan's assets."""
    mine = np.isin(pledges["loan_key"], loan_keys)
    target = np.searchsorted(targets.target_key, pledges["target_key"][mine])
    loan = np.searchsorted(loan_keys, pledges["loan_key"][mine])
    found = np.zeros((len(loan_keys), len(Step)), dtype=np.bool_)
    for step, (earlier, later) in zip(VALUE_STEPS, pairwise(stepped.states), strict=True):
        differs = np.logical_or.reduce([earlier[name] != later[name] for name in ("market_minor", "lendable_minor")])
        found[loan[(differs & (stepped.whole_at == int(step)))[target]], step - 1] = True
    return found
