"""Terms of a loan that contradict each other or the policy are refused; a released pledge shows no claim."""

from datetime import timedelta

import grpc
import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import common_pb2, loan_pb2, policy_pb2
from tests.support.server import FIRST_DAY, Client, calendar, details_of, money

LEVELS = ("watch", "margin_call", "stop_draw", "liquidation")


def created(client: Client, **fields: object) -> loan_pb2.Loan:
    loan = loan_pb2.Loan(borrower="Acme", currency_code="USD", balance_date=calendar(FIRST_DAY), **fields)
    return client.loans.CreateLoan(loan_pb2.CreateLoanRequest(loan=loan, loan_id="loan-1"))


def changed(client: Client, *paths: str, **fields: object) -> loan_pb2.Loan:
    request = loan_pb2.UpdateLoanRequest(loan=loan_pb2.Loan(name="loans/loan-1", **fields))
    request.update_mask.paths.extend(paths)
    return client.loans.UpdateLoan(request)


def levels(**ratios: str) -> common_pb2.LtvLevels:
    return common_pb2.LtvLevels(**{name: Decimal(value=ratio) for name, ratio in ratios.items()})


def refused_field(call) -> str:
    """Returns the only field that a refusal names."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    (field,) = details_of(refused.value)[1]
    return field


def test_one_level_alone_is_stored_alone_and_judged_with_those_of_the_policy(client: Client) -> None:
    client.covered_loan()
    loan = changed(client, "ltv_levels.margin_call", ltv_levels=levels(margin_call="0.95"))

    assert loan.ltv_levels == levels(margin_call="0.95")
    client.owe(f"{loan.cover.lendable_value.units * 96 // 100}")
    assert client.loan().cover.level == common_pb2.LTV_LEVEL_MARGIN_CALL
    assert not changed(client, "ltv_levels").HasField("ltv_levels")
    assert client.loan().cover.level < common_pb2.LTV_LEVEL_MARGIN_CALL


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        (levels(margin_call="0.9"), "loan.ltv_levels"),  # the policy's watch
        (levels(watch="1"), "loan.ltv_levels"),
        (levels(liquidation="1.1"), "loan.ltv_levels"),
        (levels(watch="0.01"), "loan.ltv_levels.watch"),  # the policy's buffer
        (levels(watch="0.001", margin_call="0.005", stop_draw="0.006", liquidation="0.007"), "loan.ltv_levels.watch"),
    ],
)
def test_levels_out_of_order_or_within_the_buffer_are_refused(shared_client: Client, stated, field) -> None:
    assert refused_field(lambda: created(shared_client, ltv_levels=stated)) == field


def test_a_policy_that_would_break_the_levels_of_a_loan_is_not_activated(client: Client) -> None:
    created(client, ltv_levels=levels(watch="0.95"))
    policy = client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/default-2021"))
    policy.name = ""
    for rule in policy.rules:
        if rule.parameter == "margin_call":
            rule.value.value = "0.94"
    request = policy_pb2.CreatePolicyRequest(policy=policy, policy_id="tight")
    client.policies.CreatePolicy(request)
    with pytest.raises(grpc.RpcError) as refused:
        client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/tight"))

    assert details_of(refused.value)[0].reason == "POLICY_CONTRADICTS_LOAN"
    assert "loans/loan-1" in refused.value.details()


def test_a_policy_with_a_level_within_its_buffer_is_refused(shared_client: Client) -> None:
    policy = shared_client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/default-2021"))
    for rule in policy.rules:
        if rule.parameter == "buffer":
            rule.value.value = "0.5"
        if rule.parameter == "watch":
            rule.value.value = "0.5"
    request = policy_pb2.CreatePolicyRequest(policy=policy, policy_id="buffered")

    assert refused_field(lambda: shared_client.policies.CreatePolicy(request)) == "policy.rules[watch].value"


def test_a_balance_without_a_principal_is_refused_and_a_new_loan_without_a_balance_owes_nothing(client: Client) -> None:
    loan = created(client)
    interest = money("5")
    update = loan_pb2.BalanceUpdate(loan="loans/loan-1", accrued_interest=interest, balance_date=calendar(FIRST_DAY))
    answer = client.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=[update]))

    assert loan.principal == money("0")
    assert (answer.accepted_count, answer.problems[0].reason.split(":")[0]) == (0, "principal")
    assert refused_field(lambda: created(client, accrued_interest=interest)) == "loan.principal"
    assert refused_field(lambda: created(client, fees=interest)) == "loan.principal"


def test_a_last_day_before_the_balance_is_refused_where_it_is_set(client: Client) -> None:
    eve = calendar(FIRST_DAY - timedelta(days=1))
    assert refused_field(lambda: created(client, maturity_date=eve)) == "loan.maturity_date"
    created(client, maturity_date=calendar(FIRST_DAY))
    assert refused_field(lambda: changed(client, "maturity_date", maturity_date=eve)) == "loan.maturity_date"
    later = FIRST_DAY + timedelta(days=3)
    client.advance(later)

    assert client.owe("1", day=later).accepted_count == 1
    assert changed(client, "borrower", borrower="Beta").maturity_date == calendar(FIRST_DAY)


def test_a_released_pledge_shows_no_claim(client: Client) -> None:
    client.covered_loan()
    client.register_lot("lot-2")
    client.pledge(asset_id="lot-2", pledge_id="p-2")
    part = client.loans.ReleasePledge(
        loan_pb2.ReleasePledgeRequest(name="loans/loan-1/pledges/p-2", share=Decimal(value="0.5"))
    )
    whole = client.loans.ReleasePledge(loan_pb2.ReleasePledgeRequest(name="loans/loan-1/pledges/p-2"))
    listed = client.loans.ListPledges(loan_pb2.ListPledgesRequest(parent="loans/loan-1")).pledges

    assert part.market_claim == money("500000")
    for pledge in (whole, listed[1]):
        assert pledge.state == loan_pb2.PLEDGE_STATE_RELEASED
        assert not pledge.HasField("market_claim")
        assert not pledge.HasField("lendable_claim")
    assert listed[0].market_claim == money("1000000")
