"""The recorded assignment of a pool's invoices is read as of a commit, with debtors in every spelling."""

import numpy as np
import pytest

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.assignments.records import exclude, readmit, record_event, record_search, record_terms
from collateral_registry.commands.debtors.registry import create_debtor
from collateral_registry.domain.assets.claims import Receivable
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assignments.events import (
    AssignmentEvent,
    AssignmentEventKind as Kind,
    ContractTerms,
    EarlierAssignment,
    Exclusion,
    InvoiceScope,
    RegistrySearch,
)
from collateral_registry.domain.debtors.debtor import Debtor
from collateral_registry.domain.debtors.identifiers import Identifier, IdentifierScheme
from collateral_registry.domain.receivables.assignment_facts import AssignmentState as State
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.assignments.facts import assignment_facts
from tests.support.books import FIRST, do, open_empty_book
from tests.support.invoice_pools import OpenInvoice, pool_of

VAT = Identifier(IdentifierScheme.VAT, "DE136695976")
POOL = pool_of(OpenInvoice(debtor="acme", number="A1"), OpenInvoice(debtor="beta", number="B1"))


@pytest.fixture
def book(database_url):
    database = open_empty_book(database_url)
    do(database, lambda write: create_debtor(write, Debtor("acme", "Acme", identifiers=(VAT,))))
    claim = Asset("claim", "Owner", "receivable", "EUR", Receivable("acme", "A1"))
    do(database, lambda write: register(write, claim))
    yield database
    database.close()


def test_facts_are_those_of_the_commit(book):
    def seq_of(work):
        def counted(write):
            work(write)
            return write.seq

        return do(book, counted)

    def facts(seq=None):
        with book.read() as connection:
            key = get_asset(connection, "claim").key
            return assignment_facts(connection, key, POOL.ledger, day_of(FIRST), "EUR", seq)

    scope = (InvoiceScope("VAT: de 136 695 976"),)
    registration = AssignmentEvent(Kind.REGISTERED, FIRST, scope, registry="zdw", registration_number="1")
    refusal = AssignmentEvent(Kind.REFUSED, FIRST, reason="no goods")
    search = RegistrySearch(FIRST, "zdw", (EarlierAssignment("Other", scope),))
    at = [
        seq_of(lambda write: record_event(write, "claim", "a", registration, "Ana")),
        seq_of(lambda write: record_event(write, "claim", "a", refusal, "Ana")),
        seq_of(lambda write: record_search(write, "claim", search, "Ana")),
        seq_of(lambda write: record_terms(write, "claim", ContractTerms(assignment_barred=True, scopes=scope), "Ana")),
        seq_of(lambda write: exclude(write, "claim", Exclusion(scope, "in doubt"), "Ana")),
        seq_of(lambda write: readmit(write, "claim", 1, "Bo", "proved")),
    ]

    assert [facts(seq).state.tolist() for seq in (at[0] - 1, at[0], at[1])] == [
        [State.NONE, State.NONE],
        [State.REGISTERED, State.NONE],
        [State.REFUSED, State.NONE],
    ]
    assert [facts(seq).earlier_assignee.tolist() for seq in at[1:3]] == [[False, False], [True, False]]
    assert [facts(seq).bars_assignment.tolist() for seq in at[2:4]] == [[-1, -1], [1, -1]]
    assert [facts(seq).excluded_manually.tolist() for seq in at[3:]] == [[False, False], [True, False], [False, False]]
    now, last = facts(), facts(at[-1])
    assert all(np.array_equal(getattr(now, name), getattr(last, name)) for name in now.__dataclass_fields__)
