"""A right lives as long as the law and its technology both let it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def remaining(*each: dict[str, Any], today: str = TODAY) -> RemainingLife:
    """Remaining lives of rights given one by one; what is not said is not known."""

    def column(name: str, missing: object, dtype: str) -> np.ndarray:
        return np.array([one.get(name, missing) for one in each], dtype=dtype)

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
    """Years from the valuation date to a day."""
    return float((np.datetime64(day) - np.datetime64(today)).astype(np.int64)) / DAYS_PER_YEAR


@pytest.mark.parametrize(
    ("right", "last_day"),
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
def test_the_law_of_office_and_kind_ends_the_right(right: dict[str, Any], last_day: str) -> None:
    life = remaining(right)
    assert life.years.tolist() == [years_until(last_day)]
    assert life.limit.tolist() == [LifeLimit.LEGAL]


def test_the_expiry_stated_by_the_office_outranks_the_term() -> None:
    """Extensions for examination delay or drug approval are in the register, not in the table."""
    life = remaining({"filing": "2020-03-01", "expiry": "2043-03-01"})
    assert life.years.tolist() == [years_until("2043-03-01")]


def test_the_technology_binds_where_it_ends_first() -> None:
    life = remaining({"filing": "2020-03-01", "technology": 6.0}, {"filing": "2020-03-01", "technology": 30.0})
    assert life.years.tolist() == [6.0, years_until("2040-03-01")]
    assert life.limit.tolist() == [LifeLimit.TECHNOLOGY, LifeLimit.LEGAL]


def test_a_right_without_a_known_legal_end_has_no_known_life_whatever_its_technology() -> None:
    life = remaining({}, {"technology": 6.0}, {"grant": "2022-01-01"})
    assert np.isnan(life.years).all()
    assert life.limit.tolist() == [LifeLimit.UNKNOWN] * 3


def test_a_right_that_has_ended_has_no_years_left() -> None:
    life = remaining({"expiry": "2026-06-29", "technology": 6.0}, {"filing": "2001-01-01"})
    assert life.years.tolist() == [0.0, 0.0]
    assert life.limit.tolist() == [LifeLimit.LEGAL, LifeLimit.LEGAL]


MARK = {"kind": RightKind.TRADEMARK, "office": "CN"}


def test_a_trademark_counts_its_present_term_where_its_product_life_is_not_known() -> None:
    life = remaining(MARK | {"filing": "2004-08-01", "grant": "2005-09-01"})
    assert life.years.tolist() == [years_until("2035-09-01")]


def test_a_trademark_lives_with_its_product_through_renewals() -> None:
    life = remaining(MARK | {"expiry": "2027-01-01", "technology": 25.0})
    assert (life.years.tolist(), life.limit.tolist()) == ([25.0], [LifeLimit.TECHNOLOGY])


def test_a_trademark_past_its_stated_expiry_is_not_renewed_in_thought() -> None:
    life = remaining(MARK | {"expiry": "2026-01-01", "technology": 25.0})
    assert (life.years.tolist(), life.limit.tolist()) == ([0.0], [LifeLimit.LEGAL])


def test_a_new_term_begins_on_the_anniversary() -> None:
    mark = MARK | {"grant": "2016-06-30"}
    assert remaining(mark, today="2026-06-29").years.tolist() == [1 / DAYS_PER_YEAR]
    assert remaining(mark, today="2026-06-30").years.tolist() == [years_until("2036-06-30")]


def test_a_term_counted_from_a_grant_not_stated_is_counted_from_the_filing() -> None:
    known, filed_only = remaining(
        MARK | {"filing": "2020-01-01", "grant": "2021-01-01"}, MARK | {"filing": "2020-01-01"}
    ).years
    assert filed_only < known


def test_a_design_of_unknown_filing_has_the_older_term() -> None:
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
def test_years_later_is_the_same_day_or_the_last_of_february(day: str, years: int, later: str) -> None:
    got = years_later(np.array([day], dtype="datetime64[D]"), np.array([years]))
    assert np.array_equal(got, np.array([later], dtype="datetime64[D]"), equal_nan=True)


days = st.dates(min_value=np.datetime64("1990-01-01").item(), max_value=np.datetime64("2026-06-30").item())
right = st.fixed_dictionaries(
    {"kind": st.sampled_from(RightKind), "office": st.sampled_from(["CN", "US", "EP", "EM", "JP"]), "filing": days},
    optional={"technology": st.floats(0.0, 100.0)},
)


@given(right=right)
def test_the_life_never_exceeds_the_technology_nor_the_term(right: dict[str, Any]) -> None:
    years = float(remaining(right).years[0])
    assert 0.0 <= years <= right.get("technology", np.inf)
    terms = legal_terms(
        np.array([right["kind"]], np.int8), np.array([right["office"]]), np.array([right["filing"]], "datetime64[D]")
    )
    if not terms.renewable[0] or "technology" not in right:
        assert years <= float(terms.years[0]) + 1.0 / DAYS_PER_YEAR * 2


@given(several=st.lists(right, min_size=2, max_size=8))
def test_a_batch_of_one_gives_the_row_of_the_batch(several: list[dict[str, Any]]) -> None:
    together = remaining(*several)
    alone = [remaining(one) for one in several]
    assert together.years.tolist() == [float(one.years[0]) for one in alone]
    assert together.limit.tolist() == [int(one.limit[0]) for one in alone]


def test_a_technology_life_runs_down_from_the_day_it_was_stated() -> None:
    stated = np.array(["2020-01-01", "NaT", "2030-01-01", "2010-01-01", "2020-01-01"], dtype="datetime64[D]")
    years = np.array([5.0, 5.0, 5.0, 5.0, np.nan])
    left = technology_years_left(years, stated, np.datetime64("2022-01-01"))
    assert left.tolist() == pytest.approx([5.0 - 731 / DAYS_PER_YEAR, 5.0, 5.0, 0.0, np.nan], nan_ok=True)


def test_no_rights_have_no_lives() -> None:
    assert len(remaining().years) == 0


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ({"kind": 9}, r"kind\[1\]: got 9, want a RightKind, 0 to 5"),
        ({"technology": -1.0}, r"technology_life_years\[1\]: got -1.0, want 0 or more"),
        ({"filing": "2020-01-01", "grant": "2019-01-01"}, r"grant\[1\]: got 2019-01-01, want not before the filing"),
        ({"filing": "2020-01-01", "expiry": "2019-01-01"}, r"expiry\[1\]: got 2019-01-01, want not before the filing"),
    ],
)
def test_a_broken_right_is_named(right: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        remaining({"filing": "2020-01-01"}, right)
