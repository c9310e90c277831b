"""Converts registered machines into observations for models of comparables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collateral_registry.domain.assets.kinds import Equipment
from valuation.calendar import DAYS_PER_YEAR
from valuation.depreciation.equipment import Condition
from valuation.equipment.sales.mapping import ColumnMap
from valuation.equipment.sales.observations import FIRST_YEAR, Observations, observe

METER_UNIT = "hours"
"""Unit of meter readings in the register. Models fitted on another unit, such as miles, ignore the reading."""


def observed(machines: Sequence[Equipment], mapping: ColumnMap, day: int) -> Observations:
    """Returns machines [n] in a model's columns, for a valuation on a day (days from 1970-01-01).

    An attribute that is stated for a column takes precedence. The other columns are filled from the machine's own
    fields. A condition that the mapping does not list is unknown.
    """
    cells = [_cells(machine, mapping) for machine in machines]
    table = {column: [row.get(column, "") for row in cells] for column in mapping.needed()}
    time = np.full(len(machines), FIRST_YEAR + day / DAYS_PER_YEAR)
    return observe(table, mapping, time, len(machines))


def states_condition(machine: Equipment, mapping: ColumnMap) -> bool:
    """Returns whether a model receives a condition.

    It is a stated attribute, or a registered condition that the mapping lists.
    """
    stated = mapping.condition in machine.attributes
    return bool(mapping.condition) and (stated or machine.condition.name.lower() in mapping.condition_order)


def _cells(machine: Equipment, mapping: ColumnMap) -> Mapping[str, str]:
    """Returns the strings of one machine by column."""
    condition = machine.condition.name.lower()
    known = {
        _last(mapping.model): machine.model,
        _last(mapping.make): machine.make,
        mapping.region: machine.location,
        mapping.hours: str(machine.hours) if machine.hours is not None and mapping.hours_unit == METER_UNIT else "",
        mapping.build_year: "" if machine.built is None else str(machine.built.year),
    }
    if machine.condition is not Condition.UNKNOWN and condition in mapping.condition_order:
        known[mapping.condition] = condition
    return {column: text for column, text in (known | dict(machine.attributes)).items() if column}


def _last(columns: tuple[str, ...]) -> str:
    return columns[-1] if columns else ""
