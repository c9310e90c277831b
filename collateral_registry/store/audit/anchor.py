"""Anchors the facts that are older than the audit log: one digest for each set, in the first entry."""

from __future__ import annotations

import time

from sqlalchemy import Connection

from collateral_registry.domain.audit.canonical import Fold
from collateral_registry.domain.audit.entries import ANCHOR, FactDigest
from collateral_registry.logs import logger
from collateral_registry.store.audit.fact_sets import COMMITS, FACT_SETS, FEED_SETS, FactSet, FeedSet
from collateral_registry.store.audit.rows import blocks_of, where_filled

LOG = logger("audit")

_PUBLISHED = "SELECT seq FROM revaluation_run WHERE published_seq < {begin}"
_WITHOUT_LINK = """
NOT EXISTS (
  SELECT 1 FROM {batch} AS b WHERE b.source_key = {item}.source_key AND b.sequence = {item}.sequence AND b.link > 0
)
"""

REPORT_SECONDS = 5.0
"""Interval of the lines that report the progress."""


def anchor_of(connection: Connection, begin: int) -> tuple[FactDigest, ...]:
    """Returns the digests of all facts of the commits before ``begin``, and of the batches without a link."""
    progress = _Progress()
    found = [
        _digest(connection, one, older_than(one, begin), progress) for one in (COMMITS, *FACT_SETS) if not one.changes
    ]
    for feeds in FEED_SETS:
        found.append(_digest(connection, feeds.batches, "link = 0", progress))
        found.append(_digest(connection, feeds.items, _without_link(feeds), progress))
    return tuple(one for one in found if one.rows)


def older_than(one: FactSet, begin: int) -> str:
    """Returns the condition of the rows of a set that are facts of commits before ``begin``."""
    older = f"{where_filled(one)} AND {one.seq} < {begin}"
    if not one.run:
        return older
    published = _PUBLISHED.format(begin=begin)
    return f"{older} AND ({one.run} = 0 OR {one.seq} IN ({published}))"


def _without_link(feeds: FeedSet) -> str:
    """Returns the condition of the items whose batch has no link."""
    batch, item = feeds.batches.table.name, feeds.items.table.name
    return _WITHOUT_LINK.format(batch=batch, item=item)


def _digest(connection: Connection, one: FactSet, where: str, progress: _Progress) -> FactDigest:
    fold, count = Fold(one.shape), 0
    for rows in blocks_of(connection, one, where):
        fold.add_rows(rows)
        count += len(rows)
        progress.report(one.name, len(rows))
    return FactDigest(ANCHOR + one.name, count, fold.digest())


class _Progress:
    """Logs how many rows have been read, if it takes long."""

    def __init__(self) -> None:
        self._rows = 0
        self._next = time.monotonic() + REPORT_SECONDS

    def report(self, table: str, rows: int) -> None:
        """Counts rows of a table."""
        self._rows += rows
        if time.monotonic() >= self._next:
            LOG.info("anchoring the facts that are older than the audit log", table=table, rows=self._rows)
            self._next = time.monotonic() + REPORT_SECONDS
