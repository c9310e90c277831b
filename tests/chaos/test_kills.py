"""A short run of ``make chaos``: kills over an unreliable network and failing writes, all seeded."""

import errno
from dataclasses import asdict, replace

import pytest

from benchmarks.chaos.bad_disk import FROM_THEN_ON, ONCE, Case
from benchmarks.chaos.failing_writes import run_failing_writes
from benchmarks.chaos.kills import Plan, run_kills
from benchmarks.chaos.proxy import Faults
from benchmarks.engines import engine_of

pytestmark = pytest.mark.slow

SHORT = Plan(
    kills=3,
    items_a_partner=2_000,
    seed=7,
    kills_a_partner_kill=2,
    pledged=2,
    faults=Faults(mean_bytes_to_reset=100_000),
)

FAILING = {
    "sqlite": [Case(1, errno.EIO, ONCE), Case(4, errno.EIO, ONCE), Case(2, errno.ENOSPC, FROM_THEN_ON)],
    "postgresql": [Case(5, errno.EIO, ONCE), Case(2, errno.ENOSPC, FROM_THEN_ON)],
}
"""Writes and syncs that fail. PostgreSQL's fifth is the first sync of its log, after which it restarts by itself."""


def quiet(_):
    """Drops a progress message."""


@pytest.mark.long
@pytest.mark.parametrize("subject", ["stock", "invoices"])
@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_kills_lose_and_double_nothing_and_covers_stay_correct(name, subject, tmp_path):
    with engine_of(name, tmp_path) as engine:
        plan = replace(SHORT, subject=subject)
        outcome = run_kills(engine.new_database(), engine.copy_database, tmp_path, plan, quiet)

    assert set(asdict(outcome.checked).values()) == {0}
    assert (outcome.kills, outcome.partner_kills) == (3, 1)
    assert outcome.items >= 8_000
    assert outcome.proxy["resets"] > 0


@pytest.mark.long
@pytest.mark.parametrize(("name", "chosen"), FAILING.items())
def test_a_failing_write_or_a_full_disk_never_loses_data(name, chosen, tmp_path):
    failed = run_failing_writes(name, tmp_path, chosen, quiet)

    assert (failed.cases, failed.hit) == (len(chosen), len(chosen))
    assert failed.reported >= 1
    assert (failed.lost, failed.doubled) == (0, 0)
