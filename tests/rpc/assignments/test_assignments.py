"""Events of assignments, searches, terms of contracts and exclusions are recorded and listed over gRPC."""

from datetime import timedelta

import grpc
import pytest
from google.type import money_pb2

from collateral_registry.v1 import asset_pb2, assignment_pb2 as pb, assignment_pb2_grpc
from tests.support.server import FIRST_DAY, calendar, details_of

NAME = "assets/claim-1/assignments/a-1"
SCOPE = pb.InvoiceScope(debtor="bo", invoice_numbers=["7"])


@pytest.fixture
def assignments(client):
    claim = asset_pb2.Asset(owner="Acme", asset_class="receivable", currency_code="USD")
    claim.receivable.debtor, claim.receivable.invoice_number = "bo", "7"
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=claim, asset_id="claim-1"))
    return assignment_pb2_grpc.AssignmentServiceStub(client.channel)


def record(assignments, kind, day=FIRST_DAY, name=NAME, **fields):
    event = pb.AssignmentEvent(kind=kind, date=calendar(day), **fields)
    return assignments.RecordAssignmentEvent(pb.RecordAssignmentEventRequest(name=name, event=event, actor="Ana"))


def register(assignments, **fields):
    return record(assignments, pb.ASSIGNMENT_EVENT_KIND_REGISTERED, registry="zdw", registration_number="1", **fields)


def refusal(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    info, fields = details_of(refused.value)
    return info.reason, fields


def limit(assignments, amount=9, **fields):
    one = {"debtor": "bo", "kind": pb.DEBTOR_LIMIT_KIND_LENDER, "reason": "decided"} | fields
    found = pb.DebtorLimit(amount=money_pb2.Money(currency_code="USD", units=amount), **one)
    return assignments.RecordDebtorLimit(
        pb.RecordDebtorLimitRequest(parent="assets/claim-1", debtor_limit=found, actor="Ana")
    )


def test_a_limit_of_a_debtor_is_recorded_listed_and_ended_once(assignments):
    insured = {"kind": pb.DEBTOR_LIMIT_KIND_INSURED, "insurer": "AXA", "expire_date": calendar(FIRST_DAY)}
    own, covered = limit(assignments), limit(assignments, 7, **insured)
    ended = assignments.EndDebtorLimit(pb.EndDebtorLimitRequest(name=own.name, actor="Bo", note="repaid"))

    assert (covered.insurer, covered.amount.units, covered.actor) == ("AXA", 7, "Ana")
    assert (ended.ended_by, ended.end_note) == ("Bo", "repaid")
    request = pb.ListDebtorLimitsRequest(parent="assets/claim-1", filter="debtor = bo AND kind = INSURED")
    assert list(assignments.ListDebtorLimits(request).debtor_limits) == [covered]
    assert len(assignments.ListDebtorLimits(pb.ListDebtorLimitsRequest()).debtor_limits) == 2
    again = pb.EndDebtorLimitRequest(name=own.name, actor="Bo", note="again")
    assert refusal(lambda: assignments.EndDebtorLimit(again))[0] == "DEBTOR_LIMIT_ENDED"


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ("debtors/cy", "debtor = cy"),
        ("debtors/cy", "debtor = debtors/cy"),
        ("LEI: 5493001kjtiigc8y1r12", 'debtor = "lei:5493001KJTIIGC8Y1R12"'),
    ],
)
def test_a_limit_is_found_by_the_normal_text_of_its_debtor(assignments, stated, found):
    recorded = limit(assignments, debtor=stated)

    request = pb.ListDebtorLimitsRequest(parent="assets/claim-1", filter=found)
    assert list(assignments.ListDebtorLimits(request).debtor_limits) == [recorded]
    assert recorded.debtor == stated


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("debtor_limit.debtor", {"debtor": ""}),
        ("debtor_limit.kind", {"kind": 0}),
        ("debtor_limit.reason", {"reason": ""}),
        ("debtor_limit.insurer", {"kind": pb.DEBTOR_LIMIT_KIND_INSURED}),
        ("debtor_limit.insurer", {"insurer": "AXA"}),
        ("debtor_limit.policy_number", {"policy_number": "7"}),
        ("debtor_limit.expire_date", {"expire_date": calendar(FIRST_DAY - timedelta(days=1))}),
    ],
)
def test_a_limit_with_a_wrong_field_is_refused(assignments, field, fields):
    assert refusal(lambda: limit(assignments, **fields))[1] == [field]


def test_a_limit_in_another_currency_than_the_pool_is_refused(assignments):
    other = pb.DebtorLimit(debtor="bo", kind=pb.DEBTOR_LIMIT_KIND_LENDER, reason="decided")
    other.amount.currency_code, other.amount.units = "EUR", 1
    request = pb.RecordDebtorLimitRequest(parent="assets/claim-1", debtor_limit=other, actor="Ana")

    assert refusal(lambda: assignments.RecordDebtorLimit(request))[1] == ["debtor_limit.amount.currency_code"]


def test_an_acknowledged_amount_in_another_currency_than_the_pool_is_refused(assignments):
    register(assignments)
    amount = money_pb2.Money(currency_code="JPY", units=10_000)

    found = refusal(lambda: record(assignments, pb.ASSIGNMENT_EVENT_KIND_ACKNOWLEDGED, amount=amount))

    assert found == ("INVALID_INPUT", ["event.amount.currency_code"])


def test_an_assignment_has_its_events_and_the_state_that_follows_from_them(assignments):
    notice = pb.ASSIGNMENT_EVENT_KIND_NOTICE_DELIVERED
    assert refusal(lambda: record(assignments, notice))[0] == "NOT_FOUND"

    created = register(assignments, scopes=[SCOPE])
    notified = record(assignments, notice, account="DE01", document="letter 4")

    assert (created.name, created.state) == (NAME, pb.ASSIGNMENT_STATE_REGISTERED)
    assert notified.state == pb.ASSIGNMENT_STATE_NOTIFIED
    assert notified == assignments.GetAssignment(pb.GetAssignmentRequest(name=NAME))
    first, second = notified.events
    assert (first.registry, list(first.scopes), first.actor) == ("zdw", [SCOPE], "Ana")
    assert (second.account, second.document, second.date) == ("DE01", "letter 4", calendar(FIRST_DAY))
    register_2 = "assets/claim-1/assignments/a-2"
    record(assignments, pb.ASSIGNMENT_EVENT_KIND_REGISTERED, name=register_2, registry="zdw", registration_number="2")
    for parent in ("", "assets/-", "assets/claim-1"):
        page = assignments.ListAssignments(pb.ListAssignmentsRequest(parent=parent, page_size=1))
        rest = pb.ListAssignmentsRequest(parent=parent, page_size=1, page_token=page.next_page_token)
        assert [one.name for one in (*page.assignments, *assignments.ListAssignments(rest).assignments)] == [
            NAME,
            register_2,
        ]


def test_searches_and_terms_are_listed_newest_first(assignments):
    other = pb.EarlierAssignment(assignee="Other Bank", scopes=[SCOPE])
    for found in ([other], []):
        search = pb.RegistrySearch(date=calendar(FIRST_DAY), registry="zdw", assignments=found, document="d")
        request = pb.RecordRegistrySearchRequest(parent="assets/claim-1", registry_search=search, actor="Ana")
        assignments.RecordRegistrySearch(request)
    for barred in (True, False):
        terms = pb.ContractTerms(assignment_barred=barred, scopes=[SCOPE])
        assignments.RecordContractTerms(
            pb.RecordContractTermsRequest(parent="assets/claim-1", contract_terms=terms, actor="Ana")
        )

    searches = assignments.ListRegistrySearches(pb.ListRegistrySearchesRequest(parent="assets/claim-1"))
    listed = assignments.ListContractTerms(pb.ListContractTermsRequest(filter="assignment_barred = true"))

    assert [list(one.assignments) for one in searches.registry_searches] == [[], [other]]
    assert [(list(one.scopes), one.actor) for one in listed.contract_terms] == [([SCOPE], "Ana")]
    empty = pb.RecordContractTermsRequest(parent="assets/claim-1", actor="Ana")
    assert refusal(lambda: assignments.RecordContractTerms(empty)) == ("INVALID_INPUT", ["contract_terms"])


def test_an_exclusion_lasts_until_it_is_ended_by_a_person_with_a_reason(assignments):
    exclusion = pb.Exclusion(scopes=[SCOPE], reason="in doubt", expire_date=calendar(FIRST_DAY + timedelta(days=9)))
    request = pb.ExcludeInvoicesRequest(parent="assets/claim-1", exclusion=exclusion, actor="Ana")
    made = assignments.ExcludeInvoices(request)

    ended = assignments.EndExclusion(pb.EndExclusionRequest(name=made.name, actor="Bo", note="delivery proved"))

    assert (made.reason, made.actor, made.HasField("end_time")) == ("in doubt", "Ana", False)
    assert (ended.ended_by, ended.end_note, ended.HasField("end_time")) == ("Bo", "delivery proved", True)
    assert list(assignments.ListExclusions(pb.ListExclusionsRequest(filter="end_time:*")).exclusions) == [ended]
    again = pb.EndExclusionRequest(name=made.name, actor="Bo", note="again")
    assert refusal(lambda: assignments.EndExclusion(again))[0] == "EXCLUSION_ENDED"


def test_what_cannot_be_recorded_is_refused_with_its_field(client, assignments):
    later = FIRST_DAY + timedelta(days=1)
    notice = pb.ASSIGNMENT_EVENT_KIND_NOTICE_SENT
    register(assignments)
    client.open_copper()
    client.register_lot("lot-1")

    assert refusal(lambda: record(assignments, notice, later)) == ("INVALID_INPUT", ["event.date"])
    assert refusal(lambda: record(assignments, notice, reason="x")) == ("INVALID_INPUT", ["event.reason"])
    wrong = pb.InvoiceScope(debtor="bo", invoice_numbers=["7", ""])
    field = "event.scopes[0].invoice_numbers[1]"
    assert refusal(lambda: record(assignments, notice, scopes=[wrong])) == ("INVALID_INPUT", [field])
    many = [SCOPE] * 1_001
    assert refusal(lambda: record(assignments, notice, scopes=many)) == ("INVALID_INPUT", ["event.scopes"])
    assert refusal(lambda: record(assignments, notice, name="assets/lot-1/assignments/a"))[0] == "NO_RECEIVABLES"
    past = pb.Exclusion(reason="x", expire_date=calendar(FIRST_DAY - timedelta(days=1)))
    request = pb.ExcludeInvoicesRequest(parent="assets/claim-1", exclusion=past, actor="Ana")
    assert refusal(lambda: assignments.ExcludeInvoices(request)) == ("INVALID_INPUT", ["exclusion.expire_date"])


def test_a_list_of_assignments_with_many_numbers_each_fits_the_messages_of_a_client(assignments):
    scope = pb.InvoiceScope(debtor="bo", invoice_numbers=[f"INVOICE-{number:012}" for number in range(5_000)])
    names = [f"assets/claim-1/assignments/a-{at:02}" for at in range(45)]
    for name in names:
        register(assignments, name=name, scopes=[scope])

    request, found = pb.ListAssignmentsRequest(page_size=1_000), []
    while not found or request.page_token:
        page = assignments.ListAssignments(request)  # a larger answer than 4 MiB is refused by the client itself
        found += [one.name for one in page.assignments]
        request.page_token = page.next_page_token
    assert found == names
