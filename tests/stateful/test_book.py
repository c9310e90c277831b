"""Movements, pledges, releases, prices, balances and restarts in any order: the book is what a plain model says."""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from collateral_registry.client import Movement
from collateral_registry.client.movements import batch_of
from collateral_registry.commands import lend, pledges
from collateral_registry.commands.business_date import advance
from collateral_registry.commands.lend import BalancePush
from collateral_registry.commands.pledges import ReleaseAsked
from collateral_registry.commands.prices import Quote, ingest_prices
from collateral_registry.commands.standing import standing_of
from collateral_registry.commands.stock_intake import Batch, Gap, Taken, open_feed, take_in
from collateral_registry.domain.days import day_of
from collateral_registry.domain.lending import Balance, Pledge
from collateral_registry.domain.levels import Level
from collateral_registry.rpc.stock_batch import digest, read_batch
from collateral_registry.store.covers import newest_claims, newest_covers
from collateral_registry.store.database import Database
from collateral_registry.store.loans import get_loan
from collateral_registry.store.pledges import get_pledge
from tests.stateful.opening import FIRST, LOANS, NOW, OPENING, PLACES, PRICE, asset_id, do, prepare, refusal_of, usd
from tests.stateful.plain_book import PlainBook

HAPPENED = datetime(2021, 12, 20, tzinfo=UTC)
SOURCE = "acme"
KINDS = ["RECEIPT", "ISSUE", "TRANSFER", "ADJUSTMENT", "CORRECTION"]
PPM = 1_000_000
EXAMPLES = 20
STEPS = 30


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The file of a book that every example begins with."""
    path = tmp_path_factory.mktemp("prepared") / "book.db"
    database = Database(f"sqlite:///{path}", lambda: NOW)
    prepare(database)
    database.close()
    return path


class Book(RuleBasedStateMachine):
    """The real book on SQLite beside the plain one."""

    prepared: Path

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        for file in self.prepared.parent.iterdir():
            shutil.copy(file, self.folder)
        self.url = f"sqlite:///{self.folder / self.prepared.name}"
        self.database = Database(self.url, lambda: NOW)
        self.plain = PlainBook(PRICE)
        self.plain.quantity = dict.fromkeys(PLACES, OPENING)
        self.plain.owed = dict.fromkeys(LOANS, 0)
        self.plain.pledged = {loan: set() for loan in LOANS}
        self.day = FIRST
        self.said, self.batches = [], []
        self.numbered, self.pledge_ids = 0, {}
        self.epoch = open_feed(self.database, SOURCE).epoch
        opening = [self._movement("RECEIPT", place, place, Decimal(100), None) for place in PLACES]
        self._push(opening)

    def teardown(self):
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.folder)

    @rule(
        items=st.lists(
            st.tuples(
                st.sampled_from(KINDS), st.sampled_from(PLACES), st.sampled_from(PLACES), st.integers(1, 150),
                st.integers(0, 1_000),
            ),
            min_size=1, max_size=6,
        )
    )  # fmt: skip
    def movements_come(self, items):
        found = []
        for kind, place, other, tonnes, back in items:
            receipts = [one for one in self.said if one.kind == "RECEIPT"]
            corrected = receipts[back % len(receipts)] if kind == "CORRECTION" else None
            found.append(self._movement(kind, place, other, Decimal(tonnes), corrected))
        self._push(found)

    @rule(back=st.integers(0, 1_000))
    def movements_come_again(self, back):
        """What is in the book is known; what was rejected is judged anew."""
        self._push([self.said[back % len(self.said)]])

    @rule(back=st.integers(0, 1_000))
    def a_batch_comes_again(self, back):
        batch, first = self.batches[back % len(self.batches)]
        (again,) = take_in(self.database, [self._batch(batch)])

        assert again.repeated
        assert (again.booked, again.known, list(again.rejected)) == (first.booked, first.known, list(first.rejected))

    @rule(missing=st.integers(1, 3))
    def a_batch_comes_too_early(self, missing):
        batch = batch_of(len(self.batches) + 1 + missing, [self.said[0].message.SerializeToString()])
        (outcome,) = take_in(self.database, [self._batch(batch)])

        assert outcome == Gap(len(self.batches) + 1)

    @rule(loan=st.sampled_from(LOANS), place=st.sampled_from(PLACES))
    def a_lot_is_pledged(self, loan, place):
        self.numbered += 1
        pledge = Pledge(f"p-{self.numbered}", loan, asset_id(place))
        free = self.plain.is_free(place)
        refused = refusal_of(self.database, lambda write: pledges.pledge_asset(write, pledge))

        assert refused == ("" if free else "ASSET_OVER_PLEDGED")
        if free:
            self.plain.pledged[loan].add(place)
            self.pledge_ids[loan, place] = pledge.pledge_id

    @precondition(lambda self: any(self.plain.pledged.values()))
    @rule(data=st.data())
    def a_lot_is_released_where_the_rest_covers(self, data):
        self._release(*self._drawn_pledge(data))

    @precondition(lambda self: any(self.plain.pledged.values()))
    @rule(data=st.data(), beyond=st.integers(-1, 1))
    def a_lot_is_released_at_the_very_edge(self, data, beyond):
        """The balance is told so that the rest just covers it, or just does not."""
        loan, place = self._drawn_pledge(data)
        _, most = self._owed_and_most_without(loan, self.pledge_ids[loan, place])
        self.a_balance_is_told(loan, max(0, most + beyond))
        self._release(loan, place)

    def _release(self, loan, place):
        pledge_id = self.pledge_ids[loan, place]
        owed, most = self._owed_and_most_without(loan, pledge_id)
        covers = not owed or owed <= most
        all_of_it = ReleaseAsked()
        refused = refusal_of(self.database, lambda write: pledges.release_pledge(write, loan, pledge_id, "", all_of_it))

        assert refused == ("" if covers else "RELEASE_UNCOVERED")
        if covers:
            self.plain.pledged[loan].remove(place)

    def _drawn_pledge(self, data):
        """A loan and one of its lots."""
        held = [(loan, place) for loan in LOANS for place in sorted(self.plain.pledged[loan])]
        return data.draw(st.sampled_from(held))

    def _owed_and_most_without(self, loan, pledge_id):
        """What is owed, and the most that may be owed without a pledge: E <= theta (C - claim)."""
        with self.database.read() as connection:
            standing = standing_of(connection, get_loan(connection, loan).key)
            key = get_pledge(connection, loan, pledge_id).key
            _, claim = newest_claims(connection, [key])[key]
        return standing.exposure, standing.target_ppm * (standing.pool - claim) // PPM

    @rule(percent=st.integers(-3, 3).filter(bool))
    def a_new_day_brings_a_price(self, percent):
        self.day += timedelta(days=1)
        price = (self.plain.price * (100 + percent) / 100).quantize(Decimal("0.01"))
        do(self.database, lambda write: advance(write, day_of(self.day)))
        taken = do(self.database, lambda write: ingest_prices(write, [Quote(0, "copper", self.day, price)]))
        if taken.accepted:
            self.plain.price = price

    @rule(loan=st.sampled_from(LOANS), minor=st.integers(0, 300_000_000))
    def a_balance_is_told(self, loan, minor):
        do(self.database, lambda write: lend.take_balances(write, [self._balance(loan, minor)], []))
        self.plain.owed[loan] = minor

    @rule(loan=st.sampled_from(LOANS), minor=st.integers(0, 300_000_000))
    def a_balance_is_told_and_the_process_dies_before_the_commit(self, loan, minor):
        with self.database.write("test", "test") as write:
            lend.take_balances(write, [self._balance(loan, minor)], [])
        self.the_process_starts_again()

    def _balance(self, loan, minor):
        return BalancePush(0, loan, Balance(usd(minor), usd(0), usd(0), self.day))

    @rule()
    def the_process_starts_again(self):
        self.database.close()
        self.database = Database(self.url, lambda: NOW)
        source = open_feed(self.database, SOURCE)
        self.epoch = source.epoch

        assert source.last_sequence == len(self.batches)

    @invariant()
    def lots_are_what_the_movements_come_to(self):
        if not hasattr(self, "database"):
            return
        with self.database.read() as connection:
            found = connection.exec_driver_sql("SELECT warehouse, lot, quantity FROM stock_lot")
            assert {(row[0], row[1]): row[2] for row in found} == self.plain.stock.lots

    @invariant()
    def covers_are_what_prices_and_lots_come_to(self):
        if not hasattr(self, "database"):
            return
        with self.database.read() as connection:
            for loan in LOANS:
                self._check_cover(connection, loan)

    def _check_cover(self, connection, loan):
        key = get_loan(connection, loan).key
        row = {name: int(column[0]) for name, column in newest_covers(connection, np.array([key])).items()}
        owed, pool, market = self.plain.owed[loan], row["lendable_minor"], row["market_minor"]

        assert row["exposure_minor"] == owed
        # Each lot's value is rounded to the cent, through a float.
        assert abs(market - self.plain.market_minor(loan)) <= len(self.plain.pledged[loan])
        assert (0 < pool < market) if market else pool == 0
        if owed and owed >= pool:
            assert row["level"] >= Level.MARGIN_CALL
        if owed * 100 <= pool * 99:
            assert row["level"] < Level.MARGIN_CALL

    def _movement(self, kind, place, other, tonnes, corrected):
        """A movement with an id of its own; a transfer goes to the same lot of the other warehouse."""
        name = f"m-{len(self.said) + 1}"
        fields = {"good": "copper", "unit": "t"} if kind == "RECEIPT" else {}
        if kind == "TRANSFER":
            fields = {"to_warehouse": "W-2" if place[0] == "W-1" else "W-1", "to_lot": other[1]}
        if kind == "CORRECTION":
            place, fields = ("", ""), {"corrects": corrected.movement_id}
        if kind == "ADJUSTMENT":
            tonnes = tonnes - 75 or Decimal(1)
        movement = Movement(name, kind, HAPPENED, *place, tonnes, **fields)
        self.said.append(movement)
        return movement

    def _push(self, movements):
        """Pushes a batch; what the server says of it is what the plain book says."""
        batch = batch_of(len(self.batches) + 1, [one.message.SerializeToString() for one in movements])
        (taken,) = take_in(self.database, [self._batch(batch)])
        stock, known, rejected = self.plain.stock, 0, []
        for one in movements:
            if one.movement_id in stock.booked:
                known += 1
                continue
            stock.rejected.discard(one.movement_id)
            stock.take(one)
            rejected += [one.movement_id] if one.movement_id in stock.rejected else []
        self.batches.append((batch, taken))

        assert isinstance(taken, Taken)
        assert [item.movement_id for item in taken.rejected] == rejected
        assert (taken.booked, taken.known) == (len(movements) - known - len(rejected), known)

    def _batch(self, message):
        return Batch(SOURCE, self.epoch, message.sequence, digest(message), read_batch(message))


def test_the_book_is_what_a_plain_model_says_after_anything_in_any_order(prepared):
    Book.prepared = prepared
    # Shrinking a failure takes longer than a test may: the steps are printed as they were.
    bounded = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    run_state_machine_as_test(Book, settings=bounded)
