"""Quotes of pools from entries: they equal what is recorded, record nothing, and state what they assume."""

import json
from datetime import timedelta

import grpc
import pytest
from sqlalchemy import MetaData, create_engine, func, select
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.v1 import (
    asset_pb2,
    common_pb2,
    debtor_pb2,
    debtor_pb2_grpc,
    invoice_feed_pb2,
    receivable_pb2 as pb,
)
from tests.rpc.pools.test_estimates import PAID, estimate, paid
from tests.support.invoicing import entry_columns, invoice_entry
from tests.support.pool_client import REPORTED, PoolClient, open_invoice, payment
from tests.support.postgres import wait_until
from tests.support.server import FIRST_DAY, calendar, details_of, money

INVOICE = invoice_feed_pb2.INVOICE_ENTRY_KIND_INVOICE
NOTIFIED = {"state": "ASSIGNMENT_STATE_NOTIFIED", "registry_search_date": calendar(FIRST_DAY)}


@pytest.fixture
def pool(client):
    return PoolClient(client)


def entry(entry_id, kind, units, number, **fields):
    return invoice_entry(entry_id, kind, units, number, effective_time=REPORTED, debtor="debtors/globex", **fields)


LEDGER = (
    *(open_invoice(number) for number in range(6)),
    open_invoice(11, 5_000, due="2021-12-21", type_code=395),
    open_invoice(12, 700, due_date=None),
    open_invoice(13, 900, debtor="somewhere else"),
    payment(4, 4_000),
    entry("c-1", "CREDIT_NOTE", 250, "1"),
    entry("d-1", "DISPUTE", 300, "1"),
    entry("u-1", "UNAPPLIED", 70, ""),
    invoice_entry("k-1", "CORRECTION", 200, corrects="c-1", effective_time=REPORTED, debtor=""),
)


def draft(**fields):
    pool = asset_pb2.ReceivablePool(owner_debtor="debtors/owner")
    return asset_pb2.Asset(asset_class="receivable.trade", currency_code="USD", receivable_pool=pool, **fields)


def quoted(pool, *entries, **fields):
    if "name" not in fields:
        fields = {"draft": draft(), **fields}
    return pool.pools.QuoteReceivablePool(pb.QuoteReceivablePoolRequest(entries=entry_columns(*entries), **fields))


def as_recorded(quote, statement):
    """Returns a recorded statement with what only a recorded one has taken out."""
    plain = pb.PoolStatement()
    plain.CopyFrom(statement)
    plain.sequence, plain.asset = 0, quote.statement.asset
    return plain


def names(kind, numbers):
    return [kind.Name(one).removeprefix("QUOTE_ASSUMPTION_") for one in numbers]


def test_the_quote_of_a_recorded_ledger_equals_the_recorded_statement_with_the_facts_of_the_pool_or_assumed(pool):
    recorded = pool.report(*LEDGER)

    of_pool = quoted(pool, *LEDGER, name="assets/acme", invoice_limit=1_000)
    of_draft = quoted(pool, *LEDGER, assumed_assignment=NOTIFIED, invoice_limit=1_000)

    assert of_pool.statement == as_recorded(of_pool, recorded)
    assert of_draft.statement == as_recorded(of_draft, recorded)
    assert recorded.exclusions
    assert recorded.unknown_amounts
    listed = pool.invoices()
    for one in listed:
        one.name = ""
    assert list(of_pool.invoices) == list(of_draft.invoices) == listed
    assert names(pb.QuoteAssumption, of_pool.assumptions) == []
    assert names(pb.QuoteAssumption, of_draft.assumptions) == ["ASSIGNMENT", "REGISTRY_SEARCH", "NO_DEBTOR_LIMITS"]
    assert common_pb2.QUALITY_FLAG_DILUTION_STAND_IN in of_draft.quality_flags
    assert common_pb2.UNKNOWN_REASON_MISSING_INPUT in of_draft.part_unknown_reasons


def test_a_quote_of_a_long_ledger_is_estimated_from_it_as_the_recorded_pool_is(pool):
    entries = [one for number in range(4, 4 + 4 * PAID, 4) for one in paid(number)] + [open_invoice(1)]
    pool.report(*entries)
    wait_until(lambda: estimate(pool).paid_invoice_count >= PAID)

    found = quoted(pool, *entries, assumed_assignment=NOTIFIED)

    assert found.statement == as_recorded(found, pool.statement())
    assert found.statement.estimate.HasField("days_late")


def rows_of_all_tables(server):
    engine = create_engine(server.url)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        counts = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.tables.items()
        }
    engine.dispose()
    return counts


def test_a_quote_writes_nothing(pool, server):
    before = pool.report(open_invoice(1))
    pool.client.owe("100")
    counted = rows_of_all_tables(server)

    quoted(pool, *LEDGER, assumed_assignment=NOTIFIED)
    quoted(pool, *LEDGER, name="assets/acme")

    assert rows_of_all_tables(server) == counted
    assert pool.statement() == before


def test_without_an_assumption_nothing_is_assigned_and_without_a_search_nothing_is_known(pool):
    invoice = open_invoice(1)
    unassigned = quoted(pool, invoice).statement
    unsearched = quoted(pool, invoice, assumed_assignment={"state": "ASSIGNMENT_STATE_REGISTERED"}).statement

    assert [one.rule for one in unassigned.exclusions] == [pb.ELIGIBILITY_RULE_NOT_ASSIGNED]
    assert [one.rule for one in unsearched.unknown_amounts] == [pb.ELIGIBILITY_RULE_FACTORED_ELSEWHERE]
    assert unassigned.lendable_amount == unsearched.lendable_amount == money("0")


def test_rejected_entries_are_named_by_row_and_do_not_count(pool):
    entries = (open_invoice(1), payment(2), open_invoice(3, pool="assets/other"), open_invoice(5, pool=""))

    found = quoted(pool, *entries, assumed_assignment=NOTIFIED, invoice_limit=1)

    reasons = [invoice_feed_pb2.EntryRejectionReason.Name(one.reason) for one in found.rejected_items]
    assert [one.row for one in found.rejected_items] == [1, 2]
    assert reasons == ["ENTRY_REJECTION_REASON_UNKNOWN_INVOICE", "ENTRY_REJECTION_REASON_FOREIGN_POOL"]
    assert (found.rejected_count, found.invoice_count, len(found.invoices)) == (2, 2, 1)
    assert found.statement.open_amount == money("20000")
    assert names(pb.QuoteAssumption, found.assumptions)[-1] == "REJECTED_ENTRIES"


def test_a_line_is_left_by_the_pools_that_are_recorded(pool, client):
    line = debtor_pb2.Debtor(name="debtors/globex", line={"amount": money("12000")})
    request = debtor_pb2.UpdateDebtorRequest(debtor=line, update_mask={"paths": ["line"]})
    debtor_pb2_grpc.DebtorServiceStub(client.channel).UpdateDebtor(request)
    pool.report(open_invoice(1))

    found = quoted(pool, open_invoice(5), assumed_assignment=NOTIFIED)

    assert [one.rule for one in found.statement.exclusions][:1] == [pb.ELIGIBILITY_RULE_DEBTOR_LINE]
    assert found.statement.exclusions[0].amount == money("8000")


def test_the_day_decides_ages_and_an_old_ledger_is_unknown_as_a_whole(pool):
    later = calendar(FIRST_DAY + timedelta(days=60))

    found = quoted(pool, open_invoice(1), assumed_assignment=NOTIFIED, date=later)

    assert found.statement.market_date == later
    assert common_pb2.UNKNOWN_REASON_LEDGER_STALE in found.unknown_reasons
    assert names(pb.QuoteAssumption, found.assumptions)[-1] == "DATE"


def test_a_wrong_field_is_named_from_the_root_of_the_request(pool):
    without_detail = asset_pb2.Asset(asset_class="receivable.trade", currency_code="USD")
    cases = (
        ({"draft": None}, "pool"),
        ({"draft": without_detail}, "draft.detail"),
        ({"draft": draft(), "invoice_limit": 1_001}, "invoice_limit"),
        ({"draft": draft(), "assumed_assignment": {"state": "ASSIGNMENT_STATE_EXPIRED"}}, "assumed_assignment.state"),
        ({"name": "assets/acme", "assumed_assignment": NOTIFIED}, "assumed_assignment"),
    )
    for fields, wrong in cases:
        with pytest.raises(grpc.RpcError) as refused:
            quoted(pool, open_invoice(1), **fields)
        assert details_of(refused.value)[1] == [wrong]


def test_more_entries_than_the_limit_and_columns_of_different_lengths_are_refused(pool):
    long = invoice_feed_pb2.InvoiceBatch(entry_ids=["e"] * 50_001)
    short = invoice_feed_pb2.InvoiceBatch(entry_ids=["e"] * 2, kinds=[INVOICE])
    for columns, field in ((long, "entries.entry_ids"), (short, "entries.kind")):
        with pytest.raises(grpc.RpcError) as refused:
            pool.pools.QuoteReceivablePool(pb.QuoteReceivablePoolRequest(draft=draft(), entries=columns))
        assert details_of(refused.value)[1] == [field]


HEADER = "entry,kind,time,debtor,number,amount,currency,type,issued,due,delivered\n"
FILE = HEADER + (
    "i-1,INVOICE,2021-12-31T00:00:00Z,globex,1,10000,USD,380,2021-12-20,2022-02-10,2021-12-20\n"
    "p-2,PAYMENT,2021-12-31T00:00:00Z,globex,2,100,USD,,,,\n"
    "x-3,REBATE,2021-12-31T00:00:00Z,globex,1,100,USD,,,,\n"
)


def test_the_command_prints_the_lines_of_a_pool_and_the_problems_by_line_of_the_file(pool, server, tmp_path):
    path = tmp_path / "ledger.csv"
    path.write_text(FILE)

    def run(*more):
        assumed = ("--owner-debtor", "owner", "--assigned", "notified", "--searched", "2021-12-31")
        options = (*assumed, "--concentration", "none", "--server", server.address)
        return CliRunner().invoke(app, ["pool", "quote", str(path), *options, *more])

    found = run("--invoices", "3")
    recorded = pool.report(open_invoice(1))
    shown = CliRunner().invoke(app, ["pool", "show", "acme", "--server", server.address])

    assert found.exit_code == 1
    assert [line.split(": ")[0] for line in found.stderr.splitlines()] == ["ledger.csv:4", "ledger.csv:3"]
    assert "first 1 of 1 invoices" in found.stdout
    assert "assumed: state of the assignment\nassumed: search of the registry\n" in found.stdout
    first = [line.split() for line in found.stdout.splitlines() if line.strip().startswith(("face", "eligible"))]
    assert first == [["face", "10,000.00", "USD"], ["eligible", "10,000.00", "USD"]]
    assert [line.split() for line in shown.stdout.splitlines() if line.strip().startswith("face")] == first[:1]
    answer = json.loads(run("--json").stdout)
    assert answer["statement"]["face_amount"]["units"] == str(recorded.face_amount.units)
