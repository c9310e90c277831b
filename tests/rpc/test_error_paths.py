"""Every error about the input names its fields as the contract does, from the root of the request."""

from importlib import import_module
from pkgutil import iter_modules

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

import collateral_registry.v1
from collateral_registry.rpc.common.field_paths import from_root, is_path
from collateral_registry.v1 import (
    asset_pb2,
    loan_pb2,
    override_pb2,
    override_pb2_grpc,
    pickup_pb2,
    pickup_pb2_grpc,
    policy_pb2,
    price_pb2,
)
from tests.support.server import FIRST_DAY, calendar, copper_lot, details_of, money

WRONG = {
    Date.DESCRIPTOR.full_name: Date(year=2021, month=13, day=45),
    Decimal.DESCRIPTOR.full_name: Decimal(value="ten"),
    Money.DESCRIPTOR.full_name: Money(currency_code="XXQ", units=-5),
}
"""Values that no field accepts, by type."""

BAD_SCALARS = {
    FieldDescriptor.TYPE_STRING: "?\x01",
    FieldDescriptor.TYPE_BYTES: b"?",
    FieldDescriptor.TYPE_BOOL: False,
    FieldDescriptor.TYPE_ENUM: 99,
}
NEGATIVE = -5
DEPTH = 4
FORESEEN = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNAUTHENTICATED,
}


def unary_methods() -> list[MethodDescriptor]:
    """Returns the methods of the contract that take one request and return one response."""
    found = iter_modules(collateral_registry.v1.__path__)
    modules = [import_module(f"collateral_registry.v1.{one.name}") for one in found if one.name.endswith("_pb2")]
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    methods = [method for service in services for method in service.methods]
    return [method for method in methods if not (method.client_streaming or method.server_streaming)]


def fill(message: Message, depth: int = 0) -> Message:
    """Fills every field of a request with a wrong value; of a oneof, the last field stays set."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            wrong = BAD_SCALARS.get(field.type, NEGATIVE)
            if field.is_repeated:
                getattr(message, field.name).append(wrong)
            else:
                setattr(message, field.name, wrong)
        elif field.message_type.GetOptions().map_entry or depth == DEPTH:
            continue
        else:
            part = getattr(message, field.name).add() if field.is_repeated else getattr(message, field.name)
            wrong = WRONG.get(field.message_type.full_name)
            part.CopyFrom(wrong) if wrong else fill(part, depth + 1)
    return message


def answer_to(client, method: MethodDescriptor, request: Message) -> grpc.RpcError | None:
    """Returns the error with which the server answers a request; None if it accepts it."""
    call = client.channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda one: one.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    try:
        call(request, timeout=30)
    except grpc.RpcError as error:
        return error
    return None


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "wrong"])
@pytest.mark.parametrize("method", unary_methods(), ids=lambda one: one.name)
def test_fields_in_errors_are_paths_from_the_root_of_the_request(shared_client, method, filled):
    request = GetMessageClass(method.input_type)()
    error = answer_to(shared_client, method, fill(request) if filled else request)
    if error is None:
        assert not filled or not method.input_type.fields
        return
    info, named = details_of(error)

    assert error.code() in FORESEEN
    assert [field for field in named if not is_path(method.input_type, field)] == []
    assert (info.reason == "INVALID_INPUT") == bool(named)


OWN_TEXTS = {"name", "parent", "actor", "reason", "deadline_date", "currency_code", "equipment_model", "policy_id"}
"""Fields of requests that are wrong in a filled request of any method that has them."""


@pytest.mark.parametrize("method", unary_methods(), ids=lambda one: one.name)
def test_one_answer_names_every_wrong_field_of_the_request_itself(shared_client, method):
    request = GetMessageClass(method.input_type)()
    error = answer_to(shared_client, method, fill(request))
    if error is None or error.code() == grpc.StatusCode.UNAUTHENTICATED:
        return
    named = {field.partition(".")[0].partition("[")[0] for field in details_of(error)[1]}
    own = {field.name for field in method.input_type.fields}

    assert own & OWN_TEXTS - named == set()


def test_one_answer_lists_every_violation_of_an_asset(shared_client):
    lot = copper_lot("-5", unit="")
    lot.owner, lot.currency_code = "", "usd"
    lot.inventory.warehouse = ""
    lot.insurance_expire_date.CopyFrom(Date(year=2024, month=2, day=31))
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=lot, asset_id="Bad Id"))

    wrong = ["owner", "currency_code", "inventory.quantity", "inventory.unit", "inventory.warehouse"]
    expected = {"asset_id", "asset.insurance_expire_date", *(f"asset.{field}" for field in wrong)}
    assert set(details_of(refused.value)[1]) == expected
    assert all(field in refused.value.details() for field in expected)


@pytest.mark.parametrize(
    ("detail", "wrong"),
    [
        (
            {"equipment": {"price_new": {"units": 5}, "hours": {"value": "-1"}, "build_date": {"year": 2024}}},
            ["price_new.currency_code", "hours", "build_date", "make", "serial_number", "equipment_class"],
        ),
        (
            {"intellectual_property": {"royalty_rate": {"value": "0"}, "kind": 2, "grant_date": {"year": 2024}}},
            ["royalty_rate", "grant_date", "office", "number"],
        ),
        (
            {"receivable": {"face_amount": {"currency_code": "USD", "units": -5}, "due_date": {"year": 2024}}},
            ["face_amount", "due_date", "debtor", "invoice_number"],
        ),
        (
            {"purchase_order": {"order_amount": {"currency_code": "usd", "units": 5}}},
            ["order_amount.currency_code", "buyer", "order_number"],
        ),
    ],
)
def test_unreadable_fields_do_not_hide_the_other_violations(shared_client, detail, wrong):
    kind = next(iter(detail))
    asset = asset_pb2.Asset(owner="", asset_class=kind, currency_code="USD", **detail)
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="a-1"))

    assert set(details_of(refused.value)[1]) == {"asset.owner", *(f"asset.{kind}.{field}" for field in wrong)}


def test_a_machine_has_no_price_of_zero(shared_client):
    machine = asset_pb2.Equipment(make="Okura", serial_number="1", equipment_class="trucks", price_new=money("0"))
    asset = asset_pb2.Asset(owner="Acme", asset_class="equipment", currency_code="USD", equipment=machine)
    with pytest.raises(grpc.RpcError, match=r"price_new: got 0.*, want more than 0; leave it out if it is unknown"):
        shared_client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="a-1"))


def test_one_answer_lists_every_violation_of_a_loan_and_of_a_pledge(shared_client):
    loan = loan_pb2.Loan(currency_code="USD", principal=money("-1"), credit_limit=money("5", "usd"))
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.loans.CreateLoan(loan_pb2.CreateLoanRequest(loan=loan, loan_id=""))
    assert set(details_of(refused.value)[1]) == {
        "loan_id", "loan.borrower", "loan.balance_date", "loan.principal", "loan.credit_limit.currency_code",
    }  # fmt: skip

    pledge = loan_pb2.Pledge(asset="lots/1", share=Decimal(value="2"), mode=9, rank=-1)
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.loans.PledgeAsset(loan_pb2.PledgeAssetRequest(parent="l", pledge=pledge, pledge_id="p"))
    assert set(details_of(refused.value)[1]) == {
        "parent", "pledge.asset", "pledge.share", "pledge.mode", "pledge.rank",
    }  # fmt: skip


def test_currencies_that_contradict_the_loan_are_listed_with_the_other_violations(shared_client):
    amounts = {"principal": money("1", "EUR"), "fees": money("2", "GBP"), "credit_limit": money("5", "EUR")}
    loan = loan_pb2.Loan(currency_code="USD", balance_date=calendar(FIRST_DAY), **amounts)
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.loans.CreateLoan(loan_pb2.CreateLoanRequest(loan=loan, loan_id="loan-1"))
    assert set(details_of(refused.value)[1]) == {"loan.borrower", "loan.fees", "loan.credit_limit"}


def test_a_problem_of_a_balance_lists_its_own_fields_only(shared_client):
    balance = loan_pb2.BalanceUpdate(loan="l", accrued_interest=money("-5"))
    answer = shared_client.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=[balance]))

    (problem,) = answer.problems
    assert [one.split(":")[0] for one in problem.reason.split("; ")] == [
        "loan", "principal", "accrued_interest", "balance_date",
    ]  # fmt: skip


def test_a_problem_of_a_quote_lists_all_its_violations(shared_client):
    observation = price_pb2.PriceObservation(price_series="copper", price=Decimal(value="x"))
    rate = price_pb2.FxRate(base_currency_code="usd", quote_currency_code="EUR", rate=Decimal(value="1e12"))
    prices = shared_client.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=[observation]))
    rates = shared_client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=[rate]))

    named = [[part.split(":")[0] for part in one.problems[0].reason.split("; ")] for one in (prices, rates)]
    assert named == [["price_series", "date", "price"], ["base_currency_code", "date", "rate"]]


def test_one_answer_lists_every_violation_of_a_pickup(shared_client):
    request = pickup_pb2.RequestPickupRequest(parent="l", asset="a", quantity=Decimal(value="x"), pickup_id="Bad Id")
    with pytest.raises(grpc.RpcError) as refused:
        pickup_pb2_grpc.PickupServiceStub(shared_client.channel).RequestPickup(request)
    assert set(details_of(refused.value)[1]) == {"parent", "asset", "quantity", "pickup_id"}


def test_one_answer_lists_every_violation_of_a_policy(shared_client):
    policy = shared_client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/default-2021"))
    for rule in policy.rules:
        if rule.parameter in {"watch", "grace_days"}:
            rule.value.value = "-1"
    policy.display_name = ""
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="second"))
    assert set(details_of(refused.value)[1]) == {
        "policy.display_name", "policy.rules[watch].value", "policy.rules[grace_days].value",
    }  # fmt: skip


def test_one_answer_lists_every_violation_of_an_override(shared_client):
    overrides = override_pb2_grpc.OverrideServiceStub(shared_client.channel)
    with pytest.raises(grpc.RpcError) as refused:
        overrides.ProposeOverride(override_pb2.ProposeOverrideRequest(parent="l", override_id="Bad Id"))
    assert set(details_of(refused.value)[1]) == {"parent", "override_id", "actor", "override.reason"}

    pickup = pickup_pb2.RequestPickupRequest(asset="assets/lot-1", pickup_id="u-1", quantity=Decimal(value="1"))
    override = override_pb2.Override(reason="agreed", request_pickup=pickup)
    request = override_pb2.ProposeOverrideRequest(parent="loans/l", override_id="o", actor="A", override=override)
    with pytest.raises(grpc.RpcError) as refused:
        overrides.ProposeOverride(request)
    assert details_of(refused.value)[1] == ["override.request_pickup.parent"]


def test_a_mask_cannot_name_the_fields_of_another_kind(client):
    client.open_copper()
    client.register_lot()
    lot = asset_pb2.Asset(name="assets/lot-1", equipment=asset_pb2.Equipment(make="Okura"))
    request = asset_pb2.UpdateAssetRequest(asset=lot)
    request.update_mask.paths.append("equipment.make")
    with pytest.raises(grpc.RpcError) as refused:
        client.assets.UpdateAsset(request)

    assert details_of(refused.value)[1] == ["update_mask"]
    assert "'equipment.make', want fields of inventory" in refused.value.details()


def test_a_name_is_looked_up_in_the_nearest_message_and_in_set_ones_first():
    asset = asset_pb2.CreateAssetRequest(asset=copper_lot())
    loan = loan_pb2.CreateLoanRequest(loan=loan_pb2.Loan(balance_date=calendar(FIRST_DAY)))
    override = override_pb2.ProposeOverrideRequest()
    override.override.update_pledge.pledge.share.value = "2"

    assert from_root(asset, "asset_id") == "asset_id"
    assert from_root(asset, "inventory.unit") == "asset.inventory.unit"
    assert from_root(loan, "principal.currency_code") == "loan.principal.currency_code"
    assert from_root(override, "share") == "override.update_pledge.pledge.share"
    assert from_root(asset, "no_such_field") == "no_such_field"
