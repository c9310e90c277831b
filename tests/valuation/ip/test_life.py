"""Remaining life: the shorter of the legal term and the technology life."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation.calendar import DAYS_PER_YEAR
from valuation.errors import InvalidInput
from valuation.ip.legal_terms import legal_terms, years_later
from valuation.ip.life import (
    LifeLimit,
    RemainingLife,
    RightKind,
    remaining_life_years,
    technology_years_left,
)

TODAY = "2026-06-30"


def remaining(*records: dict[str, Any], today: str = TODAY) -> RemainingLife:
    """Returns the remaining lives of IP assets given as records; missing keys are unknown."""

    def column(name: str, missing: object, dtype: str) -> np.ndarray:
        return np.array([record.get(name, missing) for record in records], dtype=dtype)

    return remaining_life_years(
        column("kind", RightKind.PATENT, "int8"),
        column("office", "CN", "U8"),
        column("filing", "NaT", "datetime64[D]"),
        column("grant", "NaT", "datetime64[D]"),
        column("expiry", "NaT", "datetime64[D]"),
        column("technology", np.nan, "float64"),
        np.datetime64(today),
    )


def years_until(day: str, today: str = TODAY) -> float:
    """Returns the years from the valuation date to a day."""
    return float((np.datetime64(day) - np.datetime64(today)).astype(np.int64)) / DAYS_PER_YEAR


@pytest.mark.parametrize(
    ("ip_asset", "last_day"),
    [
        ({"office": "CN", "kind": RightKind.PATENT, "filing": "2020-03-01"}, "2040-03-01"),
        ({"office": "CN", "kind": RightKind.UTILITY_MODEL, "filing": "2020-03-01"}, "2030-03-01"),
        ({"office": "CN", "kind": RightKind.DESIGN, "filing": "2021-05-31"}, "2031-05-31"),
        ({"office": "CN", "kind": RightKind.DESIGN, "filing": "2021-06-01"}, "2036-06-01"),
        ({"office": "CN", "kind": RightKind.SOFTWARE, "filing": "2020-03-01"}, "2070-03-01"),
        ({"office": "US", "kind": RightKind.PATENT, "filing": "2020-03-01", "grant": "2022-05-01"}, "2040-03-01"),
        ({"office": "US", "kind": RightKind.DESIGN, "filing": "2015-05-12", "grant": "2016-05-01"}, "2030-05-01"),
        ({"office": "US", "kind": RightKind.DESIGN, "filing": "2020-03-01", "grant": "2022-05-01"}, "2037-05-01"),
        ({"office": "US", "kind": RightKind.COPYRIGHT, "filing": "2020-03-01"}, "2115-03-01"),
        ({"office": "EP", "kind": RightKind.PATENT, "filing": "2020-02-29"}, "2040-02-29"),
        ({"office": "EM", "kind": RightKind.DESIGN, "filing": "2020-03-01"}, "2045-03-01"),
        ({"office": "ZZ", "kind": RightKind.PATENT, "filing": "2020-03-01"}, "2040-03-01"),
        ({"office": "ZZ", "kind": RightKind.UTILITY_MODEL, "filing": "2024-03-01"}, "2030-03-01"),
        ({"office": "ZZ", "kind": RightKind.DESIGN, "filing": "2020-03-01"}, "2030-03-01"),
    ],
)
def test_the_legal_term_depends_on_office_and_kind(ip_asset: dict[str, Any], last_day: str) -> None:
    life = remaining(ip_asset)
    assert life.years.tolist() == [years_until(last_day)]
    assert life.limit.tolist() == [LifeLimit.LEGAL]


def test_the_stated_expiry_overrides_the_legal_term() -> None:
    """Offices record extensions for examination delay or drug approval, which the table of terms does not contain."""
    life = remaining({"filing": "2020-03-01", "expiry": "2043-03-01"})
    assert life.years.tolist() == [years_until("2043-03-01")]


def test_the_shorter_of_legal_term_and_technology_life_binds() -> None:
    life = remaining({"filing": "2020-03-01", "technology": 6.0}, {"filing": "2020-03-01", "technology": 30.0})
    assert life.years.tolist() == [6.0, years_until("2040-03-01")]
    assert life.limit.tolist() == [LifeLimit.TECHNOLOGY, LifeLimit.LEGAL]


def test_an_unknown_legal_end_makes_the_life_unknown() -> None:
    life = remaining({}, {"technology": 6.0}, {"grant": "2022-01-01"})
    assert np.isnan(life.years).all()
    assert life.limit.tolist() == [LifeLimit.UNKNOWN] * 3


def test_an_ended_patent_has_no_years_left() -> None:
    life = remaining({"expiry": "2026-06-29", "technology": 6.0}, {"filing": "2001-01-01"})
    assert life.years.tolist() == [0.0, 0.0]
    assert life.limit.tolist() == [LifeLimit.LEGAL, LifeLimit.LEGAL]


MARK = {"kind": RightKind.TRADEMARK, "office": "CN"}


def test_a_trademark_of_unknown_product_life_has_its_current_term() -> None:
    life = remaining(MARK | {"filing": "2004-08-01", "grant": "2005-09-01"})
    assert life.years.tolist() == [years_until("2035-09-01")]


def test_a_trademark_lives_as_long_as_its_product() -> None:
    life = remaining(MARK | {"expiry": "2027-01-01", "technology": 25.0})
    assert (life.years.tolist(), life.limit.tolist()) == ([25.0], [LifeLimit.TECHNOLOGY])


def test_a_trademark_after_its_stated_expiry_has_no_years_left() -> None:
    life = remaining(MARK | {"expiry": "2026-01-01", "technology": 25.0})
    assert (life.years.tolist(), life.limit.tolist()) == ([0.0], [LifeLimit.LEGAL])


def test_a_renewed_term_begins_on_the_anniversary() -> None:
    mark = MARK | {"grant": "2016-06-30"}
    assert remaining(mark, today="2026-06-29").years.tolist() == [1 / DAYS_PER_YEAR]
    assert remaining(mark, today="2026-06-30").years.tolist() == [years_until("2036-06-30")]


def test_a_term_from_an_unknown_grant_counts_from_the_filing() -> None:
    known, filed_only = remaining(
        MARK | {"filing": "2020-01-01", "grant": "2021-01-01"}, MARK | {"filing": "2020-01-01"}
    ).years
    assert filed_only < known


def test_a_design_of_unknown_filing_date_has_the_older_term() -> None:
    life = remaining({"office": "US", "kind": RightKind.DESIGN, "grant": "2022-05-01"})
    assert life.years.tolist() == [years_until("2036-05-01")]


@pytest.mark.parametrize(
    ("day", "years", "later"),
    [
        ("2020-02-29", 1, "2021-02-28"),
        ("2020-02-29", 4, "2024-02-29"),
        ("2021-12-31", 10, "2031-12-31"),
        ("NaT", 5, "NaT"),
    ],
)
def test_years_later_is_the_same_day_or_28_february(day: str, years: int, later: str) -> None:
    got = years_later(np.array([day], dtype="datetime64[D]"), np.array([years]))
    assert np.array_equal(got, np.array([later], dtype="datetime64[D]"), equal_nan=True)


days = st.dates(min_value=np.datetime64("1990-01-01").item(), max_value=np.datetime64("2026-06-30").item())
ip_asset = st.fixed_dictionaries(
    {"kind": st.sampled_from(RightKind), "office": st.sampled_from(["CN", "US", "EP", "EM", "JP"]), "filing": days},
    optional={"technology": st.floats(0.0, 100.0)},
)


@given(ip_asset=ip_asset)
def test_the_life_never_exceeds_technology_life_or_legal_term(ip_asset: dict[str, Any]) -> None:
    years = float(remaining(ip_asset).years[0])
    assert 0.0 <= years <= ip_asset.get("technology", np.inf)
    terms = legal_terms(
        np.array([ip_asset["kind"]], np.int8),
        np.array([ip_asset["office"]]),
        np.array([ip_asset["filing"]], "datetime64[D]"),
    )
    if not terms.renewable[0] or "technology" not in ip_asset:
        assert years <= float(terms.years[0]) + 1.0 / DAYS_PER_YEAR * 2


@given(several=st.lists(ip_asset, min_size=2, max_size=8))
def test_a_row_has_the_same_life_alone_and_in_a_batch(several: list[dict[str, Any]]) -> None:
    together = remaining(*several)
    alone = [remaining(one) for one in several]
    assert together.years.tolist() == [float(one.years[0]) for one in alone]
    assert together.limit.tolist() == [int(one.limit[0]) for one in alone]


def test_a_technology_life_counts_from_the_date_it_was_stated() -> None:
    stated = np.array(["2020-01-01", "NaT", "2030-01-01", "2010-01-01", "2020-01-01"], dtype="datetime64[D]")
    years = np.array([5.0, 5.0, 5.0, 5.0, np.nan])
    left = technology_years_left(years, stated, np.datetime64("2022-01-01"))
    assert left.tolist() == pytest.approx([5.0 - 731 / DAYS_PER_YEAR, 5.0, 5.0, 0.0, np.nan], nan_ok=True)


def test_empty_columns_give_empty_lives() -> None:
    assert len(remaining().years) == 0


@pytest.mark.parametrize(
    ("ip_asset", "message"),
    [
        ({"kind": 9}, r"kind\[1\]: got 9, want a RightKind, 0 to 5"),
        ({"technology": -1.0}, r"technology_life_years\[1\]: got -1.0, want 0 or more"),
        ({"filing": "2020-01-01", "grant": "2019-01-01"}, r"grant\[1\]: got 2019-01-01, want not before the filing"),
        ({"filing": "2020-01-01", "expiry": "2019-01-01"}, r"expiry\[1\]: got 2019-01-01, want not before the filing"),
    ],
)
def test_an_error_names_the_field_and_row(ip_asset: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        remaining({"filing": "2020-01-01"}, ip_asset)
