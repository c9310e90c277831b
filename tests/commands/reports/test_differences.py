"""Differences between two moments sum to the cent, each cause in its own step, and never change afterwards."""

from contextlib import ExitStack
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from sqlalchemy import update

from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.reports import differences
from collateral_registry.commands.reports.differences import DifferenceReports
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.domain.filters.parser import parse_filter
from collateral_registry.domain.reports.differences import AMOUNTS, DIFFERENCE_FILTER, LoanChange, StepNote
from collateral_registry.domain.reports.ltv_rows import plain_rows
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.valuations.value_steps import Step
from collateral_registry.store.schema.loans import LoanJudgementRow
from collateral_registry.store.valuations.past_values import values_at
from tests.support.books import open_filled_book
from tests.support.histories import EVENTS, History

EXPOSURE, MARKET, LENDABLE = range(3)
ALL_ASSETS = np.arange(1, 50)


@pytest.fixture
def history(sqlite_templates):
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        yield History(sqlite_templates.copy(open_filled_book, stack), patch)


def report_of(history, before, after, filter_=""):
    """Returns a report that nothing was kept for."""
    wanted = parse_filter(filter_, DIFFERENCE_FILTER)
    with history.database.read() as connection:
        moments = [moment_of(connection, seq=seq) for seq in (before, after)]
        return DifferenceReports(LtvReports()).report(connection, *moments, wanted)


def steps_of(report, loan, amount=LENDABLE):
    """Returns the changes of an amount of a loan by the names of the steps that change something."""
    ids = [report.loans.columns["loan_id"][row] for row in report.rows]
    if loan not in ids:
        return {}
    changes = report.divided.changes[ids.index(loan), :, amount]
    return {step.name: int(changes[step - 1]) for step in Step if changes[step - 1]}


def notes_of(report, loan):
    ids = [report.loans.columns["loan_id"][row] for row in report.rows]
    notes = report.divided.notes[ids.index(loan)]
    return {step.name: StepNote(int(notes[step - 1])) for step in Step if notes[step - 1]}


def ltv_sums(history, seq):
    """Returns the totals of the LTV report at a commit by currency."""
    with history.database.read() as connection:
        reports = LtvReports()
        report = reports.report(connection, moment_of(connection, seq=seq))
        return {
            one.currency: (one.exposure_minor, one.market_minor, one.lendable_minor)
            for one in reports.sums(report, (), 1).totals
        }


@settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(EVENTS, min_size=3, max_size=5))
def test_every_difference_of_a_random_history_sums_to_the_cent(sqlite_templates, events):
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        history = History(sqlite_templates.copy(open_filled_book, stack), patch)
        seqs = [history.seq - 3, history.seq]
        for event in events:
            history.happens(*event)
            seqs.append(history.seq)
        for before, after in combinations(sorted({seqs[0], seqs[len(seqs) // 2], seqs[-1]}), 2):
            _check_sums(history, before, after)


def _check_sums(history, before, after):
    report, back = report_of(history, before, after), report_of(history, after, before)
    changes, whole = report.divided.changes, report.loans.of(report.rows).whole_changes

    assert np.array_equal(changes.sum(axis=1), whole)
    assert not (report.divided.notes & int(StepNote.NOT_RECOMPUTED)).any()
    assert not (back.divided.notes & int(StepNote.NOT_RECOMPUTED)).any()
    assert set(back.rows.tolist()) == set(report.rows.tolist())
    for total, reverse in zip(report.totals, back.totals, strict=True):
        assert np.array_equal(total.changes.sum(axis=0), -reverse.changes.sum(axis=0))
        assert np.array_equal(total.changes.sum(axis=0), [total.after[name] - total.before[name] for name in AMOUNTS])
    for seq, side in ((before, "before"), (after, "after")):
        sums = {one.currency: tuple(getattr(one, side)[name] for name in AMOUNTS) for one in report.totals}
        assert {code: amounts for code, amounts in sums.items() if any(amounts)} == ltv_sums(history, seq)


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (("quantity", 90), "QUANTITY"),
        (("price", "7890"), "PRICE"),
        (("policy", "cap"), "POLICY"),
        (("policy", "liquidation_days"), "POLICY"),
        (("policy", "confidence"), "POLICY"),
        (("model", 1.5), "HAIRCUT_MODEL"),
        (("limit", 300), "PAPERS"),
    ],
    ids=lambda one: "-".join(map(str, one)) if isinstance(one, tuple) else one,
)
def test_one_cause_changes_one_step(history, event, step):
    history.happens("rate", "1.12")
    history.happens("balance", 0)
    before = history.seq
    history.happens(*event)

    assert set(steps_of(report_of(history, before, history.seq), "loan-2")) == {step}


def test_a_rate_changes_its_step_and_the_curve_that_it_renews(history):
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("rate", "1.15")
    report = report_of(history, before, history.seq)

    assert "RATE" in steps_of(report, "loan-2")
    assert set(steps_of(report, "loan-2")) <= {"RATE", "HAIRCUT_MODEL"}
    assert set(steps_of(report, "loan-2", MARKET)) == {"RATE"}


def test_a_balance_changes_the_exposure_only(history):
    before = history.seq
    history.happens("balance", 70)
    report = report_of(history, before, history.seq)

    assert steps_of(report, "loan-1", EXPOSURE) == {"BALANCE": 7_000_000 - 38_000_000}
    assert steps_of(report, "loan-1", MARKET) == steps_of(report, "loan-1") == {}


def test_the_parts_of_a_lot_are_those_of_the_fixed_order(history):
    """The market value of the junior claim on the lot: (quantity x price / rate) less the senior limit."""
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("quantity", 130)
    history.happens("price", "7600")
    history.happens("rate", "1.16")
    report = report_of(history, before, history.seq)

    def value(quantity, price, rate):
        worth = Decimal(quantity) * Decimal(price) / Decimal(rate)
        return int((worth * 100).quantize(Decimal(1), ROUND_HALF_EVEN))

    path = [value(120, 7900, "1.12"), value(130, 7900, "1.12"), value(130, 7600, "1.12"), value(130, 7600, "1.16")]
    found = steps_of(report, "loan-2", MARKET)
    assert [found[step] for step in ("QUANTITY", "PRICE", "RATE")] == np.diff(path).tolist()


def test_a_document_that_expired_carries_the_whole_change_in_papers(history):
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("document", None)
    report = report_of(history, before, history.seq)

    assert set(steps_of(report, "loan-2")) == {"PAPERS"}
    assert notes_of(report, "loan-2") == {"PAPERS": StepNote.MORE_UNKNOWN}
    assert notes_of(report_of(history, history.seq, before), "loan-2") == {"PAPERS": StepNote.FEWER_UNKNOWN}


def test_a_stale_rate_carries_the_whole_change_in_the_rate(history):
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("days", 9)
    history.happens("price", "7900")
    report = report_of(history, before, history.seq)

    assert notes_of(report, "loan-2")["RATE"] == StepNote.MORE_UNKNOWN
    with history.database.read() as connection:
        lost = int(values_at(connection, ALL_ASSETS, history.seq)["unknown"].max())
    assert lost


def test_a_machine_changes_as_a_whole_in_the_price(history):
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("days", 10)
    history.happens("price", "7900")
    history.happens("rate", "1.12")
    report = report_of(history, before, history.seq)

    assert notes_of(report, "loan-1")["PRICE"] == StepNote.MODEL_AS_A_WHOLE
    assert steps_of(report, "loan-1", MARKET)["PRICE"] < 0


def test_new_and_closed_loans_have_their_values_in_papers(history):
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("loan", None)
    history.happens("closure", None)
    report = report_of(history, before, history.seq)

    kinds = {report.loans.columns["loan_id"][row]: report.loans.columns["change"][row] for row in report.rows}
    assert kinds["loan-2"] == LoanChange.CLOSED
    (new,) = [loan for loan, kind in kinds.items() if kind == LoanChange.REGISTERED]
    assert set(steps_of(report, "loan-2")) == set(steps_of(report, new)) == {"PAPERS"}
    assert steps_of(report, new, EXPOSURE) == {"BALANCE": 30_000_000}


def test_a_moment_does_not_differ_from_itself(history):
    report = report_of(history, history.seq, history.seq)

    assert len(report.rows) == 0
    assert [total.changed for total in report.totals] == [0]
    assert report.totals[0].before == report.totals[0].after


def test_later_facts_do_not_change_a_report_of_two_past_moments(history):
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("price", "7700")
    history.happens("quantity", 110)
    history.happens("limit", 30)
    after = history.seq
    first = report_of(history, before, after)
    for event in (("policy", "cap"), ("quantity", 70), ("limit", 12), ("price", "7000"), ("model", 1.2), ("days", 3)):
        history.happens(*event)
    later = report_of(history, before, after)

    assert np.array_equal(first.divided.changes, later.divided.changes)
    assert np.array_equal(first.divided.notes, later.divided.notes)
    assert first.totals[0].after == later.totals[0].after
    covers = [plain_rows(one.snapshots[1], one.loans.after_row[one.rows]) for one in (first, later)]
    assert covers[0] == covers[1] != []


def test_both_engines_divide_a_change_and_groups_of_loans_give_the_same(filled_book, monkeypatch):
    history = History(filled_book, monkeypatch)
    before = history.seq
    history.happens("rate", "1.12")
    history.happens("quantity", 110)
    history.happens("limit", 300)
    together = report_of(history, before, history.seq)
    monkeypatch.setattr(differences, "SPLIT_LOANS", 1)
    single = report_of(history, before, history.seq)

    assert len(together.rows) == 2
    assert np.array_equal(together.divided.changes, single.divided.changes)
    assert np.array_equal(together.divided.notes, single.divided.notes)
    assert not (together.divided.notes & int(StepNote.NOT_RECOMPUTED)).any()


def test_more_changed_loans_than_a_report_divides_are_refused_and_a_filter_narrows_them(history, monkeypatch):
    monkeypatch.setattr(differences, "REPORT_LOANS", 1)
    before = history.seq
    history.happens("rate", "1.12")

    with pytest.raises(Refused, match="filter: got 2 changed loans, want at most 1") as refused:
        report_of(history, before, history.seq)
    assert refused.value.reason == "TOO_MANY_CHANGES"
    assert len(report_of(history, before, history.seq, "loan = loan-2").rows) == 1


def test_a_first_cover_that_does_not_follow_from_the_records_has_its_whole_change_in_papers(history):
    history.happens("rate", "1.12")
    before = history.seq
    history.happens("price", "7600")
    other = update(LoanJudgementRow).where(LoanJudgementRow.seq <= before).values(lendable_minor=1)
    with history.database.engine.begin() as connection:
        connection.execute(other)
    report = report_of(history, before, history.seq)

    assert set(steps_of(report, "loan-2")) == set(steps_of(report, "loan-2", MARKET)) == {"PAPERS"}
    assert notes_of(report, "loan-2") == {"PAPERS": StepNote.NOT_RECOMPUTED}


def test_the_filter_selects_loans_and_their_totals(history):
    before = history.seq
    history.happens("rate", "1.12")
    report = report_of(history, before, history.seq, "loan = loan-2")

    assert [report.loans.columns["loan_id"][row] for row in report.rows] == ["loan-2"]
    assert report.totals[0].loans == 1
    assert len(report_of(history, before, history.seq, "level_before = NONE AND change = CLOSED").loans.loan_key) == 0
