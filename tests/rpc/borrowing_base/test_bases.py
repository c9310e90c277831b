"""The borrowing base of a loan on a real server: one number seen as availability, LTV and breach."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal as Number

import grpc
import pytest
from google.protobuf import text_format
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import (
    asset_pb2,
    borrowing_base_pb2 as pb,
    borrowing_base_pb2_grpc,
    breach_pb2,
    common_pb2,
    loan_pb2,
)
from collateral_registry.v1.report_pb2 import AsOf
from tests.support.server import FIRST_DAY, Client, amount, calendar, details_of, money

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


def draw(client: Client, value: str) -> loan_pb2.CheckDrawResponse:
    return client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name="loans/loan-1", amount=money(value)))


def rule_of(answer: loan_pb2.CheckDrawResponse | pb.BorrowingBase) -> str:
    return loan_pb2.DrawRefusal.Name(answer.binding_rule).removeprefix("DRAW_REFUSAL_")


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


def kinds(client: Client) -> list[str]:
    answer = next(iter(client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())))
    return [breach_pb2.BreachEventKind.Name(event.kind).removeprefix("BREACH_EVENT_KIND_") for event in answer.events]


def test_a_loan_with_a_base_is_drawn_to_the_last_cent_and_one_more_is_refused(client: Client) -> None:
    opened(client)
    owe(client, "100000")
    reserve(client, "rent", "RENT", "24000")

    most, more = draw(client, "476000"), draw(client, "476000.01")

    assert (most.allowed, most.availability, most.headroom) == (True, money("476000"), money("476000"))
    assert (more.allowed, rule_of(more), more.reason_code) == (False, "BASE", loan_pb2.DRAW_REFUSAL_BASE)
    owe(client, "576000")
    cover = client.loan().cover
    assert (cover.ltv.value, cover.level, cover.borrowing_base) == ("1", common_pb2.LTV_LEVEL_NONE, money("576000"))
    assert base_of(client).availability == money("0")
    owe(client, "576000.58")
    assert client.loan().cover.level == common_pb2.LTV_LEVEL_MARGIN_CALL
    event = client.breaches.GetBreach(breach_pb2.GetBreachRequest(name="loans/loan-1/breaches/1")).history[0]
    assert (event.used, event.borrowing_base) == (money("576000.58"), money("576000"))


def test_the_lines_of_a_base_sum_to_a_negative_availability(client: Client) -> None:
    opened(client, credit_limit=money("550000"), borrowing_base_terms=loan_pb2.BorrowingBaseTerms(block=money("1000")))
    owe(client, "560000", "500")
    reserve(client, "rent", "RENT", "24000")

    found = base_of(client)

    assert (found.base, found.used, found.line) == (money("576000"), money("560500"), money("550000"))
    assert amount(found.availability) == sum(amount(line.amount) for line in found.lines) == -11_500
    assert (rule_of(found), found.headroom) == ("CREDIT_LIMIT", money("0"))


def test_the_example_of_four_classes_is_over_advanced_and_in_breach(client: Client) -> None:
    """Examples 9a to 9d of the specification."""
    client.register_loan(borrowing_base_terms=terms(), credit_limit=money("900000"))
    pledge_classes(client)
    owe(client, "820000", "40000")
    for reserve_id, kind, value in RESERVES:
        reserve(client, reserve_id, kind, value)

    found = base_of(client)

    assert {one.asset_class: one.lendable_value for one in found.classes} == {
        name: money(value) for name, value in CLASSES.items()
    }
    counted = {one.asset_class: one.counted_value for one in found.classes}
    assert (counted["equipment"], counted["ip"]) == (money("267674.16"), money("44612.36"))
    assert (found.base_before_reserves, found.base) == (money("892247.22"), money("842436.97"))
    assert (amount(found.availability), amount(found.over_advance)) == (Number("-17563.03"), Number("17563.03"))
    assert f"{float(found.ltv.value):.6f}" == "1.020848"
    assert (found.level, rule_of(found)) == (common_pb2.LTV_LEVEL_MARGIN_CALL, "LEVEL")
    cover = client.loan().cover
    assert (cover.ltv, cover.used, cover.borrowing_base) == (found.ltv, money("860000"), found.base)
    assert "OPENED" in kinds(client)


def test_a_base_as_of_a_past_commit_has_the_same_bytes_after_later_entries_and_a_new_policy(client: Client) -> None:
    opened(client, ["300000", "200000"])
    owe(client, "100000")
    reserve(client, "rent", "RENT", "24000")
    past = base_of(client)

    reserve(client, "fx", "FX", "5")
    owe(client, "200000", "7")
    stub(client).EndReserve(pb.EndReserveRequest(name="loans/loan-1/reserves/rent", actor="Bo", reason="moved out"))
    client.change_classes("second", added=["inventory.extra"])
    client.quote("9000", FIRST_DAY)
    client.advance(NEXT)

    assert base_of(client).sequence > past.sequence
    assert base_of(client) != past
    again = base_of(client, AsOf(sequence=past.sequence))
    assert again.SerializeToString(deterministic=True) == past.SerializeToString(deterministic=True)


def test_a_reserve_starts_and_ends_with_the_business_date(client: Client) -> None:
    opened(client)
    owe(client, "590000")
    days = [FIRST_DAY + timedelta(days=number) for number in (3, 4, 5)]
    reserve(client, "late", "OTHER", "20000", first_date=calendar(days[0]), last_date=calendar(days[1]))
    found = [(base_of(client).base, client.loan().cover.level)]

    for day in days:
        client.advance(day)
        client.quote("10000", day)
        found.append((base_of(client).base, client.loan().cover.level))

    breach = common_pb2.LTV_LEVEL_MARGIN_CALL
    assert [base for base, _ in found] == [money("600000"), money("580000"), money("580000"), money("600000")]
    assert [level >= breach for _, level in found] == [False, True, True, False]


def test_a_loan_is_not_drawn_while_its_breach_is_open_unless_an_over_advance_is_permitted(client: Client) -> None:
    opened(client)
    owe(client, "610000")
    owe(client, "598000")
    assert client.loan().cover.level == common_pb2.LTV_LEVEL_MARGIN_CALL  # until the LTV is 0.990001
    assert (draw(client, "1").allowed, rule_of(draw(client, "1"))) == (False, "LEVEL")

    permitted = loan_pb2.PermittedOverAdvance(
        amount=money("30000"), first_date=calendar(FIRST_DAY), last_date=calendar(FIRST_DAY), approver="Eva"
    )
    change_terms(client, loan_pb2.BorrowingBaseTerms(permitted_over_advance=permitted))

    assert (draw(client, "32000").allowed, rule_of(draw(client, "32000.01"))) == (True, "BASE")
    assert (draw(client, "1").availability, base_of(client).availability) == (money("2000"), money("2000"))
    assert client.loan().cover.level == common_pb2.LTV_LEVEL_MARGIN_CALL
    client.advance(NEXT)
    client.quote("10000", NEXT)
    assert rule_of(draw(client, "1")) == "LEVEL"


def change_terms(client: Client, changed: loan_pb2.BorrowingBaseTerms) -> loan_pb2.Loan:
    loan = loan_pb2.Loan(name="loans/loan-1", borrowing_base_terms=changed)
    mask = FieldMask(paths=["borrowing_base_terms"])
    return client.loans.UpdateLoan(loan_pb2.UpdateLoanRequest(loan=loan, update_mask=mask))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"block": money("1", "EUR")}, "block"),
        ({"contingent_weight": Decimal(value="1.1")}, "contingent_weight"),
        ({"draw_buffer": Decimal(value="0.6")}, "draw_buffer"),
        ({"sublimits": [loan_pb2.Sublimit(asset_class="cars", amount=money("1"))]}, "sublimits[0].asset_class"),
        ({"sublimits": [loan_pb2.Sublimit(asset_class="ip")]}, "sublimits[0].amount"),
        (
            {"sublimits": [loan_pb2.Sublimit(asset_class=name, amount=money("1")) for name in ("ip", "ip.patent")]},
            "sublimits",
        ),
        (
            {"permitted_over_advance": loan_pb2.PermittedOverAdvance(amount=money("1"))},
            "permitted_over_advance.first_date",
        ),
    ],
)
def test_terms_that_contradict_themselves_are_refused_by_the_name_of_the_field(client: Client, changed, field) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        client.register_loan(borrowing_base_terms=loan_pb2.BorrowingBaseTerms(**changed))

    assert f"loan.borrowing_base_terms.{field}" in details_of(refused.value)[1]


def test_terms_return_as_they_were_stated_and_can_be_removed(client: Client) -> None:
    stated = terms(block=money("5"), contingent_weight=Decimal(value="0.5"), draw_buffer=Decimal(value="0.01"))

    registered = client.register_loan(borrowing_base_terms=stated)

    assert registered.borrowing_base_terms == stated
    assert client.loan().cover.HasField("borrowing_base")
    plain = client.loans.UpdateLoan(
        loan_pb2.UpdateLoanRequest(
            loan=loan_pb2.Loan(name="loans/loan-1"), update_mask=FieldMask(paths=["borrowing_base_terms"])
        )
    )
    assert not plain.HasField("borrowing_base_terms")
    assert not client.loan().cover.HasField("borrowing_base")
    with pytest.raises(grpc.RpcError, match="no borrowing base"):
        base_of(client)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "reserve.deduction"),
        ({"amount": money("1", "EUR")}, "reserve.amount"),
        ({"rate": Decimal(value="1.5")}, "reserve.rate"),
        ({"amount": money("1"), "last_date": calendar(FIRST_DAY - timedelta(days=1))}, "reserve.last_date"),
        ({"amount": money("1"), "kind": 99}, "reserve.kind"),
    ],
)
def test_a_reserve_that_contradicts_itself_is_refused_by_the_name_of_the_field(client: Client, fields, named) -> None:
    client.register_loan(borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
    stated = {"kind": pb.RESERVE_KIND_FX, "owner": "Ana", "reason": "agreed", "first_date": calendar(FIRST_DAY)}
    request = pb.CreateReserveRequest(
        parent="loans/loan-1", reserve_id="r-1", reserve=pb.Reserve(**{**stated, **fields})
    )

    with pytest.raises(grpc.RpcError) as refused:
        stub(client).CreateReserve(request)

    assert details_of(refused.value)[1] == [named]


def test_reserves_are_listed_by_their_filter_and_end_once(client: Client) -> None:
    client.register_loan(borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
    for reserve_id, kind, value in RESERVES:
        reserve(client, reserve_id, kind, value)
    end = pb.EndReserveRequest(name="loans/loan-1/reserves/fx", actor="Bo", reason="hedged")

    ended = stub(client).EndReserve(end)

    assert (ended.ended_by, ended.end_reason, ended.HasField("end_time")) == ("Bo", "hedged", True)
    assert stub(client).GetReserve(pb.GetReserveRequest(name=end.name)) == ended
    listed = stub(client).ListReserves(pb.ListReservesRequest(parent="loans/-", filter="end_time:* OR kind = RENT"))
    assert [one.name.rpartition("/")[2] for one in listed.reserves] == ["fx", "rent"]
    with pytest.raises(grpc.RpcError, match="has ended already"):
        stub(client).EndReserve(end)
