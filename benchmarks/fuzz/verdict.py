"""What a run of the fuzzer found, and the requests that broke a promise."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzz.memory import Memory

ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
MEMORY_LIMIT_MB = 100.0
DEEP_SHARE_LEAST = 1 / 3
"""Least share of unary requests that reach the rules of the book: they succeed or its state refuses them."""

DEEP = ("OK", "FAILED_PRECONDITION")
NEVER = frozenset(("UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS", "CANCELLED"))
"""Codes that no request may cause on a healthy server."""


@dataclass
class Verdict:
    """What a run found; ``failures`` are the paths of saved requests, ``broken`` the invariants that do not hold."""

    requests: int = 0
    seconds: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    stream_codes: Counter[str] = field(default_factory=Counter)
    http_statuses: Counter[str] = field(default_factory=Counter)
    longest_answer_bytes: int = 0
    memory: list[Memory] = field(default_factory=list)
    """Readings: at rest after the warm-up, then under load, and at rest at the end."""
    failures: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def memory_growth_mb(self) -> float:
        """Growth of the memory of all processes from the first reading to the last one in MB."""
        return self.memory[-1].total_mb - self.memory[0].total_mb

    @property
    def deep_share(self) -> float:
        """Share of the unary requests that reached the rules of the book."""
        return sum(self.codes[code] for code in DEEP) / max(self.codes.total(), 1)

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return (
            not self.failures
            and not self.broken
            and self.longest_answer_bytes <= ANSWER_LIMIT_BYTES
            and self.memory_growth_mb < MEMORY_LIMIT_MB
            and self.deep_share >= DEEP_SHARE_LEAST
        )

    def record(self) -> dict[str, Any]:
        """Returns the verdict for JSON."""
        derived = {
            "memory": [(one.requests, one.server_mb, one.workers_mb) for one in self.memory],
            "memory_growth_mb": round(self.memory_growth_mb, 1),
            "deep_share": round(self.deep_share, 3),
            "rate": round(self.requests / max(self.seconds, 1e-9), 1),
            "holds": self.holds,
        }
        return vars(self) | derived


@dataclass(frozen=True)
class Saved:
    """Folder for requests that broke a promise, of a run with a seed."""

    folder: Path
    seed: int

    def save(self, number: int, kind: str, sent: bytes, answer: str) -> str:
        """Saves a request, and returns the path."""
        path = self.folder / f"{self.seed}-{number}-{kind}.json"
        content = {"method": kind, "request": base64.b64encode(sent).decode(), "answer": answer[:500]}
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return str(path)
