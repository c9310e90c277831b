"""The pages of pools, invoices and debtors: sums that agree, links that show what was counted, and partners' texts."""

import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from html import unescape
from importlib.resources import files
from statistics import median
from urllib.parse import parse_qs, urlsplit

import pytest

from collateral_registry.v1 import assignment_pb2, assignment_pb2_grpc, debtor_pb2, debtor_pb2_grpc
from collateral_registry.web.pages.numbers import MINUS
from collateral_registry.web.pages.views.receivables.debtors import is_id
from tests.support.pool_client import PoolClient, open_invoice, register_debtors
from tests.support.server import FIRST_DAY, calendar, money
from tests.web.conftest import Web
from tests.web.pages.test_answers import ask

POOL = "/assets/pool-meridian-parts"
HOSTILE = [
    *("..", "a/b/../c", "50%25", "?as_of=1#x", "<script>alert(1)</script>", "0" * 200),
    *('发票 7 & "co"', "חשבונית 7"),
]
SAME = "2022/1"
"""A number that invoices of two debtors have."""


@pytest.fixture(scope="module")
def sample(pages):
    """The pages of the sample book."""
    return Web(pages.server, pages.client, pages.address)


@pytest.fixture(scope="module")
def odd(web):
    """The pages of a book with invoices whose numbers an address or a page could misread."""
    pool = PoolClient(web.client, "loan-of-pool")
    numbered = [open_invoice(4 * at, invoice_number=number) for at, number in enumerate(HOSTILE, 1)]
    same = [open_invoice(101, invoice_number=SAME), open_invoice(102, 77, invoice_number=SAME)]
    pool.report(*numbered, *same)
    return web


def page(web, path, language="en"):
    """Returns the text of a page that must be shown."""
    status, _, text = ask(web, path, accept_language=language)
    assert status == 200, (path, text)
    return text


def section(text, name):
    """Returns the part of a page with an id."""
    return text.partition(f'id="{name}"')[2].partition("</section>")[0]


def amounts(text):
    return [Decimal(one.replace(",", "")) for one in re.findall(r">([0-9,]+\.[0-9]{2})<", text)]


def rows_of(text):
    return re.findall(r"<tr.*?</tr>", text.partition("<tbody>")[2], re.DOTALL)


@pytest.mark.parametrize("moment", ["", "?as_of=2022-07-12"])
def test_the_buckets_and_the_ages_sum_to_the_open_amount_to_the_cent(sample, moment):
    text = page(sample, f"{POOL}/pool{moment}")

    *buckets, whole = amounts(section(text, "buckets").partition("</figure>")[2])
    assert sum(buckets) == whole > 0
    for name in ("ages-due", "ages-issue"):
        *ages, total = amounts(section(text, name).partition("<details>")[2])
        assert sum(ages) == total == whole
    assert sum(amounts(section(text, "assignment"))) == whole


def test_the_link_of_a_rule_shows_exactly_the_invoices_that_the_statement_counts(sample):
    buckets = section(page(sample, f"{POOL}/pool"), "buckets")
    links = re.findall(r'<a href="([^"]+rule=[^"]+)">([0-9]+)</a>', buckets)

    assert links
    for address, count in links:
        text = page(sample, unescape(address))
        assert f"<dd>{count}<small>" in text.partition('id="sums"')[2]
        assert len(rows_of(text)) == int(count)


def test_the_parts_of_a_pool_divide_its_open_invoices(sample):
    def found(query):
        text = page(sample, f"{POOL}/invoices?{query}").partition('id="sums"')[2]
        return [one.replace(",", "") for one in re.findall(r"<dd>([0-9,]+)", text)[:2]]

    whole = found("")
    eligible, excluded, unknown = (found(f"counts={part}") for part in ("eligible", "excluded", "unknown"))
    assert 0 < int(eligible[0]) < int(whole[0]) <= sum(int(one[0]) for one in (eligible, excluded, unknown))
    assert int(found("state=all")[0]) > int(whole[0])
    assert found("filter=unknown_by+%3D+PAST_DUE")[0] == "0"


def test_each_rule_has_its_sentence_in_the_language_of_the_visitor(sample):
    assert "Beyond a share of 25 % of the pool" in page(sample, f"{POOL}/pool")
    assert "占比超过25 %" in page(sample, f"{POOL}/pool", "zh")


def test_the_ladder_of_an_invoice_leads_from_its_face_to_what_it_lends_line_by_line(sample):
    listed = page(sample, f"{POOL}/invoices?rule=CONCENTRATION&counts=eligible")
    (address,) = re.findall(rf'href="({POOL}/invoice\?[^"]+)"', listed)[:1]
    text = section(page(sample, unescape(address)), "ladder").partition("<details>")[0]

    left = [found[-1] for row in rows_of(text) if (found := amounts(row))]
    taken = [Decimal(one.replace(",", "")) for one in re.findall(rf">{MINUS}([0-9,]+\.[0-9]{{2}})<", text)]
    assert len(taken) >= 3
    assert left[0] - sum(taken) == left[-1] > 0


@pytest.mark.parametrize("number", HOSTILE, ids=range(len(HOSTILE)))
def test_the_address_of_an_invoice_leads_to_it_whatever_its_number_is(odd, number):
    text = page(odd, "/assets/acme/invoices")
    listed = map(unescape, re.findall(r'href="(/assets/acme/invoice\?[^"]+)"', text))
    addresses = {parse_qs(urlsplit(one).query)["number"][0]: one for one in listed}

    shown = page(odd, addresses[number])
    (heading,) = re.findall(r"<h1><bdi[^>]*>(.*?)</bdi></h1>", shown, re.DOTALL)
    assert unescape(heading) == number
    assert "<script>alert" not in shown + text
    assert re.search(r'id="entries".*<tbody><tr>', shown, re.DOTALL)


def test_two_invoices_of_different_debtors_may_have_the_same_number(odd):
    found = {debtor: page(odd, f"/assets/acme/invoice?debtor={debtor}&number={SAME}") for debtor in ("globex", "hooli")}

    assert "<dd>10,000.00" in found["globex"]
    assert "<dd>77.00" in found["hooli"]


@pytest.mark.parametrize("query", ["", "?debtor=globex", "?debtor=globex&number=none"])
def test_an_address_without_an_invoice_is_an_error_page(odd, query):
    assert ask(odd, f"/assets/acme/invoice{query}")[0] == (404 if "none" in query else 400)


def test_a_debtor_shows_its_line_its_use_and_what_pools_claim_beyond_it(odd):
    stub = debtor_pb2_grpc.DebtorServiceStub(odd.client.channel)
    line = debtor_pb2.DebtorLine(amount=money("4000"))
    probability = debtor_pb2.DefaultProbability(source="an agency", date={"year": 2021, "month": 12, "day": 30})
    probability.ratio.value = "0.0125"
    changed = debtor_pb2.Debtor(name="debtors/globex", line=line, default_probability=probability)
    request = debtor_pb2.UpdateDebtorRequest(debtor=changed, actor="Ana", note="committee")
    request.update_mask.paths.extend(["line", "default_probability"])
    stub.UpdateDebtor(request)
    exposure = stub.GetDebtorExposure(debtor_pb2.GetDebtorExposureRequest(name="debtors/globex"))
    over = -exposure.headroom.units
    text = page(odd, "/debtors/globex")

    assert over > 0
    assert f"The pools claim USD {over:,}.00 more than its line." in text
    assert 'class="mark"' in section(text, "line")
    assert "1.25\u00a0%" in section(text, "facts")
    assert "an agency" in section(text, "facts")
    assert f"{exposure.claimed_amount.units / 40:,.1f}\u00a0%" in page(odd, "/debtors?q=globex")
    (address,) = re.findall(r'href="(/assets/acme/invoices\?[^"]+)"', section(text, "pools"))
    assert len(rows_of(page(odd, unescape(address)))) == exposure.pools[0].invoice_count


def test_a_merged_duplicate_leads_to_the_debtor_that_remains_which_lists_it(odd):
    stub = debtor_pb2_grpc.DebtorServiceStub(odd.client.channel)
    register_debtors(odd.client, ("twin", "triplet"))
    for name, into in (("triplet", "twin"), ("twin", "initech")):
        request = debtor_pb2.MergeDebtorsRequest(name=f"debtors/{name}", into=f"debtors/{into}", actor="A", note="same")
        stub.MergeDebtors(request)

    assert '<a href="/debtors/initech">initech</a>' in page(odd, "/debtors/triplet")
    facts = section(page(odd, "/debtors/initech"), "facts")
    assert all(f'href="/debtors/{name}"' in facts for name in ("twin", "triplet"))
    assert "/debtors/twin" not in page(odd, "/debtors?q=t")


def test_every_assignment_that_concerns_an_invoice_is_shown_also_under_the_name_of_a_merged_duplicate(odd):
    stub = debtor_pb2_grpc.DebtorServiceStub(odd.client.channel)
    register_debtors(odd.client, ("hooli-old",))
    merged = debtor_pb2.MergeDebtorsRequest(name="debtors/hooli-old", into="debtors/hooli", actor="A", note="same")
    stub.MergeDebtors(merged)
    for at in range(100):
        assign(odd.client, f"0-{at:02}", "delta")
    assign(odd.client, "z-1", "hooli-old")
    release(odd.client, "0-00")

    events = section(page(odd, f"/assets/acme/invoice?debtor=hooli&number={SAME}"), "assignment")

    assert "a-1" in events
    assert "z-1" in events
    assert "0-00" not in events


def release(client, name):
    """Releases the whole of an assignment."""
    event = assignment_pb2.AssignmentEvent(kind="ASSIGNMENT_EVENT_KIND_RELEASED", date=calendar(FIRST_DAY))
    request = assignment_pb2.RecordAssignmentEventRequest(
        name=f"assets/acme/assignments/{name}", event=event, actor="A"
    )
    assignment_pb2_grpc.AssignmentServiceStub(client.channel).RecordAssignmentEvent(request)


def assign(client, name, debtor):
    """Registers an assignment of the invoices of a debtor."""
    scopes = [assignment_pb2.InvoiceScope(debtor=f"debtors/{debtor}")]
    event = assignment_pb2.AssignmentEvent(
        kind="ASSIGNMENT_EVENT_KIND_REGISTERED", date=calendar(FIRST_DAY), registry="zdw", registration_number=name,
        scopes=scopes,
    )  # fmt: skip
    request = assignment_pb2.RecordAssignmentEventRequest(
        name=f"assets/acme/assignments/{name}", event=event, actor="A"
    )
    assignment_pb2_grpc.AssignmentServiceStub(client.channel).RecordAssignmentEvent(request)


def test_a_page_of_debtors_has_at_most_25_rows_and_leads_to_the_next(odd):
    register_debtors(odd.client, [f"firm-{number}" for number in range(30)])
    text = page(odd, "/debtors?q=firm-")

    assert len(rows_of(text)) == 25
    (following,) = re.findall(r'href="(/debtors\?[^"]*page_token=[^"]+)"', text)
    assert len(rows_of(page(odd, unescape(following)))) == 5


def test_the_median_days_late_are_those_of_the_payments_of_the_ledger(sample):
    rows = [line.split(",") for line in (files("collateral_registry.sample") / "invoices.csv").read_text().splitlines()]
    head = next(row for row in rows if row[0] == "entry")
    entries = [dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head)]
    own = [one for one in entries if one["debtor"] == "continental-assembly" and one["time"] < "2022-07-14"]
    due = {one["number"]: date.fromisoformat(one["due"]) for one in own if one["kind"] == "INVOICE"}
    late = defaultdict(list)
    for one in own:
        if one["kind"] == "PAYMENT":
            paid = date.fromisoformat(one["time"][:10])
            late[paid.replace(day=1)].append((paid - due[one["number"]]).days)
    shown = section(page(sample, "/debtors/continental-assembly"), "days").partition("<details>")[2]

    wanted = [(len(days), float(median(days))) for _, days in sorted(late.items())][-12:]
    cells = re.findall(rf'class="num">([0-9]+)</td><td class="num">({MINUS}?[0-9.]+)</td>', shown)
    assert [(int(count), float(days.replace(MINUS, "-"))) for count, days in cells] == wanted


@pytest.mark.parametrize(
    ("text", "found"), [("acme-2", True), ("Acme", False), ("", False), ("铜", False), ("a b", False)], ids=range(5)
)
def test_a_text_that_no_id_begins_with_is_searched_among_names_only(text, found):
    assert is_id(text) is found
