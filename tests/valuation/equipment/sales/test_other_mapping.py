"""Assets read by another mapping than the model's give no value or are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.equipment_sales import rows
from tests.valuation.equipment.conftest import Bench
from valuation.equipment.flags import EstimateFlag
from valuation.equipment.models.hedonic import appraise
from valuation.equipment.sales.mapping import ColumnMap, check_read_alike
from valuation.errors import InvalidInput


def test_a_model_with_references_does_not_value_assets_without_one(bench: Bench) -> None:
    learned = replace(bench.learned, mapping=replace(bench.mapping, reference="guide"))
    found = appraise(learned, bench.machines(rows(5)))
    assert np.isnan(found.fmv).all()
    assert np.isnan(found.nolv).all()
    assert (found.flags & EstimateFlag.REFERENCE_MISSING != 0).all()


def test_a_model_without_references_ignores_those_of_assets(bench: Bench) -> None:
    machines = bench.machines(rows(5))
    with_reference = replace(
        machines,
        reference=np.array([9_000.0, 9_000.0, np.nan, 9_000.0, 9_000.0]),
        flags=machines.flags | np.array([0, 0, int(EstimateFlag.REFERENCE_MISSING), 0, 0]),
    )
    found, plain = appraise(bench.learned, with_reference), appraise(bench.learned, machines)
    assert found.fmv.tolist() == plain.fmv.tolist()
    assert found.flags.tolist() == plain.flags.tolist()


LEARNED = ColumnMap(
    category=("kind",), hours="meter", condition="grade", condition_order=("poor", "good"), currency="USD"
)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("hours_unit", replace(LEARNED, hours_unit="miles")),
        ("currency", replace(LEARNED, currency="EUR")),
        ("condition_order", replace(LEARNED, condition_order=("good", "poor"))),
    ],
)
def test_another_meter_unit_currency_or_condition_order_is_refused(field: str, given: ColumnMap) -> None:
    with pytest.raises(InvalidInput, match=f"reading.{field}"):
        check_read_alike(LEARNED, given)


def test_settings_that_assets_do_not_use_are_not_compared() -> None:
    check_read_alike(LEARNED, ColumnMap(category=("kind",)))
