"""`collateral haircut` on price files in many formats."""

import sys

import numpy as np
import pytest

from tests.support.price_files import lines, run
from tests.support.price_series import DAYS, noise, smoothed, walk
from valuation import haircut_batch
from valuation.haircuts.models.price_haircut import HaircutModel, haircut
from valuation.haircuts.models.proxy import linked_haircut
from valuation.haircuts.models.sale_horizon import Sale, sale_haircut
from valuation.haircuts.models.tier1 import seed_for

PRICES = walk(noise(700))
COLUMNS = [
    "series", "date", "horizon_days", "confidence", "haircut", "expected_shortfall", "model", "n_obs", "flags",
    "price_adjustment",
]  # fmt: skip


def test_output_has_one_row_per_series_and_the_documented_columns(tmp_path):
    code, _, rows = run(tmp_path, "series,date,price\n" + lines(PRICES) + lines(PRICES * 3, "tin"))

    assert code == 0
    assert list(rows[0]) == COLUMNS
    assert [(row["series"], row["date"], row["n_obs"]) for row in rows] == [
        ("copper", str(DAYS[700]), "701"),
        ("tin", str(DAYS[700]), "701"),
    ]
    assert float(rows[0]["haircut"]) == pytest.approx(haircut(PRICES, DAYS[:701], 20).loss, abs=1e-9)


@pytest.mark.parametrize("model", ["auto", "ewma-fhs"])
def test_a_notebook_has_the_haircuts_of_the_file(tmp_path, model):
    _, _, rows = run(tmp_path, "series,date,price\n" + lines(PRICES) + lines(PRICES * 3, "tin"), "--model", model)

    table = haircut_batch({"copper": (PRICES, DAYS[:701]), "tin": (PRICES * 3, DAYS[:701])}, model=model)

    assert [float(row["haircut"]) for row in rows] == pytest.approx([found.loss for found in table.values()], abs=1e-9)


def test_equal_files_give_equal_output(tmp_path):
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


def test_column_names_can_be_set_and_the_file_gzipped(tmp_path):
    text = "Day,Close\n" + "".join(f"{day},{price}\n" for day, price in zip(DAYS, PRICES, strict=False))

    code, _, rows = run(tmp_path, text, "--date-column", "Day", "--price-column", "Close", name="zinc.csv.gz")

    assert code == 0
    assert rows[0]["series"] == "zinc"


def test_renaming_a_file_without_series_names_changes_no_figure(tmp_path):
    text = "date,price\n" + "".join(f"{day},{price}\n" for day, price in zip(DAYS, PRICES, strict=False))

    (one,), (other,) = (run(tmp_path, text, "--model", "arithmetic", name=name)[2] for name in ("a.csv", "b.csv"))

    assert (one.pop("series"), other.pop("series"), one == other) == ("a", "b", True)


def test_data_defects_are_flagged_and_do_not_stop_the_run(tmp_path):
    wrong = PRICES.copy()
    wrong[100], wrong[200] = -36.98, wrong[200] * 100
    text = "series,date,price\n" + lines(wrong) + f"copper,{DAYS[50]},1\n" + lines([5.0] * 300, "glass")

    code, _, rows = run(tmp_path, text)

    assert code == 0
    flags = rows[0]["flags"].split("|")
    assert {"NOT_POSITIVE", "SPIKE", "CONFLICTING_QUOTES"} <= set(flags)
    assert rows[1]["model"] == "class-floor/1"
    assert {"NO_OPINION", "STALE_SERIES"} <= set(rows[1]["flags"].split("|"))


def test_calendar_days_are_converted_to_business_days(tmp_path):
    text = "series,date,price\n" + lines(PRICES)
    _, _, calendar = run(tmp_path, text, "--calendar", "--horizon-days", "29")
    _, _, business = run(tmp_path, text, "--horizon-days", "20")

    assert calendar[0]["haircut"] == business[0]["haircut"]
    assert calendar[0]["horizon_days"] == "29"


def test_calendar_days_equal_trading_days_for_a_market_open_on_weekends(tmp_path):
    every_day = np.arange("2020-01-01", "2021-12-02", dtype="datetime64[D]")
    text = "series,date,price\n" + lines(PRICES, days=every_day)
    _, _, calendar = run(tmp_path, text, "--calendar", "--horizon-days", "20")
    _, _, trading = run(tmp_path, text, "--horizon-days", "20")

    assert calendar[0]["haircut"] == trading[0]["haircut"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "guess"), "--model: got 'guess'"),
        (("--confidence", "99"), "--confidence: got 99.0"),
        (("--from", "spring"), "--from: got 'spring'"),
        (("--price-column", "close"), "header: got no column 'close' among 'series', 'date', 'price'"),
        (("--series-column", "name"), "header: got no column 'name'"),
    ],
)
def test_an_invalid_option_is_named(tmp_path, options, message):
    code, stderr, _ = run(tmp_path, "series,date,price\n" + lines(PRICES), *options)

    assert code == 2
    assert message in stderr


def test_weekly_and_monthly_series_have_a_haircut(tmp_path):
    text = "series,date,price\n" + lines(PRICES[:400], "weekly", DAYS[::5]) + lines(PRICES[:120], "monthly", DAYS[::21])

    code, _, rows = run(tmp_path, text)

    assert code == 0
    assert all("COARSE_QUOTES" in row["flags"] and 0.0 < float(row["haircut"]) < 1.0 for row in rows)


def test_the_arithmetic_model_accepts_negative_prices(tmp_path):
    oil = PRICES.copy()
    oil[690] = -36.98
    text = "series,date,price\n" + lines(oil, "wti")

    _, _, rows = run(tmp_path, text, "--model", "arithmetic")

    assert rows[0]["model"] == "arithmetic-fhs/1"
    assert "NOT_POSITIVE_KEPT" in rows[0]["flags"].split("|")
    assert float(rows[0]["haircut"]) == 1.0


PLAIN = "series,date,price\n" + lines(PRICES)


def test_waiting_periods_are_added_to_the_horizon(tmp_path):
    options = ("--horizon-days", "10", "--age-days", "1", "--cure-days", "4", "--enforcement-days", "5")
    _, _, waited = run(tmp_path, PLAIN, *options)
    _, _, plain = run(tmp_path, PLAIN, "--horizon-days", "20")

    assert (waited[0]["horizon_days"], waited[0]["haircut"]) == ("20", plain[0]["haircut"])


def test_a_quantity_sets_the_horizon_and_the_price_impact(tmp_path):
    sale = Sale(3_000.0, 1_000.0, cure_days=5, participation=0.2)
    options = ("--quantity", "3000", "--daily-volume", "1000", "--cure-days", "5", "--participation", "0.2")

    _, _, rows = run(tmp_path, PLAIN, *options, "--more-columns")

    expected = sale_haircut(PRICES, DAYS[:701], sale)
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    assert rows[0]["horizon_days"] == str(sale.horizon_days)
    assert float(rows[0]["haircut"]) == pytest.approx(expected.loss, abs=1e-9)
    assert float(rows[0]["impact"]) == pytest.approx(expected.impact, abs=1e-9)
    assert "PRICE_IMPACT" in rows[0]["flags"]


def test_path_minimum_uses_the_worst_day(tmp_path):
    _, _, rows = run(tmp_path, PLAIN, "--basis", "path-minimum", "--more-columns")

    found = haircut(PRICES, DAYS[:701], 20)
    assert float(rows[0]["haircut"]) == pytest.approx(found.path_minimum, abs=1e-9)
    assert float(rows[0]["expected_shortfall"]) == pytest.approx(found.path_shortfall, abs=1e-9)
    assert "PATH_MINIMUM" in rows[0]["flags"]


def test_a_rate_is_simulated_jointly_and_errors_are_reported(tmp_path):
    rates = tmp_path / "usd.csv"
    rate = walk(noise(700, sd=0.004, seed=5), 7.0)
    rates.write_text("date,price\n" + "".join(f"{day},{one}\n" for day, one in zip(DAYS, rate, strict=False)))

    _, _, rows = run(tmp_path, PLAIN, "--rates", str(rates), "--more-columns")
    _, _, again = run(tmp_path, PLAIN, "--rates", str(rates), "--more-columns")

    assert rows == again
    assert rows[0]["model"] == "joint-ewma-fhs/1"
    assert "FX_CONVERTED" in rows[0]["flags"]
    converted = haircut(PRICES * rate, DAYS[:701], 20, model=HaircutModel.EWMA_FHS).loss
    assert float(rows[0]["haircut"]) == pytest.approx(converted, rel=0.10)
    assert 0.0 < float(rows[0]["standard_error"]) < 0.02
    assert 0.0 < float(rows[0]["shortfall_error"]) < 0.02


def test_the_seed_depends_on_series_date_and_model(tmp_path):
    twice = PLAIN + lines(PRICES, "tin")

    _, _, rows = run(tmp_path, twice, "--model", "ewma-fhs")

    seed = seed_for("copper", DAYS[700], "tier1-ewma-fhs/1")
    expected = haircut(PRICES, DAYS[:701], 20, model=HaircutModel.EWMA_FHS, seed=seed)
    assert float(rows[0]["haircut"]) == pytest.approx(expected.loss, abs=1e-9)
    assert rows[0]["haircut"] != rows[1]["haircut"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--basis", "middle"), "--basis: got 'middle'"),
        (("--quantity", "5"), "--daily-volume: got none"),
        (("--quantity", "5", "--daily-volume", "9", "--calendar"), "--calendar: cannot be combined with --quantity"),
        (("--participation", "2"), "participation: got 2.0"),
        (("--rates", "/nowhere.csv"), "nowhere.csv"),
        (("--proxy", "copper", "--model", "tier2"), "--model: got 'tier2', want auto, pooled"),
    ],
)
def test_an_invalid_sale_option_is_named(tmp_path, options, message):
    code, stderr, _ = run(tmp_path, PLAIN, *options)

    assert code == 2
    assert message in stderr


def test_a_grade_is_linked_to_the_proxy_series(tmp_path):
    rows_of_grade = np.arange(0, 701, 10)
    grade = walk(0.8 * noise(700) + noise(700, sd=0.004, seed=3))
    text = PLAIN + lines(grade[rows_of_grade], "scrap", DAYS[rows_of_grade])

    code, _, rows = run(tmp_path, text, "--proxy", "copper")
    missing, stderr, _ = run(tmp_path, text, "--proxy", "tin")

    expected = linked_haircut(grade[rows_of_grade], DAYS[rows_of_grade], PRICES, DAYS[:701], 20)
    assert (code, missing) == (0, 2)
    assert "--proxy: got 'tin'" in stderr
    assert [row["model"] for row in rows] == ["pooled-scale/2", "proxy-linked/1"]
    assert float(rows[1]["haircut"]) == pytest.approx(expected.loss, abs=1e-9)
    assert "PROXY_LINKED" in rows[1]["flags"].split("|")


def test_a_proxy_with_many_refused_rows_is_refused(tmp_path):
    days = [str(day) for day in DAYS[:700]]
    days[::10] = ["soon"] * 70
    text = "series,date,price\n" + lines(PRICES[:700], days=days) + lines(PRICES[:700], series="grade", days=DAYS[:700])

    code, stderr, _ = run(tmp_path, text, "--proxy", "copper")

    assert (code, "--proxy: got 'copper', want a series of the file whose rows are read" in stderr) == (2, True)


def test_a_smoothed_quote_after_a_fall_is_corrected(tmp_path):
    moves = noise(700)
    moves[-3:] = -0.03
    text = "series,date,price\n" + lines(walk(smoothed(moves, 0.7)))

    _, _, rows = run(tmp_path, text, "--more-columns")

    assert {"SMOOTHED", "HIDDEN_GAP"} <= set(rows[0]["flags"].split("|"))
    assert 0.90 < float(rows[0]["value_correction"]) < 0.99


def test_tier_two_falls_back_for_a_short_history(tmp_path):
    text = "series,date,price\n" + lines(PRICES) + lines(PRICES[:300], "tin")

    code, _, rows = run(tmp_path, text, "--model", "tier2")

    assert code == 0
    assert [row["model"] for row in rows] == ["tier2-mean-of-three/1", "pooled-scale/2"]
    assert {"FALLEN_BACK", "SHORT_HISTORY"} <= set(rows[1]["flags"].split("|"))


def test_tier_two_without_its_extra_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "arch", None)

    code, stderr, _ = run(tmp_path, "series,date,price\n" + lines(PRICES), "--model", "tier2")

    assert code == 2
    assert "--model: tier2 needs arch: install it with pip install 'collateral[tier2]'" in stderr


def test_an_amber_or_red_status_is_flagged_with_its_multiplier(tmp_path):
    jumpy = noise(2000)
    jumpy[1750::21] = -0.06

    _, _, rows = run(tmp_path, "series,date,price\n" + lines(walk(jumpy)), "--model", "ewma-fhs")

    flags = rows[0]["flags"].split("|")
    assert {"MODEL_AMBER", "MODEL_RED"} & set(flags)
    assert any(flag.startswith("MULTIPLIER_1.") for flag in flags)


def test_learning_across_series_widens_haircuts_and_uses_only_the_past(tmp_path):
    text = "series,date,price\n"
    for seed in range(4):
        signs = np.repeat(np.random.default_rng(seed).choice([-1.0, 1.0], 40), 20)
        moves = np.abs(noise(800, sd=0.009, seed=seed)) * signs + noise(800, sd=0.004)
        moves[:260] = noise(260, seed=seed + 9)
        text += lines(walk(moves), f"s{seed}")
    options = ("--rolling", "--every", "100")

    _, _, alone = run(tmp_path, text, *options)
    _, _, together = run(tmp_path, text, *options, "--learn-across")
    until = "".join(line + "\n" for line in text.splitlines() if line < "t" and line.split(",")[1] <= str(DAYS[600]))
    _, _, past = run(tmp_path, "series,date,price\n" + until, *options, "--learn-across")

    assert all(float(one["haircut"]) >= float(other["haircut"]) for one, other in zip(together, alone, strict=True))
    assert float(together[-1]["haircut"]) > 1.02 * float(alone[-1]["haircut"])
    assert past[0] == together[0]
    code, stderr, _ = run(tmp_path, text, "--learn-across", "--model", "ewma-fhs")
    assert (code, "--learn-across: only with" in stderr) == (2, True)
