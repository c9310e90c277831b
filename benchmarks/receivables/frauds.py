"""``make bench-frauds [DATA=folder] [SEED=number]``: how soon the signals find eight kinds of simulated fraud.

Every ledger is reviewed once a week, and letters are sent about some open invoices each week. A fraud is found by the
first review in which a signal is an alarm and its evidence contains an invoice that the fraud had changed by then. A
false alarm is a signal of an honest ledger that is an alarm in one review and was not in the review before. Prints the
tables in Markdown and exits with 1 if a target is missed. ``SEED`` is the number of the first borrower: the thresholds
were set on the borrowers from 1,000 to 1,029 and 50,000 to 50,028, so other numbers are fresh.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.stats import beta

from benchmarks.receivables.kinds import Kind
from benchmarks.receivables.simulate import Borrower, simulate
from benchmarks.receivables.sources import Sources, sources_of
from benchmarks.receivables.world import END, START, answers
from valuation.receivables.ledgers.columns import NO_DAY, Letters, by_entry
from valuation.receivables.ledgers.standing import Standing, standing_of
from valuation.receivables.signals.letters import to_verify
from valuation.receivables.signals.panel import SIGNALS, read_all
from valuation.receivables.signals.reading import Reading

WITHIN_DAYS = 30
FOUND_TARGET = 0.9
FALSE_ALARMS_TARGET = 1.0

REVIEW_DAYS = 7
FIRST_REVIEW = START + 413
"""The first review of honest ledgers, after a year and the longest window of a signal."""

FOLLOWED_DAYS = 120
"""Days after its start for which a fraud is followed."""

LETTERS_BEFORE = 42
"""Days before the first counted review from which letters are sent."""

DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Job:
    """A borrower to review; ``kind`` is None for an honest one, ``letters`` how many are sent a week."""

    number: int
    kind: Kind | None
    letters: int
    strength: float
    folder: Path | None


@dataclass(frozen=True)
class Outcome:
    """What the reviews of a borrower found.

    ``found_after`` is the days from the first fraudulent act to the review that found it, None if none did within
    FOLLOWED_DAYS. ``found_by`` names the signals that found it within WITHIN_DAYS. ``precise`` is the share of
    fraudulent invoices in the evidence of the first. ``alarms`` counts the false alarms of an honest ledger.
    """

    kind: Kind | None
    found_after: int | None = None
    found_by: frozenset[str] = frozenset()
    precise: float = np.nan
    alarms: Counter[str] = field(default_factory=Counter)
    years: float = 0.0


def main() -> None:
    """Prints the tables; exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the public files; stand-ins are used without it")
    parser.add_argument("--seed", type=int, default=60_000, help="number of the first borrower")
    parser.add_argument("--borrowers", type=int, default=200, help="borrowers of each kind, and honest ones")
    parser.add_argument("--letters", type=int, default=15, help="letters a week")
    parser.add_argument("--strength", type=float, default=1.0, help="factor of the peaks of the frauds")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    began = time.monotonic()
    jobs = [
        Job(asked.seed + number, kind, asked.letters, asked.strength, asked.data)
        for kind in (None, *Kind)
        for number in range(asked.borrowers)
    ]
    with ProcessPoolExecutor(asked.processes) as pool:
        outcomes = list(pool.map(reviewed, jobs, chunksize=4))
    source = _sources(asked.data).name
    print(
        f"Simulated: {asked.borrowers} borrowers a kind from number {asked.seed}, {source}, {asked.letters} letters a "
        f"week, strength {asked.strength:g}; {time.monotonic() - began:.0f} s\n"
    )
    for line in report(outcomes):
        print(line)
    missed = tuple(targets_missed(outcomes))
    sys.exit("\n".join(missed) if missed else 0)


def reviewed(job: Job) -> Outcome:
    """Returns the outcome of the weekly reviews of one simulated borrower."""
    borrower = simulate(job.number, job.kind, _sources(job.folder), job.strength)
    if job.kind is None:
        return _honest(borrower, job)
    start = borrower.start
    if start is None:
        return Outcome(job.kind)
    found_after, precise, found_by = None, np.nan, set()
    for day, standing in _reviews(borrower, job, start, min(start + FOLLOWED_DAYS, END - 1)):
        late = day > start + WITHIN_DAYS
        if late and found_after is not None:
            break
        for name, reading in read_all(standing).items():
            share = fraudulent_share(borrower, reading, day)
            if not reading.is_alarm or share == 0.0:
                continue
            if found_after is None:
                found_after, precise = day - start, share
            if not late:
                found_by.add(name)
    return Outcome(job.kind, found_after, frozenset(found_by), precise)


def fraudulent_share(borrower: Borrower, reading: Reading, day: int) -> float:
    """Returns the share of the evidence's invoices that the fraud had changed by a day."""
    acts = borrower.rendered.fraud_day[reading.invoices]
    return float(((acts != NO_DAY) & (acts <= day)).mean()) if len(acts) else 0.0


def report(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yields the lines of the tables: by kind, and by signal."""
    honest = [outcome for outcome in outcomes if outcome.kind is None]
    by_kind = {kind: [outcome for outcome in outcomes if outcome.kind is kind] for kind in Kind}
    yield "| kind | found within 30 days | 95 % bounds | median days to find | fraudulent in the evidence | mostly by |"
    yield "|---|---|---|---|---|---|"
    for kind, own in by_kind.items():
        yield _row(kind.name, own)
    yield _row("all", [outcome for outcome in outcomes if outcome.kind is not None])
    rate, low, high = false_alarms(honest)
    years = sum(outcome.years for outcome in honest)
    yield ""
    yield (
        f"False alarms a borrower-year on {len(honest)} honest ledgers ({years:.0f} borrower-years): "
        f"{rate:.2f}, 95 % bounds {low:.2f} to {high:.2f}."
    )
    yield ""
    yield "| signal | threshold | false alarms a year | share of the frauds that it finds within 30 days, by kind |"
    yield "|---|---|---|---|"
    for signal in SIGNALS:
        alarms = sum(outcome.alarms[signal.name] for outcome in honest) / max(years, 1e-9)
        shares = {kind: np.mean([signal.name in outcome.found_by for outcome in own]) for kind, own in by_kind.items()}
        shown = ", ".join(f"{kind.name} {share:.2f}" for kind, share in shares.items() if share >= 0.05)
        yield f"| {signal.name} | {signal.threshold:g} | {alarms:.3f} | {shown or 'less than 0.05'} |"


def targets_missed(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yields a sentence for each target that is missed."""
    frauds = [outcome for outcome in outcomes if outcome.kind is not None]
    share = np.mean([_in_time(outcome) for outcome in frauds])
    if share < FOUND_TARGET:
        yield f"frauds found within {WITHIN_DAYS} days: got {share:.3f}, want at least {FOUND_TARGET}"
    rate, _, _ = false_alarms([outcome for outcome in outcomes if outcome.kind is None])
    if rate > FALSE_ALARMS_TARGET:
        yield f"false alarms a borrower-year: got {rate:.2f}, want at most {FALSE_ALARMS_TARGET:g}"


def false_alarms(honest: Sequence[Outcome]) -> tuple[float, float, float]:
    """Returns the false alarms a borrower-year and their 95 % bounds, by the spread between borrowers."""
    counts = np.array([sum(outcome.alarms.values()) for outcome in honest], dtype=np.float64)
    years = np.array([outcome.years for outcome in honest])
    rate = float(counts.sum() / years.sum())
    error = 1.96 * float(counts.std(ddof=1)) / np.sqrt(len(counts)) / float(years.mean())
    return rate, max(rate - error, 0.0), rate + error


def bounds(found: int, count: int) -> tuple[float, float]:
    """Returns the 95 % bounds of a share by Clopper and Pearson."""
    low = float(beta.ppf(0.025, found, count - found + 1)) if found else 0.0
    return low, float(beta.ppf(0.975, found + 1, count - found)) if found < count else 1.0


def _row(name: str, own: Sequence[Outcome]) -> str:
    found = sum(_in_time(outcome) for outcome in own)
    low, high = bounds(found, len(own))
    days = np.median([np.inf if outcome.found_after is None else outcome.found_after for outcome in own])
    precise = np.median([outcome.precise for outcome in own if outcome.found_after is not None] or [np.nan])
    by = Counter(signal for outcome in own for signal in outcome.found_by).most_common(3)
    signals = ", ".join(f"{signal} {count / len(own):.2f}" for signal, count in by)
    return f"| {name} | {found / len(own):.3f} | {low:.3f} to {high:.3f} | {days:.0f} | {precise:.2f} | {signals} |"


def _in_time(outcome: Outcome) -> bool:
    return outcome.found_after is not None and outcome.found_after <= WITHIN_DAYS


def _honest(borrower: Borrower, job: Job) -> Outcome:
    alarms: Counter[str] = Counter()
    before: set[str] = set()
    for _, standing in _reviews(borrower, job, FIRST_REVIEW, END - 1):
        now = {name for name, reading in read_all(standing).items() if reading.is_alarm}
        alarms.update(now - before)
        before = now
    return Outcome(None, alarms=alarms, years=(END - FIRST_REVIEW) / DAYS_A_YEAR)


def _reviews(borrower: Borrower, job: Job, first: int, last: int) -> Iterator[tuple[int, Standing]]:
    """Yields the days of weekly reviews and the standing at each, after the letters of the weeks before."""
    rng = np.random.default_rng([job.number, 3])
    ledger = borrower.rendered.ledger
    offset = (FIRST_REVIEW - LETTERS_BEFORE) % REVIEW_DAYS
    day = first - LETTERS_BEFORE
    day += (offset - day) % REVIEW_DAYS
    while day <= last:
        standing = standing_of(ledger, day)
        if day >= first:
            yield day, standing
        if job.letters:
            sent = to_verify(standing, job.letters, rng)
            ledger = replace(
                ledger, letters=_joined(ledger.letters, answers(borrower.world, borrower.rendered, sent, day, rng))
            )
        day += REVIEW_DAYS


def _joined(one: Letters, other: Letters) -> Letters:
    columns = (np.concatenate([getattr(one, name.name), getattr(other, name.name)]) for name in fields(Letters))
    return by_entry(Letters(*columns))


@lru_cache(maxsize=1)
def _sources(folder: Path | None) -> Sources:
    return sources_of(folder)


if __name__ == "__main__":
    main()
