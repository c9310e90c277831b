"""The score of the signals: what counts as found and as a false alarm, and what is reported of them."""

from collections import Counter

import pytest

from benchmarks.receivables.frauds import Job, Outcome, bounds, false_alarms, report, reviewed, targets_missed
from benchmarks.receivables.kinds import Kind

HONEST = [Outcome(None, alarms=Counter(), years=1.0) for _ in range(9)]


def outcomes(in_time: int, late: int, missed: int) -> list[Outcome]:
    """Returns outcomes of each kind, found within 30 days, found later, and never found."""
    days = [10] * in_time + [31] * late + [None] * missed
    return [Outcome(kind, found_after=after, precise=0.5) for kind in Kind for after in days]


def test_a_simulated_duplicate_is_found_by_its_numbers_with_the_copies_as_evidence():
    found = reviewed(Job(11, Kind.DUPLICATE, letters=2, strength=1.0, folder=None))

    assert found.found_after is not None
    assert found.found_after <= 30
    assert "IRREGULAR_NUMBERS" in found.found_by
    assert found.precise > 0.0


def test_an_honest_borrower_has_years_and_no_fraud():
    found = reviewed(Job(12, None, letters=0, strength=1.0, folder=None))

    assert (found.kind, found.found_after) == (None, None)
    assert found.years == pytest.approx(0.87, abs=0.01)


@pytest.mark.parametrize(("in_time", "late", "missed", "met"), [(9, 1, 0, True), (9, 0, 1, True), (8, 2, 0, False)])
def test_nine_of_ten_frauds_must_be_found_within_thirty_days(in_time, late, missed, met):
    assert (not list(targets_missed([*outcomes(in_time, late, missed), *HONEST]))) is met


def test_more_than_one_false_alarm_a_borrower_year_misses_the_target():
    noisy = Outcome(None, alarms=Counter(DUPLICATES=11), years=1.0)

    assert list(targets_missed([*outcomes(10, 0, 0), *HONEST, noisy])) == [
        "false alarms a borrower-year: got 1.10, want at most 1"
    ]
    assert false_alarms([*HONEST, noisy])[0] == pytest.approx(1.1)


def test_the_bounds_of_a_share_are_those_of_clopper_and_pearson():
    assert bounds(9, 10) == pytest.approx((0.5550, 0.9975), abs=1e-4)
    assert bounds(0, 10)[0] == 0.0
    assert bounds(10, 10)[1] == 1.0


def test_the_report_has_a_row_for_each_kind_and_each_signal():
    lines = list(report([*outcomes(9, 1, 0), *HONEST]))

    assert sum(line.startswith(tuple(f"| {kind.name} |" for kind in Kind)) for line in lines) == len(Kind)
    assert any(line.startswith("| HOLLOW_INVOICES | 2.9 |") for line in lines)
