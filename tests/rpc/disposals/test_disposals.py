"""Disposals over gRPC: what is frozen, what is recorded, and what stays as it is."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import breach_pb2, disposal_pb2 as pb, disposal_pb2_grpc, report_pb2
from tests.support.server import FIRST_DAY, Client, calendar, details_of, money

pytestmark = pytest.mark.slow

NAME = "loans/loan-1/disposals/sale"
LATER = FIRST_DAY + timedelta(days=8)


def stub(client: Client) -> disposal_pb2_grpc.DisposalServiceStub:
    return disposal_pb2_grpc.DisposalServiceStub(client.channel)


def open_disposal(client: Client, name: str = "sale", **fields: Any) -> pb.Disposal:
    stated = {
        "default_date": calendar(LATER),
        "cause": pb.DISPOSAL_CAUSE_PAYMENT,
        "discount_rate": Decimal(value="0.08"),
        **fields,
    }
    request = pb.OpenDisposalRequest(
        parent="loans/loan-1", disposal_id=name, disposal=pb.Disposal(**stated), actor="Ana", note="missed payment"
    )
    return stub(client).OpenDisposal(request)


def sell(client: Client, amount: str, note: str = "", **fields: Any) -> pb.Disposal:
    stated = {"asset": "assets/lot-1", "method": pb.REALISATION_METHOD_AUCTION, "date": calendar(LATER), **fields}
    row = pb.Proceeds(amount=money(amount), **stated)
    return stub(client).RecordProceeds(pb.RecordProceedsRequest(name=NAME, proceeds=row, actor="Bo", note=note))


def close(client: Client) -> pb.Disposal:
    return stub(client).CloseDisposal(pb.CloseDisposalRequest(name=NAME, actor="Bo", note="all sold"))


def refusal(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return details_of(refused.value)[0].reason, refused.value.details()


@pytest.fixture
def defaulted(client: Client) -> Client:
    """A client of a book whose loan owes 820,000 on a day with recorded values before it."""
    client.covered_loan()
    client.owe("820000")
    client.advance(LATER)
    client.quote("10000", LATER)
    return client


def test_opening_freezes_the_recorded_values_and_changes_neither_cover_nor_debt(defaulted):
    before = defaulted.loan()
    opened = open_disposal(defaulted)
    defaulted.quote("5000", LATER + timedelta(days=1))
    after = stub(defaulted).GetDisposal(pb.GetDisposalRequest(name=NAME))

    assert defaulted.loan().principal == before.principal
    assert opened.items == after.items
    (item,) = opened.items
    at_default, twenty, sixty, year = item.references
    assert (opened.exposure.units, at_default.days_before) == (820_000, 0)
    assert at_default.lendable_value == before.cover.lendable_value
    assert at_default.policy == "policies/default-2021"
    assert at_default.model == "spot-price/1"
    assert [one.days_before for one in item.references] == [0, 20, 60, 250]
    assert not any(one.sequence for one in (twenty, sixty, year))
    assert (item.liquidation_days > 0, item.confidence.value) == (True, "0.99")
    assert opened.state == pb.DISPOSAL_STATE_OPENED
    assert (opened.entries[0].actor, opened.entries[0].note) == ("Ana", "missed payment")


def test_a_sale_is_compared_with_its_estimate_and_nothing_leaves_by_it(defaulted):
    open_disposal(defaulted)
    cover = defaulted.loan().cover
    sold = sell(defaulted, "750000", cost=money("30000"), finishes_asset=True)
    closed = close(defaulted)

    assert defaulted.loan().cover == cover
    assert (sold.state, closed.state) == (pb.DISPOSAL_STATE_COLLECTING, pb.DISPOSAL_STATE_CLOSED)
    assert (closed.net_proceeds.units, closed.present_value.units) == (720_000, 720_000)
    assert closed.loss_given_default.value == "0.121951"
    assert (sold.loss_estimated, closed.loss_estimated) == (True, False)
    (item,) = closed.items
    assert item.still_pledged
    assert item.realised_to_market.value == "0.720000"
    assert item.realised_to_lendable.value == "0.900000"
    assert [(entry.number, entry.actor, entry.step) for entry in closed.entries] == [
        (1, "Ana", pb.DISPOSAL_STEP_OPEN), (2, "Bo", pb.DISPOSAL_STEP_PROCEEDS), (3, "Bo", pb.DISPOSAL_STEP_CLOSE),
    ]  # fmt: skip
    assert not closed.next_steps
    assert refusal(lambda: sell(defaulted, "1"))[0] == "DISPOSAL_STEP"


def test_a_correction_is_a_row_of_its_own(defaulted):
    open_disposal(defaulted)
    sell(defaulted, "75000")
    text = refusal(lambda: sell(defaulted, "750000", corrects=1))[1]
    corrected = sell(defaulted, "750000", note="a digit was missing", corrects=1)

    assert "note" in text
    assert [entry.proceeds.corrected for entry in corrected.entries[1:]] == [True, False]
    assert corrected.net_proceeds.units == 750_000
    assert "proceeds.corrects" in refusal(lambda: sell(defaulted, "1", note="again", corrects=1))[1]


def test_a_disposal_of_a_breach_needs_its_escalation(defaulted):
    breach = "loans/loan-1/breaches/1"
    assert refusal(lambda: open_disposal(defaulted, breach=breach))[0] == "BREACH_STEP"
    step = {"name": breach, "actor": "Ana", "note": "cannot pay"}
    defaulted.breaches.AcknowledgeBreach(breach_pb2.AcknowledgeBreachRequest(**step))
    defaulted.breaches.EscalateBreach(breach_pb2.EscalateBreachRequest(**step))

    assert open_disposal(defaulted, breach=breach).breach == breach
    assert refusal(lambda: open_disposal(defaulted, "second"))[0] == "DISPOSAL_OPEN"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"default_date": calendar(LATER + timedelta(days=1))}, "disposal.default_date"),
        ({"default_date": calendar(FIRST_DAY - timedelta(days=1))}, "disposal.default_date"),
        ({"discount_rate": Decimal(value="1.5")}, "disposal.discount_rate"),
        ({"assets": ["assets/lot-9"]}, "disposal.assets[0]"),
        ({"expected": pb.ExpectedProceeds(amount=money("1"), date=calendar(FIRST_DAY))}, "disposal.expected.date"),
        ({"cause": 9}, "disposal.cause"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_is_named(defaulted, fields, field):
    assert field in refusal(lambda: open_disposal(defaulted, **fields))[1]


def test_the_test_of_realisation_is_that_of_a_moment(defaulted):
    open_disposal(defaulted)
    before = stub(defaulted).GetRealisationTest(pb.GetRealisationTestRequest())
    sell(defaulted, "400000", finishes_asset=True)
    close(defaulted)
    after = stub(defaulted).GetRealisationTest(pb.GetRealisationTestRequest())
    past = stub(defaulted).GetRealisationTest(
        pb.GetRealisationTestRequest(as_of=report_pb2.AsOf(sequence=before.sequence))
    )

    assert past == before
    assert (before.total.open_count, before.total.liquidation_count) == (1, 0)
    assert (after.total.liquidation_count, after.total.below_count, after.total.exceedance_count) == (1, 1, 1)
    assert after.total.verdict == pb.REALISATION_VERDICT_NOT_YET_PROVED
    assert [one.asset_class for one in after.classes] == ["inventory.base_metal"]


def test_disposals_are_listed_by_state(defaulted):
    open_disposal(defaulted)
    listed = stub(defaulted).ListDisposals(pb.ListDisposalsRequest(filter="state = OPENED")).disposals

    assert [one.name for one in listed] == [NAME]
    assert not listed[0].entries
    assert not stub(defaulted).ListDisposals(pb.ListDisposalsRequest(filter="state = CLOSED")).disposals


def test_unknown_names_and_other_currencies_are_refused_by_their_fields(defaulted):
    service, missing = stub(defaulted), "loans/loan-1/disposals/none"
    open_disposal(defaulted)
    sale = {"method": pb.REALISATION_METHOD_AUCTION, "date": calendar(LATER)}

    assert refusal(lambda: service.GetDisposal(pb.GetDisposalRequest(name=missing)))[0] == "NOT_FOUND"
    assert refusal(lambda: service.ListDisposals(pb.ListDisposalsRequest(parent="loans/none")))[0] == "NOT_FOUND"
    assert "proceeds.asset: got assets/lot-9" in refusal(lambda: sell(defaulted, "1", asset="assets/lot-9"))[1]
    euros = pb.Proceeds(asset="assets/lot-1", amount=money("1", "EUR"), **sale)
    request = pb.RecordProceedsRequest(name=NAME, proceeds=euros, actor="Bo")
    assert (
        "proceeds.amount: got EUR, want the loan's currency USD" in refusal(lambda: service.RecordProceeds(request))[1]
    )
    early = calendar(LATER - timedelta(days=1))
    assert "proceeds.date" in refusal(lambda: sell(defaulted, "1", date=early))[1]


def test_a_claim_leads_to_no_earlier_state(defaulted):
    open_disposal(defaulted)
    claim = pb.RecordClaimRequest(name=NAME, addressee="court", amount=money("900"), date=calendar(LATER), actor="Bo")

    assert stub(defaulted).RecordClaim(claim).state == pb.DISPOSAL_STATE_CLAIM
    sell(defaulted, "1")
    again = stub(defaulted).RecordClaim(claim)
    assert again.state == pb.DISPOSAL_STATE_COLLECTING
    assert (again.entries[-1].claim_addressee, again.entries[-1].claim_amount.units) == ("court", 900)
