"""A loan system reads from the policy which asset classes exist and which numbers each uses."""

import json
from decimal import Decimal

import grpc
import pytest

from collateral_registry.domain.book.asset_classes import DESCRIPTIONS
from collateral_registry.domain.book.policy import CLASS_PARAMETERS
from collateral_registry.v1 import asset_pb2, policy_pb2 as pb, report_pb2
from tests.support.server import repository

POLICY = json.loads((repository() / "collateral_registry/policies/default.json").read_text())


def class_of(client, name, **fields):
    return client.policies.GetAssetClass(pb.GetAssetClassRequest(name=f"assetClasses/{name}", **fields))


def listed(client, **fields):
    return list(client.policies.ListAssetClasses(pb.ListAssetClassesRequest(**fields)).asset_classes)


def test_every_parameter_of_a_class_has_a_description():
    assert set(DESCRIPTIONS) == set(CLASS_PARAMETERS)


def test_every_class_of_the_policy_is_listed_with_own_and_inherited_numbers(shared_client):
    found = {one.asset_class: one for one in listed(shared_client)}

    assert list(found) == sorted(POLICY["classes"])
    for name, one in found.items():
        root = name.partition(".")[0]
        numbers = {number.parameter: number for number in one.numbers}
        assert one.stated
        assert set(numbers) == {*POLICY["classes"][root], *POLICY["classes"][name]}
        for parameter, number in numbers.items():
            stated_by = name if parameter in POLICY["classes"][name] else root
            stated = POLICY["classes"][stated_by][parameter]
            assert number.stated_by == stated_by
            assert (Decimal(number.value.value), number.source) == (Decimal(str(stated["value"])), stated["source"])
            assert number.description
        assert [level.parameter for level in one.ltv_levels] == ["watch", "margin_call", "stop_draw", "liquidation"]


def test_only_machines_have_a_schedule_and_expected_hours(shared_client):
    machine, lot = class_of(shared_client, "equipment.production_line"), class_of(shared_client, "inventory.grain")

    assert (machine.kind, lot.kind) == ("equipment", "inventory")
    assert machine.default_schedule == asset_pb2.DEPRECIATION_SCHEDULE_GEOMETRIC
    assert {one.parameter for one in machine.expected_hours} == set(POLICY["expected_hours"])
    assert (lot.default_schedule, len(lot.expected_hours)) == (0, 0)


def test_a_class_that_the_policy_does_not_state_is_shown_with_what_it_inherits(shared_client):
    unknown, parent = (
        class_of(shared_client, "inventory.base_metal.tin"),
        class_of(shared_client, "inventory.base_metal"),
    )

    assert not unknown.stated
    assert list(unknown.numbers) == list(parent.numbers)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("assetClasses/ships.tanker", grpc.StatusCode.NOT_FOUND),
        ("assetClasses/", grpc.StatusCode.INVALID_ARGUMENT),
        ("inventory.grain", grpc.StatusCode.INVALID_ARGUMENT),
        ("assetClasses/a/b", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_other_names_are_refused(shared_client, name, code):
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.policies.GetAssetClass(pb.GetAssetClassRequest(name=name))
    assert refused.value.code() == code


def test_classes_are_filtered_and_paged(shared_client):
    machines = listed(shared_client, filter="kind = equipment")
    assert [one.asset_class for one in machines] == sorted(n for n in POLICY["classes"] if n.startswith("equipment"))

    request = pb.ListAssetClassesRequest(filter="kind = equipment", page_size=3)
    first = shared_client.policies.ListAssetClasses(request)
    request.page_token = first.next_page_token
    rest = shared_client.policies.ListAssetClasses(request)
    assert [*first.asset_classes, *rest.asset_classes] == machines
    assert first.policy == f"policies/{POLICY['policy_id']}"


def test_a_past_moment_shows_the_policy_of_that_moment(client):
    before = client.policies.ListAssetClasses(pb.ListAssetClassesRequest())
    commit = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest()).sequence
    client.change_classes("wider", added=["inventory.plastic"])

    assert class_of(client, "inventory.plastic").stated
    past = report_pb2.AsOf(sequence=commit)
    assert not class_of(client, "inventory.plastic", as_of=past).stated
    assert client.policies.ListAssetClasses(pb.ListAssetClassesRequest(as_of=past)) == before
