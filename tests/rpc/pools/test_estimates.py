"""A server estimates pools from their ledgers in the background and states by what it valued them."""

import json

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.pool_client import PoolClient, open_invoice, payment
from tests.support.postgres import wait_until

PAID = 32


@pytest.fixture
def pool(client):
    return PoolClient(client)


def paid(number):
    """Returns the entries of an invoice that was due and paid by the first day."""
    return open_invoice(number, due="2021-12-21"), payment(number)


def estimate(pool):
    """Returns the estimate of the newest statement, which is a message without fields while there is none."""
    return pool.statement().estimate


def test_a_ledger_with_enough_payments_is_estimated_and_the_estimate_is_shown(pool, server):
    def run(*arguments):
        return CliRunner().invoke(app, ["pool", *arguments, "--server", server.address])

    without = pool.report(open_invoice(1))
    assert "got no estimate, want a ledger with 6 months of sales" in run("estimate", "acme").output
    assert "no estimate" in run("show", "acme").output
    pool.report(*(entry for number in range(4, 4 + 4 * PAID, 4) for entry in paid(number)))
    wait_until(lambda: estimate(pool).paid_invoice_count >= PAID)

    assert not without.HasField("estimate")
    found = estimate(pool)
    assert found.HasField("days_late")
    assert not found.HasField("dilution")
    shown = json.loads(run("estimate", "acme").output)
    assert shown["paid_invoice_count"] == str(PAID)
    explained = pool.explain(pool.invoices("state = OPEN")[0].name)
    assert explained.estimate == found
    assert "dilution by the policy, days late 1" in " ".join(
        run("explain", "acme", explained.invoice.debtor, "1").output.split()
    )
