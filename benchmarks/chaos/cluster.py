"""Kills Dask workers and schedulers during a revaluation run and compares the results with an undisturbed run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import select

from benchmarks.book import Size, make_book
from collateral_registry.clock import wall_clock
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.revaluation.runs import pending_jobs, plan_run, publish_run, run_book, start_run
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.revaluation.runs import RunState, RunStep
from collateral_registry.runtime.revaluation.cluster_workers import ClusterWorkers
from collateral_registry.runtime.revaluation.errors import WorkersLost
from collateral_registry.store.engine.bulk import read_columns
from collateral_registry.store.engine.database import Database
from collateral_registry.store.revaluation.runs import StoredRun
from collateral_registry.store.schema.loans import LoanJudgementRow, PledgeClaimRow
from collateral_registry.store.schema.valuations import ValuationRow
from tests.support.server import free_port

WORKERS = 2
RECONNECT_SECONDS = 1.0
LEAVE_SECONDS = 15.0
"""Time for workers to exit after their scheduler is killed. A worker that was still starting does not exit: it keeps
connecting, and joins the next scheduler at the same address."""

TRIES = 60
KILLED_WITHIN = 0.7
"""Share of the partitions during which processes are killed; the rest allows for partitions whose completion a killed
scheduler did not report."""

Say = Callable[[str], None]


@dataclass
class Disturbed:
    """Result of a run with killed workers and schedulers, compared with an undisturbed run."""

    worker_kills: int = 0
    scheduler_kills: int = 0
    partitions: int = 0
    mismatched_rows: int = 0


@dataclass
class Cluster:
    """Scheduler and workers, each a local process."""

    port: int = field(default_factory=free_port)
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return f"tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts the processes that are not running."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
            self.scheduler = _program("distributed.cli.dask_scheduler", *options)
        self.workers = [one for one in self.workers if one.poll() is None]
        while len(self.workers) < WORKERS:
            options = [self.address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            self.workers.append(_program("distributed.cli.dask_worker", *options))

    def kill_worker(self) -> None:
        """Kills a worker, possibly during a job."""
        self.workers[0].send_signal(signal.SIGKILL)
        self.workers[0].wait()

    def kill_scheduler(self) -> None:
        """Kills the scheduler and waits for its workers to exit; see LEAVE_SECONDS."""
        assert self.scheduler is not None
        self.scheduler.send_signal(signal.SIGKILL)
        self.scheduler.wait()
        deadline = time.monotonic() + LEAVE_SECONDS
        for one in self.workers:
            with suppress(subprocess.TimeoutExpired):
                one.wait(max(deadline - time.monotonic(), 0.0))

    def stop(self) -> None:
        """Kills all processes."""
        for process in (*self.workers, self.scheduler):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def disturbed_run(
    url: str, size: Size, partition_assets: int, worker_kills: int, scheduler_kills: int, seed: int, say: Say
) -> Disturbed:
    """Runs a book undisturbed and again with kills at random points by ``seed``, and compares every row."""
    database = Database(url, wall_clock)
    make_book(database, size)
    calm = run_book(database, Author("chaos", "chaos"), partition_assets)
    with database.write("StartRevaluation", Author("chaos", "chaos")) as write:
        start_run(write)
        commit(write)
    plan_run(database, write.seq, partition_assets)
    found = Disturbed(partitions=len(pending_jobs(database, write.seq)))
    with _cluster() as cluster:
        _work(database, cluster, write.seq, found, _victims(found.partitions, worker_kills, scheduler_kills, seed), say)
    with database.write("PublishRevaluation", Author("chaos", "chaos")) as publishing:
        run = publish_run(publishing, write.seq)
        publishing.commit()
    found.mismatched_rows = _mismatches(database, calm, run)
    database.close()
    return found


def _work(
    database: Database, cluster: Cluster, seq: int, found: Disturbed, victims: list[tuple[int, str]], say: Say
) -> None:
    """Executes jobs and kills the victims in order until no job is pending."""
    workers = ClusterWorkers(database.url, cluster.address)
    for _ in range(TRIES):
        cluster.start()
        # Partitions that were stored but not reported count too; otherwise the last victims might never be killed.
        stored = found.partitions - len(pending_jobs(database, seq))
        try:
            for step in ((RunStep.CURVES,), (RunStep.LOANS, RunStep.UNPLEDGED)):
                jobs = [job for job in pending_jobs(database, seq) if job.partition.step in step]
                for _number in workers.work(jobs):
                    stored += 1
                    if victims and victims[0][0] <= stored:
                        _kill(cluster, victims.pop(0)[1], found, say)
                        cluster.start()
        except WorkersLost as error:
            say(f"{error}; retrying")
            time.sleep(RECONNECT_SECONDS)
        if not pending_jobs(database, seq):
            break
    workers.close()


def _kill(cluster: Cluster, victim: str, found: Disturbed, say: Say) -> None:
    if victim == "worker":
        cluster.kill_worker()
        found.worker_kills += 1
    else:
        cluster.kill_scheduler()
        found.scheduler_kills += 1
    say(f"killed a {victim}")


def _victims(partitions: int, worker_kills: int, scheduler_kills: int, seed: int) -> list[tuple[int, str]]:
    """Returns the processes to kill in order, each with the number of stored partitions after which it is killed."""
    last = int(partitions * KILLED_WITHIN)
    draw = random.Random(seed)
    counts = draw.sample(range(1, last), worker_kills + scheduler_kills)
    return sorted(zip(counts, ["worker"] * worker_kills + ["scheduler"] * scheduler_kills, strict=True))


def _mismatches(database: Database, calm: StoredRun, run: StoredRun) -> int:
    """Returns the number of rows of the disturbed run that are missing, duplicated or different."""
    if run.state != RunState.PUBLISHED:
        return calm.valued + calm.judged
    wrong = 0
    with database.read() as connection:
        for table in (ValuationRow, LoanJudgementRow, PledgeClaimRow):
            order = table.__table__.primary_key
            one, other = (
                read_columns(connection, select(*table.__table__.c).where(table.seq == seq).order_by(*order))
                for seq in (calm.seq, run.seq)
            )
            wrong += _different(one, other)
    return wrong


def _different(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> int:
    rows = {len(one["of_run"]), len(other["of_run"])}
    if len(rows) > 1:
        return max(rows)
    differs = np.zeros(rows.pop(), dtype=np.bool_)
    for name in one.keys() - {"seq", "good_seq", "of_run"}:
        same = (one[name] == other[name]) | ((one[name] != one[name]) & (other[name] != other[name]))
        differs |= ~same
    return int(differs.sum())


@contextmanager
def _cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _program(module: str, *options: str) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", module, *options], **quiet, cwd=Path(__file__).parents[2])
