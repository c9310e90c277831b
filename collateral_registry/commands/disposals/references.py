"""Freezes what was estimated of the assets of a disposal: their recorded values at the default and before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.disposals.disposals import REFERENCE_DAYS, DisposalItem, ReferenceState, ReferenceValue
from collateral_registry.domain.shared.days import date_at, date_of, day_of
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.disposals.reference_values import valuations_at
from collateral_registry.store.engine.database import Connection


def frozen_items(
    connection: Connection, assets: Sequence[StoredAsset], currency: str, default: date, policy: Policy
) -> list[DisposalItem]:
    """Returns the items of a disposal with the values of its assets at the default and the working days before it.

    ``policy`` is the one in force at the default.
    """
    keys = [one.key for one in assets]
    days = [(before, _working_days_before(default, before, policy)) for before in REFERENCE_DAYS]
    values = {day: valuations_at(connection, keys, currency, moment_of(connection, day=day).seq) for _, day in days}
    return [
        DisposalItem(
            one.asset.asset_id,
            one.asset.asset_class,
            tuple(_reference(before, day, values[day].get(one.key)) for before, day in days),
            *_numbers(policy, one.asset.asset_class),
        )
        for one in assets
    ]


def _numbers(policy: Policy, asset_class: str) -> tuple[Any, Any]:
    """Returns the days to sell a class and the confidence of its haircuts; None where the policy states none."""
    numbers = policy.numbers_of(asset_class)
    days, confidence = numbers.get("liquidation_days"), numbers.get("confidence")
    return (int(days.value) if days else None), (confidence.value if confidence else None)


def _working_days_before(day: date, count: int, policy: Policy) -> date:
    return date_at(policy.judgement_rules.working_days_before(day_of(day), count)) if count else day


def _reference(before: int, day: date, row: Mapping[str, Any] | None) -> ReferenceValue:
    if row is None:
        return ReferenceValue(before, day)
    is_known = not row["unknown"] or row["zero"]
    known = ReferenceState.ZERO if row["zero"] else ReferenceState.KNOWN
    return ReferenceValue(
        days_before=before,
        day=day,
        seq=row["seq"],
        valued=date_of(row["market_day"]),
        state=known if is_known else ReferenceState.UNKNOWN,
        market_minor=row["market_minor"] if is_known else 0,
        lendable_minor=row["lendable_minor"] if is_known else 0,
        haircut=row["haircut"],
        value_haircut=row["h_value"],
        market_haircut=row["h_market"],
        liquidity_haircut=row["h_liquidity"],
        cost_haircut=row["h_cost"],
        legal_haircut=row["h_legal"],
        model=row["model"],
        haircut_model=row["curve_model"] or "",
        policy_id=row["policy_id"] or "",
    )
