"""The commands of breaches and disposals, from the first step to the test of what was realised."""

import csv
import io

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app

pytestmark = pytest.mark.slow


def test_a_breach_is_worked_on_until_its_collateral_is_sold(client, server):
    def collateral(*words: str, code: int = 0) -> str:
        found = CliRunner().invoke(app, [*words, "--server", server.address])
        assert found.exit_code == code, found.output
        return found.output

    def rows(*words: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(collateral(*words, "--format", "csv"))))

    by, why = ("--actor", "Ana"), ("--actor", "Ana", "--note", "by the book")
    client.covered_loan()
    client.owe("900000")
    (new,) = rows("breach", "list", "--order", "deadline")
    refused = collateral("breach", "escalate", "loan-1/1", *why, code=4)
    tested = collateral("breach", "cure", "loan-1/1", "--cash", "1000 USD", "--check", *by)
    collateral("breach", "acknowledge", "loan-1/1", *by)
    collateral("breach", "cure", "loan-1/1", "--cash", "150000 USD", "--received", *by)
    collateral("breach", "escalate", "loan-1/1", *why)
    collateral(
        *("disposal", "open", "loan-1/sale", "--default-date", "2021-12-31", "--cause", "breach", "--breach", "1"),
        *("--rate", "0.08", *why),
    )
    collateral(
        *("disposal", "proceeds", "loan-1/sale", "--asset", "lot-1", "--method", "auction", "--amount", "660000 USD"),
        *("--cost", "10000 USD", "--date", "2021-12-31", "--finishes", *by),
    )
    collateral("disposal", "close", "loan-1/sale", *why)

    assert (new["level"], new["age_days"]) == ("STOP_DRAW", "0")
    assert "ESCALATE" not in new["next_steps"]
    assert "got the step ESCALATE, want one of ACKNOWLEDGE" in refused
    assert "INSUFFICIENT" in tested
    (breach,) = rows("breach", "list")
    assert "IN_DISPOSAL" in breach["standing"]
    assert "SUFFICIENT" in collateral("breach", "show", "loan-1/1")
    (sale,) = rows("disposal", "list")
    assert (sale["state"], sale["net_proceeds"]) == ("CLOSED", "650000.00")
    (of_class, total) = rows("disposal", "test")
    assert (of_class["class"], total["below"], total["verdict"]) == ("inventory.base_metal", "1", "NOT_YET_PROVED")
