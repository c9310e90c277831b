"""Provides one model fitted to synthetic sales for all tests of this folder."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.equipment_sales import TODAY, rows, write_mapping, write_sales
from valuation.equipment.models import boosting, hedonic
from valuation.equipment.models.hedonic import Estimates, Learned, appraise, fit
from valuation.equipment.sales.files import read_assets, read_comparables
from valuation.equipment.sales.mapping import ColumnMap, read_mapping
from valuation.equipment.sales.observations import Observations

SALES = 900
FEW_ROUNDS = (20, 60)


@dataclass(frozen=True)
class Bench:
    """Fitted model with its mapping, sales and a folder for files."""

    folder: Path
    mapping: ColumnMap
    sales: Observations
    data_hash: str
    learned: Learned

    def machines(self, made: list[list[str]], as_of: str = "2010-06-01") -> Observations:
        """Writes rows to a file and reads them as machines to be valued on one day."""
        path = write_sales(self.folder / "assets.csv", made)
        return read_assets(path, self.mapping, dt.date.fromisoformat(as_of), "")

    def estimate(self, made: list[list[str]], as_of: str = "2010-06-01") -> Estimates:
        """Returns the estimates of machines given as rows."""
        return appraise(self.learned, self.machines(made, as_of))


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Fits the model once a session, with few trees to save time."""
    folder = tmp_path_factory.mktemp("equipment")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosting, "ROUNDS", FEW_ROUNDS)
        patch.setattr(hedonic, "ROUNDS", FEW_ROUNDS)
        mapping = read_mapping(write_mapping(folder))
        sales, data_hash = read_comparables(write_sales(folder / "sales.csv", rows(SALES)), mapping, TODAY)
        return Bench(folder, mapping, sales, data_hash, fit(sales, mapping))
