"""Computes the collateral of loans: claims by rank on new, recorded or assumed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.registrations import Registrations, registrations_of
from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.book.policy import Policy, lineage
from collateral_registry.domain.borrowing_base.base import reserved_for_ledger
from collateral_registry.domain.borrowing_base.columns import BaseInputs, Bases, LoanBase, bases_of
from collateral_registry.domain.borrowing_base.dilution_reserves import reserved_minor
from collateral_registry.domain.borrowing_base.gaps import GapDeduction, Gaps
from collateral_registry.domain.loans.cover import PledgeColumns, TargetColumns, claim_values, marks_before, pool_sums
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.days import date_at
from collateral_registry.store.assignments.agreement import unreconciled_amounts
from collateral_registry.store.borrowing_base.certificates import due_days
from collateral_registry.store.borrowing_base.reserves import reserves_of
from collateral_registry.store.engine.bulk import Columns, Source
from collateral_registry.store.loans.repository import base_terms_of, read_loans
from collateral_registry.store.valuations.repository import newest_values
from collateral_registry.store.valuations.valuation_inputs import read_classes, read_cover_targets
from valuation._typing import Int
from valuation.flags import UnknownReason
from valuation.value import adjusted_value

RECORDED_CLAIMS = ("market_minor", "lendable_minor")

WANT_OF_PRICE = UnknownReason.NO_PRICE | UnknownReason.STALE_PRICE | UnknownReason.NO_FX | UnknownReason.STALE_FX
"""Reasons that end when a price or an exchange rate arrives."""

RECEIVABLE_ROOT = CLASS_ROOT[Kind.RECEIVABLE_POOL]
"""First part of the classes of receivables, which a certificate states."""


@dataclass(frozen=True)
class Pools:
    """Collateral of each loan [l], with its quality flags.

    The collateral is the sum of the loan's claims, by conservative values, by last good values (``good_…``), and by
    conservative values at the lower of the price in use and a newer quarantined one (``decision_…``).
    """

    market: Int
    lendable: Int
    good_market: Int
    good_lendable: Int
    decision_market: Int
    decision_lendable: Int
    never_valued: NDArray[np.bool_]
    unpriced: NDArray[np.bool_]
    unknown_assets: Int
    unknown: Int
    quality: Int
    oldest_day: Int


@dataclass(frozen=True)
class Collateral:
    """Collateral value of each loan [l] by conservative, last good and decision values."""

    conservative: Int
    last_good: Int
    decision: Int


@dataclass(frozen=True)
class Covered:
    """Loans with their collateral, and the claims of their pledges; ``claim_loan`` [c] is the row of the loan.

    ``bases`` are the borrowing bases of the loans that have one. ``decision_claims`` are the claims by which draws and
    releases are decided.
    """

    loans: Columns
    pools: Pools
    bases: Bases
    claims: Columns
    decision_claims: Columns
    claim_loan: Int

    @property
    def owed(self) -> Int:
        """What each loan [l] owes: the used amount under a borrowing base, otherwise the exposure."""
        return np.where(self.bases.present, self.bases.used, self.loans["exposure_minor"])

    def collateral(self, basis: Int) -> Collateral:
        """Returns the collateral values of the loans [l] by which they are judged: their bases, or on a basis."""
        bases, claims = self.bases, self.claim_sums(basis)
        return Collateral(
            np.where(bases.present, bases.base, claims.conservative),
            np.where(bases.present, bases.good, claims.last_good),
            np.where(bases.present, bases.decision, claims.decision),
        )

    def claim_sums(self, basis: Int) -> Collateral:
        """Returns the sums of the claims of the loans [l] on a basis."""
        pools, lendable = self.pools, basis == int(LtvBasis.LENDABLE)
        return Collateral(
            np.where(lendable, pools.lendable, pools.market),
            np.where(lendable, pools.good_lendable, pools.good_market),
            np.where(lendable, pools.decision_lendable, pools.decision_market),
        )


@dataclass(frozen=True)
class CoverInputs:
    """What the cover of loans is computed from.

    The loans [l], all active pledges [p] on their assets with what their registration means, the targets [t] of these
    assets with the value of each, terms of borrowing bases, and gaps of ledgers. Loans and targets are in key order.
    """

    loans: Columns
    pledges: Columns
    registrations: Registrations
    targets: Columns
    values: Columns
    bases: BaseInputs
    gaps: Gaps


def cover_loans(
    connection: Source, loan_keys: Int, pledges: Columns, values: Columns | None, policy: Policy, day: int
) -> Covered:
    """Returns the collateral of the loans. New values are used where given, otherwise the newest recorded ones."""
    return cover_of(cover_inputs(connection, loan_keys, pledges, values, policy, day), day)


def cover_inputs(
    connection: Source, loan_keys: Int, pledges: Columns, values: Columns | None, policy: Policy, day: int
) -> CoverInputs:
    """Reads what the cover of the loans is computed from, except new values that are given."""
    targets = read_cover_targets(connection, np.unique(pledges["asset_key"]))
    loans = read_loans(connection, loan_keys)
    bases = _base_inputs(connection, loans, pledges, policy, day)
    return CoverInputs(
        loans=loans,
        pledges=pledges,
        registrations=registrations_of(connection, pledges, policy, day),
        targets=targets,
        values=_values_of(connection, targets["target_key"], values),
        bases=bases,
        gaps=_gaps(connection, loans, pledges, bases, day),
    )


def _gaps(connection: Source, loans: Columns, pledges: Columns, bases: BaseInputs, day: int) -> Gaps:
    """Reads the unreconciled amounts of the pools that are pledged to the loans.

    What reserves of the base of a loan deduct on the day is not deducted from its claims.
    """
    gaps = unreconciled_amounts(connection, np.unique(pledges["asset_key"]))
    if not gaps:
        return Gaps.none(len(pledges["pledge_key"]))
    row_of = {key: row for row, key in enumerate(loans["loan_key"].tolist())}
    pledged: dict[tuple[int, int], list[int]] = {}
    for at, (loan, asset) in enumerate(zip(pledges["loan_key"].tolist(), pledges["asset_key"].tolist(), strict=True)):
        if asset in gaps and loan in row_of:
            pledged.setdefault((row_of[loan], asset), []).append(at)
    deductions, unknown = [], np.zeros(len(pledges["pledge_key"]), dtype=np.int64)
    for (row, asset), rows in pledged.items():
        gap = gaps[asset]
        if loans["currency"][row] != gap.currency:
            unknown[rows] = int(UnknownReason.ROLL_FORWARD_GAP)
            continue
        reserves = bases.bases[row].reserves if row in bases.bases else ()
        rest = gap.amount_minor - reserved_for_ledger(reserves, gap.asset_id, date_at(day))
        deductions.append(GapDeduction(tuple(rows), max(rest, 0)))
    return Gaps(tuple(deductions), unknown)


def _base_inputs(connection: Source, loans: Columns, pledges: Columns, policy: Policy, day: int) -> BaseInputs:
    """Reads what the bases of the loans are computed from, if any loan has one.

    Receivables of a loan whose certificate is overdue beyond the policy's grace are unknown.
    """
    terms = base_terms_of(loans)
    inputs = BaseInputs.none(len(pledges["pledge_key"]))
    if not terms:
        return inputs
    keys = loans["loan_key"][list(terms)]
    reserves = reserves_of(connection, keys)
    rows = np.flatnonzero(np.isin(pledges["loan_key"], keys))
    assets = read_classes(connection, np.unique(pledges["asset_key"][rows]))
    inputs.asset_class[rows] = assets["asset_class"][_rows_in(assets["asset_key"], pledges["asset_key"][rows])]
    bases = {
        row: LoanBase(one, reserves.get(int(key), ())) for (row, one), key in zip(terms.items(), keys, strict=True)
    }
    is_late = np.isin(pledges["loan_key"][rows], _overdue(connection, keys, policy, day))
    is_receivable = np.array([lineage(one)[0] == RECEIVABLE_ROOT for one in inputs.asset_class[rows]], dtype=np.bool_)
    inputs.unknown[rows[is_late & is_receivable]] = int(UnknownReason.CERTIFICATE_OVERDUE)
    return BaseInputs(bases, inputs.asset_class, inputs.unknown)


def _overdue(connection: Source, loan_keys: Int, policy: Policy, day: int) -> list[int]:
    """Returns the loans that owe a certificate since more working days than the policy's grace."""
    grace, rules = policy.rule_days("certificate_grace_days"), policy.judgement_rules
    due = due_days(connection, loan_keys)
    return [loan for loan, due_day in due.items() if rules.working_days_after(due_day, grace) < day]


def cover_of(inputs: CoverInputs, day: int) -> Covered:
    """Returns the collateral of loans on a day, computed from what was read or is assumed."""
    loans, pledges, targets = inputs.loans, inputs.pledges, inputs.targets
    valued, registrations = inputs.values, inputs.registrations
    columns = PledgeColumns(
        target=_rows_in(targets["target_key"], pledges["target_key"]),
        loan=_rows_in(loans["loan_key"], pledges["loan_key"]),
        rank=pledges["rank"],
        share_ppm=pledges["share_ppm"],
        limit_minor=pledges["limit_minor"],
    )
    asset = np.unique(targets["asset_key"], return_inverse=True)[1].astype(np.int64)
    own = TargetColumns(asset, targets["prior_claims_minor"])
    # A claim behind one in another currency is unknown like that target, of which it takes a proportion.
    unknown = registrations.unknown | inputs.bases.unknown | inputs.gaps.unknown
    unknown |= marks_before(columns, own, valued["unknown"])
    # Claims on the market value are claims on the adjusted one (rules.md section 1).
    market = adjusted_value(valued["market_minor"], valued["price_adjustment"])
    good_market = adjusted_value(valued["good_market_minor"], valued["good_price_adjustment"])
    lendable = replace(columns, share_ppm=registrations.share_ppm)
    by_value = {"market_minor": columns, "lendable_minor": lendable}
    by_value |= {f"good_{name}": pledged for name, pledged in by_value.items()}
    worth = {**valued, "market_minor": market, "good_market_minor": good_market}
    claims = {name: claim_values(pledged, own, worth[name]) for name, pledged in by_value.items()}
    for name in RECORDED_CLAIMS:
        claims[name] = np.where(unknown != 0, 0, claims[name])
    dilution, good_dilution = (valued[name][columns.target] for name in ("dilution_ppm", "good_dilution_ppm"))
    # A base shows what is reserved for dilution; the claims of other loans are lower by it.
    without_base = ~np.isin(columns.loan, list(inputs.bases.bases))
    taken = _Deductions(inputs.gaps, *(np.where(without_base, share, 0) for share in (dilution, good_dilution)))
    claims = taken.from_all(claims)
    decision = _decision_claims(by_value, own, worth, taken, claims)
    mine = np.isin(pledges["loan_key"], loans["loan_key"])
    never_valued = _never_valued(columns, own, valued)
    pools = _pools(columns, claims, decision, valued, unknown, never_valued, mine, len(loans["loan_key"]), day)
    keys = {"pledge_key": pledges["pledge_key"][mine]}
    bases = bases_of(
        inputs.bases.of(mine),
        columns.loan[mine],
        [one[mine] for one in (claims["lendable_minor"], claims["good_lendable_minor"], decision["lendable_minor"])],
        [one[mine] for one in (dilution, good_dilution, dilution)],
        loans,
        date_at(day),
    )
    kept, decided = ({**keys, **{name: one[name][mine] for name in RECORDED_CLAIMS}} for one in (claims, decision))
    return Covered(loans, pools, bases, kept, decided, columns.loan[mine])


@dataclass(frozen=True)
class _Deductions:
    """What is taken off the claims of pledges [p]: gaps of ledgers, and shares that are reserved for dilution."""

    gaps: Gaps
    dilution_ppm: Int
    good_dilution_ppm: Int

    def from_all(self, claims: Columns) -> Columns:
        """Returns claims [p] by their names, less what is taken off each."""
        left = {name: self.gaps.deducted_from(claim) for name, claim in claims.items()}
        for name, claim in left.items():
            share = self.good_dilution_ppm if name.startswith("good_") else self.dilution_ppm
            left[name] = claim - reserved_minor(claim, share)
        return left


def _never_valued(pledges: PledgeColumns, targets: TargetColumns, valued: Columns) -> NDArray[np.bool_]:
    """Returns whether the claim of each pledge [p] depends on a target that is unknown and has no last good value."""
    never = (valued["unknown"] != 0) & (valued["good_seq"] == 0)
    found: NDArray[np.bool_] = never[pledges.target] | (marks_before(pledges, targets, never.astype(np.int64)) != 0)
    return found


def _decision_claims(
    by_value: Mapping[str, PledgeColumns], targets: TargetColumns, worth: Columns, taken: _Deductions, claims: Columns
) -> Columns:
    """Returns the claims [p] at the lower of the price in use and a newer quarantined one, never above ``claims``."""
    if not worth["withheld_share"].any():
        return {name: claims[name] for name in RECORDED_CLAIMS}
    kept = 1.0 - worth["withheld_share"]
    lower = {name: np.floor(worth[name] * kept).astype(np.int64) for name in RECORDED_CLAIMS}
    found = taken.from_all({name: claim_values(by_value[name], targets, lower[name]) for name in RECORDED_CLAIMS})
    return {name: np.minimum(found[name], claims[name]) for name in RECORDED_CLAIMS}


def _rows_in(keys: Int, wanted: Int) -> Int:
    """Returns the row of each wanted key [n] among sorted keys."""
    rows: Int = np.searchsorted(keys, wanted).astype(np.int64)
    return rows


def _values_of(connection: Source, target_keys: Int, values: Columns | None) -> Columns:
    """Returns the value of every target [t]: the new one, else the newest recorded one, else unknown."""
    names = ("market_minor", "lendable_minor", "good_seq", "good_market_minor", "good_lendable_minor", "quality")
    found: Columns = {name: np.zeros(len(target_keys), dtype=np.int64) for name in (*names, "oldest_day")}
    found |= {name: np.ones(len(target_keys)) for name in ("price_adjustment", "good_price_adjustment")}
    found["withheld_share"] = np.zeros(len(target_keys))
    for name in ("unknown_part", "dilution_ppm", "good_dilution_ppm"):
        found[name] = np.zeros(len(target_keys), dtype=np.int64)
    found["unknown"] = np.full(len(target_keys), int(UnknownReason.MISSING_INPUT), dtype=np.int64)
    missing = np.ones(len(target_keys), dtype=np.bool_)
    if values is not None:
        _fill(found, missing, target_keys, values)
    if missing.any():
        _fill(found, missing, target_keys, newest_values(connection, target_keys[missing]))
    return found


def _fill(found: Columns, missing: NDArray[np.bool_], target_keys: Int, values: Columns) -> None:
    """Copies values to the rows of their targets and clears those rows in ``missing``."""
    inside = np.isin(values["target_key"], target_keys)
    row = np.searchsorted(target_keys, values["target_key"][inside])
    for name in found:
        found[name][row] = values[name][inside]
    missing[row] = False


def _pools(
    pledges: PledgeColumns,
    claims: Columns,
    decision: Columns,
    valued: Columns,
    unknown_pledges: Int,
    never_valued: NDArray[np.bool_],
    mine: NDArray[np.bool_],
    count: int,
    day: int,
) -> Pools:
    """Sums the claims of each loan and combines the flags of its assets and of its pledges."""
    own = PledgeColumns(
        *(getattr(pledges, name)[mine] for name in ("target", "loan", "rank", "share_ppm", "limit_minor"))
    )
    unknown = valued["unknown"][own.target] | unknown_pledges[mine]
    never = never_valued[mine]
    bits = {"unknown": np.zeros(count, dtype=np.int64), "quality": np.zeros(count, dtype=np.int64)}
    np.bitwise_or.at(bits["unknown"], own.loan, unknown | valued["unknown_part"][own.target])
    np.bitwise_or.at(bits["quality"], own.loan, valued["quality"][own.target])
    unpriced = never & (unknown & ~int(WANT_OF_PRICE) == 0)
    pledged = np.bincount(own.loan, minlength=count)
    oldest = np.full(count, day, dtype=np.int64)
    seen = valued["oldest_day"][own.target] != 0
    np.minimum.at(oldest, own.loan[seen], valued["oldest_day"][own.target[seen]])
    return Pools(
        market=pool_sums(own, claims["market_minor"][mine], count),
        lendable=pool_sums(own, claims["lendable_minor"][mine], count),
        good_market=pool_sums(own, claims["good_market_minor"][mine], count),
        good_lendable=pool_sums(own, claims["good_lendable_minor"][mine], count),
        decision_market=pool_sums(own, decision["market_minor"][mine], count),
        decision_lendable=pool_sums(own, decision["lendable_minor"][mine], count),
        never_valued=pool_sums(own, never.astype(np.int64), count) > 0,
        unpriced=(pledged > 0) & (pool_sums(own, unpriced.astype(np.int64), count) == pledged),
        unknown_assets=pool_sums(own, (unknown != 0).astype(np.int64), count),
        unknown=bits["unknown"],
        quality=bits["quality"],
        oldest_day=oldest,
    )
