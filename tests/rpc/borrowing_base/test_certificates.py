"""Certificates on a real server: submitted, recomputed, explained to the cent, approved by another person, overdue."""

import hashlib
from datetime import timedelta
from decimal import Decimal as Number

import grpc
import pytest
from google.protobuf import text_format

from collateral_registry.domain.borrowing_base.canonical import sources_of
from collateral_registry.v1 import (
    asset_pb2,
    certificate_pb2 as pb,
    common_pb2,
    finding_pb2,
    loan_pb2,
)
from tests.support.borrowing_bases import RESERVES, opened, owe, pledge_classes, reserve, terms
from tests.support.certificates import NAME, approve, create, give_back, stated_class, stub, submit
from tests.support.server import FIRST_DAY, Client, amount, calendar, details_of, money


def state_of(certificate: pb.Certificate) -> str:
    return pb.CertificateState.Name(certificate.state).removeprefix("CERTIFICATE_STATE_")


def findings(client: Client, state: str) -> list[finding_pb2.Finding]:
    request = finding_pb2.ListFindingsRequest(filter=f"kind = CERTIFICATE_DIFFERS AND state = {state}")
    return list(client.findings.ListFindings(request).findings)


def reason_of(call) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return details_of(refused.value)[0].reason


def test_the_difference_of_a_certificate_is_explained_to_the_cent(client: Client) -> None:
    """Example 9e of the specification, whose receivables are the first class."""
    client.register_loan(borrowing_base_terms=terms(), credit_limit=money("900000"))
    pledge_classes(client)
    owe(client, "820000", "40000")
    for reserve_id, kind, value in RESERVES:
        reserve(client, reserve_id, kind, value)
    create(client)

    found = submit(
        client,
        stated_class("inventory.base_metal", "920000", "0.85", OVER_AGE="220000", DISPUTED="84500"),
        stated_class("inventory", "260000", "1"),
        stated_class("equipment", "500000", "0.8"),
        stated_class("ip", "200000", "0.25"),
    )

    assert state_of(found) == "RECOMPUTED"
    assert (found.submitted.base, found.recomputed.base) == (money("1233175"), money("842436.97"))
    assert amount(found.difference) == sum(amount(step.change) for step in found.steps) == Number("-390738.03")
    last = [(pb.StatementTerm.Name(step.term), amount(step.change)) for step in found.steps[-2:]]
    assert last == [
        ("STATEMENT_TERM_SUBLIMITS", Number("-137713.48")),
        ("STATEMENT_TERM_RESERVES", Number("-49810.25")),
    ]
    assert amount(found.availability) == Number("-17563.03")
    (finding,) = findings(client, "OPEN")
    assert "390738.03 USD below" in finding.summary
    assert stub(client).GetCertificate(pb.GetCertificateRequest(name=NAME)) == found


def test_the_text_of_a_recomputed_base_is_the_same_for_the_same_sequence(client: Client) -> None:
    opened(client)
    owe(client, "100000")
    create(client)
    first = submit(client)
    give_back(client)
    submit(client)
    settled = stub(client).GetCertificate(pb.GetCertificateRequest(name=NAME))

    client.change_classes("second", added=["inventory.extra"])
    client.advance(FIRST_DAY + timedelta(days=3))
    reserve(client, "later", "OTHER", "10")
    other = submit(client, name=create(client, "second").name)

    assert first.canonical_sha256 == hashlib.sha256(first.canonical_text.encode()).hexdigest()
    assert "policy\tdefault-2021\n" in first.canonical_text
    sources = sources_of(first.canonical_text)
    assert (sources["date"], sources["sequence"]) == ((FIRST_DAY.isoformat(),), (str(first.sequence),))
    assert sources["policy"] == ("default-2021",)
    assert f"sequence\t{first.sequence}\n" in first.canonical_text
    assert settled.sequence > first.sequence  # each change of a certificate judges its loan
    assert other.canonical_text.count("\n") == settled.canonical_text.count("\n")
    again = submit(client, name=create(client, "third").name)
    if again.sequence == other.sequence:
        assert (again.canonical_text, again.canonical_sha256) == (other.canonical_text, other.canonical_sha256)
    assert again.sequence == other.sequence


def test_a_certificate_is_approved_by_another_person_and_supersedes_earlier_ones(client: Client) -> None:
    opened(client)
    create(client)
    create(client, "earlier")
    assert reason_of(lambda: approve(client)) == "CERTIFICATE_STATE"
    submit(client, actor="Bo Li")
    assert reason_of(lambda: approve(client, actor=" bo  LI ")) == "CERTIFICATE_OWN_STATEMENT"
    assert reason_of(lambda: submit(client)) == "CERTIFICATE_STATE"
    for fields, field in (
        ({"approved_base": money("600000.01")}, "approved_base"),
        ({"approved_base": money("1")}, "reason"),
        ({"approved_base": money("1", "EUR")}, "approved_base"),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            approve(client, **fields)
        assert details_of(refused.value)[1] == [field]

    found = approve(client, approved_base=money("550000"), reason="stock to be counted")

    assert (state_of(found), found.approved_by, found.approved_base) == ("APPROVED", "Ana", money("550000"))
    listed = stub(client).ListCertificates(pb.ListCertificatesRequest(parent="loans/-")).certificates
    assert [state_of(one) for one in listed] == ["APPROVED", "SUPERSEDED"]
    assert client.loan().cover.borrowing_base == money("600000")
    assert reason_of(lambda: give_back(client)) == "CERTIFICATE_STATE"


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", ["loan-1/a", "loan-1/b", "loan-1/c", "loan-2/a", "loan-2/b"]),
        ("due_date", ["loan-2/b", "loan-1/a", "loan-2/a", "loan-1/c", "loan-1/b"]),
        ("due_date desc", ["loan-1/b", "loan-1/c", "loan-1/a", "loan-2/a", "loan-2/b"]),
    ],
)
def test_certificates_are_listed_by_their_due_days_over_all_pages(client: Client, order: str, names: list[str]) -> None:
    days = {"loan-1/a": 2, "loan-1/b": 9, "loan-1/c": 5, "loan-2/a": 2, "loan-2/b": 1}
    for loan in ("loan-1", "loan-2"):
        client.register_loan(loan, borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
    for name, day in days.items():
        loan, _, own = name.partition("/")
        create(client, own, loan, due_date=calendar(FIRST_DAY + timedelta(days=day)))

    found, token = [], ""
    while len(found) < len(names):
        request = pb.ListCertificatesRequest(parent="loans/-", order_by=order, page_size=2, page_token=token)
        page = stub(client).ListCertificates(request)
        found += [one.name.removeprefix("loans/").replace("/certificates", "") for one in page.certificates]
        token = page.next_page_token

    assert (found, token) == (names, "")
    with pytest.raises(grpc.RpcError) as refused:
        stub(client).ListCertificates(pb.ListCertificatesRequest(parent="loans/-", order_by="period_end_date"))
    assert details_of(refused.value)[1] == ["order_by"]


def test_a_statement_before_the_end_of_its_period_waits_for_it(client: Client) -> None:
    opened(client)
    end = FIRST_DAY + timedelta(days=3)
    create(client, period_end_date=calendar(end))

    assert state_of(submit(client)) == "SUBMITTED"
    assert reason_of(lambda: approve(client)) == "CERTIFICATE_STATE"

    client.advance(end)
    assert state_of(submit(client)) == "RECOMPUTED"


def test_a_returned_certificate_names_the_lines_that_fail_and_is_submitted_again(client: Client) -> None:
    opened(client)
    create(client)
    submit(client, stated_class("inventory", "700000", "1"))
    assert len(findings(client, "OPEN")) == 1
    assert reason_of(lambda: give_back(client, actor="BO")) == "CERTIFICATE_OWN_STATEMENT"

    returned = give_back(client)

    assert (state_of(returned), returned.failing_lines[0].line) == ("RETURNED", "gross")
    assert (len(findings(client, "OPEN")), len(findings(client, "RESOLVED"))) == (0, 1)
    corrected = submit(client, stated_class("inventory", "605000", "1"))
    assert (state_of(corrected), findings(client, "OPEN")) == ("RECOMPUTED", [])
    assert (list(corrected.failing_lines), corrected.return_reason) == ([], "see lines")


def test_receivables_are_unknown_while_a_certificate_is_overdue_beyond_the_grace(client: Client) -> None:
    opened(client)
    owe(client, "100000")
    create(client, due_date=calendar(FIRST_DAY))
    receivable = text_format.Parse(
        'owner: "Acme" asset_class: "receivable" currency_code: "USD" receivable {debtor: "Bo" invoice_number: "7"}',
        asset_pb2.Asset(),
    )
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=receivable, asset_id="invoice"))
    client.pledge(asset_id="invoice", pledge_id="p-9")

    seen = []
    for days in (3, 7, 10):
        day = FIRST_DAY + timedelta(days=days)
        client.advance(day)
        client.quote("10000", day)
        seen.append(common_pb2.UNKNOWN_REASON_CERTIFICATE_OVERDUE in client.loan().cover.unknown_reasons)
    draw = client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name="loans/loan-1", amount=money("1")))

    assert seen == [False, False, True]  # 2022-01-07 is the fifth business day after the due day
    assert draw.reason_code == loan_pb2.DRAW_REFUSAL_CERTIFICATE_OVERDUE
    submit(client)
    assert common_pb2.UNKNOWN_REASON_CERTIFICATE_OVERDUE not in client.loan().cover.unknown_reasons


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        (pb.BaseStatement(classes=[stated_class("ip", "1", "1.1")]), "statement.classes[0].rate"),
        (pb.BaseStatement(classes=[stated_class("", "1", "1")]), "statement.classes[0].asset_class"),
        (pb.BaseStatement(classes=[stated_class("ip", "1", "1")] * 2), "statement.classes"),
        (pb.BaseStatement(reserves=money("1", "EUR")), "statement.reserves"),
    ],
)
def test_a_statement_that_cannot_be_read_is_refused_by_the_name_of_the_field(client: Client, statement, field) -> None:
    client.register_loan(borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
    create(client)

    with pytest.raises(grpc.RpcError) as refused:
        stub(client).SubmitCertificate(pb.SubmitCertificateRequest(name=NAME, statement=statement, actor="Bo"))

    assert details_of(refused.value)[1] == [field]


@pytest.mark.parametrize(
    "call",
    [
        create,
        submit,
        approve,
        give_back,
        lambda client: stub(client).GetCertificate(pb.GetCertificateRequest(name=NAME)),
        lambda client: stub(client).ListCertificates(pb.ListCertificatesRequest(parent="loans/loan-1")),
    ],
)
def test_a_certificate_of_no_loan_is_not_found(shared_client: Client, call) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(shared_client)

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
