"""Numbers and dates are read as written, or refused: never as another number or another day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from valuation.tables.canonical import UndecidedColumn
from valuation.tables.dates import read_dates
from valuation.tables.numbers import read_numbers
from valuation.tables.schema import CellKind, Notation

TODAY = date(2024, 6, 28)


def numbers(*cells: str, currency: bool = True, local_signs: bool = False) -> list[str | None]:
    """Returns the numbers of a column; None for a refused cell."""
    found = read_numbers(cells, currency=currency, local_signs=local_signs)
    return [None if at in found.wrong else cell for at, cell in enumerate(found.cells)]


def dates(*cells: str, kind: CellKind = CellKind.QUOTE_DATE) -> list[str | None]:
    """Returns the days of a column; None for a refused cell."""
    found = read_dates(cells, kind, TODAY)
    return [None if at in found.wrong else cell for at, cell in enumerate(found.cells)]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("8.512", "8.512,30"), ["8512", "8512.30"]),
        (("8,512", "8,512.30"), ["8512", "8512.30"]),
        (("8,512", "98.5"), ["8512", "98.5"]),
        (("8,512", "98,5"), ["8.512", "98.5"]),
        (("9,825", "1,234,567"), ["9825", "1234567"]),
        (("9.825", "1.234.567"), ["9825", "1234567"]),
        (("0.512", "1.105"), ["0.512", "1.105"]),
        (("1.105", "1.104"), ["1.105", "1.104"]),
        (("1.250", "252000"), ["1.250", "252000"]),
        (("5'100.00", "5\u2019100"), ["5100.00", "5100"]),
        (("5 100,25", "5\u00a0100", "5\u202f100", "5\u2009100"), ["5100.25", "5100", "5100", "5100"]),
        (("1,00,000", "12,345.5"), ["100000", "12345.5"]),
        (("(36.98)", "-36.98", "36.98-", "\u221236.98", "+36.98"), ["-36.98", "-36.98", "-36.98", "-36.98", "36.98"]),
        (("$5,100.00", "$ 98.5", "($4.5)", "-$3.5"), ["5100.00", "98.5", "-4.5", "-3.5"]),
        (("5.100,00 €", "98,5€"), ["5100.00", "98.5"]),
        (("USD 5100.5", "98.5 USD"), ["5100.5", "98.5"]),
        (("\uff15\uff10\uff13\uff17\uff0e\uff15", "98.5"), ["5037.5", "98.5"]),
        (("", "5.5", ".5", "5."), ["", "5.5", "0.5", "5"]),
    ],
)
def test_a_column_decides_its_decimal_sign(cells, expected):
    assert numbers(*cells) == expected


@pytest.mark.parametrize(
    "cells",
    [
        ("8,512", "9,825"),
        ("8,512", "8.512"),
        ("604", "1.005"),
        ("5.037,00", "5,037.00"),
        ("5,5", "5.5"),
        ("$5.5", "€6.5"),
    ],
)
def test_a_column_with_two_readings_is_refused(cells):
    with pytest.raises(UndecidedColumn):
        numbers(*cells)


def test_thousands_with_points_are_refused_where_the_file_uses_local_signs():
    with pytest.raises(
        UndecidedColumn, match=r"got '8.512', which is a number of thousands or one with three decimals"
    ):
        numbers("8.512", "9.825", local_signs=True)


@pytest.mark.parametrize(
    "cell",
    [
        "5%", "1e5", "1.2E+05", "nan", "inf", "1_000", "٣", "5 1", "1,0000.5", "--5",
        "-(5)", "(-5)", "5-5", "0x10",
        "5100 t", "GBp 512", "=5", "5\n6", "1.2.3", "-", "#N/A", "1/2", "9" * 400, f"0.{'0' * 320}1",
    ],
)  # fmt: skip
def test_a_cell_that_is_no_plain_number_is_refused(cell):
    assert numbers("5.5", "6.25", cell) == ["5.5", "6.25", None]


def test_a_currency_sign_is_refused_where_the_currency_is_declared():
    assert numbers("5.5", "$6.5", currency=False) == ["5.5", None]


@given(st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=2), min_size=1))
def test_the_writing_of_a_column_never_changes_its_numbers(values):
    english = [f"{value:,.2f}" for value in values]
    for written in (
        [f"{value:f}" for value in values],
        english,
        [text.translate(str.maketrans(",.", ".,")) for text in english],
        [text.replace(",", "'") for text in english],
        [text.replace(",", "\u202f").replace(".", ",") for text in english],
        [f"({text[1:]})" if text.startswith("-") else text for text in english],
        [f"{text} EUR" for text in english],
    ):
        assert [Decimal(one) for one in numbers(*written)] == values


@pytest.mark.parametrize(
    "cell",
    [
        "2024-06-03", "2024/6/3", "2024.06.03", "20240603", "2024年6月3日", "2024年06月03日",
        "\uff12\uff10\uff12\uff14-06-03",
        "2024-06-03T00:00:00", "2024-06-03 00:00:00+08:00", "2024-06-03T16:00:00.000Z", "2024-06-03 4:30 PM",
        "3-Jun-2024",
        "3JUN2024", "2024-Jun-03", "2024年6月3日 星期一", "2024/6/3(周一)", "Monday, June 03, 2024", "Mon, 3 Jun 2024",
        "3 June 2024", "3-Jun-24", "Jun 3, 2024", "JUNE 3 2024", "3.6.2024", "03.06.2024 00:00",
    ],
)  # fmt: skip
def test_a_date_is_read_as_the_day_written(cell):
    assert dates(cell, kind=CellKind.PAST_DATE) == ["2024-06-03"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("6/3/2024", "6/13/2024"), ["2024-06-03", "2024-06-13"]),
        (("6/3/2024 0:00", "13/3/2024 0:00"), ["2024-03-06", "2024-03-13"]),
        (("6/3/24", "6/13/24"), ["2024-06-03", "2024-06-13"]),
        (("2024M06", "2024-06", "2024.06", "2024年6月", "Jun-2024", "2024"), [*["2024-06-01"] * 5, "2024-01-01"]),
        (("31-Dec-99", "1-Jan-00"), ["1999-12-31", "2000-01-01"]),
    ],
)
def test_a_column_decides_the_order_of_day_and_month(cells, expected):
    assert dates(*cells) == expected


@pytest.mark.parametrize(
    "cells", [("5/1/2020", "6/2/2020"), ("5/13/2020", "13/5/2020"), ("20/01/05",), ("05/01/20", "13/01/20")]
)
def test_a_column_whose_dates_have_two_readings_is_refused(cells):
    with pytest.raises(UndecidedColumn, match="dates such as 2020-01-05"):
        dates(*cells)


def test_a_year_of_two_digits_that_stands_apart_is_refused():
    assert dates("1-Apr-21", "1-Apr-22", "1-Apr-42") == ["2021-04-01", "2022-04-01", None]
    assert dates("1-Apr-68") == ["1968-04-01"]
    assert dates("1-Apr-27") == dates("1-Apr-30") == [None]
    assert dates("1-Apr-22", kind=CellKind.DATE) == [None]


@pytest.mark.parametrize(
    "cell",
    [
        "44200",
        "44200.5",
        "1577836800",
        "soon",
        "2024-02-30",
        "0001-01-01",
        "1900-01-00",
        "113/06/03",
        "24:00",
        "2020.1",
        "٢٠٢٤-٠٦-٠٣",
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused(cell):
    assert dates(cell) == [None]


@pytest.mark.parametrize("cell", ["2024", "2024-06", "2024M06", "Jun-2024", "June 2024", "2024 Jun"])
def test_a_month_is_a_day_for_quotes_only(cell):
    assert dates(cell, kind=CellKind.DATE) == [None]


@pytest.mark.parametrize(
    ("decimal", "thousands", "cell", "read"),
    [
        (",", "", "8.512", "8512"),
        (",", "", "8,512", "8.512"),
        (",", ".", "1.234,5", "1234.5"),
        (",", " ", "1\u00a0234,5", "1234.5"),
        (".", "", "8,512", "8512"),
        (".", "'", "8'512.25", "8512.25"),
        ("", ",", "8,512", "8512"),
        ("", ".", "8.512", "8512"),
    ],
)
def test_a_stated_sign_decides_a_number_with_two_readings(decimal, thousands, cell, read):
    found = read_numbers([cell], currency=False, local_signs=False, notation=Notation("", "", decimal, thousands))

    assert found.cells == [read]
    assert found.wrong == {}


@pytest.mark.parametrize(
    ("decimal", "thousands", "cell"),
    [
        (",", "", "1234.5"),
        (".", "", "1234,5"),
        (",", "", "1,234.5"),
        (",", " ", "1.234,5"),
        (".", ",", "1'234.5"),
        (",", ".", "12.34,5"),
    ],
)
def test_a_number_with_other_signs_than_stated_is_refused(decimal, thousands, cell):
    found = read_numbers([cell], currency=False, local_signs=False, notation=Notation("", "", decimal, thousands))

    assert found.cells == [""]
    assert f"got {cell!r}, want a number with the decimal sign {decimal!r}" in found.wrong[0]
