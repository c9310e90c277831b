"""Units of goods: those of pint and the units of commodity trade.

A bushel is a volume in general but a weight in trade: 60 lb of wheat and soybeans, 56 lb of corn (USDA Agricultural
Handbook 697).
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from pint import UnitRegistry

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
def _registry() -> UnitRegistry[Any]:
    import pint  # noqa: PLC0415 - slow to import, and few commands of the CLI need it

    registry: UnitRegistry[Any] = pint.UnitRegistry(non_int_type=Decimal)
    for definition in _TRADE_UNITS:
        registry.define(definition)
    return registry


@cache
def conversion_factor(unit: str, into: str) -> Decimal:
    """Returns how many ``into`` equal one ``unit``; raises InvalidInput for unknown or incompatible units."""
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
    """Returns whether two units are compatible, for example if both measure weight, volume or pieces."""
    try:
        conversion_factor(unit, other)
    except InvalidInput:
        return False
    return True


PIECE_STEP = Decimal(1)
MEASURE_STEP = Decimal("0.001")
"""Step to which proposed quantities in a unit of weight or volume are rounded up."""


def smallest_step(unit: str) -> Decimal:
    """Returns the step to which proposed quantities in a unit are rounded up."""
    return PIECE_STEP if "piece" in unit else MEASURE_STEP


def checked_unit(field: str, unit: str) -> str:
    """Returns the unit unchanged; raises InvalidInput if it is unknown."""
    if not unit.replace("_", "").isalnum():
        raise InvalidInput(field, repr(unit[:40]), "the name of one unit such as t, kg, lb, bbl, oz_t or piece")
    try:
        conversion_factor(unit, unit)
    except InvalidInput as error:
        raise InvalidInput(field, error.got, error.want) from None
    return unit
