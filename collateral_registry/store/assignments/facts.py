"""Reads what is recorded of the assignment of a pool's invoices, now or as of a commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Select, bindparam, select

from collateral_registry.domain.assignments.best_assignment import PoolRecords, best_assignments
from collateral_registry.domain.assignments.events import AssignmentEvent, ContractTerms, Exclusion, RegistrySearch
from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.pool_facts import stated_debtors
from collateral_registry.store.assignments.verifications import Verified, verifications_of
from collateral_registry.store.debtors.facts import EVER, debtor_facts
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.json_documents import from_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.assignments import (
    AssignmentEventRow,
    ContractTermsRow,
    InvoiceExclusionRow,
    RegistrySearchRow,
)

T = TypeVar("T")

RECORDS_KEPT, RECORD_CHARACTERS = 4_096, 1_000
"""Records kept as types, and longest document of one: a pool reads all of its records at each valuation."""


class AssignedPool(NamedTuple):
    """A pool whose assignment is wanted: the key of its asset, and its ledger."""

    key: int
    ledger: PoolLedger


def assignment_facts(
    source: Source,
    asset_key: int,
    ledger: PoolLedger,
    day: int,
    currency: str,
    seq: int | None = None,
    account: str = "",
) -> AssignmentFacts:
    """Returns the best assignment of each invoice [n] of a pool on a day, as of commit ``seq`` or, without one, now.

    ``currency`` and ``account``, the collection account, are those of the pool.
    """
    verified = verifications_of(source, [asset_key], seq)
    (records,) = assignment_records(source, [AssignedPool(asset_key, ledger)], verified, seq)
    return best_assignments(ledger, records, day, currency, account)


def assignment_records(
    source: Source, pools: Sequence[AssignedPool], verified: Mapping[int, Verified], seq: int | None = None
) -> list[PoolRecords]:
    """Returns the records of the assignment of each pool; ``verified`` holds what their verifications show."""
    records = _records(source, [pool.key for pool in pools], verified, seq)
    stating = [pool for pool in pools if any(records[pool.key].scopes())]
    texts = {text for pool in stating for text in stated_debtors(pool.ledger).tolist()}
    texts |= {scope.debtor for pool in stating for scope in records[pool.key].scopes()}
    listed = sorted(texts)
    keys = debtor_facts(source, listed, seq).debtor_key.tolist() if listed else []
    debtor_of = dict(zip(listed, keys, strict=True))
    return [records[pool.key].of_debtors(debtor_of) for pool in pools]


def _records(
    source: Source, asset_keys: Sequence[int], verified: Mapping[int, Verified], seq: int | None
) -> dict[int, PoolRecords]:
    named = {"keys": list(asset_keys), "seq": EVER if seq is None else seq}
    assignments: dict[int, dict[int, list[AssignmentEvent]]] = {key: {} for key in asset_keys}
    events = read_columns(source, _EVENTS, named)
    owners = zip(events["asset_key"].tolist(), events["assignment_key"].tolist(), events["document"], strict=True)
    for asset_key, key, document in owners:
        assignments[asset_key].setdefault(key, []).append(_record(AssignmentEvent, document))
    searches = _documents(source, _SEARCHES, named, RegistrySearch)
    terms = _documents(source, _TERMS, named, ContractTerms)
    exclusions = _documents(source, _EXCLUSIONS, named, Exclusion)
    return {
        key: PoolRecords(
            assignments=list(assignments[key].values()),
            searches=searches.get(key, ()),
            terms=terms.get(key, ()),
            exclusions=exclusions.get(key, ()),
            denied=verified[key].denied if key in verified else (),
        )
        for key in asset_keys
    }


def _documents(source: Source, statement: Select[Any], named: dict[str, Any], kind: type[T]) -> dict[int, list[T]]:
    """Returns the documents of each pool that has one, in the order of the records."""
    found: dict[int, list[T]] = {}
    columns = read_columns(source, statement, named)
    for key, document in zip(columns["asset_key"].tolist(), columns["document"], strict=True):
        found.setdefault(key, []).append(_record(kind, document))
    return found


def _record(kind: type[T], document: str) -> T:
    return cast("T", _kept(kind, document)) if len(document) <= RECORD_CHARACTERS else from_document(kind, document)


@lru_cache(RECORDS_KEPT)
def _kept(kind: type[T], document: str) -> T:
    return from_document(kind, document)


def _of_pool(table: Any, *names: str) -> Select[Any]:  # noqa: ANN401 - a table of records
    recorded = (is_one_of(table.asset_key, KEYS), table.seq <= bindparam("seq"))
    return select(*columns_of(table, "asset_key", *names, "document")).where(*recorded).order_by(table.record_key)


_EVENTS = _of_pool(AssignmentEventRow, "assignment_key")
_SEARCHES = _of_pool(RegistrySearchRow)
_TERMS = _of_pool(ContractTermsRow)
_EXCLUSIONS = _of_pool(InvoiceExclusionRow).where(
    (InvoiceExclusionRow.ended_seq == 0) | (InvoiceExclusionRow.ended_seq > bindparam("seq"))
)
