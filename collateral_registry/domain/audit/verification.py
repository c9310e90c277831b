"""Verifies an export of an audit log without a server or database, and locates every fault."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collateral_registry.domain.audit.checkpoints import Checkpoint, PublicKey
from collateral_registry.domain.audit.entries import ANCHOR, NO_HASH, Entry, facts_from_text
from collateral_registry.domain.audit.fact_groups import Chains, Expected, FactGroups
from collateral_registry.domain.audit.fault import Fault, decoded
from collateral_registry.domain.audit.merkle import Tree, leaf_hash
from collateral_registry.domain.audit.set_descriptions import SetDescription

FORMAT = 1


@dataclass
class Verification:
    """What was verified, and the faults that were found.

    ``undigested`` rows of runs are older than the log, and ``unstated`` rows are facts of no commit.
    ``pending_links`` of feeds are not stated by a commit yet.
    """

    first: int = 0
    last: int = 0
    rows: int = 0
    undigested: int = 0
    unstated: int = 0
    pending_links: int = 0
    covered: int = 0
    root: bytes = b""
    checkpoints: list[Checkpoint] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.last - self.first + 1 if self.last else 0


def verified(lines: Iterable[str], key: PublicKey | None, kept: Sequence[str] = ()) -> Verification:
    """Verifies an export; ``key`` verifies the checkpoints, and ``kept`` are checkpoints that were kept elsewhere.

    Raises ValueError if the lines are no export of this or an older format.
    """
    found = Verification()
    numbered = enumerate(lines, 1)
    reader = _Reader(found, *_header(next(numbered, (1, ""))[1]))
    for number, line in numbered:
        reader.read(number, line)
    reader.end()
    _check_notes(found, reader.log.leaves, key, reader.notes, kept)
    return found


class _Reader:
    """Passes the lines of an export on to what verifies them."""

    def __init__(
        self, found: Verification, sets: Mapping[str, SetDescription], feeds: Sequence[tuple[str, str, str]]
    ) -> None:
        self.log = _Log(found)
        self.notes: list[tuple[Any, Any]] = []
        self._found = found
        self._chains = Chains(feeds, sets, found.faults)
        self._groups = FactGroups(sets, self.log.expected, self._chains, found.faults)
        self._lines = 1
        self._ends: list[tuple[int, Any]] = []

    def read(self, number: int, line: str) -> None:
        """Reads a line."""
        self._lines = number
        try:
            word, *values = json.loads(line)
            self._pass_on(number, word, values)
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError):
            self._found.faults.append(Fault(f"line {number}", "is damaged"))

    def _pass_on(self, number: int, word: object, values: list[Any]) -> None:
        match word, values:
            case "row", row:
                self._groups.add(row)
                self._found.rows += 1
            case "set", [str(name)]:
                self._groups.begin(name)
            case "entry", fields:
                self.log.add(fields)
            case "link", fields:
                self._chains.add(fields)
            case "checkpoint", [size, note]:
                self.notes.append((size, note))
            case "end", [lines]:
                self._ends.append((number, lines))
            case _:
                self._report_other(number, word, values)

    def end(self) -> None:
        """Reports what the entries state and the export lacks."""
        if not self.log.leaves:
            self._found.faults.append(Fault("file", "has no entries, as no log has from its first commit on"))
        self._groups.end()
        self._found.pending_links = self._chains.end(self.log.expected)
        self._found.faults += self.log.expected.missing()
        self._found.undigested, self._found.unstated = self._groups.undigested, self._groups.unstated
        if self._ends != [(self._lines, self._lines - 1)]:
            text = "is not a whole export: its last line is missing, or states another number of lines"
            self._found.faults.append(Fault("file", text))

    def _report_other(self, number: int, word: object, values: Sequence[Any]) -> None:
        match word, values:
            case "commit", [seq]:
                fault = Fault(f"commit {seq}", "has no entry in the log")
            case "stray", [feed, key, link]:
                fault = Fault(f"link {link} of {feed} {key}", "belongs to no kind of feed")
            case _:
                fault = Fault(f"line {number}", "is damaged")
        self._found.faults.append(fault)


class _Log:
    """The entries: each must have its hash and continue the one before."""

    def __init__(self, found: Verification) -> None:
        self._found = found
        self.expected = Expected()
        self.leaves: list[bytes] = []
        self._previous = NO_HASH

    def add(self, fields: Sequence[Any]) -> None:
        """Adds an entry, given as the values of its line."""
        found = self._found
        seq = fields[0] if fields and isinstance(fields[0], int) else found.last + 1
        place = f"commit {seq}"
        try:
            entry, stated = _entry(fields)
        except (ValueError, TypeError, OverflowError) as error:
            found.faults.append(Fault(place, f"has a damaged entry ({error})"))
            self._next(seq, NO_HASH, NO_HASH)
            return
        hashed = entry.hash
        if hashed != stated:
            found.faults.append(Fault(place, "has an entry that differs from its hash"))
        if entry.previous != self._previous:
            before = f"commit {seq - 1}" if self.leaves else "the beginning of the log"
            found.faults.append(Fault(place, f"does not continue {before}"))
        if not self.leaves:
            self._begin(entry)
        elif seq != found.last + 1:
            found.faults.append(Fault(place, f"follows commit {found.last}"))
        for fact in entry.facts:
            self.expected.add(fact, seq)
        self._next(seq, stated, hashed)

    def _begin(self, entry: Entry) -> None:
        self._found.first = self.expected.begin = entry.seq
        if entry.seq > 1 and not any(fact.name.startswith(ANCHOR) for fact in entry.facts):
            self._found.faults.append(Fault(f"commit {entry.seq}", "begins the log without the facts before it"))

    def _next(self, seq: int, stated: bytes, hashed: bytes) -> None:
        self._found.first = self._found.first or seq
        self._found.last, self._previous = seq, stated
        self.leaves.append(leaf_hash(hashed))


def _entry(fields: Sequence[Any]) -> tuple[Entry, bytes]:
    """Returns an entry and the hash that its line states; raises ValueError or TypeError."""
    seq, known_us, market_day, method, principal, actor, request, facts, previous, hashed = fields
    if not all(isinstance(one, int) for one in (seq, known_us, market_day)):
        raise ValueError("its sequence, time or business date is not a number")
    if not all(isinstance(one, str) for one in (method, principal, actor, request, facts)):
        raise ValueError("its method, principal, actor, request or facts are not a text")
    entry = Entry(
        seq, known_us, market_day, method, principal, actor, request, facts_from_text(facts), decoded(previous)
    )
    return entry, decoded(hashed)


def _header(line: str) -> tuple[dict[str, SetDescription], list[tuple[str, str, str]]]:
    """Returns the sets of an export and its kinds of feeds; raises ValueError."""
    try:
        _, header = json.loads(line)
        stated = int(header["format"])
        if stated <= FORMAT:
            sets = {one.name: one for one in map(SetDescription.of, header["sets"])}
            feeds = [(feed, sets[batches].name, sets[items].name) for feed, batches, items in header["feeds"]]
            return sets, feeds
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise ValueError("got no export of an audit log, want a file of collateral audit export") from None
    raise ValueError(f"got an export of format {stated}, want {FORMAT} or older; use a newer program")


def _check_notes(
    found: Verification,
    leaves: Sequence[bytes],
    key: PublicKey | None,
    notes: Sequence[tuple[Any, Any]],
    kept: Sequence[str],
) -> None:
    """Checks the checkpoints of the export and those kept elsewhere against the tree of the entries."""
    tree = Tree(lambda start, end: leaves[start:end])
    found.root = tree.root(len(leaves))
    for place, size, note in _places(notes, kept):
        if key is None:
            continue
        try:
            checkpoint = key.verified(str(note))
        except ValueError as error:
            found.faults.append(Fault(place, str(error).removeprefix("checkpoint: ")))
            continue
        if size is not None and checkpoint.size != size:
            found.faults.append(Fault(place, f"is stored under another size than its own, {checkpoint.size}"))
        if problem := _problem(checkpoint, key, tree, len(leaves), found.first):
            found.faults.append(Fault(place, problem))
            continue
        found.checkpoints.append(checkpoint)
        found.covered = max(found.covered, checkpoint.size)
    if key is not None and not notes and not kept:
        found.faults.append(Fault("checkpoints", "there is none, so that nothing shows who made the log"))


def _places(notes: Sequence[tuple[Any, Any]], kept: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    for size, note in notes:
        yield f"checkpoint {size}", size, note
    for number, note in enumerate(kept, 1):
        yield f"checkpoint kept elsewhere ({number})", None, note


def _problem(checkpoint: Checkpoint, key: PublicKey, tree: Tree, size: int, first: int) -> str:
    """Returns what a valid checkpoint shows to be wrong with the log; an empty text if nothing."""
    if checkpoint.origin != key.name and not checkpoint.origin.startswith(f"{key.name}/"):
        return f"is of another log, {checkpoint.origin}"
    if checkpoint.size > size:
        return f"has {checkpoint.size} entries, of which the last {checkpoint.size - size} are missing"
    if tree.root(checkpoint.size) != checkpoint.root:
        last = first + checkpoint.size - 1
        return f"does not have the entries up to commit {last}: they were changed, or the log was forked"
    return ""
