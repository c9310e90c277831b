"""Reads the valuations of assets that were recorded as of a commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.revaluation.row_versions import newest_of
from collateral_registry.store.schema.assets import TargetRow
from collateral_registry.store.schema.book import PolicyRow
from collateral_registry.store.schema.prices import HaircutCurveRow
from collateral_registry.store.schema.valuations import ValuationRow


def valuations_at(
    connection: Connection, asset_keys: list[int], currency: str, seq: int
) -> dict[int, Mapping[str, Any]]:
    """Returns the valuation of each asset in a currency that was current as of a commit, by asset.

    A row has all columns of the valuation, the id of its policy, and the model of its haircut curve, or None.
    """
    targets = connection.execute(_TARGETS, {"keys": asset_keys})
    asset_of = {row.target_key: row.asset_key for row in targets if row.currency == currency}
    newest = newest_of(ValuationRow, ValuationRow.target_key, seq)
    statement = (
        select(ValuationRow.__table__, PolicyRow.policy_id, HaircutCurveRow.model.label("curve_model"))
        .join_from(
            newest, ValuationRow, (ValuationRow.target_key == newest.c.key) & (ValuationRow.seq == newest.c.version)
        )
        .outerjoin(PolicyRow, PolicyRow.policy_key == ValuationRow.policy_key)
        .outerjoin(HaircutCurveRow, HaircutCurveRow.estimate_key == ValuationRow.estimate_key)
    )
    rows = connection.execute(statement, {"keys": list(asset_of)}).mappings()
    return {asset_of[row["target_key"]]: dict(row) for row in rows}


_TARGETS = select(TargetRow.target_key, TargetRow.asset_key, TargetRow.currency).where(
    is_one_of(TargetRow.asset_key, KEYS)
)
