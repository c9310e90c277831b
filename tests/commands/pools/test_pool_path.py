"""The one path of a pool: ledger entry, value, cover, judgement; conservative and last good."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from collateral_registry.commands.assets.register import register
from collateral_registry.commands.assignments.records import record_search
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.debtors.registry import change_debtor
from collateral_registry.commands.loans.lending import create_loan
from collateral_registry.commands.loans.pledges import pledge_asset
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices
from collateral_registry.commands.revaluation.run_partition import work_partition
from collateral_registry.commands.revaluation.runs import (
    finish_run,
    partitions_of,
    pending_jobs,
    plan_run,
    publish_run,
    run_in_progress,
    start_run,
)
from collateral_registry.domain.assets.claims import Receivable
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assignments.events import RegistrySearch
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.revaluation.runs import RunStep
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import asset_keys
from collateral_registry.store.debtors.repository import Cause
from collateral_registry.store.engine.arrow import ArrowDatabase
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.store.valuations.pool_statements import statement_as_of
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.books import FIRST, quotes, registered
from tests.support.ledgers import entry, from_account
from tests.support.pool_books import DAY, PoolBook, invoice
from valuation.flags import QualityFlag, UnknownReason
from valuation.receivables.rules import Rule

END = (1 << 62, "")


@pytest.fixture
def book(database_url):
    built = PoolBook(database_url)
    yield built
    built.database.close()


def valuation(book, asset_id="acme"):
    with book.database.read() as connection:
        return list_valuations(connection, asset_id, EVERYTHING, END, 1)[0]


def valuations(book, asset_id):
    with book.database.read() as connection:
        found = list_valuations(connection, asset_id, EVERYTHING, END, 9)
    return [row for row in found if row["seq"] == found[0]["seq"]]


def statement(book, asset_id="acme", seq=None):
    with book.database.read() as connection:
        (key,) = asset_keys(connection, [asset_id]).tolist()
        return statement_as_of(connection, key, seq)


def judgement(book):
    with book.database.read() as connection:
        key = get_loan(connection, "loan-1").key
        return {name: int(column[0]) for name, column in newest_judgements(connection, np.array([key])).items()}


def paid(number: int, amount_minor: int = 1_000_000):
    return entry(f"paid-{number}", "PAYMENT", amount_minor, str(number), debtor=debtor_of(number), day=DAY)


def debtor_of(number: int) -> str:
    return ("delta", "globex", "hooli", "initech")[number % 4]


def ten_invoices():
    return [invoice(str(number), 1_000_000, debtor=debtor_of(number)) for number in range(10)]


def test_an_entry_values_the_pool_and_judges_its_loan(book):
    book.report(*ten_invoices())
    book.owe(3_000_000)
    row, made = valuation(book), statement(book).statement

    assert (row["unknown"], row["zero"], made.open_minor, made.entry_number) == (0, 0, 10_000_000, 10)
    assert made.excluded_minor + made.eligible_minor == 10_000_000
    # Two debtors of 3,000,000 keep 25 % each.
    assert made.excluded[Rule.CONCENTRATION].amount_minor == 1_000_000
    assert row["market_minor"] == made.recoverable_minor < made.eligible_minor
    assert row["lendable_minor"] == made.lendable_minor <= made.eligible_minor * 8 // 10
    assert judgement(book)["lendable_minor"] == made.lendable_minor
    assert Level(judgement(book)["level"]) == Level.NONE

    book.report(*(paid(number) for number in range(8)))

    assert statement(book).statement.open_minor == 2_000_000
    assert Level(judgement(book)["level"]) == Level.LIQUIDATION
    assert judgement(book)["breach_open"] == 1


def test_an_expired_registration_keeps_the_last_good_value_and_makes_the_coverage_unknown(book):
    book.assign("acme", expire=FIRST + timedelta(days=1))
    book.report(*ten_invoices())
    book.owe(3_000_000)
    before = valuation(book)

    book.do(lambda write: advance(write, DAY + 2))
    finish_run(book.database)
    after, loan = valuation(book), judgement(book)

    assert (after["unknown"], after["market_minor"]) == (0, 0)
    # An expired registration lends at most as a silent one.
    assert after["good_lendable_minor"] == before["lendable_minor"] * 7 // 8 > 0
    assert after["quality"] & QualityFlag.PART_UNKNOWN
    assert after["unknown_part"] == UnknownReason.REGISTRATION_EXPIRED
    assert (loan["coverage_unknown"], loan["unknown"]) == (1, UnknownReason.REGISTRATION_EXPIRED)
    assert statement(book).statement.unknown[Rule.NOT_ASSIGNED].amount_minor == 10_000_000


def test_a_silent_feed_makes_the_whole_pool_unknown_at_its_last_good_value(book):
    book.report(*ten_invoices())
    before = valuation(book)

    book.do(lambda write: advance(write, DAY + 4))
    finish_run(book.database)
    after = valuation(book)

    assert (after["unknown"], after["market_minor"]) == (UnknownReason.LEDGER_STALE, 0)
    assert after["good_lendable_minor"] == before["lendable_minor"]


def test_a_run_stores_the_statement_that_a_change_stores(book):
    book.report(*ten_invoices())
    changed = statement(book)
    book.do(start_run)
    finish_run(book.database)
    of_run = statement(book)

    assert of_run.seq > changed.seq
    assert of_run.statement == changed.statement


def test_a_worker_that_transports_columns_stores_the_same_statement(book, database_url):
    book.report(*ten_invoices())
    changed = statement(book)
    book.do(start_run)
    with book.database.read() as connection:
        run = run_in_progress(connection)
    plan_run(book.database, run.seq)
    arrow = ArrowDatabase(database_url)
    for job in pending_jobs(book.database, run.seq):
        work_partition(arrow, job)
    arrow.close()
    book.do(lambda write: publish_run(write, run.seq))

    assert statement(book).seq == run.seq
    assert statement(book).statement == changed.statement


def test_a_statement_as_of_a_commit_is_that_of_the_time(book):
    book.report(*ten_invoices())
    first = statement(book)
    book.report(paid(1))

    assert statement(book, seq=first.seq) == first != statement(book)


def test_a_registered_invoice_is_a_pool_of_one(book):
    due = FIRST + timedelta(days=40)
    issued = FIRST - timedelta(days=10)
    claim = Receivable("delta", "1", Money(1_000_000, "USD"), issued, due, issued, 380, "owner")
    book.do(lambda write: register(write, Asset("claim", "Acme", "receivable.core_firm", "USD", claim)))
    unassigned = valuation(book, "claim")
    book.assign("claim")
    book.do(lambda write: record_search(write, "claim", RegistrySearch(FIRST, "zdw"), "Ana"))
    book.register("other", "receivable.core_firm")
    book.report(invoice("1", 1_000_000) | {"pool": "other"})

    assert (unassigned["unknown"], unassigned["market_minor"]) == (0, 0)
    claim_row, pool_row = valuation(book, "claim"), valuation(book, "other")
    assert claim_row["lendable_minor"] == pool_row["lendable_minor"] > 0
    assert claim_row["market_minor"] == pool_row["market_minor"]


def test_entries_before_the_registration_of_the_pool_count_when_it_is_registered(book):
    book.report(invoice("1", 1_000_000) | {"pool": "later"})
    book.register("later", "receivable.core_firm")

    assert valuation(book, "later")["lendable_minor"] > 0


def test_a_pool_in_another_currency_lends_at_most_its_amount_at_the_exchange_rate(book):
    book.register("abroad")
    book.report(*(one | {"pool": "abroad"} for one in ten_invoices()))
    book.do(lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    book.do(lambda write: ingest_prices(write, quotes("fx-eur-usd", 1.25)))
    loan = Loan("loan-2", "Acme", "EUR", Balance(*(Money(0, "EUR"),) * 3, FIRST))
    book.do(lambda write: create_loan(write, loan))
    book.do(lambda write: pledge_asset(write, registered(Pledge("p-2", "loan-2", "abroad"))))
    own, foreign = sorted(valuations(book, "abroad"), key=lambda row: row["currency"], reverse=True)

    assert (own["currency"], foreign["currency"]) == ("USD", "EUR")
    assert foreign["market_minor"] == round(own["market_minor"] / 1.25)
    assert 0 < foreign["lendable_minor"] <= own["lendable_minor"] / 1.25
    assert foreign["h_market"] > 0.0


def test_large_ledgers_divide_a_run_into_more_partitions(book):
    for number in range(8):
        book.register(f"free-{number}")
    entries = [invoice(str(at), 100) for at in range(40)]
    book.report(*entries, *({**one, "pool": f"free-{at % 4}", "entry_id": f"f-{at}"} for at, one in enumerate(entries)))

    with book.database.read() as connection:
        partitions = [one for one in partitions_of(connection, 10) if one.step != RunStep.CURVES]
        keys = asset_keys(connection, [f"free-{number}" for number in range(8)]).tolist()

    unpledged = [one for one in partitions if one.step == RunStep.UNPLEDGED]
    covered = [key for one in unpledged for key in keys if one.first_key <= key <= one.last_key]
    # 40 entries of four pools count as eight assets.
    assert (len(partitions), len(unpledged), covered) == (3, 2, keys)


def test_a_change_of_the_owner_as_a_debtor_values_its_pools_in_the_same_commit(book):
    book.report(*ten_invoices())
    before = statement(book).statement

    move_owner(book, "FR")
    abroad = statement(book).statement
    move_owner(book, "US")

    assert Rule.FOREIGN_UNINSURED not in before.excluded
    assert abroad.excluded[Rule.FOREIGN_UNINSURED].amount_minor == before.open_minor
    assert statement(book).statement == before


def test_cash_on_the_account_in_another_currency_makes_the_invoices_of_its_debtor_unknown(book):
    book.report(*ten_invoices())
    paid_abroad = from_account("cash", 900_000, "1", debtor="globex", currency="EUR", day=DAY)
    book.report(paid_abroad)
    unknown = statement(book).statement
    book.report(entry("undone", "CORRECTION", 0, corrects="cash", source=paid_abroad["source"], day=DAY))

    # Numbers 1, 5 and 9 are of globex.
    assert unknown.unknown[Rule.UNAPPLIED_CREDIT].amount_minor == 3_000_000
    assert unknown.last_good_minor == unknown.eligible_minor
    assert statement(book).statement.unknown_minor == 0


def move_owner(book, country):
    def changed(debtor):
        return replace(debtor, country=country)

    book.do(lambda write: change_debtor(write, "owner", "", changed, Cause("Ana", "moved")))


def test_a_pool_whose_sum_is_no_amount_is_unknown_and_does_not_stop_the_others(book):
    book.register("other")
    book.report(*ten_invoices())
    before = valuation(book)

    huge = [invoice(f"huge-{number}", 10**14) for number in range(91)]
    book.report(*huge, invoice("one", 1_000_00) | {"pool": "other"})
    after = valuation(book)

    assert (after["unknown"], after["market_minor"]) == (UnknownReason.OUT_OF_RANGE, 0)
    assert after["good_lendable_minor"] == before["lendable_minor"]
    with book.database.read() as connection:
        (other,) = asset_keys(connection, ["other"]).tolist()
        assert statement_as_of(connection, other, None).statement.open_minor == 1_000_00
