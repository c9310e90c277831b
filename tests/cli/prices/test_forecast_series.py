"""`collateral forecast --series` has the figures of `collateral forecast` for a file of the same prices."""

import csv
import io

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.v1 import price_pb2
from tests.support.server import Server, connected

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A server with 106 prices of copper, which leave one origin for the selection, and a series without prices."""
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('forecast') / 'book.db'}").start()
    with connected(running) as client:
        client.open_copper()
        client.quote_history(days=106)
        client.open_copper("empty")
    yield running
    running.stop()


def run(running, *arguments):
    return CliRunner().invoke(app, ["forecast", *map(str, arguments), "--server", running.address])


def test_a_series_on_the_server_has_the_files_of_a_file_of_its_prices(running, tmp_path):
    with connected(running) as client:
        listed = client.prices.ListPrices(price_pb2.ListPricesRequest(parent="priceSeries/copper", page_size=1000))
    source = tmp_path / "prices.csv"
    lines = [f"copper,{one.date.year}-{one.date.month:02}-{one.date.day:02},{one.price.value}" for one in listed.prices]
    source.write_text("\n".join(["series,date,price", *lines]))
    of_file, of_series = tmp_path / "file", tmp_path / "series"

    assert run(running, source, "--output", of_file, "--horizon-days", 5).exit_code == 0
    done = run(running, "--series", "copper", "--output", of_series, "--horizon-days", 5)

    assert (done.exit_code, done.output) == (0, f"wrote forecast.csv and selection.csv to {of_series}\n")
    for name in ("forecast.csv", "selection.csv"):
        assert (of_series / name).read_text() == (of_file / name).read_text()


def test_the_steps_are_shown_in_every_format(running):
    shown = run(running, "--series", "copper", "--horizon-days", 5)
    table = run(running, "--series", "copper", "--horizon-days", 5, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table.output)))

    assert shown.output.startswith("copper: 10,000 USD/t on 2021-12-31, model ")
    assert [row["target_date"] for row in rows] == [f"2022-01-0{day}" for day in range(3, 8)]
    assert [float(row["p05"]) < float(row["p50"]) < float(row["p95"]) for row in rows] == [True] * 5


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--series", "empty"], 1, "empty: no forecast [NO_PRICE]"),
        (["--series", "copper", "--as-of", "2020-01-01"], 1, "copper: no forecast [NO_PRICE]"),
        (["--series", "none"], 4, "priceSeries/none does not exist"),
        (["--series", "copper", "--as-of", "soon"], 2, "--as-of: got 'soon', want a date"),
        ([__file__, "--series", "copper"], 2, "PRICES: got a file and --series, want one of them"),
        ([__file__], 2, "PRICES and --output: got one or none, want both"),
        ([], 2, "PRICES and --output: got one or none, want both"),
        ([__file__, "--output", "x", "--as-of", "2022-01-01"], 2, "--as-of: got a file, want --series"),
    ],
)
def test_what_cannot_be_forecast_ends_with_its_reason_and_code(running, arguments, code, message):
    done = run(running, *arguments)

    assert done.exit_code == code
    assert message in done.stderr
