"""Compares the rows of an export with the digests that entries, partitions of runs and links of feeds state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collateral_registry.domain.audit.canonical import BLOCK_ROWS, Fold
from collateral_registry.domain.audit.entries import ANCHOR, NO_HASH, FactDigest, facts_from_text, link_hash
from collateral_registry.domain.audit.fault import Fault, decoded
from collateral_registry.domain.audit.set_descriptions import SetDescription

RUNS = "revaluation_run.published"
PARTITIONS = "run_partition.published"
"""Sets that state which rows of runs are facts, and the digests of these rows."""

ANY_ROWS = -1
"""Number of rows of a digest that states none."""

SHOWN_ROWS = 3
"""Rows that a fault names."""


class Expected:
    """The digests that entries state and whose rows have not been found yet."""

    def __init__(self) -> None:
        self.begin = 0
        self._facts: dict[str, dict[int, FactDigest]] = {}

    def add(self, fact: FactDigest, seq: int) -> None:
        """Adds a digest that the entry of a commit states."""
        self._facts.setdefault(fact.name, {})[seq] = fact

    def take(self, name: str, seq: int) -> FactDigest | None:
        """Returns and removes the digest of a set that the entry of a commit states."""
        return self._facts.get(name, {}).pop(seq, None)

    def has(self, name: str) -> bool:
        """Returns whether an entry states a digest of a name."""
        return name in self._facts

    def take_newest(self, name: str) -> tuple[int, FactDigest] | None:
        """Returns and removes the newest digest of a row that changes, with its commit, and the older ones."""
        stated = self._facts.pop(name, None)
        return max(stated.items()) if stated else None

    def take_heads(self, feed: str) -> dict[int, FactDigest]:
        """Returns and removes the heads of the chain of a feed."""
        return self._facts.pop(feed, {})

    def missing(self) -> Iterator[Fault]:
        """Yields a fault for each digest whose rows were not found."""
        for name, stated in self._facts.items():
            for seq, fact in stated.items():
                yield Fault(f"commit {seq}: {name}", f"lacks {fact.rows} rows that the entry states")


@dataclass
class _Group:
    """Rows that have one digest together."""

    described: SetDescription
    place: str
    expected: FactDigest | None
    rows: int = 0
    shown: list[str] = field(default_factory=list)
    problem: str = ""

    def __post_init__(self) -> None:
        self._fold = Fold(self.described.shape)
        self._held: list[Sequence[Any]] = []

    def add(self, row: Sequence[Any]) -> None:
        """Adds a row."""
        self.rows += 1
        if len(self.shown) < SHOWN_ROWS:
            self.shown.append(self.described.described(row))
        self._held.append(row)
        if len(self._held) == BLOCK_ROWS:
            self._fold_held()

    def faults(self) -> Iterator[Fault]:
        """Yields what differs from the digest."""
        if self._held:
            self._fold_held()
        of_rows = "; ".join(self.shown) + ("; ..." if self.rows > len(self.shown) else "")
        if self.expected is None:
            yield Fault(self.place, f"has {self.rows} rows that the log does not state ({of_rows})")
        elif self.rows != self.expected.rows != ANY_ROWS:
            yield Fault(self.place, f"has {self.rows} rows, want {self.expected.rows} ({of_rows})")
        elif self.problem or self._fold.digest() != self.expected.digest:
            which = "the row was" if self.rows == 1 else f"at least one of {self.rows} rows was"
            yield Fault(self.place, f"{which} changed ({of_rows})" + (f": {self.problem}" if self.problem else ""))

    def _fold_held(self) -> None:
        try:
            self._fold.add_rows([self.described.typed(row) for row in self._held])
        except (ValueError, TypeError, OverflowError) as error:
            self.problem = str(error)
        self._held = []


class Chains:
    """The chains of the feeds: each link must have its hash and continue the one before."""

    def __init__(
        self, feeds: Sequence[tuple[str, str, str]], sets: Mapping[str, SetDescription], faults: list[Fault]
    ) -> None:
        self._sets = sets
        self.batches = {batches: feed for feed, batches, _ in feeds}
        self.items = {items: feed for feed, _, items in feeds}
        self._faults = faults
        self._hashes: dict[str, list[bytes]] = {}
        self._digests: dict[tuple[str, int, int, bool], bytes] = {}
        self._links: dict[tuple[str, int, int], int] = {}
        self._names: dict[tuple[str, int], str] = {}

    def add(self, fields: Sequence[Any]) -> None:
        """Adds a link, given as the values of its line."""
        try:
            feed, key, source_id, number, *encoded = fields
            batches, items, stated = (decoded(one) for one in encoded)
            name = f"{feed}/{source_id}"
            owner = self._names.setdefault((feed, key), name)
            hashes = self._hashes.setdefault(name, [])
            hashed = link_hash(hashes[-1] if hashes else NO_HASH, name, number, batches, items)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            self._faults.append(Fault(f"link {fields[:4]}", f"is damaged ({error})"))
            return
        place = f"link {number} of {name}"
        if owner != name:
            # Rows state the key of their feed only, so a link of another feed must not decide about them.
            self._faults.append(Fault(place, f"has the key of {owner}"))
            return
        if number != len(hashes) + 1:
            self._faults.append(Fault(place, f"follows link {len(hashes)}"))
        if hashed != stated:
            self._faults.append(Fault(place, "differs from its hash, or does not continue the one before"))
        hashes.append(stated)
        self._digests[feed, key, number, False] = batches
        self._digests[feed, key, number, True] = items

    def group_of(self, one: SetDescription, row: Sequence[Any]) -> tuple[Any, ...]:
        """Returns the group of a batch or of an item, which is that of its batch; batches come before items."""
        key, sequence = one.value(row, "source_key"), one.value(row, "sequence")
        feed = self.batches.get(one.name)
        if feed is None:
            feed = self.items[one.name]
            link = self._links.get((feed, key, sequence), -1)
        else:
            link = self._links[feed, key, sequence] = one.value(row, one.seq)
        return ("anchor",) if link == 0 else ("link", feed, key, link)

    def take(self, feed: str, key: int, number: int, *, of_items: bool) -> FactDigest | None:
        """Returns and removes the digest of the rows of a link."""
        digest = self._digests.pop((feed, key, number, of_items), None)
        return None if digest is None else FactDigest(feed, ANY_ROWS, digest)

    def missing(self) -> Iterator[Fault]:
        """Yields a fault for each digest of rows that were not found, unless it is that of no rows."""
        for (feed, key, number, of_items), digest in self._digests.items():
            name = next(name for name, its in (self.items if of_items else self.batches).items() if its == feed)
            if digest != self._sets[name].shape.digest_of_rows([]):
                yield Fault(f"link {number} of {feed} {key}: {name}", "lacks rows")

    def end(self, expected: Expected) -> int:
        """Compares the chains with the heads that entries state; returns the number of links after the last heads."""
        after = 0
        for name, hashes in self._hashes.items():
            heads = expected.take_heads(name)
            after += len(hashes) - max((head.rows for head in heads.values()), default=0)
            for seq, head in heads.items():
                if not 0 < head.rows <= len(hashes) or hashes[head.rows - 1] != head.digest:
                    text = f"states link {head.rows} of {name}, which is missing or was changed"
                    self._faults.append(Fault(f"commit {seq}", text))
        return max(0, after)


_Id = tuple[Any, ...]
"""A group of rows: ``commit``, ``anchor``, ``run``, ``row`` or ``link``, and what identifies it."""


class FactGroups:
    """Receives the rows of the sets in their order, and compares each group with its digest."""

    def __init__(
        self, sets: Mapping[str, SetDescription], expected: Expected, chains: Chains, faults: list[Fault]
    ) -> None:
        self.undigested = 0
        self.unstated = 0
        self._sets = sets
        self._expected = expected
        self._chains = chains
        self._faults = faults
        self._current: SetDescription | None = None
        self._before: tuple[Any, ...] = ()
        self._open: dict[_Id, _Group] = {}
        self._runs = _Runs()

    def begin(self, name: str) -> None:
        """Begins the rows of a set."""
        self._close(list(self._open))
        self._before = ()
        self._current = self._sets.get(name)
        if self._current is None:
            self._faults.append(Fault(name, "is a set that the export does not describe"))

    def add(self, row: Sequence[Any]) -> None:
        """Adds a row of the current set."""
        one = self._current
        if one is None or len(row) != len(one.places):
            self._faults.append(Fault(one.name if one else "rows", f"has a row of another length: {str(row)[:80]}"))
            return
        self._check_order(one, row)
        group = self._group_of(one, row)
        if group is None:
            return
        if group not in self._open:
            self._close([other for other in self._open if _is_over(other, group)])
            self._open[group] = _Group(one, _place(one, group), self._digest_of(one, group))
        self._open[group].add(row)

    def end(self) -> None:
        """Ends the last set, and reports the digests of runs and feeds whose rows were not found."""
        self._close(list(self._open))
        self._faults += self._runs.missing(self._expected.begin)
        self._faults += self._chains.missing()

    def _check_order(self, one: SetDescription, row: Sequence[Any]) -> None:
        place = tuple(one.value(row, name) for name in one.order)
        try:
            in_order = not self._before or self._before < place
        except TypeError:  # a value of another kind, which its digest shows
            in_order = True
        if not in_order:
            self._faults.append(Fault(one.name, f"is out of order at {one.described(row)}"))
        self._before = place

    def _close(self, groups: Sequence[_Id]) -> None:
        for group in groups:
            self._faults += self._open.pop(group).faults()

    def _group_of(self, one: SetDescription, row: Sequence[Any]) -> _Id | None:
        """Returns the group of a row; None for a row of a run that is no fact."""
        if one.name in self._chains.batches or one.name in self._chains.items:
            return self._chains.group_of(one, row)
        seq, begin = one.value(row, one.seq), self._expected.begin
        if not isinstance(seq, int):
            return "commit", seq
        self._runs.note(one, row)
        if one.changes:
            name = "/".join([one.name, *(str(one.value(row, column)) for column in one.key)])
            if seq >= begin or self._expected.has(name):
                return "row", name, seq
            self.unstated += 1
            return None
        if one.run and one.value(row, one.run) != 0:
            return self._group_of_run(seq, one.value(row, one.run))
        return ("commit", seq) if seq >= begin else ("anchor",)

    def _group_of_run(self, seq: int, run: int) -> _Id | None:
        published = self._runs.published.get(seq)
        if published is None:
            self.unstated += 1
            return None
        if published < self._expected.begin:
            return ("anchor",)
        if self._runs.is_undigested(seq, run):
            self.undigested += 1
            return None
        return "run", seq, run

    def _digest_of(self, one: SetDescription, group: _Id) -> FactDigest | None:
        """Returns the digest of a group; None if nothing states one."""
        match group:
            case ("anchor",):
                return self._expected.take(ANCHOR + one.name, self._expected.begin)
            case ("commit", int(seq)):
                return self._expected.take(one.name, seq)
            case ("run", seq, run):
                return self._runs.take(one.name, seq, run)
            case ("row", name, seq):
                newest = self._expected.take_newest(name)
                return newest[1] if newest is not None and newest[0] == seq else None
            case ("link", feed, key, number):
                return self._chains.take(feed, key, number, of_items=one.name in self._chains.items)
        return None


def _is_over(open_group: _Id, group: _Id) -> bool:
    """Returns whether no further rows of an open group can follow a row of another group."""
    if open_group == ("anchor",):
        return False
    # The batches of single calls have sequences below 0 and come before all others of their link.
    return not (open_group[0] == "link" and open_group[:3] == group[:3])


def _place(one: SetDescription, group: _Id) -> str:
    match group:
        case ("anchor",):
            return f"before the log: {one.name}"
        case ("run", seq, run):
            return f"run {seq}, partition {run - 1}: {one.name}"
        case ("row", name, seq):
            return f"commit {seq}: {name}"
        case ("link", feed, key, number):
            return f"link {number} of {feed} {key}: {one.name}"
        case _:
            return f"commit {group[1]}: {one.name}"


class _Runs:
    """Which runs are published, and the digests of their partitions."""

    def __init__(self) -> None:
        self.published: dict[int, int] = {}
        self._partitions: dict[tuple[int, int], dict[str, FactDigest] | None] = {}

    def note(self, one: SetDescription, row: Sequence[Any]) -> None:
        """Notes a row that states that a run is published, or digests of a partition."""
        if one.name == RUNS:
            self.published[one.value(row, "seq")] = one.value(row, one.seq)
        elif one.name == PARTITIONS:
            text = one.value(row, "facts")
            try:
                stated = {fact.name: fact for fact in facts_from_text(text)} if text else None
            except (ValueError, TypeError):
                stated = {}  # the digest of the row shows that it was changed
            self._partitions[one.value(row, "seq"), one.value(row, "number") + 1] = stated

    def is_undigested(self, seq: int, run: int) -> bool:
        """Returns whether a partition was computed by a release without an audit log."""
        return self._partitions.get((seq, run), {}) is None

    def take(self, name: str, seq: int, run: int) -> FactDigest | None:
        """Returns and removes the digest of the rows of a set that a partition states."""
        return (self._partitions.get((seq, run)) or {}).pop(name, None)

    def missing(self, begin: int) -> Iterator[Fault]:
        """Yields a fault for each digest whose rows were not found, of runs that were published since the log began."""
        for (seq, run), stated in self._partitions.items():
            for name, fact in (stated or {}).items() if self.published.get(seq, 0) >= begin else ():
                text = f"lacks {fact.rows} rows that the partition states"
                yield Fault(f"run {seq}, partition {run - 1}: {name}", text)
