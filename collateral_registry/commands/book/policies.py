"""Stores policy versions and puts them into force."""

from __future__ import annotations

from collateral_registry.commands.revaluation.runs import start_run
from collateral_registry.domain.book.policy import Policy, check_dilution
from collateral_registry.domain.loans.agreements import OwnLimits
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.book.policies import (
    StoredPolicy,
    activate_policy,
    get_policy,
    insert_policy,
    policy_in_force,
)
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.repository import loans_with_own_limits
from collateral_registry.store.prices.series import get_series
from valuation.errors import InvalidInput


def store_policy(write: Write, policy: Policy) -> StoredPolicy:
    """Stores a policy version, which takes effect once it is activated.

    Raises InvalidInput for an LTV level at or below the buffer, NotFound for an unknown index series, and Refused if
    dilution acts in two places.
    """
    check_dilution(policy)
    try:
        policy.limits.check_above(policy.buffer_ppm)
    except InvalidInput as error:
        raise error.named(lambda _: "rules[watch].value") from None
    for series_id in sorted(set(policy.indices.values())):
        get_series(write.connection, series_id)
    insert_policy(write, policy)
    return get_policy(write.connection, policy.policy_id)


def put_into_force(write: Write, policy_id: str) -> StoredPolicy:
    """Activates a policy version; starts a revaluation run if the version is in force on the business date.

    Raises NotFound, and Refused for a version that was activated before or that contradicts a loan's own LTV levels.
    """
    stored = activatable_policy(write.connection, policy_id)
    activate_policy(write, stored.key)
    if policy_in_force(write.connection, write.market_day).key == stored.key:
        start_run(write)
    return get_policy(write.connection, policy_id)


def activatable_policy(connection: Connection, policy_id: str) -> StoredPolicy:
    """Returns a policy version that can be activated with the loans of now; raises NotFound or Refused."""
    stored = get_policy(connection, policy_id)
    if stored.activated_seq is not None:
        raise Refused("POLICY_ACTIVE", f"policies/{policy_id} was activated before; store a new version to change it")
    _check_loans(connection, stored.policy)
    return stored


def check_previewed(connection: Connection, policy_id: str) -> None:
    """Raises NotFound for an unknown version, and Refused for one that cannot be activated with the loans of now."""
    _check_loans(connection, get_policy(connection, policy_id).policy)


def _check_loans(connection: Connection, policy: Policy) -> None:
    """Raises Refused if the levels of a loan would not rise, or not exceed the buffer, under a policy."""
    for stored in loans_with_own_limits(connection):
        try:
            (stored.loan.own_limits or OwnLimits()).completed(policy.limits, policy.buffer_ppm)
        except InvalidInput as error:
            name = f"loans/{stored.loan.loan_id}"
            raise Refused(
                "POLICY_CONTRADICTS_LOAN",
                f"the levels of {name} do not fit this policy: {error}; change them by UpdateLoan first",
            ) from None
