"""Assignments are recorded, invoices excluded and ledgers verified by commands."""

import json

from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.pool_client import PoolClient, open_invoice

BY = ("--actor", "Ana")


def test_a_pool_is_assigned_verified_and_closed_by_commands(server, client, tmp_path):
    PoolClient(client).report(open_invoice(1), open_invoice(2))

    def run(*arguments, code=0):
        found = CliRunner().invoke(app, [*arguments, "--server", server.address])
        assert found.exit_code == code, found.output
        return found.output

    to = ("assignment", "record", "acme", "a-2")
    registration = ("--registry", "zdw", "--number", "7", "--expire", "2030-01-01")
    assert "is REGISTERED" in run(*to, "registered", "--date", "2021-12-31", *registration, *BY)
    scope = ("--debtor", "globex", "--invoice", "1")
    run(*to, "ACKNOWLEDGED", "--date", "2021-12-31", *scope, "--amount", "9.50 USD", "--set-off", *BY)
    assert "--invoice: got one without --debtor" in run(
        *to, "RELEASED", "--date", "2021-12-31", "--invoice", "1", *BY, code=2
    )
    assert "want one of REGISTERED" in run(*to, "LOST", "--date", "2021-12-31", *BY, code=2)
    shown = json.loads(run("assignment", "show", "acme", "a-2"))
    assert (len(shown["events"]), shown["events"][1]["set_off_reserved"]) == (2, True)
    listed = run("assignment", "list", "acme", "--format", "csv").splitlines()
    assert [line.split(",")[1] for line in listed[1:]] == ["a-1", "a-2"]

    assert "/exclusions/1" in run("assignment", "exclude", "acme", *scope, *BY, "--note", "in doubt")
    assert "is ended" in run("assignment", "readmit", "acme", "1", *BY, "--note", "proved")

    planned = run("verification", "plan", "acme", "v-1", "--seed", "7", *BY, "--format", "json")
    sampled = [f"{one['debtor']},{one['invoice']}" for one in json.loads(planned)]
    answers = tmp_path / "answers.csv"
    answers.write_text("\n".join(["debtor,invoice,outcome", *(f"{one},confirmed" for one in sampled)]))
    assert "of the book is misstated" in run("verification", "record", "acme", "v-1", str(answers), *BY)
    assert "CONFIRMED" in run("verification", "show", "acme", "v-1", "--format", "csv")
    closed = run("verification", "close", "acme", "1 USD", "--date", "2021-12-31", *BY)
    assert "stated closing                      1.00 USD" in closed
    assert "unreconciled" in run("verification", "check", "acme", *BY)
