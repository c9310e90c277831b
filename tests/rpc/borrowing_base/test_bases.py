"""The borrowing base of a loan on a real server: one number seen as availability, LTV and breach."""

from datetime import timedelta
from decimal import Decimal as Number

import grpc
import pyarrow as pa
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import (
    borrowing_base_pb2 as pb,
    breach_pb2,
    common_pb2,
    loan_pb2,
    policy_pb2,
    price_pb2,
    report_pb2,
)
from collateral_registry.v1.report_pb2 import AsOf
from tests.support.borrowing_bases import (
    CLASSES,
    NEXT,
    RESERVES,
    base_of,
    opened,
    owe,
    pledge_classes,
    reserve,
    stub,
    terms,
)
from tests.support.server import FIRST_DAY, Client, amount, calendar, details_of, money


def draw(client: Client, value: str) -> loan_pb2.CheckDrawResponse:
    return client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name="loans/loan-1", amount=money(value)))


def rule_of(answer: loan_pb2.CheckDrawResponse | pb.BorrowingBase) -> str:
    return loan_pb2.DrawRefusal.Name(answer.binding_rule).removeprefix("DRAW_REFUSAL_")


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
        (
            {"amount": money("1"), "kind": pb.RESERVE_KIND_UNRECONCILED, "owner": "ledger of assets/acme"},
            "reserve.owner",
        ),
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


def test_the_largest_release_accounts_for_sublimits_that_fall_with_the_base(client: Client) -> None:
    """Of 70 of inventory and equipment at most 30 % of the base, the base is 100: 7 less inventory is 10 less base."""
    client.register_loan(borrowing_base_terms=terms())
    pledge_classes(client)
    owe(client, "500000")
    released = loan_pb2.ReleasePledgeRequest(name="loans/loan-1/pledges/p-1")

    with pytest.raises(grpc.RpcError) as refused:
        client.loans.ReleasePledge(released)
    largest = details_of(refused.value)[0].metadata["largest_share"]
    released.share.value = f"{Number(largest) + Number('0.000001')}"
    with pytest.raises(grpc.RpcError):
        client.loans.ReleasePledge(released)
    released.share.value = largest
    client.loans.ReleasePledge(released)

    assert Number(0) < Number(largest) < Number(1)
    assert amount(base_of(client).base) * Number("0.990001") >= 500_000


def test_a_base_in_another_currency_is_at_most_the_market_value_at_the_rate(client: Client) -> None:
    client.open_copper()
    client.quote_history()
    rate = price_pb2.FxRate(
        base_currency_code="USD", quote_currency_code="EUR", date=calendar(FIRST_DAY), rate=Decimal(value="0.9")
    )
    client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=[rate]))
    client.register_loan(currency="EUR", borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
    client.register_lot()
    client.pledge()

    base = base_of(client).base

    assert (base.currency_code, 0 < amount(base) < 900_000) == ("EUR", True)


def test_a_class_with_a_sublimit_has_no_cure_in_kind(client: Client) -> None:
    opened(client)
    owe(client, "610000")
    assert [one.asset for one in client.loan().cover.cures_in_kind] == ["assets/lot-1"]

    sublimit = loan_pb2.Sublimit(asset_class="inventory", amount=money("900000"))
    change_terms(client, loan_pb2.BorrowingBaseTerms(sublimits=[sublimit]))

    assert not client.loan().cover.cures_in_kind


def test_the_report_has_the_used_amount_and_the_base_of_loans_with_one_only(client: Client) -> None:
    opened(client)
    owe(client, "300000", "3000")
    client.register_loan("loan-2")

    answers = client.reports.StreamLtvReport(report_pb2.StreamLtvReportRequest(order_by="loan"))
    first, second = pa.ipc.open_stream(b"".join(answer.arrow for answer in answers)).read_all().to_pylist()

    assert (first["used_minor"], first["borrowing_base_minor"], first["ltv"]) == (30_300_000, 60_000_000, 0.505)
    assert (second["used_minor"], second["borrowing_base_minor"]) == (None, None)
    (row, _) = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(order_by="loan")).rows
    assert (row.cover.used, row.cover.ltv.value) == (money("303000"), "0.505")


def test_a_payment_keeps_the_contingent_amount_and_a_loan_with_one_is_not_closed(client: Client) -> None:
    opened(client, credit_limit=money("5000"))
    owe(client, "5000", "700")
    assert common_pb2.QUALITY_FLAG_CREDIT_LIMIT_EXCEEDED in client.loan().cover.quality_flags

    client.owe("0")

    assert (client.loan().contingent, client.loan().cover.used) == (money("700"), money("700"))
    with pytest.raises(grpc.RpcError, match="contingent amounts of 700"):
        client.loans.CloseLoan(loan_pb2.CloseLoanRequest(name="loans/loan-1"))
    owe(client, "0", "0")
    assert not client.loan().HasField("contingent")
    client.loans.CloseLoan(loan_pb2.CloseLoanRequest(name="loans/loan-1"))


def test_a_policy_whose_levels_do_not_fit_the_margin_call_of_a_base_is_refused(client: Client) -> None:
    client.register_loan(borrowing_base_terms=loan_pb2.BorrowingBaseTerms())
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    for rule in policy.rules:
        if rule.parameter == "stop_draw":
            rule.value.value = "1.000001"
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="strict"))

    with pytest.raises(grpc.RpcError) as refused:
        client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/strict"))

    assert details_of(refused.value)[0].reason == "POLICY_CONTRADICTS_LOAN"


@pytest.mark.parametrize(
    "call",
    [
        base_of,
        lambda client: stub(client).GetReserve(pb.GetReserveRequest(name="loans/loan-1/reserves/none")),
        lambda client: stub(client).ListReserves(pb.ListReservesRequest(parent="loans/loan-1")),
        lambda client: reserve(client, "rent", "RENT", "1"),
    ],
)
def test_a_base_or_a_reserve_of_no_loan_is_not_found(shared_client: Client, call) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(shared_client)

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
