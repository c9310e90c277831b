"""Records events of assignments, searches of registries, terms of contracts, exclusions, and limits of debtors.

Each is a fact: it is always recorded, and the pool is valued again.
"""

from __future__ import annotations

from datetime import date

from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.domain.assignments.debtor_limits import DebtorLimit
from collateral_registry.domain.assignments.events import (
    AssignmentEvent,
    AssignmentEventKind,
    ContractTerms,
    Exclusion,
    RegistrySearch,
)
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import StoredAsset, get_asset
from collateral_registry.store.assignments.repository import (
    StoredAssignment,
    find_assignment,
    get_assignment,
    insert_assignment,
    insert_event,
)
from collateral_registry.store.assignments.statements import (
    EXCLUSIONS,
    LIMITS,
    Stored,
    end_statement,
    insert_exclusion,
    insert_limit,
    insert_search,
    insert_terms,
)
from collateral_registry.store.engine.database import Connection, Write
from valuation.errors import InvalidInput

OWED_BY_DEBTORS = (Kind.RECEIVABLE, Kind.RECEIVABLE_POOL)


def record_event(
    write: Write, asset_id: str, assignment_id: str, event: AssignmentEvent, actor: str
) -> StoredAssignment:
    """Records an event of an assignment; its registration is the first one.

    Raises NotFound for another event of an assignment that is not registered, and InvalidInput for a later day than the
    business date or an amount in another currency than the pool's.
    """
    asset = owed_by_debtors(write.connection, asset_id)
    check_day(write, "date", event.day)
    if event.amount is not None:
        _check_currency("event.amount", event.amount, asset)
    stored = find_assignment(write.connection, asset_id, assignment_id)
    if stored is None and event.kind != AssignmentEventKind.REGISTERED:
        raise NotFound(f"assets/{asset_id}/assignments/{assignment_id}")
    key = insert_assignment(write, asset.key, assignment_id) if stored is None else stored.key
    insert_event(write, key, asset.key, event, actor)
    write.touched.add(assets=[asset.key])
    return get_assignment(write.connection, asset_id, assignment_id)


def record_search(write: Write, asset_id: str, search: RegistrySearch, actor: str) -> Stored[RegistrySearch]:
    """Records a search of a registry; raises InvalidInput for a later day than the business date."""
    asset = owed_by_debtors(write.connection, asset_id)
    check_day(write, "date", search.day)
    write.touched.add(assets=[asset.key])
    return insert_search(write, asset.key, search, actor)


def record_terms(write: Write, asset_id: str, terms: ContractTerms, actor: str) -> Stored[ContractTerms]:
    """Records whether contracts bar the assignment of invoices."""
    asset = owed_by_debtors(write.connection, asset_id)
    write.touched.add(assets=[asset.key])
    return insert_terms(write, asset.key, terms, actor)


def exclude(write: Write, asset_id: str, exclusion: Exclusion, actor: str) -> Stored[Exclusion]:
    """Excludes invoices; raises InvalidInput for a last day before the business date."""
    asset = owed_by_debtors(write.connection, asset_id)
    today = date_at(write.market_day)
    if exclusion.expire is not None and exclusion.expire < today:
        raise InvalidInput("expire_date", exclusion.expire, f"not before the business date {today}")
    write.touched.add(assets=[asset.key])
    return insert_exclusion(write, asset.key, exclusion, actor)


def readmit(write: Write, asset_id: str, key: int, actor: str, note: str) -> Stored[Exclusion]:
    """Ends an exclusion before its last day; raises Refused if it was ended before."""
    stored = EXCLUSIONS.get(write.connection, asset_id, key)
    if stored.ending is not None:
        raise Refused("EXCLUSION_ENDED", f"assets/{asset_id}/exclusions/{key} was ended: exclude the invoices again")
    write.touched.add(assets=[stored.asset_key])
    return end_statement(write, EXCLUSIONS, stored, actor, note)


def limit_debtor(write: Write, asset_id: str, limit: DebtorLimit, actor: str) -> Stored[DebtorLimit]:
    """Records a limit of a debtor, which replaces the one before of its kind.

    Raises InvalidInput for another currency than the pool's, and for a last day before the business date.
    """
    asset = owed_by_debtors(write.connection, asset_id)
    _check_currency("debtor_limit.amount", limit.amount, asset)
    today = date_at(write.market_day)
    if limit.expire is not None and limit.expire < today:
        raise InvalidInput("debtor_limit.expire_date", limit.expire, f"not before the business date {today}")
    write.touched.add(assets=[asset.key])
    return insert_limit(write, asset.key, limit, actor)


def end_limit(write: Write, asset_id: str, key: int, actor: str, note: str) -> Stored[DebtorLimit]:
    """Ends a limit of a debtor; raises Refused if it was ended before."""
    stored = LIMITS.get(write.connection, asset_id, key)
    if stored.ending is not None:
        raise Refused("DEBTOR_LIMIT_ENDED", f"assets/{asset_id}/debtorLimits/{key} was ended: record a new limit")
    write.touched.add(assets=[stored.asset_key])
    return end_statement(write, LIMITS, stored, actor, note)


def owed_by_debtors(connection: Connection, asset_id: str) -> StoredAsset:
    """Returns a pool or a single receivable; raises NotFound, and Refused for an asset of another kind."""
    stored = get_asset(connection, asset_id)
    if stored.asset.detail.kind not in OWED_BY_DEBTORS:
        raise Refused("NO_RECEIVABLES", f"assets/{asset_id} has no invoices: name a pool or a receivable")
    return stored


def _check_currency(field: str, amount: Money, asset: StoredAsset) -> None:
    """Raises InvalidInput for an amount in another currency than the asset's."""
    if amount.currency != asset.asset.currency:
        raise InvalidInput(f"{field}.currency_code", amount.currency, f"{asset.asset.currency}, that of the pool")


def check_day(write: Write, field: str, day: date) -> None:
    """Raises InvalidInput for a day after the business date."""
    today = date_at(write.market_day)
    if day > today:
        raise InvalidInput(field, day, f"not after the business date {today}")
