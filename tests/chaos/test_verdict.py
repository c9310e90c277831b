"""``make chaos`` fails when something is wrong, and when less was disturbed than was asked for."""

import pytest

from benchmarks.chaos.run import CLUSTER_SCHEDULER_KILLS, CLUSTER_WORKER_KILLS, ENGINES, Options, failures

ASKED = Options(ENGINES, kills=60, items=500_000, failing_calls=60, seed=1)
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
    """What ``make chaos`` has found, on one engine other than it must be."""
    parts = {name: {one: dict(counts) for one in ENGINES} | {"seconds": 1.0} for name, counts in DONE.items()}
    if part:
        parts[part][engine] |= other
    return {"lost": 0, "doubled": 0, "cover_mismatches": 0, "resume_p99_s": 0.5, "parts": parts}


def test_everything_done_as_asked_and_nothing_wrong_passes():
    assert failures(found(), ASKED) == []


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
def test_one_count_too_few_or_one_thing_wrong_on_one_engine_fails(part, key, value, engine):
    assert failures(found(part, engine, **{key: value}), ASKED) == [f"{engine} {key}"]


def test_an_engine_that_was_left_out_fails_and_a_part_that_was_not_asked_for_does_not():
    one_missing = found()
    del one_missing["parts"]["cluster"], one_missing["parts"]["kills"]["sqlite"]

    assert failures(one_missing, ASKED) == ["sqlite kills", "sqlite items"]
