"""`collateral ip renewal` fits a renewal model to fee histories, or refuses the file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from collateral_registry.cli.ip import renewal
from collateral_registry.cli.main import app
from valuation.ip.legal_terms import RightKind
from valuation.ip.renewal import annuities
from valuation.ip.renewal_history import fit_histories, implied_values

LAPSED = [0, 1, 2, 3, 3, 4, 5, 6, 6, 6, 7, 8, 9, 9, 9, 10, 11, 12, 12, 13, 15, 15, 17]
RUNNING = [0, 1, 2, 2, 4, 5, 6, 7, 9, 9, 10, 12, 14, 17, 20, 20]
FAMILIES = [(paid, "yes") for paid in LAPSED] + [(paid, "no") for paid in RUNNING]
"""Invented histories: last year paid, and whether the next fee was not paid."""


def run(*arguments: object) -> tuple[int, str]:
    """Returns the exit code and the output."""
    result = CliRunner().invoke(app, ["ip", "renewal", *map(str, arguments)])
    return result.exit_code, result.output


def families(folder: Path, rows: Sequence[tuple[object, str]] = FAMILIES, *more: str) -> Path:
    lines = [f"CN-{number},{paid},{lapsed}" for number, (paid, lapsed) in enumerate(rows)]
    path = folder / "families.csv"
    path.write_text("\n".join(["# made up", "id,years_paid,lapsed", *lines, *more]) + "\n", encoding="utf-8")
    return path


def test_each_history_has_its_implied_value_and_runs_write_equal_bytes(tmp_path: Path) -> None:
    out, again, given = tmp_path / "out.csv", tmp_path / "again.csv", families(tmp_path)
    code, output = run(given, "--office", "CN", "--kind", "patent", "--output", out)
    assert code == 0, output
    wrote, fit_line, evidence, few = output.splitlines()
    assert wrote.startswith("wrote ")
    paid, lapsed = np.array(LAPSED + RUNNING), np.arange(len(FAMILIES)) < len(LAPSED)
    fees = annuities("CN", RightKind.PATENT)
    fit = fit_histories(paid, lapsed, fees)
    assert fit_line == (
        f"CN PATENT: {len(FAMILIES)} IP assets, {len(RUNNING)} not lapsed, log mean {fit.log_mean:.4f}, "
        f"log sd {fit.log_sd:.4f}, obsolescence {fit.obsolescence:.4f}, log likelihood {fit.log_likelihood:.4f}"
    )
    assert evidence.startswith("No public price data proves such values")
    assert few.startswith("Fewer than 500 IP assets")
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "years_paid", "lapsed", "value", "value_low", "value_high", "flags"]
    assert [(row["id"], int(row["years_paid"]), row["lapsed"]) for row in rows] == [
        (f"CN-{number}", *history) for number, history in enumerate(FAMILIES)
    ]
    values = implied_values(paid, lapsed, fit, 0.10, fees)
    assert [float(row["value"]) for row in rows] == pytest.approx(values.value.tolist(), abs=0.005)
    assert [float(row["value_low"]) for row in rows] == pytest.approx(values.low.tolist(), abs=0.005)
    assert [float(row["value_high"]) for row in rows] == pytest.approx(values.high.tolist(), abs=0.005)
    flags = ["NEVER_PAID", "", "STILL_IN_FORCE|MEAN_ABOVE_HIGH", "TOP_OF_FEES"]
    assert [rows[at]["flags"] for at in (0, 1, len(LAPSED) + 1, -1)] == flags
    code, repeated = run(given, "--office", "cn", "--output", again)
    assert (code, repeated.splitlines()[1:]) == (0, output.splitlines()[1:])
    assert again.read_bytes() == out.read_bytes()


def test_fees_are_read_from_a_file_and_a_higher_rate_lowers_every_value(tmp_path: Path) -> None:
    fees = tmp_path / "fees.csv"
    fees.write_text("year,fee\n" + "".join(f"{year},{100 * year}.50\n" for year in range(1, 21)), encoding="utf-8")
    found = []
    for rate in ("0.05", "0.30"):
        out = tmp_path / f"{rate}.csv"
        code, output = run(families(tmp_path), "--fees", fees, "--discount-rate", rate, "--output", out)
        assert (code, "\nfees.csv PATENT: 39 IP assets" in output) == (0, True), output
        with out.open(encoding="utf-8", newline="") as file:
            found.append([float(row["value"]) for row in csv.DictReader(file)])
    low, high = np.array(found)
    worth = low > 0.0
    assert worth.sum() == len(FAMILIES) - 1
    years = np.array(LAPSED + RUNNING)[worth]
    assert (high[worth][years != 1] < low[worth][years != 1]).all()


def test_an_id_that_looks_like_a_formula_is_escaped(tmp_path: Path) -> None:
    code, output = run(families(tmp_path, FAMILIES, "=1+1,3,no"), "--office", "CN", "--output", tmp_path / "out.csv")
    assert code == 0, output
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[-1].startswith("'=1+1,3,no,")


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        ("X,21,no", "families.csv:42: years_paid: got '21', want a whole number, 0 to 20"),
        ("X,-1,no", "families.csv:42: years_paid: got '-1', want a whole number, 0 to 20"),
        ("X,2.5,no", "families.csv:42: years_paid: got '2.5'"),
        ("X,,no", "families.csv:42: years_paid: got ''"),
        ("X,٣,no", "families.csv:42: years_paid: got '٣'"),
        ("X,3,maybe", "families.csv:42: lapsed: got 'maybe', want yes or no"),
        ("X,20,yes", "families.csv:42: lapsed: got 'yes', want no: all 20 fees are paid"),
        (",3,no", "families.csv:42: id: got 0 characters, want 1 to 200"),
        (f"{'X' * 201},3,no", "families.csv:42: id: got 201 characters, want 1 to 200"),
        ("CN-0,3,no", "families.csv:42: id: got 'CN-0', want each IP asset once; it is also on line 3"),
        ("X,3,no,more", "families.csv:42: row: got 4 cells, want 3"),
        ('"X,3,no', "families.csv:42: got unexpected end of data, want each quote closed"),
        ("X", "families.csv:42: row: got 1 cells, want 3"),
    ],
)
def test_an_invalid_row_is_refused_with_field_value_and_rule(tmp_path: Path, row: str, refusal: str) -> None:
    out = tmp_path / "out.csv"
    code, output = run(families(tmp_path, FAMILIES, row), "--office", "CN", "--output", out)
    assert (code, refusal in output, out.exists()) == (2, True, False), output


@pytest.mark.parametrize(
    ("fees", "refusal"),
    [
        ("1,900\n2,900\n", "fees.csv: fees: got 2 years, want at least 3"),
        ("1,900\n3,900\n", "fees.csv:3: year: got '3', want 2: every year from 1, in order"),
        ("1,900\n2,0\n", "fees.csv:3: fee: got '0', want more than 0"),
        ("1,1e3\n", "fees.csv:2: fee: got '1e3'"),
        ("1,nan\n", "fees.csv:2: fee: got 'nan'"),
        ("".join(f"{year},1\n" for year in range(1, 102)), "fees.csv: got more than 100 rows"),
    ],
)
def test_an_invalid_table_of_fees_is_refused(tmp_path: Path, fees: str, refusal: str) -> None:
    (tmp_path / "fees.csv").write_text("year,fee\n" + fees, encoding="utf-8")
    code, output = run(families(tmp_path), "--fees", tmp_path / "fees.csv", "--output", tmp_path / "out.csv")
    assert (code, refusal in output) == (2, True), output


def test_invalid_options_are_refused(tmp_path: Path) -> None:
    given, out = families(tmp_path), tmp_path / "out.csv"
    for options, refusal in (
        ((), "--office: got nothing, want an office with a table of yearly fees, such as CN, or --fees"),
        (("--office", "US"), "office: got US PATENT"),
        (("--office", "CN", "--kind", "song"), "--kind: got 'song', want one of patent, utility_model, design"),
        (("--office", "CN", "--discount-rate", "nan"), "--discount-rate: got nan, want 0 to 2"),
        (("--office", "CN", "--discount-rate", "-0.1"), "--discount-rate: got -0.1, want 0 to 2"),
    ):
        code, output = run(given, *options, "--output", out)
        assert (code, refusal in output) == (2, True), output
    code, output = run(given, "--office", "CN", "--output", tmp_path / "nowhere" / "out.csv")
    assert (code, "No such file" in output) == (2, True), output


def test_too_few_histories_or_lapses_and_oversized_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--office", "CN", "--output", tmp_path / "out.csv")
    code, output = run(families(tmp_path, FAMILIES[:20]), *at)
    assert (code, "got 20 IP assets with a fee due, want at least 30" in output) == (2, True), output
    code, output = run(families(tmp_path, [(5, "no")] * 40), *at)
    assert (code, "lapsed: got lapses in 0 different years, want at least 3" in output) == (2, True), output
    monkeypatch.setattr(renewal, "HISTORIES_LIMIT", 38)
    code, output = run(families(tmp_path), *at)
    assert (code, "families.csv: got more than 38 rows" in output) == (2, True), output
    monkeypatch.setattr(renewal, "FILE_LIMIT", 100)
    code, output = run(families(tmp_path), *at)
    assert (code, "got more than 100 bytes" in output) == (2, True), output
