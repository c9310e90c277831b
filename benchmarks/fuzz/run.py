"""``make fuzz``: prints progress to the error output and a JSON object for each engine; exits with 1 on failure."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.engines import engine_of
from benchmarks.fuzz.attack import PATIENCE_SECONDS, Attack, attack_book, replayed

ENGINES = ("sqlite", "postgresql")
REQUESTS = 1_000_000
MINUTES = 240.0
SEED = 20_220_713


def say(sentence: str) -> None:
    """Prints progress with the time to the error output."""
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)


def main() -> int:
    """Runs the fuzzer, or replays a saved request, on each engine; returns the exit code."""
    parser = argparse.ArgumentParser(description="Send hostile requests to every method.")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="engine; all by default")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="requests on each engine")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="longest time on each engine")
    parser.add_argument("--patience", type=float, default=PATIENCE_SECONDS, help="deadline of a call in seconds")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--saved", type=Path, default=Path(".data/fuzz"), help="folder for failing requests")
    parser.add_argument("--replay", type=Path, help="saved request to send again instead")
    chosen = parser.parse_args()
    chosen.saved.mkdir(parents=True, exist_ok=True)
    holds = True
    for name in chosen.engine or ENGINES:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as place, engine_of(name, Path(place)) as engine:
            if chosen.replay:
                print(name, replayed(engine.new_database(), Path(place), chosen.replay))
                continue
            say(f"{name}: {chosen.requests:,} requests, seed {chosen.seed}")
            attack = Attack(chosen.requests, chosen.minutes * 60, chosen.seed, chosen.saved, say, chosen.patience)
            verdict = attack_book(engine.new_database(), Path(place), attack)
            print(json.dumps({"engine": name, "seed": chosen.seed, **verdict.record()}), flush=True)
            holds = holds and verdict.holds
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
