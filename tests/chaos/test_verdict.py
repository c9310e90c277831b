"""``make chaos`` fails when data is wrong, and when it disturbed less than requested."""

import pytest

from benchmarks.chaos.run import CLUSTER_SCHEDULER_KILLS, CLUSTER_WORKER_KILLS, ENGINES, Options, failures

REQUESTED = Options(ENGINES, kills=60, items=500_000, failing_calls=60, seed=1)
DONE = {
    "kills": {"kills": 60, "items": 500_000, "lot_mismatches": 0},
    "failing_writes": {"cases": 120, "hit": 120},
    "cluster": {
        "worker_kills": CLUSTER_WORKER_KILLS,
        "scheduler_kills": CLUSTER_SCHEDULER_KILLS,
        "mismatched_rows": 0,
    },
}


def found(part="", engine="", **other):
    """Returns the results of ``make chaos``, with counts replaced in one part on one engine."""
    parts = {name: {one: dict(counts) for one in ENGINES} | {"seconds": 1.0} for name, counts in DONE.items()}
    if part:
        parts[part][engine] |= other
    return {"lost": 0, "doubled": 0, "cover_mismatches": 0, "resume_p99_s": 0.5, "parts": parts}


def test_a_complete_run_without_errors_passes():
    assert failures(found(), REQUESTED) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("kills", "kills", 59),
        ("kills", "items", 499_999),
        ("kills", "lot_mismatches", 1),
        ("failing_writes", "hit", 119),
        ("failing_writes", "cases", 119),
        ("cluster", "worker_kills", CLUSTER_WORKER_KILLS - 1),
        ("cluster", "scheduler_kills", CLUSTER_SCHEDULER_KILLS - 1),
        ("cluster", "mismatched_rows", 1),
    ],
)
def test_one_wrong_count_on_one_engine_fails(part, key, value, engine):
    assert failures(found(part, engine, **{key: value}), REQUESTED) == [f"{engine} {key}"]


def test_a_missing_engine_fails_and_a_part_that_was_not_requested_does_not():
    one_missing = found()
    del one_missing["parts"]["cluster"], one_missing["parts"]["kills"]["sqlite"]

    assert failures(one_missing, REQUESTED) == ["sqlite kills", "sqlite items"]
