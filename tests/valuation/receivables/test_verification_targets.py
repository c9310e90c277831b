"""Targets of a verification: each reason holds of the invoices that it names, and rare ones weigh more."""

from dataclasses import replace

import numpy as np
import pytest

from valuation.receivables.ledgers.columns import NO_DAY
from valuation.receivables.verification_targets import TargetLedger, TargetReason

DAY = int(np.datetime64("2022-06-15", "D").astype(np.int64))
COUNT = 120


def ledger(**changed):
    """A ledger of one debtor that issues an invoice every three days, with numbers in sequence."""
    numbers = np.array([f"INV-{number:04}" for number in range(COUNT)], dtype=object)
    plain = TargetLedger(
        debtor=np.zeros(COUNT, dtype=np.int64),
        number=numbers,
        face_minor=np.arange(COUNT) * 77_77 + 12_345,
        issue_day=DAY - 3 * np.arange(COUNT)[::-1],
        is_open=np.ones(COUNT, dtype=np.bool_),
        is_re_invoiced=np.zeros(COUNT, dtype=np.bool_),
        unit_minor=100_00,
    )
    return replace(plain, **changed)


def changed(column, row, value):
    column = column.copy()
    column[row] = value
    return column


def held(one, reason):
    return np.flatnonzero(one.reasons(DAY)[reason - 1]).tolist()


def test_each_reason_holds_of_the_invoices_that_it_names():
    plain = ledger()
    assert held(ledger(face_minor=changed(plain.face_minor, 7, 300_00)), TargetReason.ROUND_AMOUNT) == [7]
    assert held(ledger(debtor=changed(plain.debtor, 119, 1)), TargetReason.NEW_DEBTOR) == [119]
    assert held(ledger(is_re_invoiced=changed(plain.is_re_invoiced, 5, 1)), TargetReason.RE_INVOICED) == [5]
    assert held(ledger(number=changed(plain.number, 60, "INV-0900")), TargetReason.IRREGULAR_NUMBER) == [60]
    assert held(ledger(number=changed(plain.number, 60, "INV-0003")), TargetReason.IRREGULAR_NUMBER) == [60]
    assert held(ledger(number=changed(plain.number, 119, "X/7")), TargetReason.IRREGULAR_NUMBER) == [119]
    ends = [str(np.datetime64(int(plain.issue_day[row]), "D")) for row in held(plain, TargetReason.PERIOD_END)]
    assert ends
    assert all(int((np.datetime64(day) + 5).astype(object).day) <= 5 for day in ends)


def test_a_young_ledger_has_no_new_debtors_and_days_that_are_not_stated_are_no_reason():
    young = ledger(issue_day=np.full(COUNT, DAY - 10))
    undated = ledger(issue_day=np.full(COUNT, NO_DAY))
    for one in (young, undated):
        assert held(one, TargetReason.NEW_DEBTOR) == []
    assert held(undated, TargetReason.PERIOD_END) == []


def test_a_rare_reason_weighs_more_one_of_all_invoices_nothing_and_settled_invoices_are_no_targets():
    plain = ledger()
    reasons = np.zeros((len(TargetReason), COUNT), dtype=np.bool_)
    reasons[0] = True
    reasons[1, :12] = True
    reasons[2, 0] = True
    one = ledger(is_open=changed(plain.is_open, 3, 0))

    suspicion = one.suspicion(reasons)

    assert suspicion[0] == pytest.approx(np.log10(119 / 11) + np.log10(119))
    assert suspicion[1] == pytest.approx(np.log10(119 / 11))
    assert suspicion[[3, 50]].tolist() == [0.0, 0.0]
