"""Fits a model of machine prices to a file of comparable sales, in a process that computes models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from valuation.equipment.models.artefact import pack
from valuation.equipment.models.hedonic import fit
from valuation.equipment.sales.files import read_comparables
from valuation.equipment.sales.mapping import read_mapping
from valuation.errors import InvalidInput

COMPARABLES_LIMIT_BYTES = 256 * 1024 * 1024
"""Largest size of a file of sales, as sent and after decompression."""

SALES_LIMIT = 500_000
"""Largest number of sales in a file."""


def fit_equipment(columns: Path, comparables: Path, today: date, progress: Callable[[float], None]) -> dict[str, bytes]:
    """Fits a model to the sales up to today and returns its files.

    ``columns`` is the TOML file that maps the columns of the file ``comparables``. Raises InvalidInput.
    """
    mapping = read_mapping(columns)
    if not mapping.currency:
        raise InvalidInput("reading.currency", "nothing", "the ISO 4217 code of the prices")
    sales, data_hash = read_comparables(comparables, mapping, today, COMPARABLES_LIMIT_BYTES, SALES_LIMIT)
    return pack(fit(sales, mapping, progress), data_hash)
