"""Stores the own spellings of units of stock feeds and price series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from collateral_registry.domain.shared.units import UnitsBySpelling, own_units
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.schema.prices import UnitSpellingRow


def own_spellings(connection: Connection, owners: Sequence[str]) -> dict[str, dict[str, str]]:
    """Returns the own spellings of feeds and series by resource name: the name of each spelling's unit."""
    found: dict[str, dict[str, str]] = {owner: {} for owner in owners}
    for owner, spelling, unit in connection.execute(_SPELLINGS, {"texts": owners}):
        found[owner][spelling] = unit
    return found


def units_of_owner(connection: Connection, owner: str) -> UnitsBySpelling:
    """Returns the units of the own spellings of one feed or series, by the key of the spelling."""
    return own_units(own_spellings(connection, [owner])[owner])


_SPELLINGS = (
    select(UnitSpellingRow.owner, UnitSpellingRow.spelling, UnitSpellingRow.unit)
    .where(is_one_of(UnitSpellingRow.owner, TEXTS))
    .order_by(UnitSpellingRow.owner, UnitSpellingRow.spelling)
)


def replace_spellings(connection: Connection, owner: str, spellings: Mapping[str, str]) -> None:
    """Replaces all own spellings of a feed or series."""
    connection.execute(delete(UnitSpellingRow).where(UnitSpellingRow.owner == owner))
    rows = [{"owner": owner, "spelling": spelling, "unit": unit} for spelling, unit in spellings.items()]
    if rows:
        connection.execute(insert(UnitSpellingRow), rows)
