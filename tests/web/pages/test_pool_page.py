"""The page of a pool shows the limits, the closing amount and the numbers by which the pool is valued."""

import re
import shutil
from datetime import timedelta
from html import unescape

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from collateral_registry.v1 import (
    assignment_pb2,
    debtor_pb2,
    debtor_pb2_grpc,
    loan_pb2,
    policy_pb2,
    verification_pb2,
    verification_pb2_grpc,
)
from tests.support.pool_client import PoolClient, open_invoice, register_debtors
from tests.support.server import FIRST_DAY, Server, calendar, connected, free_port, money
from tests.web.conftest import Web
from tests.web.pages.test_receivables import page, rows_of, section

PAGE = "/assets/acme/pool"
DAYS_LATER = 10


def limit(pool, debtor, amount, kind="LENDER", **fields):
    insurer = {"insurer": "AXA"} if kind == "INSURED" else {}
    found = assignment_pb2.DebtorLimit(
        debtor=debtor, kind=f"DEBTOR_LIMIT_KIND_{kind}", amount=money(amount), reason="decided", **insurer, **fields
    )
    request = assignment_pb2.RecordDebtorLimitRequest(parent="assets/acme", debtor_limit=found, actor="Ana")
    return pool.assignments.RecordDebtorLimit(request)


def merge(pool, name, into):
    request = debtor_pb2.MergeDebtorsRequest(name=f"debtors/{name}", into=f"debtors/{into}", actor="A", note="same")
    debtor_pb2_grpc.DebtorServiceStub(pool.client.channel).MergeDebtors(request)


def close(pool, day, amount):
    closing = verification_pb2.Closing(date=calendar(day), closing_amount=money(amount))
    request = verification_pb2.RecordClosingRequest(parent="assets/acme", closing=closing, actor="Ana")
    verification_pb2_grpc.VerificationServiceStub(pool.client.channel).RecordClosing(request)


def use_defaults(client):
    """Activates a policy that does not state how late invoices are paid."""
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    for one in policy.classes:
        kept = [number for number in one.numbers if number.parameter != "tail_days"]
        del one.numbers[:]
        one.numbers.extend(kept)
    policy.effective_date.CopyFrom(calendar(FIRST_DAY))
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="own"))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/own"))


def share_with_euros(client):
    """Limits the pledge of the pool, and pledges the rest of it to a loan in euros, for which there is no rate."""
    pledge = loan_pb2.Pledge(name="loans/loan-1/pledges/p-1", limit=money("1000"))
    client.loans.UpdatePledge(loan_pb2.UpdatePledgeRequest(pledge=pledge, update_mask=FieldMask(paths=["limit"])))
    client.register_loan("loan-eur", "EUR")
    client.pledge("loan-eur", "acme", rank=2)


def record_limits(pool):
    """Records limits: one that was ended, one of a duplicate, two of one debtor, and two with a last day."""
    limit(pool, "globex", "100000")
    ended = limit(pool, "globex", "200000")
    pool.assignments.EndDebtorLimit(assignment_pb2.EndDebtorLimitRequest(name=ended.name, actor="Bo", note="repaid"))
    limit(pool, "hooli", "7001")
    limit(pool, "debtors/twin", "7002")
    for kind in ("LENDER", "INSURED"):
        limit(pool, "delta", "7003", kind, expire_date=calendar(FIRST_DAY))
    limit(pool, "stranger", "7004")
    limit(pool, "debtors/stranger", "7005")


@pytest.fixture(scope="module")
def book(tmp_path_factory, prepared_file):
    """A pool with limits of its debtors, which also secures a loan in euros without a rate, ten days later."""
    address = f"127.0.0.1:{free_port()}"
    copy = shutil.copy(prepared_file, tmp_path_factory.mktemp("pool"))
    server = Server(f"sqlite:///{copy}", options=["--http-address", address]).start()
    with connected(server) as client:
        pool = PoolClient(client)
        register_debtors(client, ["twin"])
        merge(pool, "twin", "hooli")
        pool.report(
            *(open_invoice(number) for number in range(8)),
            open_invoice(20, 500, debtor="debtors/stranger"),
            open_invoice(21, 321, debtor="debtors/twin"),
        )
        share_with_euros(client)
        record_limits(pool)
        close(pool, FIRST_DAY, "1")
        close(pool, FIRST_DAY - timedelta(days=30), "0")
        use_defaults(client)
        client.advance(FIRST_DAY + timedelta(days=DAYS_LATER))
        yield Web(server, client, address)
    server.stop()


def row_of(book, debtor):
    """Returns the row of one of the largest debtors as text."""
    (row,) = (one for one in rows_of(section(page(book, PAGE), "debtors")) if f">{debtor}<" in one)
    return unescape(row)


def test_a_limit_that_was_ended_does_not_bring_back_the_one_before(book):
    assert '<td class="num across" data-l="Limit in this pool">—<' in row_of(book, "globex")


def test_the_newest_limit_of_a_debtor_applies_by_whichever_text_it_was_stated(book):
    assert "7,005.00" in row_of(book, "stranger")
    assert "7,004.00" not in row_of(book, "stranger")


def test_a_debtor_has_its_own_limit_and_that_of_a_duplicate_that_was_merged_into_it(book):
    row = row_of(book, "hooli")

    assert "7,001.00" in row
    assert "7,002.00" in row


def test_after_its_last_day_a_limit_of_the_lender_is_nothing_and_one_of_an_insurer_still_limits(book):
    row = row_of(book, "delta")

    assert '>0.00<span class="sub">lender, expired after 31 Dec 2021<' in row
    assert '>7,003.00<span class="sub">insured by AXA, expired after 31 Dec 2021<' in row


def test_a_pool_is_judged_by_its_value_in_its_own_currency(book):
    head = page(book, f"{PAGE}?as_of={FIRST_DAY}").partition('id="buckets"')[0]
    lendable = head.partition("<dt>Lendable</dt>")[2].partition("</dd>")[0]

    assert "The pool as a whole is unknown" not in head
    assert "—" not in lendable


def test_the_link_of_a_debtor_shows_the_invoices_that_the_ledger_states_by_any_of_its_names(book):
    (address,) = re.findall(r'href="(/assets/acme/invoices[^"]*)"', row_of(book, "hooli"))
    listed = page(book, address)

    assert "20,321" in listed.partition('id="sums"')[2]
    assert len(rows_of(listed)) == 3


def test_the_roll_forward_is_that_of_the_latest_day_whichever_was_recorded_last(book):
    shown = section(page(book, PAGE), "roll-forward")

    assert " 31 Dec 2021</span>" in shown
    assert "The gap is beyond the tolerance" in shown


def test_a_number_that_the_policy_does_not_state_is_its_default(book):
    assert "10 days after the due day" in section(page(book, PAGE), "estimates")
