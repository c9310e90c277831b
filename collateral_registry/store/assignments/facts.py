"""Reads what is recorded of the assignment of a pool's invoices, now or as of a commit."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, select

from collateral_registry.domain.assignments.best_assignment import PoolRecords, best_assignments
from collateral_registry.domain.assignments.events import AssignmentEvent, ContractTerms, Exclusion, RegistrySearch
from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.pool_facts import stated_debtors
from collateral_registry.store.assignments.verifications import verification_of
from collateral_registry.store.debtors.facts import EVER, debtor_facts
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.json_documents import from_document
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.assignments import (
    AssignmentEventRow,
    ContractTermsRow,
    InvoiceExclusionRow,
    RegistrySearchRow,
)

T = TypeVar("T")


def assignment_facts(
    source: Source, asset_key: int, ledger: PoolLedger, day: int, seq: int | None = None, account: str = ""
) -> AssignmentFacts:
    """Returns the best assignment of each invoice [n] of a pool on a day, as of commit ``seq`` or, without one, now.

    ``account`` is the collection account of the pool.
    """
    records = _records(source, asset_key, seq)
    texts = sorted({*stated_debtors(ledger).tolist(), *(scope.debtor for scope in records.scopes())})
    keys = debtor_facts(source, texts, seq).debtor_key.tolist() if any(records.scopes()) else []
    return best_assignments(ledger, records.of_debtors(dict(zip(texts, keys, strict=False))), day, account)


def _records(source: Source, asset_key: int, seq: int | None) -> PoolRecords:
    named = {"asset_key": asset_key, "seq": EVER if seq is None else seq}
    events = read_columns(source, _EVENTS, named)
    by_assignment: dict[int, list[AssignmentEvent]] = {}
    for key, document in zip(events["assignment_key"].tolist(), events["document"], strict=True):
        by_assignment.setdefault(key, []).append(from_document(AssignmentEvent, document))
    return PoolRecords(
        assignments=list(by_assignment.values()),
        searches=_documents(source, _SEARCHES, named, RegistrySearch),
        terms=_documents(source, _TERMS, named, ContractTerms),
        exclusions=_documents(source, _EXCLUSIONS, named, Exclusion),
        denied=verification_of(source, asset_key, seq).denied,
    )


def _documents(source: Source, statement: Select[Any], named: dict[str, int], kind: type[T]) -> list[T]:
    return [from_document(kind, document) for document in read_columns(source, statement, named)["document"]]


def _of_pool(table: Any, *names: str) -> Select[Any]:  # noqa: ANN401 - a table of records
    recorded = (table.asset_key == bindparam("asset_key")) & (table.seq <= bindparam("seq"))
    return select(*columns_of(table, *names, "document")).where(recorded).order_by(table.record_key)


_EVENTS = _of_pool(AssignmentEventRow, "assignment_key")
_SEARCHES = _of_pool(RegistrySearchRow)
_TERMS = _of_pool(ContractTermsRow)
_EXCLUSIONS = _of_pool(InvoiceExclusionRow).where(
    (InvoiceExclusionRow.ended_seq == 0) | (InvoiceExclusionRow.ended_seq > bindparam("seq"))
)
