"""``collateral report diff`` prints what the service returns, in every format."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.launch import run
from tests.support.server import FIRST_DAY, connected


@pytest.fixture
def stale_book(server):
    """The address of a server on whose book a price became too old, and a loan was registered since the first day."""
    with connected(server) as client:
        client.covered_loan()
        client.advance(FIRST_DAY + timedelta(days=30))
        client.register_loan("loan-new")
    return server.address


def printed(address, *options):
    done = run("report", "diff", "--from", FIRST_DAY.isoformat(), *options, server=address)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_have_the_change_of_each_amount_by_step_and_the_notes(stale_book):
    rows = {row["loan"]: row for row in csv.DictReader(io.StringIO(printed(stale_book, "--format", "csv")))}
    (stated,) = [row for row in json.loads(printed(stale_book, "--format", "json")) if row["loan"] == "loan-1"]
    old, new = rows["loan-1"], rows["loan-new"]

    assert (old["change"], old["notes"], stated["notes"]) == ("CHANGED", "MORE_UNKNOWN", ["MORE_UNKNOWN"])
    assert old["lendable_value_change"] == old["lendable_value_price"]
    assert Decimal(old["lendable_value_price"]) == -Decimal(old["lendable_value_before"]) < 0
    assert (new["change"], new["level_before"], new["exposure_before"]) == ("REGISTERED", "", "")


def test_a_person_also_reads_the_totals_by_step(stale_book):
    text = printed(stale_book)

    assert text.startswith("Differences from 2021-12-31, commit ")
    assert [line.split()[1] for line in text.splitlines() if line.startswith("USD ")] == [
        *("BEFORE", "QUANTITY", "PRICE", "RATE", "HAIRCUT_MODEL", "POLICY", "BALANCE", "PAPERS", "AFTER")
    ]


def test_a_moment_that_cannot_be_read_is_refused_by_its_option(stale_book):
    done = run("report", "diff", "--from", "1", "--to", "soon", server=stale_book)

    assert (done.returncode != 0, "--to: got 'soon', want a commit number" in done.stderr) == (True, True)
