"""Stores statements on the invoices of a pool: registry searches, terms of contracts, exclusions, and limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, select, update

from collateral_registry.domain.assignments.debtor_limits import DebtorLimit, DebtorLimitKind
from collateral_registry.domain.assignments.events import ContractTerms, Exclusion, RegistrySearch
from collateral_registry.domain.debtors.identifiers import normal_text
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Boolean, Day, Id, Reference, Text, Time, enum
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, optional_day, unless
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.rows import existing, insert_row
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.assignments import (
    ContractTermsRow,
    DebtorLimitRow,
    InvoiceExclusionRow,
    RegistrySearchRow,
)
from collateral_registry.store.schema.book import CommitRow

S = TypeVar("S", bound=RegistrySearch | ContractTerms | Exclusion | DebtorLimit)


@dataclass(frozen=True)
class Ending:
    """When an exclusion or a limit was ended, by whom and why."""

    ended_us: int
    ended_by: str
    end_note: str


@dataclass(frozen=True)
class Stored(Generic[S]):
    """A statement with its key, the pool, who recorded it and when, and how it ended if it was ended."""

    key: int
    asset_key: int
    asset_id: str
    statement: S
    actor: str
    known_us: int
    ending: Ending | None = None


class StatementTable(Generic[S]):
    """The table of a kind of statements; ``collection`` is the last collection in their resource names."""

    def __init__(self, table: Any, kind: type[S], collection: str, /, **fields: FilterField) -> None:  # noqa: ANN401 - a table
        self.table, self.kind, self.collection = table, kind, collection
        self.filter = FilterTable(
            asset=FilterField(Id("assets"), AssetRow.asset_id),
            **fields,
            actor=FilterField(Text(), table.actor),
            create_time=FilterField(Time(), CommitRow.known_us),
        )

    def insert(self, write: Write, asset_key: int, statement: S, actor: str, **columns: object) -> Stored[S]:
        """Stores a statement."""
        values = {"asset_key": asset_key, "seq": write.seq, "actor": actor, "document": to_document(statement)}
        key = insert_row(write.connection, self.table, **values, **columns)
        return existing(self._rows(write.connection, [self.table.record_key == key], 1), self.collection)

    def get(self, connection: Connection, asset_id: str, key: int) -> Stored[S]:
        """Returns one statement; raises NotFound."""
        is_it = [self.table.record_key == key, AssetRow.asset_id == asset_id]
        return existing(self._rows(connection, is_it, 1), f"assets/{asset_id}/{self.collection}/{key}")

    def page(self, connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[Stored[S]]:
        """Returns a page of statements, newest first."""
        return self._rows(connection, [self.filter.where(wanted), self.table.record_key < before_key], limit)

    def _rows(self, connection: Connection, where: Sequence[ColumnElement[bool]], limit: int) -> list[Stored[S]]:
        statement = (
            select(self.table.__table__, AssetRow.asset_id, CommitRow.known_us)
            .join(AssetRow, AssetRow.asset_key == self.table.asset_key)
            .join(CommitRow, CommitRow.seq == self.table.seq)
            .where(*where)
            .order_by(self.table.record_key.desc())
            .limit(limit)
        )
        return [
            Stored(
                row.record_key,
                row.asset_key,
                row.asset_id,
                from_document(self.kind, row.document),
                row.actor,
                row.known_us,
                Ending(row.ended_us, row.ended_by, row.end_note) if getattr(row, "ended_seq", 0) else None,
            )
            for row in connection.execute(statement)
        ]


SEARCHES = StatementTable(
    RegistrySearchRow, RegistrySearch, "registrySearches", date=FilterField(Day(), RegistrySearchRow.day)
)
TERMS = StatementTable(
    ContractTermsRow,
    ContractTerms,
    "contractTerms",
    assignment_barred=FilterField(Boolean(), ContractTermsRow.barred),
)
EXCLUSIONS = StatementTable(
    InvoiceExclusionRow,
    Exclusion,
    "exclusions",
    expire_date=optional_day(Day(), InvoiceExclusionRow.expire_day),
    end_time=unless(Time(), InvoiceExclusionRow.ended_us, 0),
)
LIMITS = StatementTable(
    DebtorLimitRow,
    DebtorLimit,
    "debtorLimits",
    debtor=FilterField(Reference("debtors"), DebtorLimitRow.debtor),
    kind=FilterField(enum(DebtorLimitKind, "DEBTOR_LIMIT_KIND_"), DebtorLimitRow.kind),
    expire_date=optional_day(Day(), DebtorLimitRow.expire_day),
    end_time=unless(Time(), DebtorLimitRow.ended_us, 0),
)


def insert_search(write: Write, asset_key: int, search: RegistrySearch, actor: str) -> Stored[RegistrySearch]:
    """Stores a search of a registry."""
    return SEARCHES.insert(write, asset_key, search, actor, day=day_of(search.day))


def insert_terms(write: Write, asset_key: int, terms: ContractTerms, actor: str) -> Stored[ContractTerms]:
    """Stores a statement on the terms of contracts."""
    return TERMS.insert(write, asset_key, terms, actor, barred=int(terms.assignment_barred))


_OPEN: dict[str, object] = {"ended_seq": 0, "ended_us": 0, "ended_by": "", "end_note": ""}


def insert_exclusion(write: Write, asset_key: int, exclusion: Exclusion, actor: str) -> Stored[Exclusion]:
    """Stores an exclusion."""
    return EXCLUSIONS.insert(write, asset_key, exclusion, actor, expire_day=day_of(exclusion.expire), **_OPEN)


def insert_limit(write: Write, asset_key: int, limit: DebtorLimit, actor: str) -> Stored[DebtorLimit]:
    """Stores a limit of a debtor, which is found by the normal text of the debtor."""
    columns = {"debtor": normal_text(limit.debtor), "kind": int(limit.kind), "expire_day": day_of(limit.expire)}
    return LIMITS.insert(write, asset_key, limit, actor, **columns, **_OPEN)


def end_statement(write: Write, table: StatementTable[S], stored: Stored[S], actor: str, note: str) -> Stored[S]:
    """Ends an exclusion or a limit."""
    values = {"ended_seq": write.seq, "ended_us": write.known_us, "ended_by": actor, "end_note": note}
    is_it = table.table.record_key == stored.key
    write.connection.execute(update(table.table).where(is_it).values(**values))
    return table.get(write.connection, stored.asset_id, stored.key)
