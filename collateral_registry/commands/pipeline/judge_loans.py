"""Judges loans by new or last recorded values, and records the judgements with their events."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from collateral_registry.commands.pipeline.covers import Covered, cover_loans
from collateral_registry.commands.pipeline.event_columns import pending_columns, stamped
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.collateral import owed_of
from collateral_registry.domain.loans.cover import NO_LIMIT
from collateral_registry.domain.loans.judge import (
    CoverColumns,
    Judgement,
    JudgementRules,
    StateColumns,
    as_before_the_wrong_date,
    judge,
)
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.book.policies import StoredPolicy
from collateral_registry.store.engine.bulk import Columns, Source
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.breach_steps import last_waived_days
from collateral_registry.store.loans.events import insert_events
from collateral_registry.store.loans.judgements import insert_judgements, judgements_before_repair, newest_judgements
from collateral_registry.store.loans.pledges import read_pledges
from valuation._typing import Int
from valuation.flags import QualityFlag

LIMIT_NAMES = ("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm")


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
    return judged_covers(source, covered, policy, day, collateral_added)


def judged_covers(source: Source, covered: Covered, policy: StoredPolicy, day: int, collateral_added: Int) -> Judged:
    """Returns the judgements of loans with their collateral for a day, by their newest judgements before."""
    terms = _terms(covered.loans, policy.policy)
    before = _before(source, covered.loans["loan_key"])
    rules, shown = policy.policy.judgement_rules, _state(source, before)
    state = _repaired(source, covered.loans["loan_key"], before, shown, day, rules)
    judgement = judge(_cover(covered, terms, before, collateral_added), state, day, rules, shown)
    rows = _cover_rows(covered, terms, judgement, before, day)
    events = _event_rows(rows, judgement, before)
    return Judged(rows, covered.claims, events, before["seq"], covered.claim_loan, judgement.event_loan)


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


def _repaired(
    source: Source, loan_keys: Int, before: Columns, state: StateColumns, day: int, rules: JudgementRules
) -> StateColumns:
    """Returns the state that the loans [l] are judged from: that before a wrong business date if it is repaired."""
    late = before["market_day"] > day
    if not late.any():
        return state
    kept = _filled(judgements_before_repair(source, loan_keys), loan_keys)
    goes_on = (before["breach_open"] > 0) & (kept["breach_open"] > 0)
    goes_on &= before["breach_number"] == kept["breach_number"]
    repaired = as_before_the_wrong_date(state, _state(source, kept), goes_on, day, rules)
    return StateColumns(
        **{one.name: np.where(late, getattr(repaired, one.name), getattr(state, one.name)) for one in fields(state)}
    )


def _before(connection: Source, loan_keys: Int) -> Columns:
    """Returns the newest judgement of each loan [l]; its values are zero if the loan was never judged."""
    return _filled(newest_judgements(connection, loan_keys), loan_keys)


def _filled(newest: Columns, loan_keys: Int) -> Columns:
    row = np.searchsorted(loan_keys, newest["loan_key"])
    before = {}
    for name, column in newest.items():
        empty = NO_DAY if name in {"watch_day", "unknown_day", "deadline_day"} else 0
        before[name] = np.full(len(loan_keys), empty, dtype=np.int64)
        before[name][row] = column
    return before


def _state(source: Source, before: Columns) -> StateColumns:
    waived_until = np.full(len(before["waived"]), NO_DAY, dtype=np.int64)
    waived = np.flatnonzero(before["waived"])
    if len(waived):
        last_days = last_waived_days(source, before["loan_key"][waived])
        waived_until[waived] = [last_days.get(key, NO_DAY) for key in before["loan_key"][waived].tolist()]
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
        waived_until=waived_until,
    )


def _cover(covered: Covered, terms: Columns, before: Columns, collateral_added: Int) -> CoverColumns:
    collateral, owed = covered.collateral(terms["basis"]), covered.owed
    return CoverColumns(
        exposure=owed,
        conservative=collateral.conservative,
        last_good=collateral.last_good,
        never_valued=covered.pools.never_valued,
        unpriced=covered.pools.unpriced,
        quarantined=_has_quarantined(covered.pools.quality),
        limits_ppm=terms["limits_ppm"],
        buffer_ppm=terms["buffer_ppm"],
        minimum_cure=terms["minimum_cure"],
        collateral_added=(owed < owed_of(before)) | np.isin(covered.loans["loan_key"], collateral_added),
    )


def _has_quarantined(quality: Int) -> NDArray[np.bool_]:
    flagged: NDArray[np.bool_] = (quality & int(QualityFlag.NEWER_PRICE_QUARANTINED)) != 0
    return flagged


def _terms_flags(loans: Columns, owed: Int, day: int) -> Int:
    """Returns the flags [l] of loans that are past their last day or owe more than their credit limit."""
    limit, maturity = loans["credit_limit_minor"], loans["maturity_day"]
    matured = (maturity != NO_DAY) & (maturity < day)
    exceeded = (limit != NO_LIMIT) & (owed > limit)
    flags: Int = np.where(matured, int(QualityFlag.LOAN_MATURED), 0)
    return flags | np.where(exceeded, int(QualityFlag.CREDIT_LIMIT_EXCEEDED), 0)


def _cover_rows(covered: Covered, terms: Columns, judgement: Judgement, before: Columns, day: int) -> Columns:
    after, pools, bases = judgement.after, covered.pools, covered.bases
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
        "quality": pools.quality | _terms_flags(covered.loans, covered.owed, day),
        "oldest_day": np.minimum(pools.oldest_day, covered.loans["balance_day"]),
        "withheld_market_minor": pools.market - pools.decision_market,
        "withheld_lendable_minor": pools.lendable - pools.decision_lendable,
        "never_valued": pools.never_valued.astype(np.int64),
        "used_minor": bases.used,
        "base_minor": bases.base,
        "good_base_minor": bases.good,
        "withheld_base_minor": np.where(bases.present, bases.base - bases.decision, NO_BASE),
    }


def _event_rows(rows: Columns, judgement: Judgement, before: Columns) -> Columns:
    loan = judgement.event_loan
    in_breach = (rows["breach_open"][loan] > 0) | (before["breach_open"][loan] > 0)
    number = np.where(in_breach, rows["breach_number"][loan], 0)
    judged = {name: column[loan] for name, column in rows.items()}
    return pending_columns(judged, judgement.event_kind, before["level"][loan], number)
