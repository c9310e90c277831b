"""Bad input gets an error with field, value and rule; nothing is partially written or lost."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import grpc
import pytest
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from collateral_registry.v1 import (
    asset_pb2,
    breach_pb2,
    forecast_pb2,
    loan_pb2,
    policy_pb2,
    price_pb2,
    report_pb2,
    valuation_pb2,
)
from tests.support.server import FIRST_DAY, calendar, copper_lot, details_of, money, observation

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def refused(call, request) -> grpc.RpcError:
    """The error of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return caught.value


def changed_lot(**fields) -> asset_pb2.Asset:
    message = copper_lot()
    for name, value in fields.items():
        part, _, last = name.rpartition("__")
        setattr(getattr(message, part) if part else message, last, value)
    return message


def lot_with(quantity: str) -> asset_pb2.Asset:
    return copper_lot(quantity)


BAD_ASSETS = [
    (changed_lot(owner=""), "owner", "nothing"),
    (changed_lot(owner="x" * 201), "owner", "201 characters"),
    (changed_lot(currency_code="XXQ"), "currency_code", "XXQ"),
    (changed_lot(currency_code="usd"), "currency_code", "usd"),
    (changed_lot(asset_class="equipment.commodity_machine"), "asset_class", "equipment"),
    (changed_lot(inventory__unit="furlong_of_beer"), "inventory.unit", "furlong"),
    (changed_lot(inventory__unit="kg*2"), "inventory.unit", "kg"),
    (changed_lot(inventory__warehouse=""), "inventory.warehouse", "nothing"),
    (changed_lot(inventory__good="Copper Cathodes"), "inventory.good", "Copper"),
    (changed_lot(status=77), "status", "77"),
    (lot_with("-5"), "inventory.quantity", "-5"),
    (lot_with("NaN"), "inventory.quantity", "NaN"),
    (lot_with("Infinity"), "inventory.quantity", "Infinity"),
    (lot_with("1e999999"), "inventory.quantity", "1"),
    (lot_with("ten"), "inventory.quantity", "ten"),
    (lot_with("1" * 60), "inventory.quantity", "60 characters"),
    (asset_pb2.Asset(owner="A", asset_class="inventory", currency_code="USD"), "detail", "nothing"),
]


@pytest.mark.parametrize(
    ("asset", "field", "value"), BAD_ASSETS, ids=[case[1] + "-" + case[2][:12] for case in BAD_ASSETS]
)
def test_a_bad_asset_is_refused_naming_field_and_value(shared_client, asset, field, value):
    error = refused(shared_client.assets.CreateAsset, asset_pb2.CreateAssetRequest(asset=asset, asset_id="bad-lot"))
    info, fields = details_of(error)

    assert error.code() == INVALID
    assert info.reason == "INVALID_INPUT"
    assert fields == [f"asset.{field}"]
    assert value in error.details()
    assert "want" in error.details()
    missing = refused(shared_client.assets.GetAsset, asset_pb2.GetAssetRequest(name="assets/bad-lot"))
    assert missing.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("asset_id", ["", "Lot 1", "-lot", "x" * 64, "läger", "a/b"])
def test_a_bad_id_is_refused(shared_client, asset_id):
    error = refused(
        shared_client.assets.CreateAsset, asset_pb2.CreateAssetRequest(asset=copper_lot(), asset_id=asset_id)
    )

    assert error.code() == INVALID
    assert details_of(error)[1] == ["asset_id"]


BOUGHT = calendar(FIRST_DAY - timedelta(days=365))
UNITS = asset_pb2.DEPRECIATION_SCHEDULE_UNITS_OF_PRODUCTION


def machine(**fields) -> asset_pb2.Asset:
    detail = asset_pb2.Equipment(
        make="Okura", serial_number="1", equipment_class="metalworking_machines", price_new=money("100000"), **fields
    )
    return asset_pb2.Asset(owner="A", asset_class="equipment", currency_code="USD", equipment=detail)


@pytest.mark.parametrize(
    ("asset", "field"),
    [
        (machine(build_date=calendar(FIRST_DAY + timedelta(days=1))), "equipment.build_date"),
        (machine(build_date=Date(year=2021, month=13, day=1)), "equipment.build_date"),
        (machine(build_date=Date(year=2021, month=2, day=30)), "equipment.build_date"),
        (machine(hours=Decimal(value="-1")), "equipment.hours"),
        (machine(condition=9), "equipment.condition"),
        (machine(units_lifetime=Decimal(value="0")), "equipment.units_lifetime"),
        (machine(expected_hours_per_year=Decimal(value="0")), "equipment.expected_hours_per_year"),
        (machine(price_index="priceSeries/ppi"), "equipment.price_new_date"),
        (machine(acquisition_cost=money("80000")), "equipment.acquisition_date"),
        (machine(acquisition_cost=money("-1"), acquisition_date=BOUGHT), "equipment.acquisition_cost"),
        (machine(acquisition_cost=money("0"), acquisition_date=BOUGHT), "equipment.acquisition_cost"),
        (machine(acquisition_cost=money("1", "EUR"), acquisition_date=BOUGHT), "equipment.acquisition_cost"),
        (machine(acquisition_date=calendar(FIRST_DAY + timedelta(days=1))), "equipment.acquisition_date"),
        (machine(acquisition_date=Date(year=2021, month=2, day=30)), "equipment.acquisition_date"),
        (machine(acquisition_date=BOUGHT, build_date=calendar(FIRST_DAY)), "equipment.acquisition_date"),
        (machine(book_schedule=7), "equipment.book_schedule"),
        (machine(book_schedule=UNITS, units_lifetime=Decimal(value="9")), "equipment.units_produced"),
        (machine(book_schedule=UNITS, units_produced=Decimal(value="9")), "equipment.units_lifetime"),
    ],
)
def test_a_bad_machine_is_refused(shared_client, asset, field):
    error = refused(shared_client.assets.CreateAsset, asset_pb2.CreateAssetRequest(asset=asset, asset_id="machine"))

    assert details_of(error)[1] == [f"asset.{field}"]


def test_an_unknown_class_of_machines_is_refused(shared_client):
    asset = machine()
    asset.equipment.equipment_class = "flying_carpets"
    error = refused(shared_client.assets.CreateAsset, asset_pb2.CreateAssetRequest(asset=asset, asset_id="machine"))

    assert details_of(error)[1] == ["asset.equipment.equipment_class"]


@pytest.mark.parametrize("share", ["salvage_share", "scrap_share"])
def test_a_salvage_or_scrap_above_the_price_new_is_refused(shared_client, share):
    policy = shared_client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    classes = next(one for one in policy.classes if one.asset_class == "equipment")
    next(number for number in classes.numbers if number.parameter == share).value.value = "1.01"
    error = refused(
        shared_client.policies.CreatePolicy, policy_pb2.CreatePolicyRequest(policy=policy, policy_id="too-much")
    )

    assert details_of(error)[1] == [f"policy.classes[equipment].numbers[{share}].value"]


@pytest.mark.parametrize(
    "amount",
    [
        Money(currency_code="USD", units=-1),
        Money(currency_code="USD", units=1, nanos=5_000_000),
        Money(currency_code="USD", units=2**62),
        Money(currency_code="USD", units=1, nanos=-1),
        Money(currency_code="USD", units=1, nanos=2_000_000_000),
        Money(currency_code="EUR", units=1),
    ],
    ids=["negative", "half a cent", "too large", "mixed signs", "nanos beyond one", "other currency"],
)
def test_a_bad_amount_is_refused(shared_client, amount):
    loan = loan_pb2.Loan(borrower="A", currency_code="USD", principal=amount, balance_date=calendar(FIRST_DAY))
    error = refused(shared_client.loans.CreateLoan, loan_pb2.CreateLoanRequest(loan=loan, loan_id="bad-loan"))

    assert error.code() == INVALID
    assert refused(shared_client.loans.GetLoan, loan_pb2.GetLoanRequest(name="loans/bad-loan")).code() == (
        grpc.StatusCode.NOT_FOUND
    )


@pytest.mark.parametrize(
    "levels",
    [("0.9", "0.9", "1.1", "1.2"), ("1.2", "1.1", "1.0", "0.9"), ("0", "1", "1.1", "1.2"), ("1", "2", "3", "11")],
)
def test_mixed_ltv_limits_are_refused(shared_client, levels):
    loan = loan_pb2.Loan(borrower="A", currency_code="USD", principal=money("0"), balance_date=calendar(FIRST_DAY))
    for name, value in zip(("watch", "margin_call", "stop_draw", "liquidation"), levels, strict=True):
        getattr(loan.ltv_levels, name).value = value
    error = refused(shared_client.loans.CreateLoan, loan_pb2.CreateLoanRequest(loan=loan, loan_id="bad-levels"))

    assert error.code() == INVALID
    assert details_of(error)[1][0].startswith("loan.ltv_levels")


def test_a_unit_that_does_not_convert_to_that_of_the_price_is_refused(client):
    client.open_copper()
    error = refused(
        client.assets.CreateAsset, asset_pb2.CreateAssetRequest(asset=copper_lot(unit="bbl"), asset_id="lot-1")
    )

    assert details_of(error)[1] == ["asset.inventory.unit"]
    assert "converts to t" in error.details()


def test_units_are_converted_to_that_of_the_price(client):
    client.open_copper()
    client.quote_history()
    units = {"kg": "100000", "lb": "220462.262184877581", "oz_t": "3215074.656862798", "t": "100"}
    for unit, quantity in units.items():
        lot = copper_lot(f"{float(quantity):.6f}", lot=unit, unit=unit)
        client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=lot, asset_id=f"lot-{unit.replace('_', '-')}"))
    names = [f"assets/lot-{unit.replace('_', '-')}" for unit in units]
    values = client.valuations.ValueAssets(valuation_pb2.ValueAssetsRequest(names=names)).valuations

    assert {value.market_value.units for value in values} <= {999_999, 1_000_000}


def test_bad_prices_are_named_and_the_rest_of_the_batch_is_ingested(client):
    client.open_copper()
    client.quote_history()
    day = FIRST_DAY
    observations = [
        observation("copper", day + timedelta(days=9), "10000"),
        observation("copper", day, "-1"),
        observation("copper", day, "NaN"),
        observation("silver", day, "20"),
        price_pb2.PriceObservation(price_series="copper", date=calendar(day)),
        price_pb2.PriceObservation(price_series="priceSeries/copper", price=Decimal(value="1")),
        observation("copper", day - timedelta(days=2000), "9000"),
    ]
    answer = client.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=observations))

    assert answer.accepted_count == 1
    assert answer.refused_count == 6
    assert [problem.index for problem in answer.problems] == [0, 1, 2, 3, 4, 5]
    assert all("want" in problem.reason for problem in answer.problems)


def test_a_price_that_jumps_is_quarantined_and_shown(client):
    client.open_copper()
    client.quote_history()
    client.advance(FIRST_DAY + timedelta(days=3))
    answer = client.quote("1000000", FIRST_DAY + timedelta(days=3))
    series = client.prices.GetPriceSeries(price_pb2.GetPriceSeriesRequest(name="priceSeries/copper"))
    listed = client.prices.ListPrices(price_pb2.ListPricesRequest(parent="priceSeries/copper", page_size=1)).prices

    assert answer.quarantined_count == 1
    assert series.latest_price.value == "10000.00"
    assert listed[0].verdict == price_pb2.PRICE_VERDICT_QUARANTINED


def test_a_corrected_price_supersedes_the_old_one_which_stays(client):
    client.open_copper()
    client.quote_history()
    client.quote("10100", FIRST_DAY)
    again = client.quote("10100", FIRST_DAY)
    listed = client.prices.ListPrices(price_pb2.ListPricesRequest(parent="priceSeries/copper", page_size=2)).prices

    assert again.duplicate_count == 1
    assert again.sequence == 0
    assert [(one.price.value, one.superseded) for one in listed] == [("10100", False), ("10000.00", True)]


def test_a_five_mebibyte_message_is_refused_and_the_server_continues(client):
    huge = asset_pb2.CreateAssetRequest(asset=changed_lot(owner="x" * (5 * 1024 * 1024)), asset_id="lot-1")
    error = refused(client.assets.CreateAsset, huge)

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.register_lot().name == "assets/lot-1"


def test_pledges_of_more_than_the_whole_asset_are_refused(client):
    client.register_lot()
    client.register_loan("loan-1")
    client.register_loan("loan-2")
    client.pledge("loan-1", share=Decimal(value="0.7"))
    over = loan_pb2.Pledge(asset="assets/lot-1", share=Decimal(value="0.4"))
    junior = loan_pb2.Pledge(asset="assets/lot-1", rank=2)
    errors = [
        refused(
            client.loans.PledgeAsset, loan_pb2.PledgeAssetRequest(parent="loans/loan-2", pledge=bad, pledge_id="p-9")
        )
        for bad in (over, junior)
    ]

    assert [details_of(error)[0].reason for error in errors] == ["ASSET_OVER_PLEDGED", "SENIOR_WITHOUT_LIMIT"]


def test_a_pledged_asset_is_not_retired_and_a_loan_with_debt_is_not_closed(client):
    client.covered_loan()
    retire = refused(client.assets.RetireAsset, asset_pb2.RetireAssetRequest(name="assets/lot-1"))
    close = refused(client.loans.CloseLoan, loan_pb2.CloseLoanRequest(name="loans/loan-1"))

    assert details_of(retire)[0].reason == "ASSET_PLEDGED"
    assert details_of(close)[0].reason == "LOAN_OUTSTANDING"


def test_each_balance_is_accepted_or_refused_separately(client):
    client.covered_loan()
    later, earlier = calendar(FIRST_DAY + timedelta(days=1)), calendar(FIRST_DAY - timedelta(days=1))
    update = loan_pb2.BalanceUpdate
    balances = [
        update(loan="loans/none", principal=money("1"), balance_date=calendar(FIRST_DAY)),
        update(loan="loans/loan-1", principal=money("1"), balance_date=later),
        update(loan="loans/loan-1", principal=money("1"), balance_date=earlier),
        update(loan="loans/loan-1", principal=money("1", "EUR"), balance_date=calendar(FIRST_DAY)),
        update(loan="loans/loan-1", principal=money("600000"), balance_date=calendar(FIRST_DAY)),
    ]
    answer = client.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=balances))

    assert answer.accepted_count == 1
    assert [problem.index for problem in answer.problems] == [0, 1, 2, 3]
    assert client.loan().principal.units == 600_000


@pytest.mark.parametrize(
    ("service", "call", "request_message"),
    [
        ("loans", "GetLoan", loan_pb2.GetLoanRequest(name="loans/none")),
        ("loans", "GetPledge", loan_pb2.GetPledgeRequest(name="loans/none/pledges/none")),
        ("loans", "ListPledges", loan_pb2.ListPledgesRequest(parent="loans/none")),
        ("assets", "GetAsset", asset_pb2.GetAssetRequest(name="assets/none")),
        ("prices", "GetPriceSeries", price_pb2.GetPriceSeriesRequest(name="priceSeries/none")),
        ("forecasts", "ForecastPrice", forecast_pb2.ForecastPriceRequest(price_series="priceSeries/none")),
        ("policies", "GetPolicy", policy_pb2.GetPolicyRequest(name="policies/none")),
        ("breaches", "GetBreach", breach_pb2.GetBreachRequest(name="loans/none/breaches/1")),
        ("valuations", "GetValuation", valuation_pb2.GetValuationRequest(name="assets/none/valuations/1-usd")),
        ("valuations", "ValueAssets", valuation_pb2.ValueAssetsRequest(names=["assets/none"])),
        (
            "valuations",
            "QuotePool",
            valuation_pb2.QuotePoolRequest(assets=[valuation_pb2.PooledAsset(name="assets/none")], currency_code="USD"),
        ),
    ],
)
def test_unknown_resources_are_not_found(shared_client, service, call, request_message):
    error = refused(getattr(getattr(shared_client, service), call), request_message)

    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert "none" in error.details()


def test_a_future_moment_is_refused(shared_client):
    request = report_pb2.GenerateLtvReportRequest(as_of=report_pb2.AsOf(sequence=10**9))

    assert details_of(refused(shared_client.reports.GenerateLtvReport, request))[1] == ["as_of.sequence"]


def test_the_business_date_does_not_go_back(client):
    with pytest.raises(grpc.RpcError, match="not before the business date"):
        client.advance(FIRST_DAY - timedelta(days=1))


def test_a_watcher_killed_in_mid_stream_does_not_harm_the_server(client, server):
    client.covered_loan()
    program = (
        "import grpc, sys, time\n"
        "from collateral_registry.v1 import breach_pb2, breach_pb2_grpc\n"
        f"stub = breach_pb2_grpc.BreachServiceStub(grpc.insecure_channel('{server.address}'))\n"
        "for answer in stub.WatchBreaches(breach_pb2.WatchBreachesRequest()):\n"
        "    print('heard', flush=True)\n"
    )
    watcher = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert watcher.stdout is not None
    assert watcher.stdout.readline() == b"heard\n"
    os.kill(watcher.pid, signal.SIGKILL)
    watcher.wait()
    watcher.stdout.close()
    client.owe("900000")

    events = next(client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())).events
    assert events
