"""`collateral haircut` on files as lenders have them."""

import csv
import gzip

import numpy as np
import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.valuation.prices.series import DAYS, noise, walk
from valuation.prices.haircut import haircut

PRICES = walk(noise(700))
COLUMNS = ["series", "date", "horizon_days", "confidence", "haircut", "expected_shortfall", "model", "n_obs", "flags"]


def run(tmp_path, text, *options, name="prices.csv"):
    """Exit code, standard error and rows of the output."""
    source, output = tmp_path / name, tmp_path / "out.csv"
    source.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    done = CliRunner().invoke(app, ["haircut", str(source), "--output", str(output), *options])
    rows = list(csv.DictReader(output.open())) if output.exists() else []
    return done.exit_code, done.stderr, rows


def lines(prices, series="copper", days=DAYS):
    return "".join(f"{series},{day},{price}\n" for day, price in zip(days, prices, strict=False))


def test_a_row_per_series_with_the_columns_promised(tmp_path):
    code, _, rows = run(tmp_path, "series,date,price\n" + lines(PRICES) + lines(PRICES * 3, "tin"))

    assert code == 0
    assert list(rows[0]) == COLUMNS
    assert [(row["series"], row["date"], row["n_obs"]) for row in rows] == [
        ("copper", str(DAYS[700]), "701"),
        ("tin", str(DAYS[700]), "701"),
    ]
    assert float(rows[0]["haircut"]) == pytest.approx(haircut(PRICES, DAYS[:701], 20).loss, abs=1e-9)


def test_the_same_file_gives_the_same_bytes(tmp_path):
    text = "series,date,price\n" + lines(PRICES)
    run(tmp_path, text)
    before = (tmp_path / "out.csv").read_bytes()
    run(tmp_path, text)

    assert (tmp_path / "out.csv").read_bytes() == before


def test_rolling_uses_only_prices_up_to_its_origin(tmp_path):
    changed = PRICES.copy()
    changed[601:] *= np.exp(np.cumsum(noise(100, sd=0.1, seed=9)))
    options = ("--rolling", "--from", str(DAYS[560]), "--every", "20", "--horizon-days", "10")

    _, _, rows = run(tmp_path, "series,date,price\n" + lines(PRICES), *options)
    _, _, others = run(tmp_path, "series,date,price\n" + lines(changed), *options)

    assert [row["date"] for row in rows] == [str(day) for day in DAYS[560:701:20]]
    assert rows[:3] == others[:3]
    assert rows[3:] != others[3:]


def test_rolling_without_a_start_begins_at_the_501st_observation(tmp_path):
    _, _, rows = run(tmp_path, "series,date,price\n" + lines(PRICES), "--rolling", "--every", "100")

    assert [row["date"] for row in rows] == [str(DAYS[500]), str(DAYS[600]), str(DAYS[700])]


def test_other_column_names_no_series_and_a_packed_file(tmp_path):
    text = "Day,Close\n" + "".join(f"{day},{price}\n" for day, price in zip(DAYS, PRICES, strict=False))

    code, _, rows = run(tmp_path, text, "--date-column", "Day", "--price-column", "Close", name="zinc.csv.gz")

    assert code == 0
    assert rows[0]["series"] == "zinc"


def test_what_is_wrong_with_a_file_is_said_in_flags_and_nothing_stops(tmp_path):
    wrong = PRICES.copy()
    wrong[100], wrong[200], wrong[300] = -36.98, wrong[200] * 100, np.nan
    text = "series,date,price\n" + lines(wrong) + f"copper,{DAYS[50]},1\ncopper,soon,5\n" + lines([5.0] * 300, "glass")

    code, _, rows = run(tmp_path, text)

    assert code == 0
    flags = rows[0]["flags"].split("|")
    assert {"NOT_POSITIVE", "SPIKE", "NOT_FINITE", "CONFLICTING_QUOTES", "UNREADABLE_DATE"} <= set(flags)
    assert rows[1]["model"] == "class-floor/1"
    assert {"NO_OPINION", "STALE_SERIES"} <= set(rows[1]["flags"].split("|"))


def test_calendar_days_are_fewer_business_days(tmp_path):
    text = "series,date,price\n" + lines(PRICES)
    _, _, calendar = run(tmp_path, text, "--calendar", "--horizon-days", "29")
    _, _, business = run(tmp_path, text, "--horizon-days", "20")

    assert calendar[0]["haircut"] == business[0]["haircut"]
    assert calendar[0]["horizon_days"] == "29"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--model", "guess"), "--model: got 'guess'"),
        (("--confidence", "99"), "--confidence: got 99.0"),
        (("--from", "spring"), "--from: got 'spring'"),
        (("--price-column", "close"), "want a column 'close'"),
        (("--series-column", "name"), "want a column 'name'"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, options, sentence):
    code, stderr, _ = run(tmp_path, "series,date,price\n" + lines(PRICES), *options)

    assert code == 2
    assert sentence in stderr


def test_weekly_and_monthly_series_have_an_opinion(tmp_path):
    text = "series,date,price\n" + lines(PRICES[:400], "weekly", DAYS[::5]) + lines(PRICES[:120], "monthly", DAYS[::21])

    code, _, rows = run(tmp_path, text)

    assert code == 0
    assert all("IRREGULAR_DATES" in row["flags"] and 0.0 < float(row["haircut"]) < 1.0 for row in rows)


def test_tier_two_speaks_where_it_may_and_says_why_where_it_may_not(tmp_path):
    text = "series,date,price\n" + lines(PRICES) + lines(PRICES[:300], "tin")

    code, _, rows = run(tmp_path, text, "--model", "tier2")

    assert code == 0
    assert [row["model"] for row in rows] == ["tier2-mean-of-three/1", "pooled-scale/1"]
    assert {"FALLEN_BACK", "SHORT_HISTORY"} <= set(rows[1]["flags"].split("|"))


def test_tier_two_without_its_extra_is_a_plain_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("valuation.prices.gjr.find_spec", lambda _: None)

    code, stderr, _ = run(tmp_path, "series,date,price\n" + lines(PRICES), "--model", "tier2")

    assert code == 2
    assert "--model: tier2 needs arch: install collateral[tier2]" in stderr


def test_a_light_that_is_not_green_is_said_with_its_multiplier(tmp_path):
    jumpy = noise(2000)
    jumpy[1750::21] = -0.06

    _, _, rows = run(tmp_path, "series,date,price\n" + lines(walk(jumpy)), "--model", "ewma-fhs")

    flags = rows[0]["flags"].split("|")
    assert {"MODEL_AMBER", "MODEL_RED"} & set(flags)
    assert any(flag.startswith("MULTIPLIER_1.") for flag in flags)
