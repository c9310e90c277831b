"""The commands of borrowing bases and certificates: lines that add up, and files of statements."""

import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.web.pages.certificates.statement_table import STATEMENT, statement_of, statement_text
from tests.support.borrowing_bases import CLASSES, RESERVES, owe, pledge_classes, reserve, terms
from tests.support.server import Client, Server, amount, money
from valuation.tables.reader import read_file


def run(server: Server, *arguments: str) -> str:
    found = CliRunner().invoke(app, [*arguments, "--server", server.address])
    assert found.exit_code == 0, found.output
    return found.output


def test_the_lines_of_a_base_sum_to_its_negative_availability_in_text_and_json(client: Client, server: Server) -> None:
    client.register_loan(borrowing_base_terms=terms(), credit_limit=money("900000"))
    pledge_classes(client)
    owe(client, "820000", "40000")
    for one in RESERVES:
        reserve(client, *one)
    sequence = str(client.loan().cover.sequence)
    owe(client, "1")

    rows = json.loads(
        run(server, "base", "show", "loan-1", "--as-of", sequence, "--format", "json"), parse_float=Decimal
    )
    text = run(server, "base", "show", "loan-1", "--as-of", sequence)

    *steps, last = rows
    assert (last["step"], last["amount"], last["total"]) == ("AVAILABILITY", Decimal("-17563.03"), Decimal("-17563.03"))
    assert sum(Decimal(row["amount"]) for row in steps) == last["amount"]
    assert "base 842,436.97, used 860,000.00 USD: LTV 102.08 %, MARGIN_CALL" in text
    (cut,) = (line for line in text.splitlines() if line.startswith("SUBLIMIT      equipment"))
    assert cut.split()[2] == "-132,325.84"
    lent = [row for row in steps if row["step"] in {"GROSS", "EXCLUSION", "UNKNOWN", "EXPECTED_LOSS", "RATE", "PLEDGE"}]
    assert {row["subject"] for row in lent} == set(CLASSES)
    assert lent[-1]["total"] == sum(map(Decimal, CLASSES.values()))


def test_a_statement_is_read_from_a_file_by_class_and_line(tmp_path) -> None:
    path = tmp_path / "june.csv"
    path.write_text("class,line,value\nip,gross,100.50\nip,OVER_AGE,5\nip,rate,0.25\n,reserves,7\n", encoding="utf-8")

    found = statement_of(read_file(path, STATEMENT), "USD")

    (one,) = found.classes
    assert (one.asset_class, amount(one.gross), one.rate.value) == ("ip", Decimal("100.50"), "0.25")
    assert [(each.rule, amount(each.amount)) for each in one.exclusions] == [("OVER_AGE", 5)]
    assert amount(found.reserves) == 7
    assert statement_text(found) == path.read_text("utf-8").replace("100.50", "100.5")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("ip,gross,1\nip,gross,2\n", r"june.csv:3: line: got 'gross' of ip again"),
        (",gross,1\n", r"june.csv:2: class: got nothing"),
        ("ip,gross,x\n", r"june.csv:2: value"),
    ],
)
def test_a_wrong_line_of_a_statement_is_named(tmp_path, lines, problem) -> None:
    path = tmp_path / "june.csv"
    path.write_text("class,line,value\n" + lines, encoding="utf-8")

    with pytest.raises(ValueError, match=problem):
        statement_of(read_file(path, STATEMENT), "USD")
