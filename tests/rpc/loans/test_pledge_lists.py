"""Pledges are read by name, and listed by loan, by asset, by state, and across all loans."""

import grpc
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import loan_pb2
from tests.support.server import Client, details_of, money

PLEDGES = ["loans/a/pledges/p", "loans/a/pledges/q", "loans/b/pledges/p", "loans/c/pledges/p"]


@pytest.fixture(scope="module")
def pledged(shared_client: Client) -> Client:
    """Three loans, one of them in euros, on two lots; one pledge is released."""
    shared_client.open_copper()
    shared_client.quote_history()
    for lot in ("lot-1", "lot-2"):
        shared_client.register_lot(lot)
    for loan, currency in (("a", "USD"), ("b", "USD"), ("c", "EUR")):
        shared_client.register_loan(loan, currency)
    shared_client.pledge("a", "lot-1", "p", limit=money("100000"))
    shared_client.pledge("a", "lot-2", "q", share=Decimal(value="0.5"))
    shared_client.pledge("b", "lot-1", "p", rank=2, limit=money("100000"))
    shared_client.pledge("c", "lot-1", "p", rank=3)
    shared_client.loans.ReleasePledge(loan_pb2.ReleasePledgeRequest(name="loans/a/pledges/q"))
    return shared_client


def listed(client: Client, parent: str = "loans/-", **fields: object) -> list[loan_pb2.Pledge]:
    """Returns the pledges of every page."""
    request, found = loan_pb2.ListPledgesRequest(parent=parent, **fields), []
    while True:
        page = client.loans.ListPledges(request)
        found += page.pledges
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def names(pledges: list[loan_pb2.Pledge]) -> list[str]:
    return [pledge.name for pledge in pledges]


@pytest.mark.parametrize("page_size", [1, 3, 0])
def test_pledges_across_loans_are_listed_once_in_the_order_of_loans_and_ids(pledged, page_size):
    assert names(listed(pledged, page_size=page_size)) == PLEDGES


@pytest.mark.parametrize(
    ("parent", "wanted", "found"),
    [
        ("loans/-", "asset = lot-1", [0, 2, 3]),
        ("loans/-", "asset = lot-2", [1]),
        ("loans/-", "state = ACTIVE", [0, 2, 3]),
        ("loans/a", "state = RELEASED", [1]),
        ("loans/a", "asset = lot-1 AND state = ACTIVE", [0]),
        ("loans/-", "asset = none", []),
        ("loans/b", "", [2]),
    ],
)
def test_pledges_are_listed_by_asset_and_state(pledged, parent, wanted, found):
    assert names(listed(pledged, parent, filter=wanted, page_size=2)) == [PLEDGES[at] for at in found]


def test_a_pledge_read_by_name_is_the_listed_one_with_claims_in_the_currency_of_its_loan(pledged):
    pledges = listed(pledged)

    for pledge in pledges:
        assert pledged.loans.GetPledge(loan_pb2.GetPledgeRequest(name=pledge.name)) == pledge
    assert [pledge.lendable_claim.currency_code for pledge in pledges] == ["USD", "", "USD", "EUR"]


def test_a_token_is_refused_for_another_filter(pledged):
    page = pledged.loans.ListPledges(loan_pb2.ListPledgesRequest(parent="loans/-", page_size=1))
    other = loan_pb2.ListPledgesRequest(parent="loans/-", filter="asset = lot-1", page_token=page.next_page_token)

    with pytest.raises(grpc.RpcError) as refused:
        pledged.loans.ListPledges(other)

    assert details_of(refused.value)[1] == ["page_token"]
