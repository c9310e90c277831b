"""Judges loans by new or last recorded values, and records the judgements with their events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.event_columns import pending_columns, stamped
from collateral_registry.commands.pipeline.registrations import registrations_of
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.loans.cover import NO_LIMIT, PledgeColumns, TargetColumns, claim_values, pool_sums
from collateral_registry.domain.loans.judge import CoverColumns, Judgement, StateColumns, judge
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.book.policies import StoredPolicy
from collateral_registry.store.engine.bulk import Columns, Source
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.events import insert_events
from collateral_registry.store.loans.judgements import insert_judgements, newest_judgements
from collateral_registry.store.loans.pledges import read_pledges
from collateral_registry.store.loans.repository import read_loans
from collateral_registry.store.valuations.repository import newest_values
from collateral_registry.store.valuations.valuation_inputs import read_cover_targets
from valuation._typing import Int
from valuation.flags import QualityFlag, UnknownReason
from valuation.value import adjusted_value

RECORDED_CLAIMS = ("market_minor", "lendable_minor")

WANT_OF_PRICE = UnknownReason.NO_PRICE | UnknownReason.STALE_PRICE | UnknownReason.NO_FX | UnknownReason.STALE_FX
"""Reasons that end when a price or an exchange rate arrives."""

LIMIT_NAMES = ("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm")


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
class Covered:
    """Loans with their collateral, and the claims of their pledges; ``claim_loan`` [c] is the row of the loan.

    ``decision_claims`` are the claims by which draws and releases are decided.
    """

    loans: Columns
    pools: Pools
    claims: Columns
    decision_claims: Columns
    claim_loan: Int


@dataclass(frozen=True)
class Judged:
    """Judgements as rows, with the claims of the loans' pledges and the events raised. They are not recorded yet.

    ``before_seq`` [l] is the sequence of the previous judgement, or 0 if there is none. ``claim_loan`` [c] and
    ``event_loan`` [e] are rows of the judgements.
    """

    rows: Columns
    claims: Columns
    events: Columns
    before_seq: Int
    claim_loan: Int
    event_loan: Int

    def of(self, chosen: NDArray[np.bool_]) -> Judged:
        """Returns the chosen judgements [l] with their claims and events."""
        row = np.cumsum(chosen) - 1
        claim, event = chosen[self.claim_loan], chosen[self.event_loan]
        return Judged(
            {name: column[chosen] for name, column in self.rows.items()},
            {name: column[claim] for name, column in self.claims.items()},
            {name: column[event] for name, column in self.events.items()},
            self.before_seq[chosen],
            row[self.claim_loan[claim]],
            row[self.event_loan[event]],
        )


def judge_loans(
    write: Write, loan_keys: Int, values: Columns | None, policy: StoredPolicy, collateral_added: Int
) -> tuple[int, int]:
    """Judges the loans and records the judgements; returns the numbers of judgements and of events."""
    pledges = read_pledges(write.connection, loan_keys)
    judged = judged_loans(write.connection, loan_keys, pledges, values, policy, write.market_day, collateral_added)
    insert_judgements(write, judged.rows, judged.claims)
    events = insert_events(write, stamped(judged.events, write))
    return len(judged.before_seq), events


def judged_loans(
    source: Source,
    loan_keys: Int,
    pledges: Columns,
    values: Columns | None,
    policy: StoredPolicy,
    day: int,
    collateral_added: Int,
) -> Judged:
    """Returns the judgements of the loans for a day, by new values or by the last recorded ones; writes nothing.

    ``pledges`` are all active pledges on the assets that secure the loans.
    """
    covered = cover_loans(source, loan_keys, pledges, values, policy.policy, day)
    terms = _terms(covered.loans, policy.policy)
    before = _before(source, covered.loans["loan_key"])
    judgement = judge(
        _cover(covered, terms, before, collateral_added), _state(before), day, policy.policy.judgement_rules
    )
    rows = _cover_rows(covered, terms, judgement, before, day)
    events = _event_rows(rows, judgement, before)
    return Judged(rows, covered.claims, events, before["seq"], covered.claim_loan, judgement.event_loan)


def cover_loans(
    connection: Source, loan_keys: Int, pledges: Columns, values: Columns | None, policy: Policy, day: int
) -> Covered:
    """Returns the collateral of the loans. New values are used where given, otherwise the newest recorded ones."""
    loans = read_loans(connection, loan_keys)
    targets = read_cover_targets(connection, np.unique(pledges["asset_key"]))
    valued = _values_of(connection, targets["target_key"], values)
    columns = PledgeColumns(
        target=_rows_in(targets["target_key"], pledges["target_key"]),
        loan=_rows_in(loans["loan_key"], pledges["loan_key"]),
        rank=pledges["rank"],
        share_ppm=pledges["share_ppm"],
        limit_minor=pledges["limit_minor"],
    )
    asset = np.unique(targets["asset_key"], return_inverse=True)[1].astype(np.int64)
    own = TargetColumns(asset, targets["prior_claims_minor"])
    # Claims on the market value are claims on the adjusted one (rules.md section 1).
    market = adjusted_value(valued["market_minor"], valued["price_adjustment"])
    good_market = adjusted_value(valued["good_market_minor"], valued["good_price_adjustment"])
    registrations = registrations_of(connection, pledges, policy, day)
    lendable = replace(columns, share_ppm=registrations.share_ppm)
    by_value = {"market_minor": columns, "lendable_minor": lendable}
    by_value |= {f"good_{name}": pledged for name, pledged in by_value.items()}
    worth = {**valued, "market_minor": market, "good_market_minor": good_market}
    claims = {name: claim_values(pledged, own, worth[name]) for name, pledged in by_value.items()}
    for name in RECORDED_CLAIMS:
        claims[name] = np.where(registrations.unknown != 0, 0, claims[name])
    decision = _decision_claims(by_value, own, worth, claims)
    mine = np.isin(pledges["loan_key"], loans["loan_key"])
    pools = _pools(columns, claims, decision, valued, registrations.unknown, mine, len(loans["loan_key"]), day)
    keys = {"pledge_key": pledges["pledge_key"][mine]}
    kept, decided = ({**keys, **{name: one[name][mine] for name in RECORDED_CLAIMS}} for one in (claims, decision))
    return Covered(loans, pools, kept, decided, columns.loan[mine])


def _decision_claims(
    by_value: Mapping[str, PledgeColumns], targets: TargetColumns, worth: Columns, claims: Columns
) -> Columns:
    """Returns the claims [p] at the lower of the price in use and a newer quarantined one, never above ``claims``."""
    if not worth["withheld_share"].any():
        return {name: claims[name] for name in RECORDED_CLAIMS}
    kept = 1.0 - worth["withheld_share"]
    lower = {name: np.floor(worth[name] * kept).astype(np.int64) for name in RECORDED_CLAIMS}
    found = {name: claim_values(by_value[name], targets, lower[name]) for name in RECORDED_CLAIMS}
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
    unregistered: Int,
    mine: NDArray[np.bool_],
    count: int,
    day: int,
) -> Pools:
    """Sums the claims of each loan and combines the flags of its assets and of the pledges' registrations."""
    own = PledgeColumns(
        *(getattr(pledges, name)[mine] for name in ("target", "loan", "rank", "share_ppm", "limit_minor"))
    )
    unknown = valued["unknown"][own.target] | unregistered[mine]
    never = (valued["unknown"][own.target] != 0) & (valued["good_seq"][own.target] == 0)
    bits = {"unknown": np.zeros(count, dtype=np.int64), "quality": np.zeros(count, dtype=np.int64)}
    np.bitwise_or.at(bits["unknown"], own.loan, unknown)
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


def _terms(loans: Columns, policy: Policy) -> Columns:
    """Returns the basis, limits [l, 4], buffer and smallest cure of each loan.

    A term that the loan does not state is taken from the policy.
    """
    limits = np.stack([loans[name] for name in LIMIT_NAMES], axis=1)
    limits = np.where(limits > 0, limits, np.array(policy.limits.as_tuple(), dtype=np.int64))
    minimum = {code: policy.minimum_cure_minor(code) for code in set(loans["currency"])}
    return {
        "basis": np.where(loans["ltv_basis"] > 0, loans["ltv_basis"], int(policy.basis)),
        "limits_ppm": limits,
        # A limit at or below the buffer is refused today; loans recorded before that keep a buffer below their limits.
        "buffer_ppm": np.minimum(policy.buffer_ppm, limits[:, 0] - 1),
        "minimum_cure": np.array([minimum[code] for code in loans["currency"]], dtype=np.int64),
    }


def _before(connection: Source, loan_keys: Int) -> Columns:
    """Returns the newest judgement of each loan [l]; its values are zero if the loan was never judged."""
    newest = newest_judgements(connection, loan_keys)
    row = np.searchsorted(loan_keys, newest["loan_key"])
    before = {}
    for name, column in newest.items():
        empty = NO_DAY if name in {"watch_day", "unknown_day", "deadline_day"} else 0
        before[name] = np.full(len(loan_keys), empty, dtype=np.int64)
        before[name][row] = column
    return before


def _state(before: Columns) -> StateColumns:
    return StateColumns(
        judged=before["judged"],
        level=before["level"],
        unknown=before["coverage_unknown"] > 0,
        watch_day=before["watch_day"],
        unknown_day=before["unknown_day"],
        breach_open=before["breach_open"] > 0,
        deadline_day=before["deadline_day"],
        deadline_missed=before["deadline_missed"] > 0,
        noticed=before["noticed"] > 0,
        waived=before["waived"] > 0,
        cash_cure=before["cash_cure_minor"],
        quarantined=_has_quarantined(before["quality"]),
    )


def _cover(covered: Covered, terms: Columns, before: Columns, collateral_added: Int) -> CoverColumns:
    lendable = terms["basis"] == int(LtvBasis.LENDABLE)
    exposure = covered.loans["exposure_minor"]
    return CoverColumns(
        exposure=exposure,
        conservative=np.where(lendable, covered.pools.lendable, covered.pools.market),
        last_good=np.where(lendable, covered.pools.good_lendable, covered.pools.good_market),
        never_valued=covered.pools.never_valued,
        unpriced=covered.pools.unpriced,
        quarantined=_has_quarantined(covered.pools.quality),
        limits_ppm=terms["limits_ppm"],
        buffer_ppm=terms["buffer_ppm"],
        minimum_cure=terms["minimum_cure"],
        collateral_added=(exposure < before["exposure_minor"]) | np.isin(covered.loans["loan_key"], collateral_added),
    )


def _has_quarantined(quality: Int) -> NDArray[np.bool_]:
    flagged: NDArray[np.bool_] = (quality & int(QualityFlag.NEWER_PRICE_QUARANTINED)) != 0
    return flagged


def _terms_flags(loans: Columns, day: int) -> Int:
    """Returns the flags [l] of loans that are past their last day or owe more than their credit limit."""
    limit, maturity = loans["credit_limit_minor"], loans["maturity_day"]
    matured = (maturity != NO_DAY) & (maturity < day)
    exceeded = (limit != NO_LIMIT) & (loans["exposure_minor"] > limit)
    flags: Int = np.where(matured, int(QualityFlag.LOAN_MATURED), 0)
    return flags | np.where(exceeded, int(QualityFlag.CREDIT_LIMIT_EXCEEDED), 0)


def _cover_rows(covered: Covered, terms: Columns, judgement: Judgement, before: Columns, day: int) -> Columns:
    after, pools = judgement.after, covered.pools
    opened = after.breach_open & (before["breach_open"] == 0)
    limits = {name: terms["limits_ppm"][:, place] for place, name in enumerate(LIMIT_NAMES)}
    return {
        "loan_key": covered.loans["loan_key"],
        "market_day": np.full(len(opened), day, dtype=np.int64),
        "exposure_minor": covered.loans["exposure_minor"],
        "market_minor": pools.market,
        "lendable_minor": pools.lendable,
        "good_market_minor": pools.good_market,
        "good_lendable_minor": pools.good_lendable,
        "basis": terms["basis"],
        **limits,
        "buffer_ppm": terms["buffer_ppm"],
        "judged": after.judged,
        "level": after.level,
        "coverage_unknown": after.unknown.astype(np.int64),
        "cash_cure_minor": after.cash_cure,
        "collateral_cure_minor": judgement.collateral_cure,
        "watch_day": after.watch_day,
        "unknown_day": after.unknown_day,
        "breach_number": before["breach_number"] + opened,
        "breach_open": after.breach_open.astype(np.int64),
        "deadline_day": after.deadline_day,
        "deadline_missed": after.deadline_missed.astype(np.int64),
        "noticed": after.noticed.astype(np.int64),
        "waived": after.waived.astype(np.int64),
        "unknown_assets": pools.unknown_assets,
        "unknown": pools.unknown,
        "quality": pools.quality | _terms_flags(covered.loans, day),
        "oldest_day": np.minimum(pools.oldest_day, covered.loans["balance_day"]),
        "withheld_market_minor": pools.market - pools.decision_market,
        "withheld_lendable_minor": pools.lendable - pools.decision_lendable,
        "never_valued": pools.never_valued.astype(np.int64),
    }


def _event_rows(rows: Columns, judgement: Judgement, before: Columns) -> Columns:
    loan = judgement.event_loan
    in_breach = (rows["breach_open"][loan] > 0) | (before["breach_open"][loan] > 0)
    number = np.where(in_breach, rows["breach_number"][loan], 0)
    judged = {name: column[loan] for name, column in rows.items()}
    return pending_columns(judged, judgement.event_kind, before["level"][loan], number)
