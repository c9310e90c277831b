"""Invalid equipment files are refused with a message and exit code, or flagged in their rows."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.equipment_sales import changed, rows, run, write_mapping, write_sales
from valuation.equipment.models import boosting, hedonic
from valuation.equipment.models.artefact import CARD, FORMAT_VERSION, MANIFEST, MODEL, TREES


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with sales, their mapping and a model of few trees."""
    folder = tmp_path_factory.mktemp("bad-input")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosting, "ROUNDS", (10,))
        patch.setattr(hedonic, "ROUNDS", (10,))
        sales = write_sales(folder / "sales.csv", rows(400))
        code, output = run("fit", sales, "--columns", write_mapping(folder), "--output", folder / "model")
        assert code == 0, output
        yield folder


def appraised(folder: Path, row: list[str], **options: object) -> tuple[int, str, dict[str, str]]:
    """Returns the exit code, the output, and the estimate for one machine."""
    out = folder / "out.csv"
    out.unlink(missing_ok=True)
    given = {"columns": folder / "columns.toml", "model": folder / "model", "as-of": "2010-12-31"} | options
    arguments = [part for name, value in given.items() for part in (f"--{name}", value)]
    code, output = run("appraise", write_sales(folder / "one.csv", [row]), *arguments, "--output", out)
    if code:
        assert not out.exists(), "no partial output file"
        return code, output, {}
    with out.open(encoding="utf-8", newline="") as file:
        return code, output, next(csv.DictReader(file))


@pytest.mark.parametrize(
    ("cells", "flag"),
    [
        ({"meter": "-5"}, "HOURS_IMPOSSIBLE"),
        ({"meter": "0"}, "HOURS_UNKNOWN"),
        ({"built": "1000"}, "BUILD_YEAR_IMPOSSIBLE"),
        ({"built": "2031"}, "BUILT_AFTER_SALE"),
        ({"kind": "submarine"}, "CATEGORY_UNSEEN"),
    ],
)
def test_an_impossible_attribute_is_flagged_and_the_machine_still_valued(fitted: Path, cells, flag: str) -> None:
    code, output, estimate = appraised(fitted, changed(rows(2)[1], **cells))
    assert code == 0, output
    assert flag in estimate["flags"].split("|")
    assert 0.0 < float(estimate["fmv_low"]) < float(estimate["fmv"]) < float(estimate["fmv_high"])


def test_every_command_refuses_a_mapping_with_a_missing_column(fitted: Path) -> None:
    text = (fitted / "columns.toml").read_text(encoding="utf-8").replace('"meter"', '"meters"')
    wrong = fitted / "wrong.toml"
    wrong.write_text(text, encoding="utf-8")
    code, output, _ = appraised(fitted, rows(1)[0], columns=wrong)
    assert (code, "no column 'meters'" in output) == (2, True)
    code, output = run("fit", fitted / "sales.csv", "--columns", wrong, "--output", fitted / "none")
    assert (code, "no column 'meters'" in output, (fitted / "none").exists()) == (2, True, False)
    code, output = run("score", fitted / "sales.csv", "--columns", wrong, "--model", fitted / "model")
    assert (code, "no column 'meters'" in output) == (2, True)


@pytest.mark.parametrize("name", [TREES[1], MODEL, CARD, MANIFEST])
def test_a_truncated_model_file_is_refused_by_name(fitted: Path, tmp_path: Path, name: str) -> None:
    for path in (fitted / "model").iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[: len(content) // 2] if path.name == name else content)
    code, output, _ = appraised(fitted, rows(1)[0], model=tmp_path)
    assert (code, name in output) == (2, True)


def test_a_model_of_a_newer_format_version_is_refused(fitted: Path, tmp_path: Path) -> None:
    for path in (fitted / "model").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    manifest["format_version"] = FORMAT_VERSION + 1
    (tmp_path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    code, output, _ = appraised(fitted, rows(1)[0], model=tmp_path)
    assert (code, "a newer program wrote it" in output) == (2, True)


def test_without_lightgbm_the_extra_is_named(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    missing = "comparables needs lightgbm: install it with pip install 'collateral[comparables]'"

    code, output, _ = appraised(fitted, rows(1)[0])
    assert (code, missing in output) == (2, True)
    code, output = run("fit", fitted / "sales.csv", "--columns", fitted / "columns.toml", "--output", tmp_path / "none")
    assert (code, missing in output) == (2, True)


def test_text_in_a_number_column_is_refused_with_its_row(fitted: Path) -> None:
    code, output, _ = appraised(fitted, changed(rows(1)[0], meter="many"))
    assert (code, "one.csv:2: meter: got 'many'" in output) == (2, True)
