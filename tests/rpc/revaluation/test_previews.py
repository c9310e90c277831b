"""Previews over gRPC: the parts of the stream, a policy that is not in force, and errors."""

import grpc
import pytest
from google.type import decimal_pb2

from collateral_registry.v1 import common_pb2, policy_pb2, revaluation_pb2, revaluation_pb2_grpc
from tests.support.server import details_of

REQUEST = revaluation_pb2.PreviewRevaluationRequest


def preview(client, **request):
    stub = revaluation_pb2_grpc.RevaluationServiceStub(client.channel)
    return list(stub.PreviewRevaluation(REQUEST(**request), timeout=30))


def draft_limits(client, **limits):
    """Stores a policy with other limits and returns its name."""
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    for rule in policy.rules:
        rule.value.value = limits.get(rule.parameter, rule.value.value)
    return client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="draft")).name


def test_a_preview_streams_its_moment_its_progress_the_sums_and_the_loans_that_change(client):
    client.covered_loan()
    name = draft_limits(client, watch="0.3", margin_call="0.4", stop_draw="0.8")
    before = client.loan()
    first, *parts = preview(client, policy=name, include_assets=True)
    (summary,) = (part.summary for part in parts if part.HasField("summary"))
    (loan,) = (loan for part in parts for loan in part.loans)
    (change,) = summary.level_changes

    assert (first.policy_in_force, first.policy) == ("policies/default-2021", name)
    assert first.partition_count == max(part.done_partition_count for part in parts) > 0
    assert (loan.recorded.level, loan.previewed.level) == (before.cover.level, common_pb2.LTV_LEVEL_MARGIN_CALL)
    assert loan.recorded.ltv == loan.previewed.ltv == before.cover.ltv
    assert (change.level_before, change.level, change.loan_count) == (loan.recorded.level, loan.previewed.level, 1)
    assert (summary.value_count, summary.changed_value_count) == (1, 0)
    assert summary.totals[0].lendable_value == before.cover.lendable_value
    assert client.loan() == before, "nothing is recorded"


def test_a_policy_that_could_not_be_activated_is_not_previewed(client):
    client.register_loan(ltv_levels=common_pb2.LtvLevels(watch=decimal_pb2.Decimal(value="0.95")))
    with pytest.raises(grpc.RpcError) as caught:
        preview(client, policy=draft_limits(client, margin_call="0.94"))

    assert details_of(caught.value)[0].reason == "POLICY_CONTRADICTS_LOAN"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"policy": "policies/unknown"}, grpc.StatusCode.NOT_FOUND),
        ({"policy": "unknown"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"filter": "colour = red"}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_an_unknown_policy_and_a_wrong_filter_are_refused(shared_client, request_, code):
    with pytest.raises(grpc.RpcError) as caught:
        preview(shared_client, **request_)
    assert caught.value.code() == code
