"""Reads the limits of debtors in pools, now or as of a commit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from collateral_registry.domain.assignments.debtor_limits import DebtorLimit, RecordedLimit
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.json_documents import from_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.assignments import DebtorLimitRow

EVER = 2**62
"""A sequence after every commit."""


def limits_of(source: Source, asset_keys: Sequence[int], seq: int | None = None) -> dict[int, list[RecordedLimit]]:
    """Returns the limits of pools that have some, oldest first, as of commit ``seq`` or, without one, now."""
    moment = EVER if seq is None else seq
    columns = read_columns(source, _LIMITS, {"keys": list(asset_keys), "seq": moment})
    found: dict[int, list[RecordedLimit]] = {}
    rows = zip(*(columns[name].tolist() for name in ("asset_key", "document", "ended_seq")), strict=True)
    for key, document, ended in rows:
        found.setdefault(key, []).append(RecordedLimit(from_document(DebtorLimit, document), 0 < ended <= moment))
    return found


_LIMITS = (
    select(*columns_of(DebtorLimitRow, "asset_key", "document", "ended_seq"))
    .where(is_one_of(DebtorLimitRow.asset_key, KEYS), DebtorLimitRow.seq <= bindparam("seq"))
    .order_by(DebtorLimitRow.record_key)
)
