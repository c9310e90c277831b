"""A model and assets that are read by different mappings: no opinion, or a refusal, never a silly price."""

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


def test_a_model_that_learned_with_a_reference_has_no_opinion_where_assets_name_none(bench: Bench) -> None:
    learned = replace(bench.learned, mapping=replace(bench.mapping, reference="guide"))
    found = appraise(learned, bench.machines(rows(5)))
    assert np.isnan(found.fmv).all()
    assert np.isnan(found.nolv).all()
    assert (found.flags & EstimateFlag.REFERENCE_MISSING != 0).all()


def test_a_model_that_learned_without_a_reference_ignores_one(bench: Bench) -> None:
    machines = bench.machines(rows(5))
    referred = replace(machines, reference=np.array([9_000.0, 9_000.0, np.nan, 9_000.0, 9_000.0]))
    referred = replace(referred, flags=machines.flags | np.array([0, 0, int(EstimateFlag.REFERENCE_MISSING), 0, 0]))
    found, alone = appraise(bench.learned, referred), appraise(bench.learned, machines)
    assert found.fmv.tolist() == alone.fmv.tolist()
    assert found.flags.tolist() == alone.flags.tolist()


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
def test_assets_in_another_unit_currency_or_order_than_the_model_are_refused(field: str, given: ColumnMap) -> None:
    with pytest.raises(InvalidInput, match=f"reading.{field}"):
        check_read_alike(LEARNED, given)


def test_what_assets_do_not_have_is_not_compared() -> None:
    check_read_alike(LEARNED, ColumnMap(category=("kind",)))
