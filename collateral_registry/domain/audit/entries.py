"""Entries of the audit log: one for each commit, with the digests of its facts, chained by their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from collateral_registry.domain.audit.canonical import framed

NO_HASH = bytes(32)
"""The hash before the first entry, and before the first batch of a feed."""

ANCHOR = "anchor "
"""Names of digests of facts that are older than the log begin so."""

_ENTRY = b"collateral audit entry v1\0"
_LINK = b"collateral feed link v1\0"


@dataclass(frozen=True, slots=True)
class FactDigest:
    """The number and the digest of the rows of a set that a commit recorded."""

    name: str
    rows: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry; ``request`` is the SHA-256 of the request in hexadecimal digits, empty if there was none."""

    seq: int
    known_us: int
    market_day: int
    method: str
    principal: str
    actor: str
    request: str
    facts: tuple[FactDigest, ...]
    previous: bytes = NO_HASH

    @property
    def hash(self) -> bytes:
        """SHA-256 of the whole entry with the hash of the one before."""
        numbers = (self.seq, self.known_us, self.market_day)
        texts = (self.method, self.principal, self.actor, self.request, facts_as_text(self.facts))
        parts = (*map(_number, numbers), *map(_text, texts), self.previous)
        return hashlib.sha256(_ENTRY + framed(*parts)).digest()


def link_hash(previous: bytes, feed: str, number: int, batches: bytes, items: bytes) -> bytes:
    """Returns the hash of a link of a feed, of which ``batches`` and ``items`` are the digests of the stored rows."""
    return hashlib.sha256(_LINK + framed(previous, _text(feed), _number(number), batches, items)).digest()


def facts_as_text(facts: Iterable[FactDigest]) -> str:
    """Returns digests of facts as they are stored."""
    return json.dumps([[one.name, one.rows, one.digest.hex()] for one in facts], separators=(",", ":"))


def facts_from_text(text: str) -> tuple[FactDigest, ...]:
    """Returns the digests of facts that a text states; raises ValueError if it states none."""
    try:
        found = tuple(
            FactDigest(str(name), int(rows), bytes.fromhex(digest)) for name, rows, digest in json.loads(text)
        )
    except (TypeError, RecursionError) as error:
        raise ValueError(f"facts: got {text[:80]!r}, want a list of names, numbers and digests") from error
    if facts_as_text(found) != text:
        raise ValueError(f"facts: got {text[:80]!r}, want it in the form in which the service writes it")
    return found


def _number(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def _text(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
