"""``make chaos``: tells on the error output what it does, and prints one JSON object last; exit code 1 if it fails.

Keys: kills, items, lost, doubled, resume_p99_s (the worst engine's), cover_mismatches; and what each part found.
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
KILLS = 60
ITEMS = 500_000
FAILING_CALLS = 60
SEED = 20_220_713
RESUME_LIMIT_SECONDS = 1.0
CLUSTER_BOOK = Size(4_000, 400)
CLUSTER_PARTITION_ASSETS = 40
CLUSTER_WORKER_KILLS = 6
CLUSTER_SCHEDULER_KILLS = 3
_MUST_BE_ZERO = ("wrongly_booked", "lot_mismatches", "sum_mismatches", "taken_up_mismatches", "mismatched_rows")

Counts = dict[str, float]
Found = tuple[Counts, dict[str, Any]]
"""What a part adds to the totals, and its details."""


@dataclass(frozen=True)
class Options:
    """How much of each part is done: kills and items on each engine, and up to which call writes fail."""

    engines: tuple[str, ...]
    kills: int
    items: int
    failing_calls: int
    seed: int


def say(sentence: str) -> None:
    """Tells what is going on, apart from the result."""
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)


def kills(options: Options, folder: Path) -> Found:
    """Server and partners killed under load, on each engine."""
    totals: Counts = {"kills": 0, "items": 0, "lost": 0, "doubled": 0, "cover_mismatches": 0, "resume_p99_s": 0.0}
    details = {}
    plan = Plan(options.kills, -(-options.items // len(SOURCES)), options.seed)
    for name in options.engines:
        place = folder / f"kills-{name}"
        place.mkdir()
        with engine_of(name, place) as engine:
            say(f"{name}: {plan.kills} kills, at least {plan.items_a_partner} movements of each partner")
            outcome = run_kills(engine.new_database(), engine.copy_database, place, plan, say)
        found = _told(outcome)
        say(f"{name}: {found}")
        details[name] = found
        for key in totals.keys() - {"resume_p99_s"}:
            totals[key] += found[key]
        totals["resume_p99_s"] = max(totals["resume_p99_s"], found["resume_p99_s"])
    return totals, details


def _told(outcome: Outcome) -> dict[str, Any]:
    """An outcome as names and figures."""
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
    """The n-th write or sync of the database fails, or the disk is full from it on; on each engine."""
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
    """Workers and the scheduler of a Dask cluster killed in the middle of a run, on each engine; rows compared."""
    details = {}
    for name in options.engines:
        place = folder / f"cluster-{name}"
        place.mkdir()
        with engine_of(name, place) as engine:
            say(f"{name}: a run over {CLUSTER_BOOK.assets} assets on a cluster that loses workers and its scheduler")
            kills_of = (CLUSTER_WORKER_KILLS, CLUSTER_SCHEDULER_KILLS)
            found = disturbed_run(
                engine.new_database(), CLUSTER_BOOK, CLUSTER_PARTITION_ASSETS, *kills_of, options.seed, say
            )
        details[name] = asdict(found)
        say(f"{name}: {details[name]}")
    return {}, details


PARTS: dict[str, Callable[[Options, Path], Found]] = {
    "kills": kills,
    "failing_writes": failing_writes,
    "cluster": cluster,
}
"""Every part of the chaos; a part adds its counts to the totals of the same name."""


def run(options: Options, chosen: tuple[str, ...]) -> dict[str, Any]:
    """Runs parts one after the other; returns totals and details."""
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
    """What is not as it must be, or was not done as often as was asked for: a part that disturbed less shows less."""
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
    """How much each part must have done on an engine; every failing write that was asked for must have been hit."""
    failing = len(cases(range(1, options.failing_calls + 1)))
    return {
        "kills": {"kills": options.kills, "items": options.items},
        "failing_writes": {"cases": failing, "hit": failing},
        "cluster": {"worker_kills": CLUSTER_WORKER_KILLS, "scheduler_kills": CLUSTER_SCHEDULER_KILLS},
    }


def main() -> int:
    """Runs everything, or what is asked for."""
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
