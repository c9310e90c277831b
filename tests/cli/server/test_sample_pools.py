"""The receivables of the sample: invented ledgers that keep their loans known, at the opening and at the end."""

import shutil
from collections import defaultdict
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from collateral_registry.cli.server.sample import LAST, OPENING, table
from collateral_registry.domain.debtors.identifiers import SCHEMES, Identifier
from collateral_registry.v1 import asset_pb2, common_pb2, invoice_feed_pb2, invoice_feed_pb2_grpc
from tests.support.launch import run
from tests.support.server import Server, calendar, connected

LEDGER_MAX_AGE_DAYS = 3
OPENING_AMOUNTS = {"pool-meridian-parts": 275_000, "pool-atlas-export": 210_000}
SETTLES = {"PAYMENT", "CREDIT_NOTE"}
LOANS = ("loan-meridian-parts", "loan-atlas-export")


def rows(name):
    return [row.values for row in table(name)]


@pytest.fixture(scope="module")
def sampled(sample_file, tmp_path_factory):
    """A server with the sample book."""
    running = Server(f"sqlite:///{shutil.copy(sample_file, tmp_path_factory.mktemp('pools'))}").start()
    yield running
    running.stop()


def covers(server):
    with connected(server) as client:
        return [client.loan(loan).cover for loan in LOANS]


def state(server):
    """Returns the number of booked entries, and the exposures of the loans."""
    with connected(server) as client:
        stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(client.channel)
        found = stub.ListInvoiceEntries(invoice_feed_pb2.ListInvoiceEntriesRequest(page_size=1000)).entries
        return len(found), [str(client.loan(loan).cover.exposure) for loan in LOANS]


def inspect_machines(server):
    """States the inspections of the skipped days."""
    with connected(server) as client:
        day = calendar(date.fromisoformat(LAST))
        for row in rows("timeline"):
            if row["action"] == "inspect" and "meridian" in row["target"]:
                asset = asset_pb2.Asset(name=f"assets/{row['target']}", last_inspection_date=day)
                mask = FieldMask(paths=["last_inspection_date"])
                client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=asset, update_mask=mask))


@pytest.mark.slow
def test_loans_on_receivables_are_known_at_the_opening_and_at_the_end(sampled):
    opening = covers(sampled)
    replayed = run("sample", "replay", "--from", LAST, "--until", LAST, server=sampled.address)
    inspect_machines(sampled)
    before = state(sampled)
    again = run("sample", "replay", "--until", LAST, server=sampled.address)

    assert (replayed.returncode, again.returncode) == (0, 0), replayed.stderr + again.stderr
    assert {one.coverage for one in opening + covers(sampled)} == {common_pb2.COVERAGE_KNOWN}
    assert before[0] >= len(rows("invoices")), "skipped days are booked with the first one that is replayed"
    assert state(sampled) == before, "a repeated replay books nothing"


def test_no_ledger_of_the_sample_becomes_too_old():
    for pool in OPENING_AMOUNTS:
        days = sorted({date.fromisoformat(row["time"][:10]) for row in rows("invoices") if row["pool"] == pool})
        gaps = [(later - earlier).days for earlier, later in pairwise(days)]

        assert max(gaps) <= LEDGER_MAX_AGE_DAYS
        assert days[-1].isoformat() == LAST


def test_what_is_open_at_the_opening_is_near_the_invoices_that_the_pools_replaced():
    open_amount: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows("invoices"):
        if row["time"][:10] <= OPENING and row["kind"] in {"INVOICE", *SETTLES}:
            open_amount[row["pool"]] += Decimal(row["amount"]) * (-1 if row["kind"] in SETTLES else 1)

    assert open_amount.keys() == OPENING_AMOUNTS.keys()
    assert all(abs(amount / OPENING_AMOUNTS[pool] - 1) < 0.02 for pool, amount in open_amount.items())


def test_every_debtor_of_a_ledger_is_registered_under_valid_identifiers():
    names = set()
    for row in rows("debtors"):
        names |= {row["debtor_id"], *(str(Identifier(of, row[word])) for word, of in SCHEMES.items() if row[word])}

    assert {row["debtor"] for row in rows("invoices")} <= names
    assert {"Continental Assembly Inc", "Lakeside Motors LLC", "Baumann Kabel AG"} <= {
        row["name"] for row in rows("debtors")
    }


def test_the_purchase_order_of_a_loan_on_receivables_is_registered_and_not_pledged():
    pledged = {row["asset"] for row in rows("pledges") if row["loan"] in LOANS}

    assert "po-atlas-export-1" in {row["asset_id"] for row in rows("assets")}
    assert not {asset for asset in pledged if asset.startswith("po-")}
