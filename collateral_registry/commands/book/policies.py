"""Stores policy versions and puts them into force."""

from __future__ import annotations

from collateral_registry.commands.revaluation.runs import start_run
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.book.policies import (
    StoredPolicy,
    activate_policy,
    get_policy,
    insert_policy,
    policy_in_force,
)
from collateral_registry.store.engine.database import Write
from collateral_registry.store.prices.series import get_series


def store_policy(write: Write, policy: Policy) -> StoredPolicy:
    """Stores a policy version, which takes effect once it is activated; raises NotFound for an unknown index series."""
    for series_id in sorted(set(policy.indices.values())):
        get_series(write.connection, series_id)
    insert_policy(write, policy)
    return get_policy(write.connection, policy.policy_id)


def put_into_force(write: Write, policy_id: str) -> StoredPolicy:
    """Activates a policy version; starts a revaluation run if the version is in force on the business date.

    Raises NotFound, and Refused for a version that was activated before.
    """
    stored = get_policy(write.connection, policy_id)
    if stored.activated_seq is not None:
        raise Refused("POLICY_ACTIVE", f"policies/{policy_id} was activated before; store a new version to change it")
    activate_policy(write, stored.key)
    if policy_in_force(write.connection, write.market_day).key == stored.key:
        start_run(write)
    return get_policy(write.connection, policy_id)
