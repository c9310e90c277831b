"""Exports the audit log and its facts as lines of JSON, which domain/audit/verification.py verifies.

The first line describes the sets of facts. Then follow the entries, the links of the feeds, the rows of each set after
a line with its name, and the checkpoints. The last line states the number of lines.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator

from sqlalchemy import Connection

from collateral_registry.domain.audit.verification import FORMAT
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.audit.fact_sets import COMMITS, FACT_SETS, FEED_SETS, FactSet
from collateral_registry.store.audit.rows import blocks_of, order_of, streamed, where_filled

_ENTRIES = """
SELECT e.seq, c.known_us, c.market_day, c.kind, e.principal, c.actor, e.request, e.facts, e.previous, e.hash
FROM audit_entry AS e LEFT JOIN commit_log AS c ON c.seq = e.seq ORDER BY e.seq
"""
_COMMITS = """
SELECT c.seq FROM commit_log AS c LEFT JOIN audit_entry AS e ON e.seq = c.seq
WHERE e.seq IS NULL AND c.seq >= {begin} ORDER BY c.seq
"""
_LINKS = """
SELECT l.feed, l.source_key, f.source_id, l.link, l.batches, l.items, l.hash
FROM audit_link AS l LEFT JOIN {feed} AS f ON f.source_key = l.source_key
WHERE l.feed = '{feed}' ORDER BY l.source_key, l.link
"""
_STRAY_LINKS = "SELECT feed, source_key, link FROM audit_link WHERE feed NOT IN ({feeds}) ORDER BY 1, 2, 3"
_CHECKPOINTS = "SELECT size, note FROM audit_checkpoint ORDER BY size"

_FIRST = ("revaluation_run.published", "run_partition.published")
"""Sets that say which rows of runs are facts, and therefore come before these."""


def lines_of(connection: Connection, release: str) -> Iterator[str]:
    """Yields the lines of an export of what a snapshot sees; raises Refused for a book without an audit log."""
    begin = first_entry(connection)
    if begin is None:
        raise Refused("NO_AUDIT_LOG", "database: got a book without an audit log, want that of a server that has run")
    count = 0
    for line in _lines(connection, begin, release):
        count += 1
        yield line
    yield _line("end", count)


def first_entry(connection: Connection) -> int | None:
    """Returns the sequence of the first entry; None if there is none."""
    with streamed(connection, "SELECT min(seq) FROM audit_entry") as cursor:
        (found,) = cursor.fetchone()
        return None if found is None else int(found)


def _lines(connection: Connection, begin: int, release: str) -> Iterator[str]:
    ordered = sorted(FACT_SETS, key=lambda one: one.name not in _FIRST)
    feeds = [(one.name, one.batches, one.items) for one in FEED_SETS]
    described = [COMMITS, *ordered, *(part for _, *parts in feeds for part in parts)]
    yield _line(
        "header",
        {
            "format": FORMAT,
            "release": release,
            "sets": [_described(one) for one in described],
            "feeds": [[name, batches.name, items.name] for name, batches, items in feeds],
        },
    )
    yield from _selected(connection, "entry", _ENTRIES)
    yield from _selected(connection, "commit", _COMMITS.format(begin=begin))
    for name, *_ in feeds:
        yield from _selected(connection, "link", _LINKS.format(feed=name))
    names = ", ".join(f"'{name}'" for name, *_ in feeds)
    yield from _selected(connection, "stray", _STRAY_LINKS.format(feeds=names))
    yield from _rows(connection, COMMITS, f"seq < {begin}")
    for one in ordered:
        yield from _rows(connection, one, where_filled(one))
    for _, batches, items in feeds:
        yield from _rows(connection, batches, "1 = 1")
        yield from _rows(connection, items, "1 = 1")
    yield from _selected(connection, "checkpoint", _CHECKPOINTS)


def _described(one: FactSet) -> dict[str, object]:
    return {
        "name": one.name,
        "seq": one.seq,
        "run": one.run,
        "changes": one.changes,
        "order": order_of(one),
        "columns": [[column.name, column.kind, column.nullable] for column in one.shape.columns],
    }


def _selected(connection: Connection, word: str, statement: str) -> Iterator[str]:
    with streamed(connection, statement) as cursor:
        for row in cursor:
            yield _line(word, *row)


def _rows(connection: Connection, one: FactSet, where: str) -> Iterator[str]:
    yield _line("set", one.name)
    for rows in blocks_of(connection, one, where):
        for row in rows:
            yield _line("row", *row)


def _line(word: str, *values: object) -> str:
    return json.dumps([word, *map(_plain, values)], separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    return None if isinstance(value, float) and math.isnan(value) else value
