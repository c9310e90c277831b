"""Judges loans by their cover and previous state (rules.md sections 2 and 3), in columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.loans.cure import cash_cure, collateral_cure
from collateral_registry.domain.loans.levels import Level, level_of, loan_to_value, target_ltv
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Int


class EventKind(IntEnum):
    """Kind of a loan event; the numeric values are stored and sent."""

    OPENED = 1
    ESCALATED = 2
    EASED = 3
    CURED = 4
    ACKNOWLEDGED = 5
    NOTICE = 6
    DEADLINE_MISSED = 7
    PARTIAL_CURE = 8
    GRACE_GRANTED = 9
    WAIVED = 10
    WATCH_ENTERED = 11
    WATCH_LEFT = 12
    COVERAGE_UNKNOWN = 13
    COVERAGE_KNOWN = 14
    FINDING_OPENED = 15
    FINDING_RESOLVED = 16
    PRICE_QUARANTINED = 17
    PRICE_QUARANTINE_ENDED = 18
    NOTED = 19
    DISPUTED = 20
    DISPUTE_SETTLED = 21
    DISPUTE_WITHDRAWN = 22
    CURE_PROMISED = 23
    CURE_RECEIVED = 24
    ESCALATED_TO_DISPOSAL = 25
    WAIVER_EXPIRED = 26


@dataclass(frozen=True)
class CoverColumns:
    """Exposure, collateral value and terms of each loan [n]. Amounts are in minor units, on the loan's basis.

    Of a loan with a borrowing base, the exposure is the used amount, and the collateral values are bases.

    ``conservative`` is the collateral value with unknown values counted as 0. ``last_good`` counts unknown values at
    their last good value. ``limits_ppm`` [n, 4] are the LTV limits in ascending order.

    ``never_valued`` marks loans with an asset that has no last good value. ``unpriced`` marks loans with assets none of
    which ever had a value, for want of a price or exchange rate only. ``quarantined`` marks loans with an asset whose
    price or exchange rate is followed by one in quarantine.
    """

    exposure: Int
    conservative: Int
    last_good: Int
    never_valued: NDArray[np.bool_]
    unpriced: NDArray[np.bool_]
    quarantined: NDArray[np.bool_]
    limits_ppm: Int
    buffer_ppm: Int
    minimum_cure: Int
    collateral_added: NDArray[np.bool_]
    """Whether cash or collateral was added since the previous judgement."""


@dataclass(frozen=True)
class StateColumns:
    """State of each loan [n] between judgements.

    ``judged`` is the level that follows from the LTV. ``level`` also takes a missed deadline into account.
    ``watch_day`` is the first day of a pending WATCH, or NO_DAY. ``unknown_day`` is the first day of unknown coverage,
    or NO_DAY. ``waived_until`` is the last day of the waiver, or NO_DAY if there is none.
    """

    judged: Int
    level: Int
    unknown: NDArray[np.bool_]
    watch_day: Int
    unknown_day: Int
    breach_open: NDArray[np.bool_]
    deadline_day: Int
    deadline_missed: NDArray[np.bool_]
    noticed: NDArray[np.bool_]
    waived: NDArray[np.bool_]
    cash_cure: Int
    quarantined: NDArray[np.bool_]
    waived_until: Int


@dataclass(frozen=True)
class JudgementRules:
    """The policy's rules for judging loans. Days are working days."""

    grace_days: int
    unknown_grace_days: int
    missed_deadline_level: Level
    weekmask: str
    holidays: NDArray[np.datetime64]

    def working_days_after(self, day: int, count: int) -> int:
        """Returns the day that is ``count`` working days after a day; 0 after a day is the day, of work or not."""
        return max(day, self._shifted(day, count))

    def working_days_before(self, day: int, count: int) -> int:
        """Returns the day that is ``count`` working days before a day, or before the last working day by then."""
        return self._shifted(day, -count)

    def _shifted(self, day: int, count: int) -> int:
        start = np.datetime64(day, "D")
        end = np.busday_offset(start, count, roll="backward", weekmask=self.weekmask, holidays=self.holidays)
        return int(end.astype(np.int64))


@dataclass(frozen=True)
class Judgement:
    """State after the judgement, and the events as pairs of loan row and kind, ordered by loan."""

    after: StateColumns
    ltv: NDArray[np.float64]
    last_good_ltv: NDArray[np.float64]
    collateral_cure: Int
    event_loan: Int
    event_kind: Int


def judge(
    cover: CoverColumns, before: StateColumns, day: int, rules: JudgementRules, shown: StateColumns | None = None
) -> Judgement:
    """Judges every loan [n] for one day.

    ``shown`` is the state that the newest events describe. It differs from ``before`` after a repair of the business
    date only, and is ``before`` if it is not given.

    Coverage is unknown if conservative and last good values give different levels. Within the grace period, a loan with
    unknown coverage is judged on the last good values. Afterwards it is judged on the conservative values. A loan whose
    assets only lack their first price keeps its level within the grace period, unless a breach is open.
    """
    ltv = loan_to_value(cover.exposure, cover.conservative)
    good_ltv = loan_to_value(cover.exposure, cover.last_good)
    safe = level_of(ltv, cover.limits_ppm, cover.buffer_ppm, before.judged)
    good = level_of(good_ltv, cover.limits_ppm, cover.buffer_ppm, before.judged)
    unknown = ((safe != good) | cover.never_valued) & (cover.exposure > 0)
    unknown_day = np.where(unknown, np.where(before.unknown_day == NO_DAY, day, before.unknown_day), NO_DAY)
    past_grace = unknown & (day >= _days_after(unknown_day, rules.unknown_grace_days, rules))
    on_last_good = unknown & ~past_grace
    awaits_first_price = on_last_good & cover.unpriced & ~before.breach_open
    raw = np.where(awaits_first_price, before.judged, np.where(on_last_good, good, safe))
    judged, watch_day = _watch_on_the_second_day(raw, before, day)
    is_open = judged >= Level.MARGIN_CALL
    opened = is_open & ~before.breach_open
    fresh_deadline = rules.working_days_after(day, rules.grace_days)
    deadline = np.where(opened, fresh_deadline, np.where(is_open, before.deadline_day, NO_DAY))
    expired = is_open & before.waived & (before.waived_until != NO_DAY) & (day > before.waived_until)
    waived = is_open & before.waived & (judged <= before.judged) & ~expired
    missed_now = is_open & ~opened & ~waived & ~before.deadline_missed & (day > deadline)
    missed = is_open & (before.deadline_missed | missed_now) & ~opened & ~waived
    level = np.where(missed, np.maximum(judged, int(rules.missed_deadline_level)), judged)
    pool = np.where(on_last_good, cover.last_good, cover.conservative)
    theta = target_ltv(cover.limits_ppm[:, 1], cover.buffer_ppm)
    cash = cash_cure(cover.exposure, pool, theta)
    notice = is_open & ~(before.noticed & before.breach_open) & ~waived & (cash > 0) & (cash >= cover.minimum_cure)
    after = StateColumns(
        judged=judged,
        level=level,
        unknown=unknown,
        watch_day=watch_day,
        unknown_day=unknown_day,
        breach_open=is_open,
        deadline_day=deadline,
        deadline_missed=missed,
        noticed=is_open & ((before.noticed & before.breach_open) | notice),
        waived=waived,
        cash_cure=cash,
        quarantined=cover.quarantined,
        waived_until=np.where(waived, before.waived_until, NO_DAY),
    )
    now = Occurred(opened, expired, missed_now, notice, cover.collateral_added)
    event_loan, event_kind = _events(shown or before, after, now)
    return Judgement(after, ltv, good_ltv, collateral_cure(cover.exposure, pool, theta), event_loan, event_kind)


def as_before_the_wrong_date(
    state: StateColumns, kept: StateColumns, goes_on: NDArray[np.bool_], day: int, rules: JudgementRules
) -> StateColumns:
    """Returns the state of loans [n] that were judged under a wrong business date, for the repaired date.

    ``kept`` is the state before the wrong date. ``goes_on`` marks the loans whose open breach was open then; a breach
    that the wrong date opened has a new deadline.
    """
    fresh_deadline = rules.working_days_after(day, rules.grace_days)
    open_deadline = np.where(goes_on, kept.deadline_day, fresh_deadline)
    return replace(
        state,
        judged=kept.judged,
        level=kept.level,
        unknown=kept.unknown,
        watch_day=kept.watch_day,
        unknown_day=kept.unknown_day,
        deadline_day=np.where(state.breach_open, open_deadline, NO_DAY),
        deadline_missed=goes_on & kept.deadline_missed,
    )


def _days_after(days: Int, count: int, rules: JudgementRules) -> Int:
    """Returns, for each day [n], the day that is ``count`` working days later. NO_DAY stays NO_DAY."""
    later = days.copy()
    for day in np.unique(days[days != NO_DAY]):
        later[days == day] = rules.working_days_after(int(day), count)
    return later


def _watch_on_the_second_day(raw: Int, before: StateColumns, day: int) -> tuple[Int, Int]:
    """Returns the judged level and the first day of a pending WATCH.

    A loan changes from NONE to WATCH only after judgements on two different days. The first of these days is recorded.
    """
    rising = (raw == Level.WATCH) & (before.judged == Level.NONE)
    first_day = np.where(before.watch_day == NO_DAY, day, before.watch_day)
    pending = rising & (first_day >= day)
    judged = np.where(pending, int(Level.NONE), raw).astype(np.int64)
    return judged, np.where(pending, first_day, NO_DAY)


@dataclass(frozen=True)
class Occurred:
    """What a judgement finds of each loan [n] that the states before and after do not show."""

    opened: NDArray[np.bool_]
    expired: NDArray[np.bool_]
    missed: NDArray[np.bool_]
    notice: NDArray[np.bool_]
    collateral_added: NDArray[np.bool_]


def _events(before: StateColumns, after: StateColumns, now: Occurred) -> tuple[Int, Int]:
    """Returns the events as loan rows and kinds, ordered by loan. Events of one loan have a fixed order of kinds."""
    stays = before.breach_open & after.breach_open
    partly_cured = stays & now.collateral_added & (after.cash_cure < before.cash_cure)
    masks = (
        (EventKind.COVERAGE_UNKNOWN, after.unknown & ~before.unknown),
        (EventKind.COVERAGE_KNOWN, before.unknown & ~after.unknown),
        (EventKind.CURED, before.breach_open & ~after.breach_open),
        (EventKind.WATCH_LEFT, (before.judged == Level.WATCH) & (after.judged == Level.NONE)),
        (EventKind.WATCH_ENTERED, (before.judged != Level.WATCH) & (after.judged == Level.WATCH)),
        (EventKind.OPENED, now.opened),
        (EventKind.WAIVER_EXPIRED, now.expired),
        (EventKind.DEADLINE_MISSED, now.missed),
        (EventKind.ESCALATED, stays & (after.level > before.level)),
        (EventKind.EASED, stays & (after.level < before.level)),
        (EventKind.PARTIAL_CURE, partly_cured),
        (EventKind.NOTICE, now.notice),
        (EventKind.PRICE_QUARANTINED, after.quarantined & ~before.quarantined),
        (EventKind.PRICE_QUARANTINE_ENDED, before.quarantined & ~after.quarantined),
    )
    loans = [np.flatnonzero(mask) for _, mask in masks]
    kinds = [np.full(len(rows), int(kind), dtype=np.int64) for (kind, _), rows in zip(masks, loans, strict=True)]
    loan, kind = np.concatenate(loans), np.concatenate(kinds)
    order = np.argsort(loan, kind="stable")
    return loan[order].astype(np.int64), kind[order]
