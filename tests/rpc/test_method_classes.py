"""Every method has a class, and no sequence of dispositions uncovers a loan that is covered."""

import itertools
from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal
from hypothesis import given, settings, strategies as st

import collateral_registry.v1
from collateral_registry.rpc.common.method_classes import METHOD_CLASSES, MethodClass
from collateral_registry.v1 import (
    asset_pb2,
    borrowing_base_pb2,
    borrowing_base_pb2_grpc,
    common_pb2,
    loan_pb2,
    pickup_pb2,
    pickup_pb2_grpc,
)
from tests.support.server import FIRST_DAY, Client, calendar, money

TARGET = 0.99
"""LTV that a covered loan does not exceed: the default policy's margin call less its buffer."""

TAKING = ["UpdatePledge", "ReleasePledge", "RequestPickup", "PledgeAsset", "CheckDraw"]
"""Dispositions that may take something from a loan."""

OFTEN = [
    *TAKING * 3,
    *["CancelPickup"] * 2,
    *["CheckPickup", "RetireAsset", "CloseLoan", "EndReserve"],
]
"""Dispositions to draw from; those that end a world come less often."""

WORLDS = itertools.count()
UNFORESEEN = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE}
LOTS, LOANS, PLEDGES, PICKUPS = ("a", "b", "c"), ("x", "y"), ("p", "q", "r"), ("u", "v")
SHARES = ("0.1", "0.5", "0.9", "1")


def methods_of_the_contract() -> list[str]:
    """Returns the names of the methods of every service."""
    found = iter_modules(collateral_registry.v1.__path__)
    modules = [import_module(f"collateral_registry.v1.{one.name}") for one in found if one.name.endswith("_pb2")]
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    return [method.name for service in services for method in service.methods]


def test_every_method_of_the_contract_has_one_class():
    names = methods_of_the_contract()

    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert set(names) == set(METHOD_CLASSES)


class World:
    """Three lots and two loans of their own in a shared book, and a request for each disposition.

    Both loans have a pledge on the first lot, one of them has another on the second, and the third lot is free. A third
    loan has a borrowing base and a reserve.
    """

    def __init__(self, client: Client, draw) -> None:
        self.client, self.draw, self.prefix = client, draw, f"w{next(WORLDS)}"
        self.pickups = pickup_pb2_grpc.PickupServiceStub(client.channel)
        self.authorised = [f"loans/{self.id('x')}/pickups/u"]
        for lot in LOTS:
            client.register_lot(self.id(lot))
        for loan in LOANS:
            client.register_loan(self.id(loan))
        client.pledge(self.id("x"), self.id("a"), "p", rank=1, limit=money("600000"))
        client.pledge(self.id("y"), self.id("a"), "q", rank=2)
        client.pledge(self.id("x"), self.id("b"), "q", rank=2)
        client.owe("400000", self.id("x"))
        client.owe("50000", self.id("y"))
        self.with_base = self.open_base()
        self.dispositions = {
            "EndReserve": lambda: self.bases.EndReserve(
                borrowing_base_pb2.EndReserveRequest(name=f"{self.with_base}/reserves/r", actor="Ana", reason="ended")
            ),
            "RetireAsset": lambda: client.assets.RetireAsset(asset_pb2.RetireAssetRequest(name=self.asset())),
            "PledgeAsset": self.pledge,
            "UpdatePledge": self.update_pledge,
            "ReleasePledge": lambda: client.loans.ReleasePledge(
                loan_pb2.ReleasePledgeRequest(name=self.pledge_name(), share=Decimal(value=self.one_of(SHARES)))
            ),
            "CloseLoan": lambda: client.loans.CloseLoan(loan_pb2.CloseLoanRequest(name=self.loan())),
            "CheckDraw": self.draw_what_is_allowed,
            "CheckPickup": lambda: self.pickups.CheckPickup(
                pickup_pb2.CheckPickupRequest(loan=self.loan(), asset=self.asset(), quantity=self.quantity())
            ),
            "RequestPickup": self.request_pickup,
            "CancelPickup": lambda: self.pickups.CancelPickup(
                pickup_pb2.CancelPickupRequest(name=self.one_of(self.authorised))
            ),
        }

    def open_base(self) -> str:
        """Registers a loan with a borrowing base and a reserve; returns its name."""
        name = f"loans/{self.id('z')}"
        self.bases = borrowing_base_pb2_grpc.BorrowingBaseServiceStub(self.client.channel)
        self.client.register_loan(self.id("z"), borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
        reserve = borrowing_base_pb2.Reserve(
            kind=borrowing_base_pb2.RESERVE_KIND_RENT, owner="Ana", reason="rent", amount=money("5")
        )
        reserve.first_date.CopyFrom(calendar(FIRST_DAY))
        self.bases.CreateReserve(borrowing_base_pb2.CreateReserveRequest(parent=name, reserve=reserve, reserve_id="r"))
        return name

    def id(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def one_of(self, values):
        return self.draw(st.sampled_from(values))

    def asset(self) -> str:
        return f"assets/{self.id(self.one_of(LOTS))}"

    def loan(self) -> str:
        return f"loans/{self.id(self.one_of(LOANS))}"

    def pledge_name(self) -> str:
        return f"{self.loan()}/pledges/{self.one_of(PLEDGES)}"

    def quantity(self) -> Decimal:
        return Decimal(value=self.one_of(("1", "40", "99")))

    def terms(self) -> dict[str, object]:
        """Draws terms of a pledge; the first rank has a limit, which a junior pledge needs."""
        rank = self.one_of((1, 2))
        limit = self.one_of(("1000", "300000", "900000")) if rank == 1 else None
        mode = self.one_of((loan_pb2.PLEDGE_MODE_DYNAMIC, loan_pb2.PLEDGE_MODE_STATIC))
        share = Decimal(value=self.one_of(SHARES))
        return {"rank": rank, "share": share, "mode": mode, **({"limit": money(limit)} if limit else {})}

    def pledge(self):
        message = loan_pb2.Pledge(asset=self.asset(), **self.terms())
        request = loan_pb2.PledgeAssetRequest(parent=self.loan(), pledge=message, pledge_id=self.one_of(PLEDGES))
        return self.client.loans.PledgeAsset(request)

    def update_pledge(self):
        terms = self.terms()
        paths = self.draw(st.lists(st.sampled_from(sorted(terms)), min_size=1, unique=True))
        message = loan_pb2.Pledge(name=self.pledge_name(), **terms)
        return self.client.loans.UpdatePledge(
            loan_pb2.UpdatePledgeRequest(pledge=message, update_mask=FieldMask(paths=paths))
        )

    def request_pickup(self):
        loan, pickup_id = self.loan(), self.one_of(PICKUPS)
        self.pickups.RequestPickup(
            pickup_pb2.RequestPickupRequest(
                parent=loan, asset=self.asset(), pickup_id=pickup_id, quantity=self.quantity()
            )
        )
        self.authorised.append(f"{loan}/pickups/{pickup_id}")

    def draw_what_is_allowed(self):
        """Draws all that the answer says may be drawn: the judgement must accept it."""
        name = self.loan()
        answer = self.client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name=name, amount=money("1")))
        owed = self.client.loan(name.removeprefix("loans/")).principal
        total = owed.units + answer.headroom.units + (owed.nanos + answer.headroom.nanos) / 1e9
        if answer.allowed:
            self.client.owe(f"{total:.2f}", name.removeprefix("loans/"))

    def owe(self) -> None:
        """A fact: the balance changes, whatever it uncovers."""
        self.client.owe(self.one_of(("0", "0", "100000", "400000", "700000")), self.id(self.one_of(LOANS)))

    def covered(self) -> set[str]:
        """Returns the loans that are covered now; a loan without debt is."""
        found = set()
        for name in LOANS:
            loan = self.client.loan(self.id(name))
            known = loan.cover.coverage == common_pb2.COVERAGE_KNOWN
            if loan.principal.units == 0 or (known and float(loan.cover.ltv.value or "inf") <= TARGET):
                found.add(name)
        return found


@pytest.fixture(scope="module")
def copper_client(shared_client: Client) -> Client:
    """A book with a copper price."""
    shared_client.open_copper()
    shared_client.quote_history()
    return shared_client


def test_the_property_exercises_every_disposition(copper_client):
    world = World(copper_client, lambda _: None)

    assert set(world.dispositions) == {name for name, one in METHOD_CLASSES.items() if one is MethodClass.DISPOSITION}


@pytest.mark.long
def test_no_disposition_uncovers_a_loan_that_is_covered(copper_client):
    accepted: Counter[str] = Counter()

    @settings(max_examples=25, deadline=None)
    @given(data=st.data())
    def keeps_loans_covered(data):
        world = World(copper_client, data.draw)
        after = world.covered()
        for _ in range(12):
            if data.draw(st.integers(0, 2)) == 0:
                world.owe()
                after = world.covered()
            before, method = after, data.draw(st.sampled_from(OFTEN))
            code = code_of(world.dispositions[method])
            accepted[method] += code is None
            after = world.covered()
            assert code not in UNFORESEEN, method
            assert before <= after, method

    keeps_loans_covered()

    assert all(accepted[method] > 0 for method in TAKING), "a property that sees only refusals proves nothing"


def code_of(call) -> grpc.StatusCode | None:
    """Makes a call and returns the status of its error, None if it succeeded."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return None
