"""Every kind of asset is known to every layer; the type checker does not see all of these places."""

import json
from dataclasses import fields
from importlib.resources import files
from typing import get_args

import pytest

from collateral_registry.cli.importing.messages import DETAILS, KIND_FIELDS
from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.assets.kinds import Detail
from collateral_registry.domain.findings.references import FIELD_OF, IdentityKind
from collateral_registry.rpc.assets.messages import read_asset
from collateral_registry.rpc.assets.servicer import MASKED_FIELDS
from collateral_registry.v1 import asset_pb2
from valuation.errors import InvalidInput

KINDS_OF_THE_CONTRACT = [field.name for field in asset_pb2.Asset.DESCRIPTOR.oneofs_by_name["detail"].fields]


@pytest.mark.parametrize("kind", KINDS_OF_THE_CONTRACT)
def test_an_empty_detail_of_every_kind_is_refused(kind):
    with pytest.raises(InvalidInput):
        read_asset(asset_pb2.Asset(**{kind: {}}), "a")


def test_a_missing_detail_is_refused_with_every_kind():
    with pytest.raises(InvalidInput) as refused:
        read_asset(asset_pb2.Asset(), "a")

    assert [kind for kind in KINDS_OF_THE_CONTRACT if kind not in str(refused.value)] == []


def test_every_kind_is_updated_and_imported():
    assert set(KINDS_OF_THE_CONTRACT) <= set(MASKED_FIELDS)
    assert set(KINDS_OF_THE_CONTRACT) == set(KIND_FIELDS.values())
    assert {kind.name for kind in Kind} == set(KIND_FIELDS) == set(DETAILS)


@pytest.mark.parametrize("detail", get_args(Detail))
def test_a_detail_has_an_identity_a_good_and_a_place(detail):
    assert {"identity", "good", "place"} <= {field.name for field in fields(detail)} | set(dir(detail))


def test_every_reference_number_has_a_field():
    assert set(FIELD_OF) == set(IdentityKind)


def test_the_default_policy_has_numbers_of_every_class_root():
    policy = json.loads(files("collateral_registry.policies").joinpath("default.json").read_text(encoding="utf-8"))

    assert set(CLASS_ROOT.values()) <= set(policy["classes"])
