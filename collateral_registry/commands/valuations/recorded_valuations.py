"""Reads recorded valuations, with the asset and policy of their time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collateral_registry.commands.valuations.value import Valued, with_counts, with_last_good_days, with_price_units
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.store.assets.repository import get_asset, revisions_of
from collateral_registry.store.book.policies import policy_by_key
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.prices.haircut_curves import models_and_gaps
from collateral_registry.store.valuations.repository import get_valuation, list_valuations


def recorded_valuation(connection: Connection, asset_id: str, seq: int, currency: str) -> Valued:
    """Returns one recorded valuation; raises NotFound."""
    (valued,) = _valued(connection, [get_valuation(connection, asset_id, seq, currency)])
    return valued


def recorded_valuations(
    connection: Connection, asset_id: str, wanted: Expression, before: tuple[int, str], limit: int
) -> list[Valued]:
    """Returns a page of an asset's recorded valuations, newest first; raises NotFound for an unknown asset."""
    get_asset(connection, asset_id)
    return _valued(connection, list_valuations(connection, asset_id, wanted, before, limit))


def _valued(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[Valued]:
    """Returns the valuations of one asset, whose records are each read once."""
    if not rows:
        return []
    revisions = revisions_of(connection, rows[0]["asset_key"], {row["asset_revision"] for row in rows})
    policies = {key: policy_by_key(connection, key).policy for key in {row["policy_key"] for row in rows}}
    estimates = models_and_gaps(connection, {row["estimate_key"] for row in rows})
    found = []
    for row in rows:
        model, gap = estimates.get(row["estimate_key"], ("", 0.0))
        valued = Valued(
            row=row,
            asset=revisions[row["asset_revision"]],
            currency=row["currency"],
            policy=policies[row["policy_key"]],
            haircut_model=model,
            hidden_gap=gap,
            known_us=row["known_us"],
        )
        found.append(valued)
    return with_counts(connection, with_price_units(connection, with_last_good_days(connection, found)))
