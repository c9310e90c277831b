"""Judge a warehouse anew from its record, and give the lots there the haircut that follows."""

from __future__ import annotations

from collections.abc import Sequence

from collateral_registry.domain.errors import NotFound
from collateral_registry.domain.facts import Int
from collateral_registry.domain.movements import MILLION
from collateral_registry.domain.policy import Policy
from collateral_registry.domain.reliability import reliability
from collateral_registry.store.commits import newest_commit
from collateral_registry.store.database import Connection, Write
from collateral_registry.store.policies import policy_in_force
from collateral_registry.store.reliability import (
    NO_ASSETS,
    StoredWarehouse,
    get_warehouses,
    judge_warehouse,
    record_of,
    set_haircut,
    warehouse_names,
)

DAY_US = 86_400 * MILLION
"""Microseconds in a day."""


def statistics_since(policy: Policy, market_day: int) -> int:
    """The time from which counts speak of a warehouse on a business date."""
    return (market_day - policy.rule_days("warehouse_statistics_days")) * DAY_US


def judge_anew(write: Write, warehouse: str, policy: Policy) -> Int:
    """Judges a warehouse; returns the keys of the assets that are to be valued anew."""
    record = record_of(write.connection, warehouse, statistics_since(policy, write.market_day))
    found = reliability(record, policy.reliability_rules)
    if not judge_warehouse(write, warehouse, record, found):
        return NO_ASSETS
    return set_haircut(write, warehouse, found.haircut)


def known_warehouses(connection: Connection, names: Sequence[str]) -> list[StoredWarehouse]:
    """The warehouses by their names with their records; raises NotFound for one that has never told or been counted."""
    known = set(warehouse_names(connection))
    missing = next((name for name in names if name not in known), None)
    if missing is not None:
        raise NotFound(f"warehouse {missing}")
    _, day = newest_commit(connection)
    policy = policy_in_force(connection, day).policy
    return get_warehouses(connection, names, statistics_since(policy, day))
