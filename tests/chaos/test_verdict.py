"""The chaos passes only if it did what was asked for and nothing was lost."""

import pytest

from benchmarks.chaos.run import Options, failures

OPTIONS = Options(("sqlite",), kills=60, items=500_000, failing_calls=60, seed=1)
ZERO = {"wrongly_booked": 0, "lot_mismatches": 0, "sum_mismatches": 0, "taken_up_mismatches": 0}


def found(**changed):
    """What a good run finds, with changes by part."""
    parts = {
        "kills": {"kills": 60, "items": 500_000, **ZERO},
        "failing_writes": {"cases": 120, "hit": 120},
        "cluster": {"worker_kills": 4, "scheduler_kills": 3, "mismatched_rows": 0},
    }
    totals = {"kills": 60, "items": 500_000, "lost": 0, "doubled": 0, "resume_p99_s": 0.5, "cover_mismatches": 0}
    told = {name: {"sqlite": {**part, **changed.get(name, {})}, "seconds": 1.0} for name, part in parts.items()}
    return {**totals, **changed.get("totals", {}), "parts": told}


def test_a_run_that_did_all_and_lost_nothing_passes():
    assert failures(found(), OPTIONS) == []


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("totals", "lost", 1),
        ("totals", "doubled", 1),
        ("totals", "cover_mismatches", 1),
        ("totals", "resume_p99_s", 1.2),
        ("kills", "kills", 59),
        ("kills", "items", 499_999),
        ("kills", "lot_mismatches", 1),
        ("failing_writes", "hit", 119),
        ("cluster", "mismatched_rows", 1),
        ("cluster", "worker_kills", 0),
        ("cluster", "scheduler_kills", 0),
    ],
)
def test_whatever_is_wrong_or_was_not_tried_is_named(part, key, value):
    assert failures(found(**{part: {key: value}}), OPTIONS) == [key]
