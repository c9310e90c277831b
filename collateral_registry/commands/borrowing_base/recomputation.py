"""Recomputes the base of a certificate's period from the recorded judgement of the loan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import numpy as np

from collateral_registry.commands.borrowing_base.bases import RecordedBase, recorded_base
from collateral_registry.commands.borrowing_base.class_lines import lines_of_classes
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.domain.borrowing_base.base import ClassAmount, Reserve
from collateral_registry.domain.borrowing_base.certificates import Recomputation, ReserveLine
from collateral_registry.domain.borrowing_base.class_lines import ClassLine, ClassStep
from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.borrowing_base.walk import ClassStatement, Statement
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.store.book.policies import policy_id_at
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.judgements import judgement_at
from collateral_registry.store.valuations.repository import estimates_at
from valuation.money import PPM
from valuation.receivables.rules import NO_RULE, Rule


def had_base(connection: Connection, loan_key: int, day: date) -> bool:
    """Returns whether a loan had a borrowing base at the end of a day."""
    bases = judgement_at(connection, loan_key, moment_of(connection, day=day).seq)["base_minor"]
    return bool((bases != NO_BASE).any())


def recomputation(connection: Connection, loan_id: str, period_end: date) -> Recomputation | None:
    """Returns the base of a loan at the end of a period; None until the loan is judged for that day or the day is over.

    It is the base by the last commit whose business date is on or before the end of the period. A run that was not
    published by then is abandoned or is of a later day, so the last judgement before that commit counts, and states its
    own day. Raises NotFound or Refused for a loan that had no base then.
    """
    last_day, today = day_of(period_end), moment_of(connection).market_day
    if today < last_day:
        return None
    moment = moment_of(connection, day=period_end)
    found = recorded_base(connection, loan_id, moment)
    if today == last_day and found.judgement["market_day"] < last_day:
        return None
    seq, day = found.judgement["seq"], found.judgement["market_day"]
    targets = np.unique(np.array([one.target_key for one in found.claims], dtype=np.int64))
    return Recomputation(
        statement=_statement(connection, found),
        reserves=tuple(_reserve_line(reserve, amount) for reserve, amount in found.base.deductions),
        used_minor=found.base.used_minor,
        availability_minor=found.base.availability_minor,
        seq=seq,
        market_day=date_at(day),
        policy_id=policy_id_at(connection, seq, day),
        estimates=tuple(estimates_at(connection, targets, found.seq)),
    )


def _reserve_line(reserve: Reserve, amount_minor: int) -> ReserveLine:
    return ReserveLine(reserve.kind.name, reserve.reserve_id, amount_minor, reserve.computed_from)


def _statement(connection: Connection, found: RecordedBase) -> Statement:
    lines = lines_of_classes(connection, found)
    classes = {one.name: _class_statement(one, lines[one.name]) for one in found.base.classes}
    return Statement(classes, found.base.reserves_minor)


def _class_statement(one: ClassAmount, lines: Iterable[ClassLine]) -> ClassStatement:
    """Returns a class with its gross amount, what each rule takes, and the rate that it lends of what the rules leave.

    The lines without a rule are what the rate stands for.
    """
    gross, taken = 0, dict[str, int]()
    for line in lines:
        if line.cause.step is ClassStep.GROSS:
            gross = line.amount_minor
        elif line.cause.rule != NO_RULE:
            prefix = "UNKNOWN_" if line.cause.step is ClassStep.UNKNOWN else ""
            name = f"{prefix}{Rule(line.cause.rule).name}"
            taken[name] = taken.get(name, 0) - line.amount_minor
    stated = ClassStatement(gross, taken, 0, one.limit_minor, one.share_ppm, one.amount_minor)
    rate = min(one.amount_minor * PPM // stated.rest_minor, PPM) if stated.rest_minor else 0
    return replace(stated, rate_ppm=rate)
