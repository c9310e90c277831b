"""The commands of proposals, as a local owner uses them for two persons."""

import json

import pytest
from typer.testing import CliRunner, Result

from collateral_registry.cli.main import app

TERMS = ("--cause", "bridge-financing", "--until", "2022-01-14")

pytestmark = pytest.mark.slow


def test_two_persons_waive_a_breach_by_the_command_line(client, server):
    def collateral(*words: str) -> Result:
        return CliRunner().invoke(app, ["proposal", *words, "--server", server.address])

    client.covered_loan()
    client.owe("820000")
    proposed = collateral("waive-breach", "loan-1/1", "--reason", "bridge loan", *TERMS, "--actor", "Ana")
    shown = json.loads(collateral("show", "1").output)
    unnamed, own = collateral("approve", "1"), collateral("approve", "1", "--actor", "Ana")
    approved = collateral("approve", "1", "--actor", "Bo", "--note", "seen")
    again = collateral("reject", "1", "--actor", "Cy")

    assert proposed.exit_code == 0, proposed.output
    assert "proposals/1 is pending until 2022-01-14: waive-breach loans/loan-1/breaches/1" in proposed.output
    assert "collateral proposal approve 1" in proposed.output
    assert shown["waive_breach"]["note"] == "bridge loan"
    assert shown["waive_breach"]["reason"] == "WAIVER_REASON_BRIDGE_FINANCING"
    assert shown["waive_breach"]["expire_date"] == {"year": 2022, "month": 1, "day": 14}
    assert "actor: got nothing" in unnamed.output
    assert "want a person other than the proposer" in own.output
    assert "proposals/1 is approved by Bo and carried out" in approved.output
    assert "APPROVED already" in again.output
