"""Sales files and mappings: accepted input, and errors that name the invalid entry."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.support.equipment_sales import TODAY, changed, rows, write_mapping, write_sales
from valuation.equipment.flags import EstimateFlag
from valuation.equipment.sales.files import read_assets, read_comparables
from valuation.equipment.sales.mapping import read_mapping
from valuation.errors import InvalidInput


def refused(folder: Path, match: str, *, mapping: str = "", row: dict[str, str] | None = None) -> None:
    """Asserts that reading one sale, changed by ``row``, raises InvalidInput with a matching message."""
    made = [changed(rows(1)[0], **(row or {}))]
    with pytest.raises(InvalidInput, match=match):
        read_comparables(write_sales(folder / "s.csv", made), read_mapping(write_mapping(folder, mapping)), TODAY)


def test_a_mapping_that_names_a_missing_column_is_refused(tmp_path: Path) -> None:
    text = write_mapping(tmp_path).read_text(encoding="utf-8").replace('"meter"', '"meters"')
    (tmp_path / "other.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="no column 'meters'"):
        read_comparables(write_sales(tmp_path / "s.csv", rows(1)), read_mapping(tmp_path / "other.toml"), TODAY)


def test_unknown_and_invalid_mapping_entries_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "reading.colour", mapping='colour = "red"\n')
    refused(tmp_path, "marketability", mapping='marketability = "rare"\n')
    refused(tmp_path, "highest_hours", mapping='highest_hours = "many"\n')
    refused(tmp_path, "oldest_sale_year", mapping="oldest_sale_year = 0\n")


def test_a_mapping_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text("[columns", encoding="utf-8")
    with pytest.raises(InvalidInput, match="a TOML file"):
        read_mapping(tmp_path / "m.toml")


def test_a_mapping_without_a_level_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text('[columns]\nprice = "hammer"\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match="at least one level"):
        read_mapping(tmp_path / "m.toml")


def test_invalid_numbers_dates_and_conditions_are_refused_with_their_row(tmp_path: Path) -> None:
    refused(tmp_path, r"s.csv:2: hammer: got 'much'", row={"hammer": "much"})
    refused(tmp_path, r"s.csv:2: sold: got 'May 2011'", row={"sold": "May 2011"})
    refused(tmp_path, r"s.csv:2: grade: got 'superb'", row={"grade": "superb"})


def test_a_row_of_another_length_is_refused(tmp_path: Path) -> None:
    path = write_sales(tmp_path / "s.csv", [[*rows(1)[0], "more"]])
    with pytest.raises(InvalidInput, match=r"s.csv:2: row: got 14 cells"):
        read_comparables(path, read_mapping(write_mapping(tmp_path)), TODAY)


@pytest.mark.parametrize("written", ["5/26/2011 0:00", "26.5.2011", "2011年5月26日", "26-May-11"])
def test_a_sale_date_is_read_in_the_forms_of_all_files(tmp_path: Path, written: str) -> None:
    mapping = read_mapping(write_mapping(tmp_path))
    one, other = (
        read_comparables(write_sales(tmp_path / "s.csv", [changed(rows(1)[0], sold=day)]), mapping, TODAY)[0]
        for day in ("2011-05-26", written)
    )
    np.testing.assert_array_equal(one.time, other.time)


def test_a_gzipped_file_equals_the_plain_one_and_a_truncated_one_is_refused(tmp_path: Path) -> None:
    plain = write_sales(tmp_path / "s.csv", rows(5))
    packed = tmp_path / "s.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    mapping = read_mapping(write_mapping(tmp_path))
    (one, one_hash), (other, other_hash) = (
        read_comparables(plain, mapping, TODAY),
        read_comparables(packed, mapping, TODAY),
    )
    np.testing.assert_array_equal(one.price, other.price)
    assert one_hash == other_hash
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(InvalidInput, match="a complete gzip file"):
        read_comparables(packed, mapping, TODAY)


def test_assets_need_a_valuation_date(tmp_path: Path) -> None:
    text = write_mapping(tmp_path).read_text(encoding="utf-8").replace('sale_date = "sold"\n', "")
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="as_of: got no date"):
        read_assets(write_sales(tmp_path / "s.csv", rows(1)), read_mapping(tmp_path / "m.toml"), None, "")


def test_a_price_that_is_not_positive_is_unknown(tmp_path: Path) -> None:
    made = [changed(row, hammer=price) for row, price in zip(rows(3), ("0", "-4", ""), strict=True)]
    sales, _ = read_comparables(write_sales(tmp_path / "s.csv", made), read_mapping(write_mapping(tmp_path)), TODAY)
    assert np.isnan(sales.price).all()


def test_a_sale_date_before_the_oldest_year_or_after_today_is_unknown(tmp_path: Path) -> None:
    days = ("1900-01-01", "2011-01-02", "9999-12-31", "2011-01-01")
    made = [changed(row, sold=day) for row, day in zip(rows(4), days, strict=True)]
    path = write_sales(tmp_path / "s.csv", made)
    sales, _ = read_comparables(path, read_mapping(write_mapping(tmp_path)), TODAY)
    assert np.isnan(sales.time).tolist() == [True, True, True, False]
    assert (sales.flags & EstimateFlag.DATE_MISSING != 0).tolist() == [True, True, True, False]
    sales, _ = read_comparables(path, read_mapping(write_mapping(tmp_path, "oldest_sale_year = 1900\n")), TODAY)
    assert np.isnan(sales.time).tolist() == [False, True, True, False]
