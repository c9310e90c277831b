"""One machine and one IP asset are valued from scalars, with the numbers of the default policy."""

import json
from dataclasses import asdict
from importlib.resources import files

import numpy as np
import pytest

from valuation import MachineFactors, book_value, ip_value, machine_value
from valuation.depreciation.classes import equipment_classes
from valuation.depreciation.schedules import straight_line
from valuation.errors import InvalidInput
from valuation.flags import UnknownReason

PATENT = {"next_year_revenue": 1e6, "royalty_rate": 0.05, "remaining_life_years": 5, "discount_rate": 0.15}


def test_the_default_factors_are_those_of_the_default_policy():
    policy = json.loads(files("collateral_registry.policies").joinpath("default.json").read_text())
    numbers = policy["classes"]["equipment"]

    assert asdict(MachineFactors()) == {name: float(numbers[name]["value"]) for name in asdict(MachineFactors())}


def test_a_machine_keeps_the_share_of_its_class():
    rate = equipment_classes()["construction_machinery"].geometric_rate

    found = machine_value(200_000, 3, "construction_machinery", condition="fair")

    assert found.fair_market_value == pytest.approx(200_000 * (1 - rate) ** 3 * 0.85)
    assert found.orderly_liquidation_value == pytest.approx(0.85 * found.fair_market_value)
    assert found.forced_liquidation_value == pytest.approx(0.70 * found.fair_market_value)
    assert found.net_orderly_liquidation_value == pytest.approx(0.85 * 0.85 * found.fair_market_value)


def test_an_unknown_condition_counts_as_worn():
    assert machine_value(1e5, 3, "farm_tractors").condition_factor == 0.9


def test_many_hours_reduce_the_value():
    base = {"price_new": 1e5, "age_years": 4, "equipment_class": "farm_tractors", "expected_hours_per_year": 500}

    assert machine_value(**base, hours=4000).hours_factor == pytest.approx(0.5**0.2)
    assert machine_value(**base, hours=1000, meter_age_years=2).hours_factor == 1.0
    assert machine_value(**base).hours_factor == 1.0


def test_a_machine_of_no_class_needs_its_own_curve():
    found = machine_value(1e5, 5, annual_rate=0.2, factors=MachineFactors(condition_unknown=1.0))

    assert found.fair_market_value == pytest.approx(1e5 * 0.8**5)
    assert machine_value(1e5, 5, schedule="straight_line", life_years=10).retained_share == pytest.approx(0.55)


@pytest.mark.parametrize("missing", ["price_new", "age_years"])
def test_a_missing_input_gives_an_unknown_value_with_its_reason(missing):
    found = machine_value(**{"price_new": 1e5, "age_years": 5, "equipment_class": "farm_tractors", missing: None})

    assert np.isnan(found.fair_market_value)
    assert found.unknown_reasons == UnknownReason.MISSING_INPUT
    assert found.to_dict()["fair_market_value"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"price_new": -1}, r"^price_new: got -1\.0, want 0 or more"),
        ({"price_new": "100,000"}, "^price_new: got '100,000', want a number"),
        ({"price_new": [1e5]}, "^price_new: got list, want one number"),
        ({"age_years": -1}, r"^age_years: got -1\.0, want 0 or more"),
        ({"equipment_class": "tractor"}, "^equipment_class: got 'tractor', want one of metalworking_machines"),
        ({"equipment_class": ""}, "^equipment_class: got '', want one of"),
        ({"condition": "new"}, "^condition: got 'new', want unknown, excellent"),
        ({"schedule": "linear"}, "^schedule: got 'linear', want geometric"),
        ({"annual_rate": 12}, r"^annual_rate: got 12\.0, want 0 to 1"),
        ({"factors": {"olv_factor": 0.5}}, "^factors: got dict, want MachineFactors"),
        ({"schedule": "units_of_production"}, "^schedule: got 'units_of_production', want geometric"),
        ({"factors": MachineFactors(flv_factor=0.9)}, r"^flv_factor: got 0\.9, want at most the olv_factor"),
    ],
)
def test_a_wrong_number_of_a_machine_is_named(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        machine_value(**{"price_new": 1e5, "age_years": 5, "equipment_class": "farm_tractors", **arguments})


def test_a_book_value_follows_its_schedule():
    assert book_value(1e5, 3, 10, salvage_share=0.1) == pytest.approx(float(straight_line(1e5, 1e4, 10, 3)))
    assert book_value(1e5, 2, 10, "geometric", annual_rate=0.5) == pytest.approx(25_000)
    assert book_value(1e5, 12, 10) == 0.0
    with pytest.raises(InvalidInput, match=r"^annual_rate: got None, want the share lost in a year"):
        book_value(1e5, 2, 10, "geometric")
    with pytest.raises(InvalidInput, match=r"^life_years: got 0\.0, want more than 0"):
        book_value(1e5, 2, 0)
    for cost in (-1.0, float("inf")):
        with pytest.raises(InvalidInput, match=rf"^cost: got {cost}, want 0 or more, finite"):
            book_value(cost, 2, 10)


def test_the_number_on_which_a_schedule_depends_must_be_stated():
    with pytest.raises(InvalidInput, match=r"^annual_rate: got None, want the share"):
        machine_value(1e5, 5, life_years=10)
    for value in (
        lambda: machine_value(1e5, 5, annual_rate=0.1, schedule="straight_line"),
        lambda: book_value(1, 2, None),
    ):
        with pytest.raises(InvalidInput, match=r"^life_years: got None, want the years"):
            value()


def test_an_ip_asset_has_the_values_of_the_worked_examples():
    example = {
        "next_year_revenue": 10e6,
        "royalty_rate": 0.05,
        "remaining_life_years": 5,
        "discount_rate": 0.15,
        "growth": 0.05,
    }

    assert ip_value(**example).value == pytest.approx(1_469_680.76, abs=0.005)
    assert ip_value(**example, mid_year=False).value == pytest.approx(1_370_484.37, abs=0.005)
    assert ip_value(**example, annual_survival=0.9).value == pytest.approx(1_103_991.08, abs=0.005)
    assert ip_value(**example, amortisation_years=10).value == pytest.approx(1_680_536.33, abs=0.005)
    assert ip_value(**example, owned_share=0.5).value == pytest.approx(1_469_680.76 / 2, abs=0.005)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"royalty_rate": 5}, r"^royalty_rate: got 5\.0, want 0 to 1"),
        ({"royalty_rate": 0.3, "operating_margin": 0.2}, r"^royalty_rate: got 0\.3, want at most the operating_margin"),
        ({"discount_rate": "15%"}, "^discount_rate: got '15%', want a number"),
        ({"mid_year": "no"}, "^mid_year: got 'no', want True or False"),
        ({"owned_share": 50}, r"^owned_share: got 50, want 0 to 1"),
    ],
)
def test_a_wrong_number_of_an_ip_asset_is_named(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        ip_value(**{**PATENT, **arguments})
