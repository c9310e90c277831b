"""Resource names of warehouses. Their names are free text, so the id in warehouses/{warehouse} is percent-encoded."""

from __future__ import annotations

from urllib.parse import quote, unquote

from collateral_registry.domain.shared.names import checked_text
from valuation.errors import InvalidInput

COLLECTION = "warehouses/"


def warehouse_name(warehouse: str) -> str:
    """Returns the resource name of a warehouse."""
    return COLLECTION + quote(warehouse, safe="")


def warehouse_of(field: str, name: str) -> str:
    """Returns the warehouse in a resource name; raises InvalidInput for a name of any other form."""
    encoded = name.removeprefix(COLLECTION)
    if not name.startswith(COLLECTION) or not encoded or "/" in encoded:
        raise InvalidInput(field, repr(name[:80]), "warehouses/{warehouse}, percent-encoded")
    return checked_text(field, unquote(encoded))
