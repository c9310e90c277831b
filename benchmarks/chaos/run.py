"""``make chaos``: prints progress to the error output and one JSON object at the end; exits with 1 on failure.

Keys: kills, items, lost, doubled, resume_p99_s (of the worst engine), cover_mismatches, and the details of each part.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.book import Size
from benchmarks.chaos.bad_disk import cases
from benchmarks.chaos.cluster import disturbed_run
from benchmarks.chaos.failing_writes import run_failing_writes
from benchmarks.chaos.kills import Outcome, Plan, run_kills
from benchmarks.chaos.scenario import SOURCES
from benchmarks.engines import engine_of

ENGINES = ("sqlite", "postgresql")
PLEDGED = {"stock": 10, "invoices": 2}
"""Pledged lots in each warehouse of a partner, and loans of each partner's pool."""

KILLS = 60
ITEMS = 500_000
FAILING_CALLS = 60
SEED = 20_220_713
RESUME_LIMIT_SECONDS = 1.0
CLUSTER_BOOK = Size(4_000, 400)
CLUSTER_PARTITION_ASSETS = 40
CLUSTER_WORKER_KILLS = 6
CLUSTER_SCHEDULER_KILLS = 3
_MUST_BE_ZERO = (
    "wrongly_booked",
    "lot_mismatches",
    "sum_mismatches",
    "asset_mismatches",
    "ledger_mismatches",
    "replay_mismatches",
    "pool_mismatches",
    "mismatched_rows",
)

Counts = dict[str, float]
Found = tuple[Counts, dict[str, Any]]
"""Contribution of a part to the totals, and its details."""


@dataclass(frozen=True)
class Options:
    """Extent of each part: kills and items on each engine, and number of the last failing call."""

    engines: tuple[str, ...]
    kills: int
    items: int
    failing_calls: int
    seed: int


def say(sentence: str) -> None:
    """Prints progress with the time to the error output."""
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)


def kills(options: Options, folder: Path) -> Found:
    """Kills the server and partners that push movements of stock, on each engine."""
    return _kills("stock", options, folder)


def invoice_kills(options: Options, folder: Path) -> Found:
    """Kills the server and partners that push entries of invoice ledgers, on each engine."""
    return _kills("invoices", options, folder)


def _kills(subject: str, options: Options, folder: Path) -> Found:
    totals: Counts = {"kills": 0, "items": 0, "lost": 0, "doubled": 0, "cover_mismatches": 0, "resume_p99_s": 0.0}
    details = {}
    each = -(-options.items // len(SOURCES))
    plan = Plan(options.kills, each, options.seed, subject=subject, pledged=PLEDGED[subject])
    for name in options.engines:
        place = folder / f"{subject}-{name}"
        place.mkdir()
        with engine_of(name, place) as engine:
            say(f"{name}: {plan.kills} kills, at least {plan.items_a_partner} items of each partner, {subject}")
            outcome = run_kills(engine.new_database(), engine.copy_database, place, plan, say)
        found = _record(outcome)
        say(f"{name}: {found}")
        details[name] = found
        for key in totals.keys() - {"resume_p99_s"}:
            totals[key] += found[key]
        totals["resume_p99_s"] = max(totals["resume_p99_s"], found["resume_p99_s"])
    return totals, details


def _record(outcome: Outcome) -> dict[str, Any]:
    """Returns an outcome as a record for JSON."""
    return {
        "kills": outcome.kills,
        "partner_kills": outcome.partner_kills,
        "items": outcome.items,
        "resumes": len(outcome.resumes_s),
        "resume_p50_s": round(float(np.percentile(outcome.resumes_s, 50)), 3),
        "resume_p99_s": round(float(np.percentile(outcome.resumes_s, 99)), 3),
        **asdict(outcome.checked),
        "proxy": outcome.proxy,
    }


def failing_writes(options: Options, folder: Path) -> Found:
    """Fails the n-th write or sync of the database, or all from the n-th on, on each engine."""
    totals: Counts = {"lost": 0, "doubled": 0}
    details = {}
    for name in options.engines:
        place = folder / f"failing-writes-{name}"
        place.mkdir()
        found = asdict(run_failing_writes(name, place, cases(range(1, options.failing_calls + 1)), say))
        details[name] = found
        totals = {key: totals[key] + found[key] for key in totals}
    return totals, details


def cluster(options: Options, folder: Path) -> Found:
    """Kills workers and schedulers of a Dask cluster during a run on each engine, and compares the rows."""
    details = {}
    for name in options.engines:
        place = folder / f"cluster-{name}"
        place.mkdir()
        with engine_of(name, place) as engine:
            say(f"{name}: a run over {CLUSTER_BOOK.assets} assets with kills of workers and schedulers")
            kills_of = (CLUSTER_WORKER_KILLS, CLUSTER_SCHEDULER_KILLS)
            found = disturbed_run(
                engine.new_database(), CLUSTER_BOOK, CLUSTER_PARTITION_ASSETS, *kills_of, options.seed, say
            )
        details[name] = asdict(found)
        say(f"{name}: {details[name]}")
    return {}, details


PARTS: dict[str, Callable[[Options, Path], Found]] = {
    "kills": kills,
    "invoice_kills": invoice_kills,
    "failing_writes": failing_writes,
    "cluster": cluster,
}
"""All parts; the counts of a part are added to the totals of the same name."""


def run(options: Options, chosen: tuple[str, ...]) -> dict[str, Any]:
    """Runs the chosen parts in order and returns totals and details."""
    totals: Counts = dict.fromkeys(("kills", "items", "lost", "doubled", "resume_p99_s", "cover_mismatches"), 0)
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            begin = time.monotonic()
            counts, found = PARTS[name](options, Path(folder))
            details[name] = {**found, "seconds": round(time.monotonic() - begin, 1)}
            totals = {key: totals[key] + counts.get(key, 0) for key in totals}
    return {**totals, "parts": details}


def failures(found: dict[str, Any], options: Options) -> list[str]:
    """Returns the keys of wrong results, and of faults that were injected less often than requested."""
    wrong = [key for key in ("lost", "doubled", "cover_mismatches") if found[key]]
    for part, least in _least(options).items():
        if part not in found["parts"]:
            continue
        for engine in options.engines:
            one = found["parts"][part].get(engine, {})
            wrong += [f"{engine} {key}" for key, count in least.items() if one.get(key, 0) < count]
            wrong += [f"{engine} {key}" for key in _MUST_BE_ZERO if one.get(key, 0)]
    return wrong + (["resume_p99_s"] if found["resume_p99_s"] > RESUME_LIMIT_SECONDS else [])


def _least(options: Options) -> dict[str, dict[str, int]]:
    """Returns the minimum counts of each part on an engine; every requested failing write must have occurred."""
    failing = len(cases(range(1, options.failing_calls + 1)))
    return {
        "kills": {"kills": options.kills, "items": options.items},
        "invoice_kills": {"kills": options.kills, "items": options.items},
        "failing_writes": {"cases": failing, "hit": failing},
        "cluster": {"worker_kills": CLUSTER_WORKER_KILLS, "scheduler_kills": CLUSTER_SCHEDULER_KILLS},
    }


def main() -> int:
    """Runs all parts, or the selected ones, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=list(PARTS))
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--failing-calls", type=int, default=FAILING_CALLS)
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args()
    engines = tuple(chosen.engine or ENGINES)
    options = Options(engines, chosen.kills, chosen.items, chosen.failing_calls, chosen.seed)
    found = run(options, tuple(chosen.part or PARTS))
    wrong = failures(found, options)
    if wrong:
        say(f"failed: {', '.join(wrong)}")
    print(json.dumps(found))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
