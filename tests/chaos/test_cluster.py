"""No result is lost when workers and the scheduler of a cluster are killed during a revaluation run."""

import pytest

from benchmarks.book import Size
from benchmarks.chaos.cluster import disturbed_run

pytestmark = pytest.mark.slow


@pytest.mark.long
@pytest.mark.parametrize("engine", ["sqlite_url", "postgres_url"])
def test_a_killed_worker_and_a_killed_scheduler_change_no_row(engine, request):
    url = request.getfixturevalue(engine)
    found = disturbed_run(url, Size(600, 60), 20, worker_kills=1, scheduler_kills=1, seed=7, say=print)

    assert (found.worker_kills, found.scheduler_kills) == (1, 1)
    assert found.partitions > 25
    assert found.mismatched_rows == 0
