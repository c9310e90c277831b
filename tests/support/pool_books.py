"""A book with a pool of invoices: its debtors, its assignment, a loan that it secures, and entries of its ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.assignments.records import record_event, record_search
from collateral_registry.commands.debtors.registry import create_debtor
from collateral_registry.commands.loans.lending import BalancePush, create_loan, ingest_balances
from collateral_registry.commands.loans.pledges import pledge_asset
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.receivables.sync_pools import find_pending_pools, sync_pending_pools
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assignments.events import AssignmentEvent, AssignmentEventKind, RegistrySearch
from collateral_registry.domain.debtors.debtor import Debtor, DebtorKind
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from tests.support.books import FIRST, do, open_empty_book, registered
from tests.support.ledgers import LedgerFeed, entry

DAY = day_of(FIRST)
NOTHING = Balance(Money(0, "USD"), Money(0, "USD"), Money(0, "USD"), FIRST)


class PoolBook:
    """A book with the pool ``acme`` in USD, assigned to the lender, that secures the loan ``loan-1``."""

    def __init__(self, url: str) -> None:
        self.database = open_empty_book(url)
        self.feed = LedgerFeed(self.database)
        for name in ("owner", "delta", "globex", "hooli", "initech"):
            debtor = Debtor(name, name, country="US", is_independent=True, kind=DebtorKind.FIRM)
            self.do(lambda write, debtor=debtor: create_debtor(write, debtor))
        self.register("acme")
        self.do(lambda write: create_loan(write, Loan("loan-1", "Acme", "USD", NOTHING)))
        self.do(lambda write: pledge_asset(write, registered(Pledge("p-1", "loan-1", "acme"))))

    def do(self, work):
        """Runs one change and commits it; returns its result."""
        return do(self.database, work)

    def register(self, asset_id: str, asset_class: str = "receivable.trade", **fields) -> None:
        """Registers a pool of an owner that is no debtor of it, and assigns it."""
        pool = Asset(asset_id, "Acme", asset_class, "USD", ReceivablePool(owner_debtor="owner", **fields))
        self.do(lambda write: register(write, pool))
        self.assign(asset_id)
        self.do(lambda write: record_search(write, asset_id, RegistrySearch(FIRST, "zdw"), "Ana"))

    def assign(self, asset_id: str, **fields) -> None:
        """Records the registration of an assignment whose debtors were notified."""
        kind = AssignmentEventKind
        number = {"registry": "zdw", "registration_number": f"R-{asset_id}"} | fields
        for event in (AssignmentEvent(kind.REGISTERED, FIRST, **number), AssignmentEvent(kind.NOTICE_DELIVERED, FIRST)):
            self.do(lambda write, event=event: record_event(write, asset_id, "a-1", event, "Ana"))

    def report(self, *entries) -> None:
        """Books entries, none of which is rejected, and applies the changed pools."""
        assert self.feed.report(*entries) == []
        self.sync()

    def sync(self) -> None:
        """Applies all changed pools."""
        while True:
            with self.database.read() as connection:
                pending = find_pending_pools(connection)
            if pending is None:
                return
            with self.database.write("SyncPools", Author("pools", "pools")) as write:
                sync_pending_pools(write, pending)
                commit(write)

    def owe(self, amount_minor: int, loan_id: str = "loan-1") -> None:
        """Sets the debt of a loan."""
        push = BalancePush(0, loan_id, replace(NOTHING, principal=Money(amount_minor, "USD")))
        self.do(lambda write: ingest_balances(write, [push], ()))


def invoice(number: str, amount_minor: int, debtor: str = "delta", due: int = 40, **fields):
    """Returns the entry of an invoice that every rule keeps, issued and delivered ten days ago; ``due`` in days."""
    issued = day_of(FIRST - timedelta(days=10))
    days = {"issue_day": issued, "delivery_day": issued, "due_day": DAY + due} | fields
    return entry(f"{debtor}-{number}", "INVOICE", amount_minor, number, debtor=debtor, type_code=380, day=DAY, **days)
