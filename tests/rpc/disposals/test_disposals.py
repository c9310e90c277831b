"""Disposals over gRPC: what is frozen, what is recorded, and what stays as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import breach_pb2, disposal_pb2 as pb, disposal_pb2_grpc, report_pb2
from tests.support.breached_loans import BreachedLoan, breached_loan, copper_server
from tests.support.server import FIRST_DAY, Client, calendar, details_of, money

pytestmark = pytest.mark.slow


@dataclass
class Book(BreachedLoan):
    """A breached loan with what the tests name."""

    @property
    def asset(self) -> str:
        """The name of its lot."""
        return f"assets/lot-{self.number}"

    @property
    def name(self) -> str:
        """The name of its disposal."""
        return f"loans/{self.loan}/disposals/sale"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with copper_server(tmp_path_factory.mktemp("disposals")) as connection:
        yield connection


@pytest.fixture
def defaulted(client: Client) -> Book:
    return breached_loan(Book, client)


def stub(book: Book) -> disposal_pb2_grpc.DisposalServiceStub:
    return disposal_pb2_grpc.DisposalServiceStub(book.client.channel)


def open_disposal(book: Book, name: str = "sale", **fields: Any) -> pb.Disposal:
    stated = {
        "default_date": calendar(FIRST_DAY),
        "cause": pb.DISPOSAL_CAUSE_PAYMENT,
        "discount_rate": Decimal(value="0.08"),
        **fields,
    }
    parent, disposal = f"loans/{book.loan}", pb.Disposal(**stated)
    request = pb.OpenDisposalRequest(
        parent=parent, disposal_id=name, disposal=disposal, actor="Ana", note="missed payment"
    )
    return stub(book).OpenDisposal(request)


def sell(book: Book, amount: str, note: str = "", **fields: Any) -> pb.Disposal:
    stated = {"asset": book.asset, "method": pb.REALISATION_METHOD_AUCTION, "date": calendar(FIRST_DAY), **fields}
    row = pb.Proceeds(amount=money(amount), **stated)
    return stub(book).RecordProceeds(pb.RecordProceedsRequest(name=book.name, proceeds=row, actor="Bo", note=note))


def close(book: Book) -> pb.Disposal:
    return stub(book).CloseDisposal(pb.CloseDisposalRequest(name=book.name, actor="Bo", note="all sold"))


def refusal(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return details_of(refused.value)[0].reason, refused.value.details()


def test_opening_freezes_the_recorded_values_and_changes_neither_cover_nor_debt(defaulted):
    before = defaulted.client.loan(defaulted.loan)
    opened = open_disposal(defaulted)
    after = stub(defaulted).GetDisposal(pb.GetDisposalRequest(name=defaulted.name))

    assert defaulted.client.loan(defaulted.loan) == before
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
    cover = defaulted.client.loan(defaulted.loan).cover
    sold = sell(defaulted, "750000", cost=money("30000"), finishes_asset=True)
    closed = close(defaulted)

    assert defaulted.client.loan(defaulted.loan).cover == cover
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
    breach = f"loans/{defaulted.loan}/breaches/1"
    assert refusal(lambda: open_disposal(defaulted, breach=breach))[0] == "BREACH_STEP"
    defaulted.client.owe("900000", defaulted.loan)
    step = {"name": breach, "actor": "Ana", "note": "cannot pay"}
    defaulted.client.breaches.AcknowledgeBreach(breach_pb2.AcknowledgeBreachRequest(**step))
    defaulted.client.breaches.EscalateBreach(breach_pb2.EscalateBreachRequest(**step))

    assert open_disposal(defaulted, breach=breach).breach == breach
    assert refusal(lambda: open_disposal(defaulted, "second"))[0] == "DISPOSAL_OPEN"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"default_date": calendar(FIRST_DAY + timedelta(days=1))}, "disposal.default_date"),
        ({"default_date": calendar(FIRST_DAY - timedelta(days=1))}, "disposal.default_date"),
        ({"discount_rate": Decimal(value="1.5")}, "disposal.discount_rate"),
        ({"assets": ["assets/none"]}, "disposal.assets[0]"),
        (
            {"expected": pb.ExpectedProceeds(amount=money("1"), date=calendar(FIRST_DAY - timedelta(days=1)))},
            "disposal.expected.date",
        ),
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
    assert after.total.open_count == before.total.open_count - 1
    for count in ("liquidation_count", "below_count", "promise_count", "exceedance_count"):
        assert getattr(after.total, count) == getattr(before.total, count) + 1
    assert after.total.verdict == pb.REALISATION_VERDICT_NOT_YET_PROVED
    assert [one.asset_class for one in after.classes] == ["inventory.base_metal"]


def test_disposals_are_listed_by_state(defaulted):
    open_disposal(defaulted)
    parent = f"loans/{defaulted.loan}"
    listed = stub(defaulted).ListDisposals(pb.ListDisposalsRequest(parent=parent, filter="state = OPENED")).disposals

    assert [one.name for one in listed] == [defaulted.name]
    assert not listed[0].entries
    assert not stub(defaulted).ListDisposals(pb.ListDisposalsRequest(parent=parent, filter="state = CLOSED")).disposals


def test_unknown_names_and_other_currencies_are_refused_by_their_fields(defaulted):
    service, missing = stub(defaulted), f"loans/{defaulted.loan}/disposals/none"
    open_disposal(defaulted)
    sale = {"method": pb.REALISATION_METHOD_AUCTION, "date": calendar(FIRST_DAY)}

    assert refusal(lambda: service.GetDisposal(pb.GetDisposalRequest(name=missing)))[0] == "NOT_FOUND"
    assert refusal(lambda: service.ListDisposals(pb.ListDisposalsRequest(parent="loans/none")))[0] == "NOT_FOUND"
    assert "proceeds.asset: got assets/none" in refusal(lambda: sell(defaulted, "1", asset="assets/none"))[1]
    euros = pb.Proceeds(asset=defaulted.asset, amount=money("1", "EUR"), **sale)
    request = pb.RecordProceedsRequest(name=defaulted.name, proceeds=euros, actor="Bo")
    assert (
        "proceeds.amount: got EUR, want the loan's currency USD" in refusal(lambda: service.RecordProceeds(request))[1]
    )
    early = calendar(FIRST_DAY - timedelta(days=1))
    assert "proceeds.date" in refusal(lambda: sell(defaulted, "1", date=early))[1]


def test_a_claim_leads_to_no_earlier_state(defaulted):
    open_disposal(defaulted)
    claim = pb.RecordClaimRequest(
        name=defaulted.name, addressee="court", amount=money("900"), date=calendar(FIRST_DAY), actor="Bo"
    )

    assert stub(defaulted).RecordClaim(claim).state == pb.DISPOSAL_STATE_CLAIM
    sell(defaulted, "1")
    again = stub(defaulted).RecordClaim(claim)
    assert again.state == pb.DISPOSAL_STATE_COLLECTING
    assert (again.entries[-1].claim_addressee, again.entries[-1].claim_amount.units) == ("court", 900)
