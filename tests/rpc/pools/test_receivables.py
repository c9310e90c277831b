"""Pools over gRPC: from reported entries to the event of the loan, statements, and explanations that add up."""

from collections import Counter

import grpc
import pytest
from google.protobuf.json_format import ParseDict

from collateral_registry.v1 import (
    breach_pb2,
    common_pb2,
    debtor_pb2,
    debtor_pb2_grpc,
    receivable_pb2 as pb,
    valuation_pb2,
)
from tests.support.pool_client import PoolClient, open_invoice, payment, register_debtors


@pytest.fixture
def pool(client):
    return PoolClient(client)


def cents(money) -> int:
    return money.units * 100 + money.nanos // 10_000_000


def test_entries_become_a_statement_the_cover_of_the_loan_and_an_event(pool, client):
    found = pool.report(*(open_invoice(number) for number in range(10)))
    client.owe("40000")
    watch = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())

    taken = sum(cents(one.amount) for one in (*found.exclusions, *found.unknown_amounts))
    assert cents(found.open_amount) == 10_000_000 == taken + cents(found.eligible_amount)
    assert [pb.EligibilityRule.Name(one.rule) for one in found.exclusions] == ["ELIGIBILITY_RULE_CONCENTRATION"]
    assert client.loan().cover.lendable_value == found.lendable_amount
    assert [cents(one.amount) for one in found.ages] == [10_000_000, 0, 0, 0, 0, 0]
    assert sum(cents(one.open_amount) for one in found.debtors) == 10_000_000

    paid = pool.report(*(payment(number) for number in range(8)))
    event = next(one for message in watch for one in message.events if one.kind == breach_pb2.BREACH_EVENT_KIND_OPENED)

    assert cents(paid.settled_amount) == 8_000_000
    assert event.loan == "loans/loan-1"
    watch.cancel()


def test_the_paths_of_all_invoices_sum_to_the_statement_also_of_a_past_commit(pool):
    late = open_invoice(11, 5_000, due="2021-12-21", type_code=395)
    undated = open_invoice(12, 700, due_date=None)
    first = pool.report(*(open_invoice(number) for number in range(5)), late, undated)
    pool.report(payment(1, 4_000))

    for statement in (first, pool.statement()):
        as_of = {"sequence": str(statement.sequence)}
        sums, lent = Counter(), 0
        for invoice in pool.invoices(asOf=as_of):
            explained = pool.explain(invoice.name, **as_of)
            assert explained.invoice == invoice
            assert cents(explained.steps[-1].left_amount) == cents(invoice.eligible_amount)
            lent += cents(invoice.lendable_amount)
            for step in explained.steps:
                sums[step.rule, step.rule == invoice.unknown_by] += cents(step.taken_amount)
        stated = {(one.rule, False): cents(one.amount) for one in statement.exclusions}
        stated |= {(one.rule, True): cents(one.amount) for one in statement.unknown_amounts}
        assert {key: amount for key, amount in sums.items() if amount} == stated
        assert lent == cents(statement.lendable_amount)
    assert pool.statement(sequence=str(first.sequence)) == first


def test_a_known_value_with_an_unknown_part_states_its_reasons_and_its_last_good_value(pool, client):
    found = pool.report(open_invoice(1), open_invoice(2, due_date=None))
    (newest, *_) = client.recorded_valuations("acme")

    assert newest.state == valuation_pb2.VALUATION_STATE_KNOWN
    assert newest.lendable_value == newest.last_good_lendable_value == found.lendable_amount
    assert newest.last_good_date == newest.market_date
    assert common_pb2.UNKNOWN_REASON_MISSING_INPUT in newest.unknown_reasons
    assert common_pb2.QUALITY_FLAG_PART_UNKNOWN in newest.quality_flags


def test_the_steps_of_an_invoice_in_another_currency_are_in_its_own(pool):
    pool.report(open_invoice(1, amount={"currency_code": "JPY", "units": 100_000}))
    explained = pool.explain("assets/acme/debtors/globex/invoices/1")

    (barred,) = (one for one in explained.steps if one.taken_amount.units)
    assert barred.rule == pb.ELIGIBILITY_RULE_CURRENCY_BARRED
    assert barred.taken_amount == explained.invoice.open_amount
    assert (barred.left_amount.currency_code, barred.left_amount.units) == ("JPY", 0)


def test_each_rule_has_a_sentence_in_both_languages_with_the_numbers_of_the_policy(pool):
    pool.report(open_invoice(1))
    steps = pool.explain("assets/acme/debtors/globex/invoices/1").steps

    (aged,) = (one for one in steps if one.rule == pb.ELIGIBILITY_RULE_OVER_AGE)
    assert aged.sentence_en == "More than 90 days since the issue (120 for a government)."
    assert "90天" in aged.sentence_zh
    assert len({one.rule for one in steps}) >= 27


def test_invoices_are_listed_by_filter_and_in_pages(pool):
    pool.report(*(open_invoice(number) for number in range(6)), open_invoice(7, type_code=395))

    assert [one.invoice_number for one in pool.invoices("excluded_by = CONSIGNMENT")] == ["7"]
    assert len(pool.invoices('open_amount >= "10000.00 USD" AND debtor = delta')) == 2
    page = pool.pools.ListInvoices(pb.ListInvoicesRequest(parent="assets/acme", page_size=4))
    rest = pool.pools.ListInvoices(
        pb.ListInvoicesRequest(parent="assets/acme", page_size=4, page_token=page.next_page_token)
    )
    assert [len(page.invoices), len(rest.invoices), rest.next_page_token] == [4, 3, ""]


def test_the_invoices_of_a_rule_are_those_that_the_statement_counts_for_it(pool):
    late = {"issue_date": {"year": 2021, "month": 10, "day": 20}, "due": "2021-10-25"}
    odd = [
        open_invoice(20 + at, 5_000, **kind) for at, kind in enumerate([late, {"type_code": 395}, {"due_date": None}])
    ]
    settled = [open_invoice(30, type_code=395), payment(30)]
    statement = pool.report(*(open_invoice(number) for number in range(6)), *odd, *settled, payment(1, 4_000))

    for field, sums in (("rule", statement.exclusions), ("unknown_by", statement.unknown_amounts)):
        for one in sums:
            page = pool.page(f"{field} = {pb.EligibilityRule.Name(one.rule)} AND state IN (OPEN, PART_PAID)")
            taken = page.sums.excluded_amount if field == "rule" else page.sums.unknown_amount
            assert page.sums.invoice_count == len(page.invoices) == one.invoice_count
            assert len({invoice.debtor for invoice in page.invoices}) == one.debtor_count
            assert cents(taken) >= cents(one.amount)
    found = {pb.EligibilityRule.Name(one.rule).removeprefix("ELIGIBILITY_RULE_") for one in statement.exclusions}
    assert found == {"PAST_DUE", "CONSIGNMENT", "CROSS_AGE", "CONCENTRATION"}
    assert pool.page("rule:*").sums.excluded_amount == pool.page().sums.excluded_amount
    assert pool.page("NOT rule:* AND unknown_by:*").sums.open_amount == pool.page().sums.unknown_amount


def test_the_sums_of_all_invoices_are_those_of_the_statement(pool):
    statement = pool.report(*(open_invoice(number) for number in range(6)), open_invoice(20, due_date=None))
    sums = pool.page(pageSize=1).sums

    names = ("face_amount", "open_amount", "eligible_amount", "lendable_amount")
    assert [getattr(sums, name) for name in names] == [getattr(statement, name) for name in names]
    for taken, amount in (
        (statement.exclusions, sums.excluded_amount),
        (statement.unknown_amounts, sums.unknown_amount),
    ):
        assert sum(cents(one.amount) for one in taken) == cents(amount)
    for parts in (sums.issue_ages, sums.assignments):
        assert sum(cents(one.amount) for one in parts) == cents(sums.open_amount)


def test_the_invoices_of_a_registered_debtor_are_found_under_every_name_of_it(pool, client):
    stub = debtor_pb2_grpc.DebtorServiceStub(client.channel)
    stub.UpdateDebtor(
        ParseDict(
            {
                "debtor": {
                    "name": "debtors/globex",
                    "identifiers": [{"scheme": "IDENTIFIER_SCHEME_VAT", "value": "DE136695976"}],
                },
                "updateMask": "identifiers",
            },
            debtor_pb2.UpdateDebtorRequest(),
        )
    )
    register_debtors(client, ("globex-2",))
    names = ("debtors/globex", "vat:de 136 695 976", "debtors/globex-2", "debtors/delta", "stranger")
    pool.report(*(open_invoice(number, debtor=name) for number, name in enumerate(names)))

    assert {one.invoice_number for one in pool.invoices("registered_debtor = globex")} == {"0", "1"}
    stub.MergeDebtors(
        debtor_pb2.MergeDebtorsRequest(name="debtors/globex-2", into="debtors/globex", actor="A", note="same")
    )
    exposure = stub.GetDebtorExposure(debtor_pb2.GetDebtorExposureRequest(name="debtors/globex"))
    page = pool.page("registered_debtor = debtors/globex")
    assert {one.invoice_number for one in page.invoices} == {"0", "1", "2"}
    assert page.sums.open_amount == exposure.pools[0].open_amount
    assert len(pool.invoices("NOT registered_debtor:*")) == 1


def test_a_statement_names_registered_debtors_and_the_sentence_of_each_rule(pool):
    statement = pool.report(*(open_invoice(number) for number in range(6)), open_invoice(20, debtor="stranger"))

    named = {one.debtor: one.registered_debtor for one in statement.debtors}
    assert named == {name: "" if name == "stranger" else f"debtors/{name}" for name in named}
    assert all(one.sentence_en and one.sentence_zh for one in (*statement.exclusions, *statement.unknown_amounts))
    assert {one.debtor: one.registered_debtor for one in pool.invoices()} == named


@pytest.mark.parametrize("name", ["assets/acme/debtors/globex/invoices/9", "assets/none/debtors/globex/invoices/1"])
def test_an_unknown_invoice_is_not_found(pool, name):
    pool.report(open_invoice(1))

    with pytest.raises(grpc.RpcError) as error:
        pool.explain(name)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


def test_the_exposure_to_a_debtor_sums_its_invoices_and_an_unknown_debtor_is_not_found(pool, client):
    pool.report(open_invoice(1), open_invoice(5, 500), open_invoice(2))
    stub = debtor_pb2_grpc.DebtorServiceStub(client.channel)

    found = stub.GetDebtorExposure(debtor_pb2.GetDebtorExposureRequest(name="debtors/globex"))

    (owed,), (total,) = found.pools, found.totals
    assert (owed.asset, owed.owner, owed.invoice_count) == ("assets/acme", "Acme", 2)
    assert cents(owed.open_amount) == 1_050_000 == cents(total.open_amount)
    parts = (owed.excluded_amount, owed.unknown_amount, owed.eligible_amount)
    assert sum(map(cents, parts)) == 1_050_000
    own = [one for one in pool.statement().debtors if one.debtor == "globex"]
    assert [one.eligible_amount for one in own] == [owed.eligible_amount]
    assert not found.HasField("line")
    assert not found.HasField("headroom")
    with pytest.raises(grpc.RpcError) as unknown:
        stub.GetDebtorExposure(debtor_pb2.GetDebtorExposureRequest(name="debtors/none"))
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
