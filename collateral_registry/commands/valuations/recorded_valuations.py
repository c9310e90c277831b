"""Reads recorded valuations, with the asset and policy of their time."""

from __future__ import annotations

from typing import Any

from collateral_registry.commands.valuations.value import Valued, with_last_good_day, with_price_units
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.store.assets.repository import document_at, get_asset
from collateral_registry.store.book.policies import policy_by_key
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.haircut_curves import model_and_gap_of
from collateral_registry.store.valuations.repository import get_valuation, list_valuations


def recorded_valuation(connection: Connection, asset_id: str, seq: int, currency: str) -> Valued:
    """Returns one recorded valuation; raises NotFound."""
    (valued,) = with_price_units(connection, [_valued(connection, get_valuation(connection, asset_id, seq, currency))])
    return valued


def recorded_valuations(
    connection: Connection, asset_id: str, wanted: Expression, before: tuple[int, str], limit: int
) -> list[Valued]:
    """Returns a page of an asset's recorded valuations, newest first; raises NotFound for an unknown asset."""
    get_asset(connection, asset_id)
    rows = list_valuations(connection, asset_id, wanted, before, limit)
    return with_price_units(connection, [_valued(connection, row) for row in rows])


def _valued(connection: Connection, row: dict[str, Any]) -> Valued:
    model, gap = model_and_gap_of(connection, row["estimate_key"])
    valued = Valued(
        row=row,
        asset=document_at(connection, row["asset_key"], row["asset_revision"]),
        currency=row["currency"],
        policy=policy_by_key(connection, row["policy_key"]).policy,
        haircut_model=model,
        hidden_gap=gap,
        known_us=row["known_us"],
    )
    return with_last_good_day(connection, valued)
