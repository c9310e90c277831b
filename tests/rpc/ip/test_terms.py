"""The life of an IP asset compared with the term of the loan that it secures."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import (
    asset_pb2,
    finding_pb2,
    ip_pb2,
    loan_pb2,
    policy_pb2,
)
from tests.support.ip_assets import patent, register, service, valued
from tests.support.server import FIRST_DAY, Client, calendar, details_of


def pledged(client: Client, asset_id: str, years: float) -> None:
    """Pledges an IP asset to a new loan that matures in the given number of years."""
    loan_id = f"loan-{asset_id}"
    maturity = calendar(FIRST_DAY + timedelta(days=round(years * 365.25)))
    client.register_loan(loan_id, "CNY", maturity_date=maturity)
    client.pledge(loan_id, asset_id)


def test_an_ip_asset_ending_before_the_loan_is_refused_and_one_within_the_margin_is_a_finding(
    client: Client,
) -> None:
    for asset_id in ("patent-early", "patent-late", "patent-enough"):
        register(client, asset_id)
    with pytest.raises(grpc.RpcError) as refused:
        pledged(client, "patent-early", 5.1)
    assert details_of(refused.value)[0].reason == "RIGHT_ENDS_EARLY"
    assert details_of(refused.value)[0].metadata["right_years"] == "5.00"
    assert not client.loans.ListPledges(loan_pb2.ListPledgesRequest(parent="loans/loan-patent-early")).pledges
    pledged(client, "patent-late", 4.0)
    pledged(client, "patent-enough", 2.9)
    request = finding_pb2.ListFindingsRequest(filter="kind = RIGHT_ENDS_EARLY")
    found = client.findings.ListFindings(request).findings
    assert [(one.asset, one.loan) for one in found] == [("assets/patent-late", "loans/loan-patent-late")]


def test_a_technology_life_shortens_in_valuations_answers_and_comparisons_with_the_loan(client: Client) -> None:
    right = patent("patent-aged")
    right.technology_life_date.CopyFrom(calendar(FIRST_DAY - timedelta(days=731)))
    asset = asset_pb2.Asset(
        owner="Invented Firm", asset_class="ip.patent", currency_code="CNY", intellectual_property=right
    )
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="patent-aged"))
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name="assets/patent-aged"))
    assert float(answer.remaining_life_years.value) == pytest.approx(5.0 - 731 / 365.25, abs=1e-6)
    assert valued(client, "assets/patent-aged").market_value == answer.value
    with pytest.raises(grpc.RpcError) as refused:
        pledged(client, "patent-aged", 3.1)
    assert details_of(refused.value)[0].metadata["right_years"] == "3.00"


def put_off(client: Client, asset_id: str, years: float) -> None:
    """Moves the maturity of the loan of an IP asset to the given number of years from now."""
    loan = client.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/loan-{asset_id}"))
    loan.maturity_date.CopyFrom(calendar(FIRST_DAY + timedelta(days=round(years * 365.25))))
    client.loans.UpdateLoan(loan_pb2.UpdateLoanRequest(loan=loan, update_mask=FieldMask(paths=["maturity_date"])))


def found_of(client: Client, asset_id: str) -> list[str]:
    """The kinds of the open findings of an asset, oldest first."""
    request = finding_pb2.ListFindingsRequest(filter=f'asset = "{asset_id}"')
    return [
        finding_pb2.FindingKind.Name(one.kind).removeprefix("FINDING_KIND_")
        for one in reversed(client.findings.ListFindings(request).findings)
    ]


def test_a_later_maturity_is_compared_with_the_life_of_the_ip_asset_as_at_pledging(client: Client) -> None:
    register(client, "patent-put-off")
    pledged(client, "patent-put-off", 2.0)
    assert found_of(client, "patent-put-off") == []
    with pytest.raises(grpc.RpcError) as refused:
        put_off(client, "patent-put-off", 5.1)
    assert details_of(refused.value)[0].reason == "RIGHT_ENDS_EARLY"
    kept = client.loans.GetLoan(loan_pb2.GetLoanRequest(name="loans/loan-patent-put-off")).maturity_date
    assert kept == calendar(FIRST_DAY + timedelta(days=round(2.0 * 365.25)))
    put_off(client, "patent-put-off", 3.0 - 1.0 / 365.0)
    assert found_of(client, "patent-put-off") == []
    put_off(client, "patent-put-off", 4.0)
    assert found_of(client, "patent-put-off") == ["RIGHT_ENDS_EARLY", "LOAN_TOO_LONG"]
    put_off(client, "patent-put-off", 1.0)
    assert found_of(client, "patent-put-off") == ["RIGHT_ENDS_EARLY", "LOAN_TOO_LONG"]


def test_a_loan_longer_than_the_policy_allows_is_a_finding_even_if_the_ip_asset_lives_longer(
    client: Client,
) -> None:
    register(client, "patent-long", life="8")
    pledged(client, "patent-long", 3.1)
    assert found_of(client, "patent-long") == ["LOAN_TOO_LONG"]


def test_a_policy_without_the_numbers_neither_refuses_nor_reports_an_ip_asset_that_ends_early(client: Client) -> None:
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    for one in policy.classes:
        kept = [number for number in one.numbers if not number.parameter.startswith(("life_", "loan_"))]
        del one.numbers[:]
        one.numbers.extend(kept)
    policy.effective_date.CopyFrom(calendar(FIRST_DAY))
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="silent"))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/silent"))
    register(client, "patent-silent")
    pledged(client, "patent-silent", 9.0)
    request = finding_pb2.ListFindingsRequest(filter='asset = "patent-silent"')
    assert not client.findings.ListFindings(request).findings


def test_a_policy_may_refuse_a_loan_that_is_too_long_for_an_ip_asset(client: Client) -> None:
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    rights = next(one for one in policy.classes if one.asset_class == "ip")
    rights.numbers.add(parameter="loan_refused_years", value=Decimal(value="4"), source="House rule")
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="short-loans"))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/short-loans"))
    register(client, "patent-short-loan", life="8")
    with pytest.raises(grpc.RpcError) as refused:
        pledged(client, "patent-short-loan", 4.1)
    assert details_of(refused.value)[0].reason == "LOAN_TOO_LONG"
