"""Values of one machine and of one IP asset, with the inputs from which they are drawn."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from valuation._typing import Float
from valuation.depreciation.equipment import EquipmentColumns, value_equipment
from valuation.flags import QualityFlag, UnknownReason
from valuation.ip.relief_from_royalty import RoyaltyColumns, relief_from_royalty
from valuation.notebook.pictures import draw_curve
from valuation.notebook.result import Result, flag_names, numbers_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_POINTS = 60
LEAST_CURVE_YEARS = 10.0
"""Points of the curve in the picture of a value, and fewest years that it shows."""

C = TypeVar("C", EquipmentColumns, RoyaltyColumns)


@dataclass(frozen=True, repr=False)
class MachineValue(Result):
    """Values of a machine on each basis, in the currency of its price, with the factors applied.

    ``inputs`` are the columns of one row from which it was computed. All values are NaN if an input is missing;
    ``unknown_reasons`` states it.
    """

    fair_market_value: float
    orderly_liquidation_value: float
    forced_liquidation_value: float
    net_orderly_liquidation_value: float
    retained_share: float
    condition_factor: float
    hours_factor: float
    quality_flags: QualityFlag
    unknown_reasons: UnknownReason
    inputs: EquipmentColumns

    @classmethod
    def of(cls, inputs: EquipmentColumns) -> MachineValue:
        """Values one row; raises InvalidInput for liquidation factors out of order."""
        values = value_equipment(inputs)
        return cls(
            fair_market_value=float(values.fmv[0]),
            orderly_liquidation_value=float(values.olv[0]),
            forced_liquidation_value=float(values.flv[0]),
            net_orderly_liquidation_value=float(values.nolv[0]),
            retained_share=float(values.retained[0]),
            condition_factor=float(values.condition_factor[0]),
            hours_factor=float(values.hours_factor[0]),
            quality_flags=QualityFlag(int(values.quality[0])),
            unknown_reasons=UnknownReason(int(values.unknown[0])),
            inputs=inputs,
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures as plain Python values; None where a value is unknown."""
        bases = ("fair_market_value", "orderly_liquidation_value", "forced_liquidation_value")
        factors = ("retained_share", "condition_factor", "hours_factor")
        return {
            **numbers_of(self, *bases, "net_orderly_liquidation_value", *factors),
            "quality_flags": flag_names(self.quality_flags),
            "unknown_reasons": flag_names(self.unknown_reasons),
        }

    def _draw(self, axes: Axes) -> None:
        """Draws the fair market value at each age, without hours, and the machine."""
        age = float(self.inputs.age_years[0])
        ages = _years(age)
        hours = np.full(CURVE_POINTS, np.nan)
        values = value_equipment(replace(_repeated(self.inputs, age_years=ages), hours=hours)).fmv
        draw_curve(axes, ages, values, (age, self.fair_market_value), "age in years", "fair market value")


@dataclass(frozen=True, repr=False)
class IpValue(Result):
    """Value of an IP asset by relief from royalty, in the currency of its revenue.

    ``undiscounted`` is the sum of the expected royalties after tax, and ``inputs`` are the columns of one row from
    which it was computed. Both values are NaN if an input is missing.
    """

    value: float
    undiscounted: float
    tax_amortisation_factor: float
    quality_flags: QualityFlag
    unknown_reasons: UnknownReason
    inputs: RoyaltyColumns

    @classmethod
    def of(cls, inputs: RoyaltyColumns) -> IpValue:
        """Values one row."""
        found = relief_from_royalty(inputs)
        return cls(
            value=float(found.value[0]),
            undiscounted=float(found.undiscounted[0]),
            tax_amortisation_factor=float(found.tax_amortisation_factor[0]),
            quality_flags=QualityFlag(int(found.quality[0])),
            unknown_reasons=UnknownReason(int(found.unknown[0])),
            inputs=inputs,
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures as plain Python values; None where a value is unknown."""
        return {
            **numbers_of(self, "value", "undiscounted", "tax_amortisation_factor"),
            "quality_flags": flag_names(self.quality_flags),
            "unknown_reasons": flag_names(self.unknown_reasons),
        }

    def _draw(self, axes: Axes) -> None:
        """Draws the value at each remaining life, and the asset."""
        life = float(self.inputs.remaining_life_years[0])
        lives = _years(life)
        values = relief_from_royalty(_repeated(self.inputs, remaining_life_years=lives)).value
        draw_curve(axes, lives, values, (life, self.value), "remaining life in years", "value")


def _years(marked: float) -> Float:
    """Returns the years of a curve, from 0 to twice those that are marked."""
    last = 2.0 * marked if np.isfinite(marked) else 0.0
    return np.linspace(0.0, max(last, LEAST_CURVE_YEARS), CURVE_POINTS)


def _repeated(columns: C, **changed: Float) -> C:
    """Returns the one row of columns repeated along a curve, with other values of some columns."""
    rows = {
        field.name: np.repeat(getattr(columns, field.name), CURVE_POINTS, axis=0)
        for field in fields(columns)
        if np.ndim(getattr(columns, field.name)) == 1 and len(getattr(columns, field.name)) == 1
    }
    return replace(columns, **{**rows, **changed})
