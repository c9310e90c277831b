"""The page of a borrowing base: every line to the cent, by rule, as of a moment, with its change and its reserves."""

import re
import shutil
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal as DecimalMessage

from collateral_registry.v1 import borrowing_base_pb2 as pb, common_pb2, loan_pb2
from tests.support.borrowing_bases import base_of, owe, reserve, stub
from tests.support.pool_client import PoolClient, open_invoice, payment
from tests.support.server import FIRST_DAY, Server, amount, connected, free_port, money
from tests.web.conftest import Web
from tests.web.pages.test_answers import ask
from tests.web.pages.test_changes import Forms

PAGE = "/loans/loan-1/base"
OLD = {"issue_date": {"year": 2021, "month": 10, "day": 5}, "delivery_date": {"year": 2021, "month": 10, "day": 5}}


@pytest.fixture(scope="module")
def book(tmp_path_factory, prepared_file):
    """A loan with copper under a sublimit, and a pool with late and unknown invoices, and a reserve."""
    address = f"127.0.0.1:{free_port()}"
    copy = shutil.copy(prepared_file, tmp_path_factory.mktemp("base"))
    server = Server(f"sqlite:///{copy}", options=["--http-address", address]).start()
    with connected(server) as client:
        client.open_copper()
        client.quote_history()
        pool = PoolClient(client)
        client.register_lot("lot-1", "2")
        client.pledge("loan-1", "lot-1", pledge_id="p-2")
        sublimit = loan_pb2.Sublimit(asset_class="inventory", share=DecimalMessage(value="0.1"))
        terms = loan_pb2.BorrowingBaseTerms(block=money("1000.07"), sublimits=[sublimit])
        loan = loan_pb2.Loan(name="loans/loan-1", borrowing_base_terms=terms, credit_limit=money("70000"))
        mask = FieldMask(paths=["borrowing_base_terms", "credit_limit"])
        client.loans.UpdateLoan(loan_pb2.UpdateLoanRequest(loan=loan, update_mask=mask))
        pool.report(
            *(open_invoice(number) for number in range(8)),
            open_invoice(20, 4_321, due="2021-10-15", **OLD),
            open_invoice(21, 1_234, due_date=None),
        )
        reserve(client, "rent", "RENT", "777.77")
        owe(client, "20000")
        yield Web(server, client, address), pool
    server.stop()


def shown(web, path, language="en"):
    status, _, text = ask(web, path, accept_language=language)
    assert status == 200, text
    return unescape(text)


def rows_of(text, section):
    """Returns the label, whether it is a total, and the amount of each row of the table of a section."""
    table = text.partition(f'id="{section}"')[2].partition("</table>")[0]
    found = re.findall(r'<tr( class="res")?><th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', table, re.DOTALL)
    return [(name.partition("<")[0], bool(kind), number_in(cells)) for kind, name, cells in found]


def number_in(cells):
    (last,) = re.findall(r'<td class="num"[^>]*>(?:<b>)?([^<]*)(?:</b>)?</td>$', cells.strip())
    return Decimal(last.replace("\u2212", "-").replace(",", "").replace("+", "").replace("\u2014", "0"))


def sums_until(rows, name):
    """Returns the sum of the lines before a total, and the total."""
    place = [label for label, _, _ in rows].index(name)
    return sum(number for _, is_total, number in rows[:place] if not is_total), rows[place][2]


@pytest.mark.slow
def test_the_lines_sum_to_the_base_and_on_to_the_availability_to_the_cent(book):
    web, _ = book
    found = base_of(web.client)

    rows = rows_of(shown(web, PAGE), "lines")

    labels = {label for label, _, _ in rows}
    taken = {"Past due", "Unknown: past due", "Sublimit: Inventory", "Reserve: rent", "Used", "Block"}
    assert taken <= labels
    assert sums_until(rows, "Borrowing base") == (amount(found.base), amount(found.base))
    assert sums_until(rows, "Availability") == (amount(found.availability), amount(found.availability))
    for one in found.classes:
        assert sum(amount(line.amount) for line in one.lines) == amount(one.lendable_value)
    (cut,) = (number for label, _, number in rows if label == "Past due")
    assert cut == -4_321


@pytest.mark.slow
def test_a_line_of_a_rule_states_its_sentence_and_leads_to_the_invoices_that_it_takes(book):
    web, _ = book
    sequence = base_of(web.client).sequence

    text = shown(web, PAGE)

    assert "More than 60 days after the due day. " in text
    for query, invoice_number in (("rule=PAST_DUE", "20"), ("rule=PAST_DUE&counts=unknown", "21")):
        assert f'<a href="/assets/acme/invoices?{query}">1 invoice</a>' in text
        assert invoice_number in shown(web, f"/assets/acme/invoices?{query}")
    past = shown(web, f"{PAGE}?as_of={sequence}", "zh")
    assert "逾期超过60天。" in past
    assert f'<a href="/assets/acme/invoices?rule=PAST_DUE&as_of={sequence}">1 张发票</a>' in past


@pytest.mark.slow
def test_a_negative_availability_is_shown_with_the_over_advance_and_what_binds(book):
    web, _ = book
    before = amount(base_of(web.client).used)
    owe(web.client, "90000", "500")
    found = base_of(web.client)

    text = shown(web, PAGE)
    owe(web.client, str(before), "0")

    assert amount(found.availability) < 0
    short = f"{-amount(found.availability):,.2f}"
    assert f"USD {short} more is used than may be." in text
    assert "Bound by: the level of the loan." in text
    assert f"Over-advance: {amount(found.over_advance):,.2f} is used above the base." in text
    assert sums_until(rows_of(text, "lines"), "Availability")[0] == amount(found.availability)
    assert 'class="f3"' in text


@pytest.mark.slow
def test_the_change_between_two_moments_is_the_sum_of_its_lines_and_of_its_causes(book):
    web, pool = book
    earlier = base_of(web.client)
    pool.report(open_invoice(40, 15_000), payment(1))
    later = base_of(web.client)

    text = shown(web, f"{PAGE}?from={earlier.sequence}")

    change = amount(later.base) - amount(earlier.base)
    rows = rows_of(text, "changed")
    assert change
    assert sums_until(rows, "Borrowing base") == (change, change)
    availability = amount(later.availability) - amount(earlier.availability)
    assert sums_until(rows, "Availability") == (availability, availability)
    assert "newly invoiced +15,000.00, settled \u221210,000.00" in text
    causes = rows_of(text, "causes")
    assert sums_until(causes, "Change of the base") == (change, change)
    (report,) = re.findall(r'href="(/reports/differences[^"]*)"', text)
    assert "loan-1" in shown(web, report)
    again = shown(web, f"{PAGE}?as_of={earlier.sequence}")
    assert sums_until(rows_of(again, "lines"), "Borrowing base")[1] == amount(earlier.base)
    assert "had no borrowing base then" in shown(web, f"{PAGE}?from=1")
    assert ask(web, f"{PAGE}?as_of={earlier.sequence}&from={later.sequence}")[0] == 400


@pytest.mark.slow
def test_a_reserve_is_recorded_and_ended_by_forms_with_a_reason(book):
    web, _ = book
    take = Forms(web)
    stated = {"owner": "Ana", "reason": "wages of June", "first_date": "2021-12-31", "kind": "4"}

    address = take(PAGE, f"{PAGE}/reserves", amount="1,000.01", rate="", **stated)
    text = shown(web, address)

    assert address == f"{PAGE}?done=reserve"
    assert "The reserve is recorded." in text
    (made,) = (one for one in base_of(web.client).reserves if one.kind == pb.RESERVE_KIND_PRIORITY_PAYABLES)
    assert made.deduction == money("1000.01")
    name = made.reserve.rpartition("/")[2]
    assert take(PAGE, f"{PAGE}/reserves/{name}/end", reason="wages are paid") == f"{PAGE}?done=end"
    assert len(base_of(web.client).reserves) == 1
    ended = stub(web.client).GetReserve(pb.GetReserveRequest(name=made.reserve))
    assert (ended.ended_by, ended.end_reason) == ("Ana", "wages are paid")
    assert "wages are paid" in shown(web, PAGE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"amount": "", "rate": ""}, "amount: got both or neither"),
        ({"amount": "", "rate": "101"}, "rate: got '101'"),
        ({"amount": "x", "rate": ""}, "amount: got 'x'"),
        ({"amount": "5", "rate": "", "reason": ""}, "reason: got"),
    ],
    ids=["nothing", "rate", "amount", "reason"],
)
def test_a_wrong_reserve_is_refused_by_the_name_of_the_field_and_leads_back(book, fields, problem):
    web, _ = book
    stated = {"kind": "1", "owner": "Ana", "reason": "rent", "first_date": "2021-12-31", **fields}

    with pytest.raises(AssertionError) as refused:
        Forms(web)(PAGE, f"{PAGE}/reserves", **stated)

    assert problem in unescape(str(refused.value))
    assert f'href="{PAGE}"' in str(refused.value)


@pytest.mark.slow
def test_the_page_of_a_loan_leads_to_its_base_and_that_of_a_loan_without_one_does_not(book):
    web, _ = book
    web.client.register_loan("loan-plain")

    assert f'href="{PAGE}"' in shown(web, "/loans/loan-1")
    assert 'href="/loans/loan-1"' in shown(web, PAGE)
    assert "/base" not in shown(web, "/loans/loan-plain")
    assert ask(web, "/loans/loan-plain/base")[0] == 400


@pytest.mark.slow
def test_a_base_with_unknown_coverage_states_the_reasons_and_the_last_good_base(book):
    web, pool = book
    known = base_of(web.client)
    good = amount(known.last_good_base)
    web.client.advance(FIRST_DAY + timedelta(days=5))
    found = base_of(web.client)

    text = shown(web, PAGE)

    assert found.coverage == common_pb2.COVERAGE_UNKNOWN
    assert amount(found.base) < amount(found.last_good_base) == good
    assert "Coverage is unknown: ledger too old" in text
    assert f"At its last known value the base is {good:,.2f}." in text
    rows = rows_of(text, "lines")
    (unknown,) = (number for label, _, number in rows if label == "Unknown")
    assert unknown == -amount(pool.statement().eligible_amount)
    assert ("Eligible", True, 0) in rows
    assert sums_until(rows, "Borrowing base") == (amount(found.base), amount(found.base))
    assert 'class="fu"' in text
    assert f"{good:,.2f}" in text.partition('id="unknown"')[2].partition("</table>")[0]
    assert "账款台账过旧" in shown(web, PAGE, "zh")
    change = amount(found.base) - amount(known.base)
    for section, total in (("changed", "Borrowing base"), ("causes", "Change of the base")):
        assert sums_until(rows_of(text, section), total) == (change, change)


@pytest.mark.slow
def test_a_pool_that_is_unknown_as_a_whole_lends_nothing_on_any_page(book):
    web, pool = book
    web.client.advance(FIRST_DAY + timedelta(days=6))
    statement = pool.statement()
    assert amount(statement.lendable_amount) > 0

    base, listed, one = (
        shown(web, path) for path in (PAGE, "/assets/acme/invoices", "/assets/acme/invoice?debtor=delta&number=0")
    )

    unknown = base.partition('id="unknown"')[2].partition("</table>")[0]
    counts = dict(re.findall(r'">([^<]*acme[^<]*)</th><td class="num">([^<]*)<', unknown))
    assert list(counts.values()) == ["0.00", "0.00"]
    for text in (listed, one):
        assert "The pool as a whole is unknown: ledger too old." in text
        assert "<dt>Lendable</dt><dd>\u2014</dd>" in text
    rows = listed.partition("<tbody>")[2]
    assert rows.count('data-l="Lendable"><b>\u2014</b>') == rows.count("<tr>") > 0
    ladder = one.partition('id="ladder"')[2].partition("</table>")[0]
    assert '<th scope="row">Lendable</th><td></td><td class="num">\u2014</td>' in ladder
