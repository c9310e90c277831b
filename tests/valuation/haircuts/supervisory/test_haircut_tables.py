"""Tests of the packaged supervisory tables."""

from itertools import pairwise

import pytest

from valuation.errors import InvalidInput
from valuation.haircuts.supervisory.formulas import foundation_lgd
from valuation.haircuts.supervisory.haircut_tables import Framework, foundation_slice, ten_day_haircut
from valuation.packaged import read_table

BASEL, CRR = Framework.BASEL, Framework.CRR
EDGES = (1.0, 3.0, 5.0, 10.0, 30.0)


def issuer(row):
    return row["framework"], row["collateral"], row["step"]


@pytest.mark.parametrize(
    ("collateral", "final", "older"),
    [
        ("CASH", 0.0, 0.0),
        ("GOLD", 0.20, 0.15),
        ("MAIN_INDEX_EQUITY", 0.20, 0.15),
        ("OTHER_LISTED_EQUITY", 0.30, 0.25),
        ("CURRENCY_MISMATCH", 0.08, 0.08),
    ],
)
def test_collateral_without_maturity(collateral, final, older):
    assert ten_day_haircut(BASEL, collateral) == final
    assert ten_day_haircut(CRR, collateral) == older


@pytest.mark.parametrize(
    ("collateral", "step", "haircuts"),
    [
        ("SOVEREIGN_BOND", 1, [0.005, 0.02, 0.02, 0.04, 0.04]),
        ("SOVEREIGN_BOND", 2, [0.01, 0.03, 0.03, 0.06, 0.06]),
        ("SOVEREIGN_BOND", 3, [0.01, 0.03, 0.03, 0.06, 0.06]),
        ("SOVEREIGN_BOND", 4, [0.15] * 5),
        ("CORPORATE_BOND", 1, [0.01, 0.03, 0.04, 0.06, 0.12]),
        ("CORPORATE_BOND", 2, [0.02, 0.04, 0.06, 0.12, 0.20]),
        ("CORPORATE_BOND", 3, [0.02, 0.04, 0.06, 0.12, 0.20]),
    ],
)
def test_a_bond_at_the_edge_of_a_band_is_in_the_shorter_one(collateral, step, haircuts):
    assert [ten_day_haircut(BASEL, collateral, step=step, years=years) for years in EDGES] == haircuts


def test_the_older_table_has_three_bands():
    assert [ten_day_haircut(CRR, "CORPORATE_BOND", step=1, years=years) for years in EDGES] == [
        0.01,
        0.04,
        0.04,
        0.08,
        0.08,
    ]


def test_the_bond_of_the_worked_case():
    assert ten_day_haircut(BASEL, "SOVEREIGN_BOND", step=1, years=4.5) == 0.02


@pytest.mark.parametrize(("framework", "lgd"), [(BASEL, 0.31), (CRR, 0.414286)])
def test_a_machine_worth_the_exposure(framework, lgd):
    unsecured = 0.40 if framework is BASEL else 0.45

    assert foundation_lgd(10, [foundation_slice(framework, "OTHER_PHYSICAL", 10)], unsecured) == pytest.approx(
        lgd, abs=5e-7
    )


@pytest.mark.parametrize(("framework", "unsecured", "lgd"), [(CRR, 0.45, 0.386), (BASEL, 0.40, 0.304)])
def test_receivables_of_800_thousand_for_a_million(framework, unsecured, lgd):
    found = foundation_lgd(1_000_000, [foundation_slice(framework, "RECEIVABLES", 800_000)], unsecured)

    assert found == pytest.approx(lgd, abs=5e-7)


def test_receivables_first_and_then_a_machine():
    slices = [foundation_slice(BASEL, "RECEIVABLES", 500_000), foundation_slice(BASEL, "OTHER_PHYSICAL", 800_000)]

    assert foundation_lgd(1_000_000, slices, 0.40) == pytest.approx(0.268)


def test_a_machine_under_30_percent_does_not_count_in_the_older_accord():
    assert foundation_lgd(1_000_000, [foundation_slice(CRR, "OTHER_PHYSICAL", 290_000)], 0.45) == 0.45
    assert foundation_lgd(1_000_000, [foundation_slice(CRR, "OTHER_PHYSICAL", 300_000)], 0.45) < 0.45


def test_a_currency_mismatch_is_added_to_the_haircut_of_the_slice():
    assert foundation_slice(BASEL, "RECEIVABLES", 100, h_fx=0.08).haircut == pytest.approx(0.48)


@pytest.mark.parametrize("name", ["supervisory_haircuts.csv", "foundation_lgd.csv"])
def test_every_row_cites_its_paragraph(name):
    rows = read_table("valuation.haircuts.supervisory", name)

    assert rows
    assert all(row["paragraph"].startswith(("CRE", "Art.")) for row in rows)
    assert all(0.0 <= float(row["haircut_pct"]) <= 100.0 for row in rows)


def test_bands_join_without_a_gap_and_longer_bonds_never_have_less():
    bonds = [row for row in read_table("valuation.haircuts.supervisory", "supervisory_haircuts.csv") if row["step"]]
    for before, after in pairwise(bonds):
        if issuer(before) == issuer(after):
            assert after["over_years"] == before["to_years"]
            assert float(after["haircut_pct"]) >= float(before["haircut_pct"])
        else:
            assert before["to_years"] == after["over_years"] == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ten_day_haircut(BASEL, "COPPER"), r"got \('COPPER', None\), want eligible under BASEL"),
        (lambda: ten_day_haircut(BASEL, "CORPORATE_BOND", step=4), "want eligible under BASEL"),
        (lambda: ten_day_haircut(BASEL, "CORPORATE_BOND"), "want eligible under BASEL"),
        (lambda: ten_day_haircut(BASEL, "GOLD", step=1), "want eligible under BASEL"),
        (lambda: ten_day_haircut(BASEL, "CORPORATE_BOND", step=1, years=-1.0), "years: got -1.0, want 0 or more"),
        (lambda: ten_day_haircut(BASEL, "CORPORATE_BOND", step=1, years=float("nan")), "years: got nan"),
        (lambda: foundation_slice(CRR, "PATENT", 1.0), "collateral: got PATENT, want a type of the foundation"),
    ],
)
def test_collateral_outside_the_tables_is_refused(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
