"""Reads valuations, and the facts on assets that claims depend on, as they were at an earlier commit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import BigInteger, Connection, bindparam, func, select

from collateral_registry.domain.valuations.value_steps import VALUE_INPUTS
from collateral_registry.store.engine.asset_documents import asset_from_document
from collateral_registry.store.engine.bulk import Columns, read_columns
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.revaluation.row_versions import newest_of
from collateral_registry.store.schema.assets import AssetRevisionRow, AssetRow, TargetRow
from collateral_registry.store.schema.valuations import ValuationRow
from valuation._typing import Int, Texts

_SEQ = bindparam("by_seq", type_=BigInteger)


def values_at(connection: Connection, target_keys: Int, seq: int) -> Columns:
    """Returns the newest valuation, as of a commit, of each target that had one, with the inputs of its value."""
    newest = newest_of(ValuationRow, ValuationRow.target_key, seq)
    statement = select(*columns_of(ValuationRow, "target_key", *VALUE_INPUTS)).join_from(
        newest, ValuationRow, (ValuationRow.target_key == newest.c.key) & (ValuationRow.seq == newest.c.version)
    )
    return read_columns(connection, statement, {"keys": target_keys})


@dataclass(frozen=True)
class PastTargets:
    """Targets [t] in key order, with the class of each asset and the prior claims on it at a commit.

    Prior claims are stated on the target in the asset's own currency; they are 0 on its other targets.
    """

    target_key: Int
    asset_key: Int
    currency: Texts
    asset_class: Texts
    prior_claims_minor: Int


def targets_at(connection: Connection, asset_keys: Int, seq: int) -> PastTargets:
    """Returns the targets of assets; only assets that changed since the commit are read from their revisions."""
    found = read_columns(connection, _TARGETS, {"keys": asset_keys})
    changed = np.flatnonzero(found["updated_seq"] > seq)
    rows_of: dict[int, list[int]] = {}
    for row, key in zip(changed.tolist(), found["asset_key"][changed].tolist(), strict=True):
        rows_of.setdefault(key, []).append(row)
    for key, document in connection.execute(_DOCUMENTS, {"keys": [*rows_of], "by_seq": seq}):
        asset = asset_from_document(document)
        found["asset_class"][rows_of[key]] = asset.asset_class
        found["prior_claims_minor"][rows_of[key]] = asset.prior_claims.minor if asset.prior_claims else 0
    is_own = found["currency"] == found["own_currency"]
    return PastTargets(
        target_key=found["target_key"],
        asset_key=found["asset_key"],
        currency=found["currency"],
        asset_class=found["asset_class"],
        prior_claims_minor=np.where(is_own, found["prior_claims_minor"], 0),
    )


_TARGETS = (
    select(
        *columns_of(TargetRow, "target_key", "asset_key", "currency"),
        *columns_of(AssetRow, "asset_class", "prior_claims_minor", "updated_seq"),
        AssetRow.currency.label("own_currency"),
    )
    .join(AssetRow, AssetRow.asset_key == TargetRow.asset_key)
    .where(is_one_of(TargetRow.asset_key, KEYS))
    .order_by(TargetRow.target_key)
)
_NEWEST = (
    select(AssetRevisionRow.asset_key, func.max(AssetRevisionRow.revision).label("revision"))
    .where(is_one_of(AssetRevisionRow.asset_key, KEYS), AssetRevisionRow.seq <= _SEQ)
    .group_by(AssetRevisionRow.asset_key)
    .subquery()
)
_DOCUMENTS = select(*columns_of(AssetRevisionRow, "asset_key", "document")).join(
    _NEWEST, (_NEWEST.c.asset_key == AssetRevisionRow.asset_key) & (_NEWEST.c.revision == AssetRevisionRow.revision)
)
