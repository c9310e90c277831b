"""``make overload``: prints a JSON object for each engine; exits with 1 if reads, refusals or memory break a limit."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.engines import engine_of
from benchmarks.overload.attack import overload

ENGINES = ("sqlite", "postgresql")


def main() -> int:
    """Measures on each engine; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure reads during an overload of costly calls.")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="engine; all by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each part")
    parser.add_argument("--assets", type=int, default=10_000)
    chosen = parser.parse_args()
    holds = True
    for name in chosen.engine or ENGINES:
        with tempfile.TemporaryDirectory(prefix="overload-") as place, engine_of(name, Path(place)) as engine:
            load = os.getloadavg()[0]
            verdict = overload(engine.new_database(), chosen.seconds, chosen.assets)
        print(json.dumps({"engine": name, "load_before": round(load, 1), **verdict.record()}), flush=True)
        holds = holds and verdict.holds
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
