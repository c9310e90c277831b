"""Files of prices, and runs of `collateral haircut` on them."""

import csv
import gzip

from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.price_series import DAYS


def run(tmp_path, text, *options, name="prices.csv"):
    """Returns the exit code, standard error and output rows."""
    source, output = tmp_path / name, tmp_path / "out.csv"
    source.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    done = CliRunner().invoke(app, ["haircut", str(source), "--output", str(output), *options])
    rows = list(csv.DictReader(output.open())) if output.exists() else []
    return done.exit_code, done.stderr, rows


def lines(prices, series="copper", days=DAYS):
    """Returns rows of a series."""
    return "".join(f"{series},{day},{price}\n" for day, price in zip(days, prices, strict=False))


def file_of(days, prices):
    """Returns a file with the given texts of dates and prices, in quotes."""
    rows = zip(days, prices, strict=False)
    return "series,date,price\n" + "".join(f'copper,"{day}","{price}"\n' for day, price in rows)
