"""The page of a borrowing base that several pools are in: what changed in each class, and what it comes from."""

import re
import shutil
import time

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal as DecimalMessage

from collateral_registry.v1 import loan_pb2, receivable_pb2 as pb
from tests.support.borrowing_bases import base_of
from tests.support.pool_client import PoolClient, open_invoice, payment, register_pool
from tests.support.server import Server, amount, connected, free_port
from tests.web.conftest import Web
from tests.web.pages.test_borrowing_base import PAGE, rows_of, shown, sums_until


@pytest.fixture
def two_pools(tmp_path, prepared_file):
    """A loan with a pool of trade receivables and one of exports, whose invoices may be older."""
    address = f"127.0.0.1:{free_port()}"
    server = Server(f"sqlite:///{shutil.copy(prepared_file, tmp_path)}", options=["--http-address", address]).start()
    with connected(server) as client:
        pool = PoolClient(client)
        agree(client, loan_pb2.BorrowingBaseTerms())
        register_pool(client, "abroad", asset_class="receivable.export")
        client.pledge("loan-1", "abroad", pledge_id="p-2")
        pool.report(*(open_invoice(number) for number in range(4)))
        report_abroad(pool, *(open_invoice(number) for number in range(10, 14)))
        yield Web(server, client, address), pool
    server.stop()


def agree(client, terms):
    """Changes the terms of the base."""
    loan = loan_pb2.Loan(name="loans/loan-1", borrowing_base_terms=terms)
    mask = FieldMask(paths=["borrowing_base_terms"])
    client.loans.UpdateLoan(loan_pb2.UpdateLoanRequest(loan=loan, update_mask=mask))


def report_abroad(pool, *entries):
    """Reports entries of the pool of exports and waits until its statement includes them."""
    request = pb.GetPoolStatementRequest(name="assets/abroad")
    before = amount(pool.pools.GetPoolStatement(request).face_amount)
    for one in entries:
        one.pool = request.name
    assert not pool.ledger.record(*entries).rejected_items
    wanted = before + sum(amount(one.amount) for one in entries)
    for _ in range(500):
        if amount(pool.pools.GetPoolStatement(request).face_amount) == wanted:
            return
        time.sleep(0.01)
    raise AssertionError("the entries were not applied")


def issued(day):
    """Returns the days of an invoice that was issued some months ago."""
    year, month, day = map(int, day.split("-"))
    issue = {"year": year, "month": month, "day": day}
    return {"issue_date": issue, "delivery_date": issue, "due": "2022-01-10"}


@pytest.mark.slow
def test_lines_of_a_rule_with_different_sentences_are_one_line_of_the_change(two_pools):
    web, pool = two_pools
    earlier = base_of(web.client)
    pool.report(open_invoice(20, 4_000, **issued("2021-09-20")))
    report_abroad(pool, open_invoice(21, 3_000, **issued("2021-08-20")))
    later = base_of(web.client)

    rows = rows_of(shown(web, f"{PAGE}?from={earlier.sequence}"), "changed")

    sentences = {
        line.sentence_en for one in later.classes for line in one.lines if line.rule == pb.ELIGIBILITY_RULE_OVER_AGE
    }
    assert len(sentences) == 2
    assert [number for label, _, number in rows if label == "Over age"] == [-7_000]
    change = amount(later.base) - amount(earlier.base)
    assert sums_until(rows, "Borrowing base") == (change, change)


@pytest.mark.slow
def test_each_class_states_what_was_invoiced_and_settled_in_its_own_pools(two_pools):
    web, pool = two_pools
    sublimit = loan_pb2.Sublimit(asset_class="receivable.export", share=DecimalMessage(value="0.5"))
    agree(web.client, loan_pb2.BorrowingBaseTerms(sublimits=[sublimit]))
    earlier = base_of(web.client)
    pool.report(open_invoice(30, 15_000), payment(1))
    report_abroad(pool, open_invoice(31, 7_000))

    text = shown(web, f"{PAGE}?from={earlier.sequence}").partition('id="changed"')[2]

    gross = re.findall(r'>([^<]*)<span class="sub">([^<]*): newly invoiced ([^<]*), settled ([^<]*)</span>', text)
    assert [one[2:] for one in gross] == [("+15,000.00", "\u221210,000.00"), ("+7,000.00", "\u2014")]
