"""Kills the server and partners repeatedly under load, with a faulty network between them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.checks import Checked
from benchmarks.chaos.ledger_checks import CheckedLedgers
from benchmarks.chaos.partner import Journal, read_journal
from benchmarks.chaos.proxy import Faults, Proxy
from benchmarks.chaos.scenario import SOURCES
from benchmarks.chaos.subjects import SUBJECTS
from tests.support.server import Server

MOST_UNDER_LOAD = 1_000_000
FINISH_SECONDS = 900.0
"""Time limit for partners to finish after the last kill."""

TICK_SECONDS = 0.02


@dataclass(frozen=True)
class Plan:
    """Number of server kills, load time before each, and number of server kills for each partner kill.

    ``subject`` is what partners push; ``pledged`` is the number of lots in each warehouse, or of pools, of a partner.
    """

    kills: int
    items_a_partner: int
    seed: int
    shortest_load_seconds: float = 1.0
    longest_load_seconds: float = 2.0
    kills_a_partner_kill: int = 4
    pledged: int = 10
    subject: str = "stock"
    faults: Faults = field(default_factory=Faults)


@dataclass
class Partner:
    """Partner process with its command and files."""

    source: str
    command: list[str]
    journal_path: Path
    outbox_path: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process."""
        self.process = subprocess.Popen(self.command)

    def kill(self) -> None:
        """Kills the process if it is running."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def finish(self, seconds: float) -> None:
        """Waits until the partner has pushed all items; raises RuntimeError if it fails."""
        code = self.process.wait(seconds) if self.process is not None else None
        if code or not self.journal.done:
            raise RuntimeError(f"partner {self.source}: got exit code {code}, want 0 with all items pushed")

    @property
    def journal(self) -> Journal:
        """Current contents of the partner's journal."""
        return read_journal(self.journal_path)


@dataclass(frozen=True)
class Outcome:
    """Result of a run with kills."""

    kills: int
    partner_kills: int
    items: int
    resumes_s: list[float]
    checked: Checked | CheckedLedgers
    proxy: dict[str, int]


def run_kills(url: str, copy: Callable[[str], str], folder: Path, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Runs the plan on an empty database and checks the results; ``copy`` copies a database by URL."""
    server = Server(url).start()
    subject = SUBJECTS[plan.subject]
    subject.open_book(server.address, SOURCES, plan.pledged)
    draw = random.Random(plan.seed)
    with Proxy(int(server.address.rpartition(":")[2]), plan.seed, plan.faults) as proxy:
        partners = _partners(f"127.0.0.1:{proxy.port}", folder, plan)
        for one in partners:
            one.start()
        try:
            healthy, partner_kills = _kill(server, partners, plan, draw, say)
            _finish(partners, folder, say)
        finally:
            for one in partners:
                one.kill()
        tally = vars(proxy.tally)
    journals = {one.source: one.journal for one in partners}
    counts = {source: journal.added for source, journal in journals.items()}
    checked = subject.check(server, copy, counts, plan.seed, say)
    items = sum(journal.added for journal in journals.values())
    return Outcome(len(healthy), partner_kills, items, resumes(healthy, list(journals.values())), checked, tally)


def _partners(address: str, folder: Path, plan: Plan) -> list[Partner]:
    found = []
    for source in SOURCES:
        journal, outbox = folder / f"{source}.journal", folder / f"{source}.db"
        command = [sys.executable, "-m", "benchmarks.chaos.partner", "--subject", plan.subject]
        command += ["--source", source, "--address", address]
        command += ["--seed", str(plan.seed), "--least", str(plan.items_a_partner), "--most", str(MOST_UNDER_LOAD)]
        command += ["--outbox", str(outbox), "--journal", str(journal), "--stop", str(folder / "stop")]
        found.append(Partner(source, command, journal, outbox))
    return found


def _kill(
    server: Server, partners: Sequence[Partner], plan: Plan, draw: random.Random, say: Callable[[str], None]
) -> tuple[list[float], int]:
    """Kills and restarts processes; returns the times at which the server was healthy, and the partner kills."""
    healthy, partner_kills = [], 0
    for number in range(1, plan.kills + 1):
        time.sleep(draw.uniform(plan.shortest_load_seconds, plan.longest_load_seconds))
        server.stop(signal.SIGKILL)
        if number % plan.kills_a_partner_kill == 0:
            victim = draw.choice(partners)
            victim.kill()
            victim.start()
            partner_kills += 1
        server.start()
        healthy.append(time.monotonic())
        say(f"kill {number} of {plan.kills}: {sum(one.journal.durable for one in partners)} items durable")
    return healthy, partner_kills


def _finish(partners: Sequence[Partner], folder: Path, say: Callable[[str], None]) -> None:
    """Requests the partners to stop and waits until they have pushed all items."""
    (folder / "stop").touch()
    deadline = time.monotonic() + FINISH_SECONDS
    for one in partners:
        one.finish(max(1.0, deadline - time.monotonic()))
        say(f"partner {one.source}: {one.journal.added} items")


def resumes(healthy: Sequence[float], journals: Sequence[Journal]) -> list[float]:
    """Returns the seconds from each restart of the server to the next durable items of each partner.

    A partner that starts after the server counts from its own start.
    """
    found = []
    for at in healthy:
        for journal in journals:
            after = next((durable for durable in journal.durable_at if durable >= at), None)
            if after is not None:
                found.append(after - max([at, *(start for start in journal.starts if at < start < after)]))
    return found
