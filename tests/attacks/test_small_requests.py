"""Small requests that once took gigabytes, or ended in errors that no one foresaw, are refused and not noticed."""

import base64
import hashlib
import json

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import asset_pb2, loan_pb2, pickup_pb2, pickup_pb2_grpc, report_pb2, stock_pb2
from tests.attacks.bystander import LOAN, unnoticed
from tests.support.server import Client, Server, connected, copper_lot

pytestmark = pytest.mark.slow

REFUSALS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
EXPONENTS = ("1E-999999999", "1E+999999999", "1E-999999", "0E+999999", "1e" + "9" * 60)
TEXTS = ("a\0b", "\x1b[2J", "\x9b", "\u202eabc", "\u200b", "\ufeff")
TIMES = (Timestamp(nanos=-1), Timestamp(seconds=253_402_300_800), Timestamp(seconds=-(2**63)))
POSITIONS = ([1, 2], [None], ["\ud800"], [float("inf")], [2**70], ["\0"], [], {})


def asset_with(quantity: str) -> asset_pb2.CreateAssetRequest:
    """Returns the registration of a lot with a quantity."""
    return asset_pb2.CreateAssetRequest(asset=copper_lot(quantity), asset_id="lot-of-an-attack")


def pickup_of(client: Client, quantity: str) -> None:
    """Checks a pick-up of a quantity."""
    request = pickup_pb2.CheckPickupRequest(loan=LOAN, asset="assets/x", quantity=Decimal(value=quantity))
    pickup_pb2_grpc.PickupServiceStub(client.channel).CheckPickup(request, timeout=30)


def movement_at(time: Timestamp, name: str = "m") -> stock_pb2.RecordMovementsRequest:
    """Returns a movement at a time."""
    movement = stock_pb2.StockMovement(movement_id=name, effective_time=time)
    return stock_pb2.RecordMovementsRequest(stock_feed="stockFeeds/a", movements=[movement])


def token_of(position: object) -> str:
    """Returns a page token as the server makes them, with a digest that could be guessed."""
    digest = hashlib.sha256(b"ListLoans ").hexdigest()[:16]
    return base64.urlsafe_b64encode(json.dumps([digest, position]).encode()).decode()


def codes(calls) -> set[grpc.StatusCode]:
    """Returns the codes with which calls end."""
    found = set()
    for call in calls:
        try:
            call()
            found.add(grpc.StatusCode.OK)
        except grpc.RpcError as error:
            found.add(error.code())
    return found


def test_numbers_with_large_exponents_are_refused(attacked: Server) -> None:
    with connected(attacked) as client, unnoticed(attacked):
        calls = [lambda text=text: client.assets.CreateAsset(asset_with(text), timeout=30) for text in EXPONENTS]
        calls += [lambda text=text: pickup_of(client, text) for text in EXPONENTS]

        assert codes(calls) == {grpc.StatusCode.INVALID_ARGUMENT}


def test_texts_with_control_and_invisible_characters_are_refused(attacked: Server) -> None:
    with connected(attacked) as client, unnoticed(attacked):
        filters = [f"borrower = {json.dumps(text)}" for text in TEXTS] + [f'borrower = "{text}"' for text in TEXTS]
        calls = [
            lambda text=text: client.loans.ListLoans(loan_pb2.ListLoansRequest(filter=text), timeout=30)
            for text in filters
        ]
        calls += [
            lambda text=text: client.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/{text}"), timeout=30)
            for text in TEXTS
        ]

        assert codes(calls) <= REFUSALS | {grpc.StatusCode.OK}


def test_times_and_positions_out_of_range_are_refused(attacked: Server) -> None:
    with connected(attacked) as client, unnoticed(attacked):
        calls = [lambda time=time: client.stock.RecordMovements(movement_at(time), timeout=30) for time in TIMES]
        calls += [
            lambda time=time: client.reports.GenerateLtvReport(
                report_pb2.GenerateLtvReportRequest(as_of=report_pb2.AsOf(known_time=time)), timeout=30
            )
            for time in TIMES
        ]
        calls += [
            lambda position=position: client.loans.ListLoans(
                loan_pb2.ListLoansRequest(page_token=token_of(position)), timeout=30
            )
            for position in POSITIONS
        ]

        assert codes(calls) == {grpc.StatusCode.INVALID_ARGUMENT}
