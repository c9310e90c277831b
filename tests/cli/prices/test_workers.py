"""Several processes give the same results as one, and a failing series stops no other."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.cli.prices.price_file import History
from collateral_registry.cli.prices.workers import WORKER_ENDED, Failed, each_series
from tests.support.price_series import DAYS, noise, walk

pytestmark = pytest.mark.slow

NAMES = [f"s{number}" for number in range(12)]
HISTORIES = {name: History(DAYS[:1], np.array([float(number)])) for number, name in enumerate(NAMES)}


def doubled(name, history):
    """Returns twice the first price; some series raise errors."""
    price = history.prices[0]
    if name == "s3":
        raise ValueError("no price: got 3, want another")
    if name == "s4":
        raise ZeroDivisionError
    return 2.0 * price


def killed(name, history):
    """Kills its process for one series, like the out-of-memory killer."""
    if name == "s5":
        os._exit(9)
    return doubled(name, history)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_and_failures_come_in_file_order(workers):
    found = dict(each_series(doubled, HISTORIES, workers, "Doubling"))

    assert list(found) == NAMES
    assert found["s3"] == Failed("no price: got 3, want another")
    assert found["s4"] == Failed("ZeroDivisionError")
    assert [found[name] for name in NAMES if name not in {"s3", "s4"}] == [0, 2, 4, *range(10, 24, 2)]


def test_a_killed_worker_fails_only_its_own_series():
    found = dict(each_series(killed, HISTORIES, 2, "Doubling"))

    assert list(found) == NAMES
    assert found["s5"] == Failed(WORKER_ENDED)
    assert [found["s0"], found["s6"], found["s11"]] == [0.0, 12.0, 22.0]


def written(folder: Path, command, source, *options):
    done = CliRunner().invoke(app, [command, str(source), "--output", str(folder), *options])
    assert done.exit_code == 0, done.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else folder.read_bytes()


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("haircut", ("--rolling",)),
        ("haircut", ("--rolling", "--proxy", "tin", "--more-columns")),
        ("haircut", ("--rolling", "--learn-across")),
        ("haircut", ("--model", "ewma-fhs", "--basis", "path-minimum", "--quantity", "90", "--daily-volume", "30")),
        ("backtest", ("--horizon-days", "20")),
    ],
)
def test_output_is_the_same_for_any_number_of_workers(tmp_path, command, options):
    source = tmp_path / "prices.csv"
    rows = [
        f"{series},{day},{price}\n"
        for series in ("copper", "tin", "zinc")
        for day, price in zip(DAYS, walk(noise(600, seed=len(series))), strict=False)
    ]
    source.write_text("series,date,price\n" + "".join(rows))

    alone = written(tmp_path / "alone", command, source, *options)
    together = written(tmp_path / "together", command, source, *options, "--workers", "2")

    assert alone == together
    assert np.size(alone) > 0
