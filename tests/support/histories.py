"""Random histories of a book: prices, rates, stock, balances, documents, pledges, loans, policies, haircut models."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from collateral_registry.commands.assets import register
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.book.policies import put_into_force, store_policy
from collateral_registry.commands.loans import lending, pledges
from collateral_registry.commands.loans.lending import BalancePush
from collateral_registry.commands.pipeline import curves
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices
from collateral_registry.commands.revaluation.runs import finish_run, start_run
from collateral_registry.domain.book.policy import SourcedNumber
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from tests.support.books import LOT, do, registered
from valuation.haircuts.models.pooled import pooled_scale

POLICY_NUMBERS = ("cost_haircut", "liquidity_haircut", "value_haircut", "cap", "confidence", "liquidation_days")
EVENTS = st.one_of(
    st.tuples(st.just("price"), st.sampled_from(["7000", "7900", "8400", "11000", "26000"])),
    st.tuples(st.just("rate"), st.sampled_from(["1.02", "1.09", "1.21"])),
    st.tuples(st.just("quantity"), st.integers(60, 140)),
    st.tuples(st.just("balance"), st.integers(0, 600)),
    st.tuples(st.just("document"), st.sampled_from([None, 20, 4000])),
    st.tuples(st.just("days"), st.integers(1, 12)),
    st.tuples(st.just("policy"), st.sampled_from(POLICY_NUMBERS)),
    st.tuples(st.just("limit"), st.integers(100, 500)),
    st.tuples(st.just("loan"), st.just(None)),
    st.tuples(st.just("closure"), st.just(None)),
    st.tuples(st.just("model"), st.sampled_from([1.2, 1.5])),
)
"""An event of a history and its number; a book refuses some of them, which then change nothing."""


class History:
    """Applies events to a filled book (tests/support/books.py); ``patch`` replaces the haircut model by newer ones."""

    def __init__(self, database, patch) -> None:
        self.database = database
        self.patch = patch
        self.numbered = 0

    def happens(self, kind, value) -> None:
        """Applies one event; one that the book refuses changes nothing."""
        self.numbered += 1
        try:
            getattr(self, f"_{kind}")(value)
        except Refused:
            return

    @property
    def seq(self) -> int:
        """The newest commit."""
        with self.database.read() as connection:
            return newest_commit(connection)[0]

    @property
    def today(self) -> date:
        """The business date."""
        with self.database.read() as connection:
            return date_at(newest_commit(connection)[1])

    def _price(self, price):
        self._quoted("copper", price)

    def _rate(self, rate):
        self._quoted("fx-eur-usd", rate)

    def _quoted(self, series, price):
        quote = Quote(0, series, self.today, Decimal(price))
        do(self.database, lambda write: ingest_prices(write, [quote]))

    def _quantity(self, tonnes):
        self._changed("lot-1", lambda asset: replace(asset, detail=replace(asset.detail, quantity=Decimal(tonnes))))

    def _document(self, days):
        expire = self.today + timedelta(days=days) if days else self.today - timedelta(days=1)
        self._changed("lot-1", lambda asset: replace(asset, insurance_expire=expire))

    def _changed(self, asset, changed):
        do(self.database, lambda write: register.change(write, asset, "", changed))

    def _balance(self, thousands, loan="loan-1"):
        nothing = Money(0, "EUR")
        balance = Balance(Money(thousands * 100_000, "EUR"), nothing, nothing, self.today)
        do(self.database, lambda write: lending.ingest_balances(write, [BalancePush(0, loan, balance)], ()))

    def _days(self, days):
        do(self.database, lambda write: advance(write, day_of(self.today + timedelta(days=days))))
        finish_run(self.database)

    def _policy(self, name):
        with self.database.read() as connection:
            policy = policy_in_force(connection, newest_commit(connection)[1]).policy
        value = {"liquidation_days": "21", "confidence": "0.975", "cap": "0.6"}.get(name, f"0.0{self.numbered % 9 + 1}")
        number = SourcedNumber(Decimal(value), "test")
        classes = {one: {**numbers, name: number} for one, numbers in policy.classes.items()}
        draft = replace(policy, policy_id=f"draft-{self.numbered}", effective=date(2021, 1, 1), classes=classes)
        do(self.database, lambda write: store_policy(write, draft))
        do(self.database, lambda write: put_into_force(write, draft.policy_id))
        finish_run(self.database)

    def _model(self, factor):
        def stricter(*args, **options):
            curve = pooled_scale(*args, **options)
            return replace(curve, loss=np.minimum(factor * curve.loss, 1.0))

        self.patch.setattr(curves, "pooled_scale", stricter)
        self.patch.setattr(curves, "MODEL_NAME", f"pooled-scale/{90 + self.numbered}")
        do(self.database, lambda write: start_run(write, accept_models=True))
        finish_run(self.database)

    def _limit(self, thousands):
        changed = {"limit": Money(thousands * 100_000, "EUR")}
        do(
            self.database,
            lambda write: pledges.change_pledge(write, "loan-1", "p-1", "", lambda one: replace(one, **changed)),
        )

    def _loan(self, _):
        loan, nothing = f"loan-{self.numbered}-new", Money(0, "EUR")
        new = Loan(loan, "Borealis", "EUR", Balance(nothing, nothing, nothing, self.today))
        do(self.database, lambda write: lending.create_loan(write, new))
        lot = replace(LOT, asset_id=f"lot-{self.numbered}-new", detail=replace(LOT.detail, lot=f"N-{self.numbered}"))
        do(self.database, lambda write: register.register(write, lot))
        pledge = registered(Pledge("p-1", loan, lot.asset_id))
        do(self.database, lambda write: pledges.pledge_asset(write, pledge))
        self._balance(300, loan)

    def _closure(self, _):
        self._balance(0, "loan-2")
        do(self.database, lambda write: lending.close_loan(write, "loan-2", ""))
