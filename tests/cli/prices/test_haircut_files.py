"""`collateral haircut` on files with local forms of dates and numbers, and with rows that cannot be read."""

import numpy as np
import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.price_files import file_of, lines, run
from tests.support.price_series import DAYS, noise, walk

PRICES = walk(noise(700))


@pytest.mark.parametrize(
    "form",
    [
        "%Y/{m}/{d}",
        "%Y.%m.%d",
        "%Y年{m}月{d}日",
        "%Y%m%d",
        "%Y-%m-%dT00:00:00",
        "%d-%b-%y",
        "%d %B %Y",
        "%b %d, %Y",
        "{m}/{d}/%Y",
        "{d}/{m}/%Y",
        "%d.%m.%Y",
    ],
)
def test_common_date_formats_are_read(tmp_path, form):
    days = [day.astype(object) for day in DAYS[:700]]
    written = [day.strftime(form.format(d=day.day, m=day.month)) for day in days]
    _, _, expected = run(tmp_path, file_of(days, PRICES))

    code, stderr, rows = run(tmp_path, file_of(written, PRICES))

    assert (code, rows) == (0, expected)
    assert stderr == f"wrote haircuts of 1 series to {tmp_path / 'out.csv'}\n"


def test_the_month_format_of_the_world_bank_is_read(tmp_path):
    months = np.arange("2010-01", "2020-01", dtype="datetime64[M]")
    _, _, expected = run(tmp_path, file_of(months, PRICES))

    _, _, rows = run(tmp_path, file_of([str(month).replace("-", "M") for month in months], PRICES))

    assert rows == expected
    assert rows[0]["date"] == "2019-12-01"


@pytest.mark.parametrize("written", [["5/1/2020", "6/2/2020"], ["5/13/2020", "13/5/2020"]])
def test_ambiguous_dates_are_refused(tmp_path, written):
    code, stderr, _ = run(tmp_path, file_of(written, PRICES))

    assert code == 2
    assert "date: got 5/" in stderr


def test_decimal_commas_and_thousands_separators_are_read(tmp_path):
    prices = np.round(100.0 * PRICES, 2)
    _, _, expected = run(tmp_path, file_of(DAYS, prices))
    apart = [f"{price:,.2f}" for price in prices]
    comma = [text.translate(str.maketrans(",.", ".,")) for text in apart]

    assert run(tmp_path, file_of(DAYS, apart))[2] == expected
    assert run(tmp_path, file_of(DAYS, comma))[2] == expected


def test_few_refused_rows_are_reported_and_many_give_the_class_floor(tmp_path):
    days = [str(day) for day in DAYS[:700]]
    few, many = days.copy(), days.copy()
    few[7], many[::10] = "1577836800", ["soon"] * 70
    code, stderr, rows = run(tmp_path, file_of(few, PRICES))
    _, _, doubtful = run(tmp_path, file_of(many, PRICES))
    none = run(tmp_path, file_of(["soon"] * 100, PRICES))

    assert code == 1
    assert "prices.csv:9: date: got '1577836800', want a date such as 2020-01-05" in stderr
    assert rows[0]["n_obs"] == "699"
    assert "REFUSED_ROWS" in rows[0]["flags"]
    assert (doubtful[0]["model"], doubtful[0]["date"]) == ("class-floor/1", str(DAYS[699]))
    assert {"NO_OPINION", "REFUSED_ROWS"} <= set(doubtful[0]["flags"].split("|"))
    assert (none[0], none[2]) == (1, [])


def test_a_day_without_a_quote_is_reported_and_leaves_the_series_usable(tmp_path):
    prices = [str(price) for price in PRICES[:700]]
    prices[::7] = ["", ".", "NA", "--"] * 25

    code, stderr, rows = run(tmp_path, file_of(DAYS, prices))

    assert (code, "price: got nothing, want a price" in stderr, "... and 50 more" in stderr) == (1, True, True)
    assert (rows[0]["n_obs"], "NO_OPINION" in rows[0]["flags"]) == ("600", False)


def test_rows_with_a_surplus_cell_count_for_the_series_they_name(tmp_path):
    """Prices of 100 and more lose their thousands; the rest would be a series of its own."""
    split = "".join(f"tin,{day},1,0{at % 90 + 10}.5\n" for at, day in enumerate(DAYS[300:600]))
    text = "series,date,price\n" + lines(PRICES, "copper") + lines(PRICES[:300], "tin") + split

    code, _, rows = run(tmp_path, text)

    assert code == 1
    assert ["NO_OPINION" in row["flags"] for row in rows] == [False, True]


def test_a_footnote_is_no_series(tmp_path):
    code, stderr, rows = run(tmp_path, "series,date,price\n" + lines(PRICES) + ",,\n" + '"Source: an exchange",,\n')

    assert (code, [row["series"] for row in rows]) == (1, ["copper"])
    assert "prices.csv:704: date: got nothing" in stderr


def test_a_line_that_begins_with_a_hash_is_a_row(tmp_path):
    code, _, rows = run(tmp_path, "# a comment\nseries,date,price\n" + lines(PRICES, "#1 copper"))

    assert (code, rows[0]["series"], rows[0]["n_obs"]) == (0, "#1 copper", "701")


@pytest.mark.parametrize("command", ["haircut", "backtest", "forecast"])
def test_refused_rows_give_exit_code_1_and_a_refused_file_2(tmp_path, command):
    def code(name, text):
        (tmp_path / name).write_text(text)
        arguments = [command, str(tmp_path / name), "--output", str(tmp_path / f"{name}-{command}")]
        return CliRunner().invoke(app, arguments).exit_code

    assert code("right.csv", "series,date,price\n" + lines(PRICES[:120])) == 0
    assert code("row.csv", "series,date,price\n" + lines(PRICES[:120]) + "copper,soon,5\n") == 1
    assert code("twice.csv", "series,date,price,price\n") == 2
    assert code("open.csv", "series,date,price\n" + lines(PRICES[:120]) + 'copper,2024-01-01,"5\n') == 2


def test_a_quote_dated_in_the_future_is_refused(tmp_path):
    code, stderr, rows = run(tmp_path, "series,date,price\n" + lines(PRICES) + "copper,2142-01-05,60\n")

    assert (code, rows[0]["date"]) == (1, str(DAYS[700]))
    assert "date: got 2142-01-05, want a date that is not in the future" in stderr
