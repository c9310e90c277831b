"""Scores warehouses by their records and sets the resulting haircut on their lots."""

from __future__ import annotations

from collections.abc import Sequence

from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.stock.warehouse_score import reliability
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.stock.claims_by_place import spellings_of
from collateral_registry.store.stock.warehouse_scores import (
    NO_ASSETS,
    StoredWarehouse,
    get_warehouses,
    haircut_of_spellings,
    record_of,
    set_haircut,
    store_score,
    warehouse_names,
)
from valuation._typing import Int

DAY_US = 86_400 * MILLION
"""Microseconds in a day."""


def statistics_since(policy: Policy, market_day: int) -> int:
    """Returns the time, in microseconds, of the oldest count that affects a score on a business date."""
    return (market_day - policy.rule_days("warehouse_statistics_days")) * DAY_US


def rescore(write: Write, warehouse: str, policy: Policy) -> Int:
    """Scores a warehouse under all its spellings; returns the keys of the assets to be revalued."""
    place = folded(warehouse)
    return _score(write, place, spellings_of(write.connection, [place])[place], policy)


def rescore_all(write: Write) -> None:
    """Scores every warehouse for the business date, because lateness grows and old counts expire from day to day."""
    policy = policy_in_force(write.connection, write.market_day).policy
    names_by_place: dict[str, list[str]] = {}
    for name in warehouse_names(write.connection):
        names_by_place.setdefault(folded(name), []).append(name)
    for place, names in names_by_place.items():
        _score(write, place, names, policy)


def _score(write: Write, place: str, names: Sequence[str], policy: Policy) -> Int:
    """Scores each spelling of a warehouse's name by its own record.

    The largest haircut of any spelling applies to all lots of the warehouse.
    """
    before = haircut_of_spellings(write.connection, names)
    largest = 0.0
    for name in names:
        record = record_of(write.connection, name, statistics_since(policy, write.market_day))
        found = reliability(record, policy.reliability_rules)
        store_score(write, name, record, found)
        largest = max(largest, found.haircut)
    return NO_ASSETS if largest == before else set_haircut(write, place, largest)


def known_warehouses(connection: Connection, names: Sequence[str]) -> list[StoredWarehouse]:
    """Returns warehouses with their records; raises NotFound for one that has no reported movements and no count."""
    known = set(warehouse_names(connection))
    missing = next((name for name in names if name not in known), None)
    if missing is not None:
        raise NotFound(f"warehouse {missing}")
    _, day = newest_commit(connection)
    policy = policy_in_force(connection, day).policy
    return get_warehouses(connection, names, statistics_since(policy, day))
