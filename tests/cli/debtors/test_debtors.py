"""Debtors are imported from a file, listed, shown and merged by commands."""

import json

from typer.testing import CliRunner

from collateral_registry.cli.main import app

HEAD = "debtor_id,name,country,parent,independent,core_firm,lei,vat,aliases,pd,pd_source,pd_date,line,currency"
ROWS = (
    "group,Group,DE,,yes",
    "acme,Acme,DE,group,,yes,5493001KJTIIGC8Y1R12,DE 136 695 976;ATU12345678,A;B C,0.01,agency,2021-06-30,9.50,EUR",
    "twin,Acme",
    "wrong,Wrong,,,,,5493001KJTIIGC8Y1R13",
    "maybe,Maybe,,,perhaps",
)


def run(server, *arguments):
    return CliRunner().invoke(app, [*arguments, "--server", server.address])


def test_limits_of_debtors_are_imported_from_a_file(server, tmp_path):
    pools = tmp_path / "assets.csv"
    pools.write_text("asset_id,owner,class,currency,kind\np-1,Acme,receivable,EUR,RECEIVABLE_POOL\n", encoding="utf-8")
    file = tmp_path / "limits.csv"
    head = "pool,debtor,kind,amount,currency,actor,reason,expiry,insurer"
    rows = ("p-1,bo,INSURED,5000.50,EUR,Ana,new policy,2022-12-31,AXA", "p-1,bo,LENDER,9,USD,Ana,decided,,")
    file.write_text("\n".join([head, *rows]), encoding="utf-8")

    assert run(server, "import", "assets", str(pools)).exit_code == 0
    imported = run(server, "import", "limits", str(file))

    assert "limits: 1 accepted, 0 already known, 1 refused" in imported.output
    assert "limits.csv:3: debtor_limit.amount.currency_code: got USD, want EUR" in imported.output


def test_debtors_are_imported_listed_and_merged(server, tmp_path):
    file = tmp_path / "debtors.csv"
    rows = [row + "," * (HEAD.count(",") - row.count(",")) for row in ROWS]
    file.write_text("\n".join([HEAD, *rows]), encoding="utf-8")

    imported = run(server, "import", "debtors", str(file))

    assert imported.exit_code == 1
    assert "debtors: 3 accepted, 0 already known, 2 refused" in imported.output
    assert "debtors.csv:5: debtor.identifiers[0].value: got '5493001KJTIIGC8Y1R13'" in imported.output
    assert "debtors.csv:6: independent: got 'perhaps', want yes or no" in imported.output
    shown = json.loads(run(server, "debtor", "show", "acme").output)
    assert [one["value"] for one in shown["identifiers"]] == ["5493001KJTIIGC8Y1R12", "ATU12345678", "DE136695976"]
    assert shown["aliases"] == ["A", "B C"]
    assert (shown["line"]["amount"]["units"], shown["default_probability"]["ratio"]["value"]) == ("9", "0.01")

    because = ("--actor", "Ana", "--note", "same register entry")
    assert "is merged into debtors/acme" in run(server, "debtor", "merge", "twin", "acme", *because).output
    listed = run(server, "debtor", "list", "--filter", "merged_into:*", "--format", "csv").output
    assert [line.split(",")[0] for line in listed.splitlines()] == ["debtor", "twin"]
    assert run(server, "debtor", "unmerge", "twin", *because).exit_code == 0
    assert run(server, "debtor", "list", "--filter", "merged_into:*", "--format", "csv").output.count("\n") == 1
