"""Values whose inputs cannot be isolated change as a whole in one step, by the rules of docs/differences.md."""

import numpy as np
import pytest

from collateral_registry.domain.valuations.base_values import Model
from collateral_registry.domain.valuations.value_steps import (
    VALUE_INPUTS,
    VALUE_STEPS,
    RecordedValues,
    Step,
    value_steps,
)
from valuation.flags import UnknownReason

NUMBERS = {
    "market_haircut": 0.1,
    "value_haircut": 0.0,
    "cap": 0.8,
    "liquidation_days": 10.0,
    "cure_days": 5.0,
    "revaluation_days": 1.0,
}
REALS = ("price", "quantity", "fx_rate", "h_value", "h_market", "h_liquidity", "h_cost", "h_legal", "haircut_floor")
MACHINE = {
    "model": int(Model.EQUIPMENT),
    "policy_key": 1,
    "fx_rate": 1.0,
    "h_value": 0.0,
    "h_market": 0.1,
    "h_liquidity": 0.0,
    "h_cost": 0.0,
    "h_legal": 0.0,
    "haircut_floor": 0.0,
    "cap": 0.8,
    "price_adjustment": 1.0,
    "horizon_days": 15,
    "market_minor": 100_000,
    "lendable_minor": 80_000,
}
"""A machine of 1,000.00 whose lendable share is the cap."""

POOL = {**MACHINE, "model": int(Model.RECEIVABLE_POOL), "lendable_minor": 71_234}
UNINSURED = {"market_minor": 0, "lendable_minor": 0, "unknown": int(UnknownReason.INSURANCE_EXPIRED)}


def recorded(values):
    """Returns one valuation; None stands for a target without a value."""
    given = values or {"unknown": int(UnknownReason.MISSING_INPUT)}
    reals = {*REALS, "cap", "price_adjustment"}
    rows = {name: np.array([given.get(name, np.nan if name in reals else 0)]) for name in VALUE_INPUTS}
    numbers = {name: np.array([number]) for name, number in NUMBERS.items()}
    return RecordedValues(rows, np.array([values is not None]), numbers)


def lendable_by_step(before, after):
    """Returns the lendable value at the first moment and after each step, and the step that is noted."""
    found = value_steps(recorded(before), recorded(after), {}, np.array([2]))
    return [int(state["lendable_minor"][0]) for state in found.states], int(found.whole_at[0])


@pytest.mark.parametrize(
    ("before", "after", "step", "noted"),
    [
        (POOL, {**POOL, "market_minor": 90_000, "lendable_minor": 60_000}, Step.QUANTITY, Step.QUANTITY),
        (MACHINE, {**MACHINE, "market_minor": 90_000, "lendable_minor": 72_000}, Step.PRICE, Step.PRICE),
        (MACHINE, {**MACHINE, "lendable_minor": 12_345}, Step.PRICE, Step.PRICE),
        (MACHINE, {**MACHINE, "fx_rate": 0.5, "market_minor": 50_000, "lendable_minor": 40_000}, Step.RATE, 0),
        (MACHINE, {**MACHINE, "policy_key": 2, "cap": 0.8, "h_cost": 0.5, "lendable_minor": 45_000}, Step.POLICY, 0),
        (MACHINE, {**MACHINE, **UNINSURED}, None, 0),
        ({**MACHINE, **UNINSURED}, MACHINE, None, 0),
        (None, MACHINE, None, 0),
    ],
    ids=["pool", "machine", "not-reproduced", "rate", "policy", "document-lost", "document-found", "no-value"],
)
def test_one_step_carries_the_whole_change(before, after, step, noted):
    values, whole_at = lendable_by_step(before, after)
    first = (before or {}).get("lendable_minor", 0)
    reached = [after["lendable_minor"] if step is not None and one >= step else first for one in VALUE_STEPS]

    assert values == [first, *reached]
    assert whole_at == noted


def test_values_without_a_change_have_no_step():
    assert lendable_by_step(MACHINE, MACHINE) == ([80_000] * 6, 0)
