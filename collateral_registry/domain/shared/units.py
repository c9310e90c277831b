"""Units of goods, by pint, with the commodity units that trade names need.

A bushel is a volume in general and a weight in trade: 60 lb of wheat and soybeans, 56 lb of corn
(USDA Agricultural Handbook 697).
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from valuation.errors import InvalidInput

_TRADE_UNITS = (
    "t = 1000 * kilogram",
    "oz_t = troy_ounce",
    "bbl = oil_bbl",
    "gal = gallon",
    "bushel_wheat = 60 * pound",
    "bushel_soybeans = 60 * pound",
    "bushel_corn = 56 * pound",
    "piece = [piece]",
    "dozen_pieces = 12 * piece",
)


@cache
def _registry() -> Any:  # noqa: ANN401 - pint's registry builds its types at run time
    import pint  # noqa: PLC0415 - a third of a second, and the command line must answer --help in half of one

    registry: Any = pint.UnitRegistry(non_int_type=Decimal)
    for definition in _TRADE_UNITS:
        registry.define(definition)
    return registry


@cache
def conversion_factor(unit: str, into: str) -> Decimal:
    """How many ``into`` make one ``unit``; raises InvalidInput for unknown or unlike units."""
    import pint  # noqa: PLC0415 - see _registry

    registry = _registry()
    try:
        return Decimal(registry.Quantity(Decimal(1), unit).to(into).magnitude)
    except pint.UndefinedUnitError:
        raise InvalidInput("unit", repr(unit[:40]), "a known unit such as t, kg, lb, bbl, oz_t or piece") from None
    except (pint.DimensionalityError, pint.OffsetUnitCalculusError):
        raise InvalidInput("unit", repr(unit[:40]), f"a unit that converts to {into}") from None
    except (pint.PintError, ValueError, AttributeError, AssertionError, TypeError) as error:
        raise InvalidInput("unit", repr(unit[:40]), f"the name of one unit ({type(error).__name__})") from None


def alike(unit: str, other: str) -> bool:
    """Whether quantities in two known units can be compared: both weights, both volumes, both pieces."""
    try:
        conversion_factor(unit, other)
    except InvalidInput:
        return False
    return True


PIECE_STEP = Decimal(1)
MEASURE_STEP = Decimal("0.001")
"""Smallest quantities that are brought in: a whole piece, a thousandth of any measure."""


def smallest_step(unit: str) -> Decimal:
    """The step that quantities of a unit are rounded up to."""
    return PIECE_STEP if "piece" in unit else MEASURE_STEP


def checked_unit(field: str, unit: str) -> str:
    """The unit itself when it is known; raises InvalidInput."""
    if not unit.replace("_", "").isalnum():
        raise InvalidInput(field, repr(unit[:40]), "the name of one unit such as t, kg, lb, bbl, oz_t or piece")
    try:
        conversion_factor(unit, unit)
    except InvalidInput as error:
        raise InvalidInput(field, error.got, error.want) from None
    return unit
