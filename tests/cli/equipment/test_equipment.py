"""Equipment commands end to end."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from collateral_registry.v1 import asset_pb2
from tests.support.diggers import digger
from tests.support.equipment_sales import changed, rows, run, write_mapping, write_sales
from tests.support.server import Client, Server
from valuation.equipment.models import boosting, hedonic


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits the number of trees so that a fit takes a second."""
    monkeypatch.setattr(boosting, "ROUNDS", (20,))
    monkeypatch.setattr(hedonic, "ROUNDS", (20,))


@pytest.fixture
def columns(tmp_path: Path) -> Path:
    """A mapping with a reference value."""
    path = write_mapping(tmp_path)
    text = path.read_text(encoding="utf-8").replace('price = "hammer"', 'price = "hammer"\nreference = "guide"')
    path.write_text(text, encoding="utf-8")
    return path


def test_fit_appraise_and_score_work_together(tmp_path: Path, columns: Path) -> None:
    sales = write_sales(tmp_path / "sales.csv", rows(600))
    code, card = run("fit", sales, "--columns", columns, "--output", tmp_path / "model")
    assert code == 0, card
    assert "Learned from 600 sales" in card
    made = [changed(row, guide="" if at == 3 else row[-1]) for at, row in enumerate(rows(20, seed=8))]
    assets = write_sales(tmp_path / "assets.csv", made)
    options = ("--columns", columns, "--model", tmp_path / "model")
    code, output = run("appraise", assets, *options, "--as-of", "2010-12-31", "--output", tmp_path / "out.csv")
    assert code == 0, output
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["id", "fmv", "fmv_low", "fmv_high", "olv", "flv", "nolv", "basis_of_estimate", "flags"]
    assert [row["id"] for row in found] == [row[0] for row in made]
    first = found[0]
    assert float(first["fmv_low"]) < float(first["fmv"]) < float(first["fmv_high"])
    assert float(first["fmv"]) >= float(first["olv"]) >= float(first["flv"]) >= 0.0
    assert first["basis_of_estimate"] == "comparables of the model"
    assert (found[3]["fmv"], found[3]["basis_of_estimate"]) == ("", "none")
    assert "REFERENCE_MISSING" in found[3]["flags"]
    code, table = run("score", sales, *options, "--picture", tmp_path / "score.svg")
    assert code == 0, table
    assert table.splitlines()[3].startswith("all ")
    assert (tmp_path / "score.svg").read_text(encoding="utf-8").endswith("</svg>\n")


def test_missing_columns_widen_the_interval_and_are_flagged(tmp_path: Path) -> None:
    whole = write_mapping(tmp_path)
    sales = write_sales(tmp_path / "sales.csv", rows(600))
    assert run("fit", sales, "--columns", whole, "--output", tmp_path / "model")[0] == 0
    text = whole.read_text(encoding="utf-8")
    for entry in ('hours = "meter"\n', 'region = "place"\n', 'attributes = ["cab"]\n', 'model = "model"\n'):
        text = text.replace(entry, "")
    (tmp_path / "few.toml").write_text(text, encoding="utf-8")
    widths = {}
    for name in ("columns", "few"):
        options = ("--columns", tmp_path / f"{name}.toml", "--model", tmp_path / "model", "--as-of", "2010-12-31")
        code, output = run("appraise", sales, *options, "--output", tmp_path / f"{name}.csv")
        assert code == 0, output
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        widths[name] = sum(float(row["fmv_high"]) / float(row["fmv_low"]) for row in found) / len(found)
    assert widths["few"] > widths["columns"]
    assert all({"HOURS_UNKNOWN", "MODEL_UNSEEN"} <= set(row["flags"].split("|")) for row in found)


def test_contradicting_rows_of_one_machine_are_flagged_and_not_corrected(tmp_path: Path) -> None:
    whole = write_mapping(tmp_path)
    sales = write_sales(tmp_path / "sales.csv", rows(600))
    assert run("fit", sales, "--columns", whole, "--output", tmp_path / "model")[0] == 0
    named = tmp_path / "named.toml"
    named.write_text(whole.read_text(encoding="utf-8").replace('id = "lot"', 'machine = "lot"'), encoding="utf-8")
    first = changed(rows(2)[1], lot="m-1", sold="2010-01-01", built="1999", meter="5000", grade="fair")
    seen = [
        changed(first, sold="2010-07-01", meter="4000"), first, changed(first, sold="2010-09-01", grade="good"),
        changed(first, sold="2010-10-01", built="2001", grade="good"), changed(first, lot="m-2", meter="-3"),
        changed(first, lot="m-3", built="2015"),
    ]  # fmt: skip
    assets = write_sales(tmp_path / "assets.csv", seen)
    lone = write_sales(tmp_path / "lone.csv", seen[:1])
    options = ("--columns", named, "--model", tmp_path / "model", "--date-column", "sold")
    found = []
    for name in ("assets", "lone"):
        code, output = run(
            "appraise", {"assets": assets, "lone": lone}[name], *options, "--output", tmp_path / "out.csv"
        )
        assert code == 0, output
        with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
            found += list(csv.DictReader(file))
    wrong = [set(row["flags"].split("|")) for row in found]
    about = ("HOURS_FELL", "CONDITION_IMPROVED", "BUILD_YEAR_CHANGED", "HOURS_IMPOSSIBLE", "BUILT_AFTER_SALE")
    assert [[flag for flag in about if flag in flags] for flags in wrong] == [
        ["HOURS_FELL"], [], ["CONDITION_IMPROVED"], ["BUILD_YEAR_CHANGED"], ["HOURS_IMPOSSIBLE"], ["BUILT_AFTER_SALE"],
        [],
    ]  # fmt: skip
    assert found[0]["fmv"] == found[6]["fmv"]


def test_invalid_input_is_reported_with_exit_code_2(tmp_path: Path, columns: Path) -> None:
    sales = write_sales(tmp_path / "sales.csv", rows(50))
    code, output = run("fit", sales, "--columns", columns, "--output", tmp_path / "model")
    assert (code, "at least 200" in output) == (2, True)
    (tmp_path / "empty").mkdir()
    options = ("--columns", columns, "--model", tmp_path / "empty", "--output", tmp_path / "out.csv")
    code, output = run("appraise", sales, *options)
    assert (code, "got no such file" in output) == (2, True)
    code, output = run("appraise", sales, *options, "--as-of", "soon")
    assert (code, "a date such as" in output) == (2, True)
    code, output = run("appraise", sales, *options, "--as-of", "2010-01-01", "--date-column", "sold")
    assert (code, "not both" in output) == (2, True)


def test_an_appraisal_is_recorded_reconciled_and_compared_with_a_sale(server: Server, client: Client, tmp_path) -> None:
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=digger("S-cli"), asset_id="digger-cli"))
    at = ("--server", server.address)
    given = ("--appraiser", "Ann", "--date", "2021-12-01", "--amount", "20000", "--currency", "USD")
    code, output = run("record", "digger-cli", *given, *at)
    assert (code, output.startswith("assets/digger-cli/appraisals/")) == (0, True), output
    code, output = run("reconcile", "digger-cli", *at)
    assert code == 0, output
    (found,) = json.loads(output)["values"]
    assert found["appraisals"][0]["appraisal"]["appraiser"] == "Ann"
    assert (code, found["basis"]) == (0, "APPRAISAL_BASIS_FMV")
    sales = tmp_path / "realised.csv"
    sales.write_text("asset,date,price,currency\ndigger-cli,2021-12-20,19000,USD\n", encoding="utf-8")
    code, output = run("appraisers", sales, *at)
    assert (code, "Ann" in output, "too few" in output) == (0, True, True), output
    sales.write_text("asset,date,price,currency,basis\ndigger-cli,2021-12-20,19000,USD,BOOK\n", encoding="utf-8")
    code, output = run("appraisers", sales, *at)
    assert (code, "realised.csv:2: basis: got 'BOOK'" in output) == (2, True), output


def test_the_shipped_mappings_are_valid() -> None:
    from valuation.equipment.sales.mapping import read_mapping

    for name in ("bulldozers", "vehicles"):
        assert read_mapping(Path(__file__).parents[3] / "benchmarks" / "equipment" / f"{name}.toml").currency == "USD"
