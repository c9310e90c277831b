"""A loan with a borrowing base on a real server: four classes with limited claims, reserves, balances."""

from collections.abc import Sequence
from datetime import date, timedelta

from google.protobuf import text_format
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import asset_pb2, borrowing_base_pb2 as pb, borrowing_base_pb2_grpc, loan_pb2
from collateral_registry.v1.report_pb2 import AsOf
from tests.support.server import FIRST_DAY, Client, calendar, money

CLASSES = {"inventory.base_metal": "319960.70", "inventory": "260000", "equipment": "400000", "ip": "50000"}
"""Claims of the example by class; the first class stands for the receivables."""

RESERVES = (("rent", "RENT", "24000"), ("wages", "PRIORITY_PAYABLES", "21500"), ("fx", "FX", "4310.25"))
DAYS = "insurance_expire_date {year: 2035 month: 1 day: 1} last_inspection_date {year: 2021 month: 12 day: 31}"
USD = 'currency_code: "USD" units:'
MACHINE = (
    'asset_class: "equipment.commodity_machine" equipment {make: "Okura" model: "QT" serial_number: "7" '
    f'equipment_class: "metalworking_machines" price_new {{{USD} 3000000}} build_date {{year: 2019 month: 3 day: 1}}}}'
)
PATENT = (
    'asset_class: "ip.patent" intellectual_property {kind: RIGHT_KIND_PATENT office: "EP" number: "EP1" '
    "filing_date {year: 2015 month: 1 day: 1} legal_status: LEGAL_STATUS_IN_FORCE "
    f"next_year_revenue {{{USD} 9000000}} "
    'royalty_rate {value: "0.05"} tax_rate {value: "0.25"} discount_rate {value: "0.15"}}'
)
NEXT = FIRST_DAY + timedelta(days=3)


def terms(**fields: object) -> loan_pb2.BorrowingBaseTerms:
    """Terms of the example: equipment at most 30 % of the base, IP at most 5 %."""
    shares = {"inventory.base_metal": "1", "equipment": "0.3", "ip": "0.05"}
    sublimits = [loan_pb2.Sublimit(asset_class=name, share=Decimal(value=share)) for name, share in shares.items()]
    return loan_pb2.BorrowingBaseTerms(sublimits=sublimits, **fields)


def stub(client: Client) -> borrowing_base_pb2_grpc.BorrowingBaseServiceStub:
    return borrowing_base_pb2_grpc.BorrowingBaseServiceStub(client.channel)


def base_of(client: Client, as_of: AsOf | None = None) -> pb.BorrowingBase:
    return stub(client).GetBorrowingBase(pb.GetBorrowingBaseRequest(name="loans/loan-1", as_of=as_of))


def reserve(client: Client, reserve_id: str, kind: str, value: str = "", **fields: object) -> pb.Reserve:
    days = {"first_date": calendar(FIRST_DAY), **fields}
    stated = {"amount": money(value)} if value else {}
    message = pb.Reserve(
        kind=pb.ReserveKind.Value(f"RESERVE_KIND_{kind}"), owner="Ana", reason="agreed", **stated, **days
    )
    request = pb.CreateReserveRequest(parent="loans/loan-1", reserve=message, reserve_id=reserve_id)
    return stub(client).CreateReserve(request)


def owe(client: Client, value: str, contingent: str = "0", day: date = FIRST_DAY) -> None:
    update = loan_pb2.BalanceUpdate(
        loan="loans/loan-1", principal=money(value), balance_date=calendar(day), contingent=money(contingent)
    )
    answer = client.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=[update]))
    assert not answer.problems


def pledge_classes(client: Client) -> None:
    """Pledges an asset of each class of the example, whose claim is limited to the amount of the example."""
    days = f"{DAYS} currency_code: 'USD' owner: 'Acme'"
    client.open_copper()
    client.quote_history()
    client.register_lot("inventory-base-metal", "200")
    client.register_lot("inventory", "200", asset_class="inventory.soft")
    for name, text in (("equipment", MACHINE), ("ip", PATENT)):
        asset = text_format.Parse(f"{days} {text}", asset_pb2.Asset())
        client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id=name))
    for at, (name, claim) in enumerate(CLASSES.items()):
        asset_id = name.replace(".", "-").replace("_", "-")
        client.pledge(asset_id=asset_id, pledge_id=f"p-{at}", limit=money(claim))


def opened(client: Client, claims: Sequence[str] = ("600000",), **fields: object) -> None:
    """Registers a loan with a base that copper lots secure, each with a limited claim."""
    client.open_copper()
    client.quote_history()
    client.register_loan(**{"borrowing_base_terms": loan_pb2.BorrowingBaseTerms()} | fields)
    for at, claim in enumerate(claims, start=1):
        client.register_lot(f"lot-{at}", "200")
        client.pledge(asset_id=f"lot-{at}", pledge_id=f"p-{at}", limit=money(claim))
