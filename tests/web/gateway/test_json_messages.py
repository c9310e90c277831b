"""Requests in JSON are read strictly, and each wrong field is named by its path."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from collateral_registry.web.gateway.contract import contract
from collateral_registry.web.gateway.json_messages import MalformedJson, answer_of, read_message, read_object
from valuation.errors import InvalidInput

CREATE_ASSET: Any = contract().methods["AssetService", "CreateAsset"].request
UPDATE_ASSET: Any = contract().methods["AssetService", "UpdateAsset"].request
OVERRIDE: Any = contract().methods["OverrideService", "GetOverride"].response


@pytest.mark.parametrize(
    ("asset", "field", "want"),
    [
        ({"": "Acme"}, "asset.''", "one of name, display_name"),
        ({"ownr": "Acme"}, "asset.ownr", "one of name, display_name"),
        ({"owner": 5}, "asset.owner", "text"),
        ({"owner": "\ud800"}, "asset.owner", "text"),
        ({"\ud800": 1}, "asset.\\ud800", "one of name"),
        ({"\x00\n": 1}, "asset.\\x00\\n", "one of name"),
        ({"owner": "A", "inventory": {"good": ["copper"]}}, "asset.inventory.good", "text"),
        ({"status": "NORMAL"}, "asset.status", "ASSET_STATUS_NORMAL"),
        ({"status": 1}, "asset.status", "ASSET_STATUS_NORMAL"),
        ({"status": True}, "asset.status", "ASSET_STATUS_NORMAL"),
        ({"prior_claims": {"units": "1.5"}}, "asset.prior_claims.units", "whole number"),
        ({"prior_claims": {"units": 2**63}}, "asset.prior_claims.units", "64 bits"),
        ({"prior_claims": {"nanos": 2**31}}, "asset.prior_claims.nanos", "32 bits"),
        ({"prior_claims": {"nanos": 1e400}}, "asset.prior_claims.nanos", "32 bits"),
        ({"prior_claims": {"nanos": True}}, "asset.prior_claims.nanos", "32 bits"),
        ({"prior_claims": "5 USD"}, "asset.prior_claims", '"units": "650000"'),
        ({"prior_claims": []}, "asset.prior_claims", '"units": "650000"'),
        ({"insurance_expire_date": "2022-06-01"}, "asset.insurance_expire_date", '"month": 7'),
        ({"inventory": {"quantity": 100}}, "asset.inventory.quantity", '{"value": "0.85"}'),
        ({"inventory": 100}, "asset.inventory", "an object"),
        ({"create_time": "2022-06-01"}, "asset.create_time", "a time such as"),
        ({"create_time": 5}, "asset.create_time", "a time such as"),
        ({"equipment": {"attributes": {"a": 1}}}, "asset.equipment.attributes[a]", "text"),
        ({"equipment": {"attributes": ["a"]}}, "asset.equipment.attributes", "object"),
        ({"intellectual_property": {"indicators": {"a": "x"}}}, "asset.intellectual_property.indicators[a]", "number"),
        ({"inventory": {}, "equipment": {}}, "asset.equipment", "one of both in detail"),
        ({"display_name": "a", "displayName": "b"}, "asset.display_name", "one of both"),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(asset, field, want):
    with pytest.raises(InvalidInput) as refused:
        read_message(CREATE_ASSET, {"asset": asset})

    assert refused.value.field == field
    assert want in refused.value.want


def test_all_wrong_fields_are_named_in_one_error():
    names = contract().methods["ValuationService", "ValueAssets"].request
    with pytest.raises(InvalidInput) as refused:
        read_message(names, {"names": ["assets/a", 5, None], "currency_code": 5, "other": 1})

    assert [one.field for one in refused.value.violations] == ["names[1]", "names[2]", "currency_code", "other"]


def test_the_number_of_violations_is_bounded():
    names = contract().methods["ValuationService", "ValueAssets"].request
    with pytest.raises(InvalidInput) as refused:
        read_message(names, {"names": [5] * 1000})

    assert len(refused.value.violations) == 100


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"5", b"{", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 2}}', b"\xff",
        b'{"a":' * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"{} {}",
        '{"a": 1}'.encode("utf-16"),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_body_that_is_not_one_json_object_is_refused(body):
    with pytest.raises(MalformedJson, match="want one JSON object"):
        read_object(body)


def test_a_repeated_name_is_found_in_time_that_grows_with_the_body_only():
    names = [f"n{number}" for number in range(20_000)]
    body = "{" + ",".join(f'"{name}": 1' for name in [*names, names[-1]]) + "}"
    begun = time.process_time()
    with pytest.raises(MalformedJson, match="the name 'n19999' twice in one object"):
        read_object(body.encode())

    assert time.process_time() - begun < 1  # 20,000 searches of a list of names take several seconds


def test_a_long_repeated_name_is_cut_in_the_error():
    name = json.dumps("n" * 10_000)
    with pytest.raises(MalformedJson) as refused:
        read_object(f"{{{name}: 1, {name}: 2}}".encode())

    assert len(str(refused.value)) < 200


def test_null_and_an_empty_body_mean_absent():
    assert read_object(b" ") == {}
    assert read_object(b"\xef\xbb\xbf{}") == {}
    assert read_message(CREATE_ASSET, {"asset": None, "asset_id": None}) == CREATE_ASSET()


def test_names_of_the_contract_and_lower_camel_case_are_read():
    snake: Any = read_message(UPDATE_ASSET, {"update_mask": "display_name,inventory.price_series"})
    camel = read_message(UPDATE_ASSET, {"updateMask": "displayName,inventory.priceSeries"})

    assert snake == camel
    assert list(snake.update_mask.paths) == ["display_name", "inventory.price_series"]


def test_answers_have_the_names_of_the_contract_and_all_fields_without_presence():
    override = OVERRIDE()
    override.update_pledge.update_mask.paths.append("registration_number")
    document = answer_of(override)

    assert document["update_pledge"]["update_mask"] == "registration_number"
    assert (document["reason"], document["state"]) == ("", "OVERRIDE_STATE_UNSPECIFIED")
    assert read_message(OVERRIDE, document) == override


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["asset", "owner", "inventory", "status", "units", "nanos", "x"]), inner)
    ),
)


@given(st.dictionaries(st.sampled_from(["asset", "asset_id", "assetId", "validate_only", "x"]), JSON))
def test_any_object_is_read_or_refused_with_fields(document):
    wrong: tuple[InvalidInput, ...] = ()
    message = CREATE_ASSET()
    try:
        message = read_message(CREATE_ASSET, read_object(json.dumps(document).encode()))
    except InvalidInput as refused:
        wrong = refused.violations

    assert all(one.field for one in wrong)
    assert read_message(CREATE_ASSET, answer_of(message)) == message
