"""Builds the table of a difference report from the messages of the service."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from collateral_registry.notebook.columns import amounts, levels, name_lists, name_of, optional, scale_of
from collateral_registry.v1 import common_pb2, difference_pb2 as pb

AMOUNTS = ("exposure", "market_value", "lendable_value")
VALUES = ("lendable_value", "market_value")
VALUE_STEPS = tuple(step for step in pb.ChangeStep.values() if step not in {0, pb.CHANGE_STEP_BALANCE})
"""Steps that change values; the balance changes the exposure only."""


def difference_table(rows: Sequence[pb.DifferenceRow]) -> pa.Table:
    """Returns a row for each loan that differs: its figures before and after, and the change of its values by step.

    Figures before and after are null where the loan is not open.
    """
    sides = {"_before": [optional(row, "before") for row in rows], "": [optional(row, "after") for row in rows]}
    steps = [{one.step: one for one in row.steps} for row in rows]
    currencies = [row.steps[0].exposure.currency_code for row in rows]
    scale = scale_of(currencies)
    columns = {
        "loan_id": pa.array([row.loan.partition("/")[2] for row in rows], pa.string()),
        "borrower": pa.array([row.borrower for row in rows], pa.string()),
        "currency_code": pa.array(currencies, pa.string()),
        "change": pa.array([name_of(pb.LoanChange, row.change) for row in rows], pa.string()),
    }
    for suffix, covers in sides.items():
        columns[f"level{suffix}"] = levels([name_of(common_pb2.LtvLevel, one.level) if one else None for one in covers])
        coverages = [name_of(common_pb2.Coverage, one.coverage) if one else None for one in covers]
        columns[f"coverage{suffix}"] = pa.array(coverages, pa.string())
        for name in AMOUNTS:
            columns[f"{name}{suffix}"] = amounts([getattr(one, name) if one else None for one in covers], scale)
    columns["exposure_by_balance"] = amounts([one[pb.CHANGE_STEP_BALANCE].exposure for one in steps], scale)
    for name in VALUES:
        for step in VALUE_STEPS:
            column = f"{name}_by_{(name_of(pb.ChangeStep, step) or '').lower()}"
            columns[column] = amounts([getattr(one[step], name) for one in steps], scale)
    notes = [dict.fromkeys(note for one in row.steps for note in one.notes) for row in rows]
    return pa.table(columns | {"notes": name_lists(pb.ChangeNote, notes)})
