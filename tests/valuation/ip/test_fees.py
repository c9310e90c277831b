"""Renewal fees: due dates by office and kind, and grace periods."""

from __future__ import annotations

from datetime import date

import pytest

from valuation.errors import InvalidInput
from valuation.ip.fees import fees_between, has_calendar, months_later
from valuation.ip.legal_terms import RightKind
from valuation.ip.renewal import annuities

FILED, GRANTED = date(2016, 8, 31), date(2018, 3, 15)


def test_a_chinese_patent_pays_yearly_from_its_grant() -> None:
    fees = fees_between("CN", RightKind.PATENT, FILED, GRANTED, GRANTED, date(2036, 8, 31))
    assert [fee.due.year for fee in fees] == list(range(2018, 2036))
    assert fees[0].due == date(2018, 8, 31)
    assert [fee.amount for fee in fees] == list(annuities("CN", RightKind.PATENT)[2:])


def test_an_overdue_fee_is_listed_until_its_grace_period_ends() -> None:
    def due(day: date) -> list[date]:
        return [fee.due for fee in fees_between("CN", RightKind.PATENT, FILED, GRANTED, day, day)]

    assert due(date(2020, 8, 31)) == [date(2020, 8, 31)]
    assert due(date(2021, 2, 28)) == [date(2020, 8, 31)]
    assert due(date(2021, 3, 1)) == []


def test_a_us_patent_pays_three_fees_after_its_grant() -> None:
    fees = fees_between("US", RightKind.PATENT, FILED, GRANTED, GRANTED, date(2040, 1, 1))
    assert [(fee.due, fee.amount) for fee in fees] == [
        (date(2021, 9, 15), 1600.0), (date(2025, 9, 15), 3600.0), (date(2029, 9, 15), 7400.0),
    ]  # fmt: skip
    assert fees[0].last_day == date(2022, 3, 15)
    assert "Patently-O" in fees[0].source


def test_missing_calendars_missing_dates_and_reversed_dates_are_refused() -> None:
    assert not has_calendar("US", RightKind.TRADEMARK)
    with pytest.raises(InvalidInput, match="fee calendar"):
        fees_between("US", RightKind.TRADEMARK, FILED, GRANTED, FILED, FILED)
    with pytest.raises(InvalidInput, match="grant"):
        fees_between("US", RightKind.PATENT, FILED, None, FILED, FILED)
    with pytest.raises(InvalidInput, match="last"):
        fees_between("CN", RightKind.PATENT, FILED, GRANTED, GRANTED, FILED)


def test_months_later_ends_with_a_shorter_month() -> None:
    assert months_later(date(2024, 8, 31), 6) == date(2025, 2, 28)
