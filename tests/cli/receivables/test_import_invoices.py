"""``collateral import invoices``: entries of tables and UBL documents, and what the server rejects of them."""

from dataclasses import replace

import pytest
from google.protobuf.json_format import ParseDict

from collateral_registry.cli.receivables.import_invoices import ImportOptions, import_invoices
from collateral_registry.v1 import asset_pb2, debtor_pb2, debtor_pb2_grpc, receivable_pb2, receivable_pb2_grpc
from tests.partner.test_invoices import ABOUT_A_1, LEDGER, named, ubl
from tests.support.invoicing import LedgerClient
from tests.support.postgres import wait_until

pytestmark = pytest.mark.slow


def options(feed, pool="", supplier=""):
    return ImportOptions(pool, "", None, "", supplier, feed)


def test_a_table_is_imported_once_and_its_rejected_rows_are_named(client, tmp_path, capsys):
    path = tmp_path / "ledger.csv"
    path.write_text(LEDGER + "p-3,REBATE,2021-12-21T08:00:00Z,acme,delta,A-1,1,USD\n")

    assert import_invoices(client.channel, path, options("table")) == 1
    first = capsys.readouterr()
    assert first.out == "invoices: 2 booked, 0 already known, 1 rejected, 1 refused\n"
    assert [line.partition(": ")[0] for line in first.err.splitlines()] == ["ledger.csv:5", "ledger.csv:4"]
    import_invoices(client.channel, path, options("table"))
    assert capsys.readouterr().out == "invoices: 0 booked, 2 already known, 1 rejected, 1 refused\n"


def test_a_row_with_an_amount_of_0_cancels_the_entry_that_it_corrects(client, tmp_path, capsys):
    path = tmp_path / "cancel.csv"
    header = "entry,kind,time,pool,debtor,number,amount,currency,issued,corrects\n"
    path.write_text(
        header
        + "i-1,INVOICE,2021-12-20T08:00:00Z,cancelled,delta,A-1,10,USD,2021-12-20,\n"
        + "x-1,CORRECTION,,cancelled,delta,A-1,0,USD,,i-1\n"
    )

    assert import_invoices(client.channel, path, options("cancel")) == 0
    assert capsys.readouterr().out == "invoices: 2 booked, 0 already known, 0 rejected, 0 refused\n"
    assert [one.change.units for one in LedgerClient(client).entries("pool = cancelled")] == [-10, 10]


def test_a_folder_of_ubl_documents_becomes_invoices_and_credit_notes_of_a_pool(client, tmp_path, capsys):
    (tmp_path / "credit.xml").write_bytes(ubl("C-1", "CreditNote", ABOUT_A_1, amount="2"))
    (tmp_path / "invoice.xml").write_bytes(ubl())

    assert import_invoices(client.channel, tmp_path, options("ubl", "ubl-pool")) == 0
    assert capsys.readouterr().out.splitlines() == [
        "invoices: 2 booked, 0 already known, 0 rejected, 0 refused",
        "supplier, not compared with the owner of the pool: no name (FR83404833048)",
    ]
    booked = LedgerClient(client).entries("pool = ubl-pool")
    assert [(one.entry.invoice_number, one.change.units) for one in booked] == [("A-1", 2), ("A-1", 12)]
    with pytest.raises(ValueError, match="want --pool"):
        import_invoices(client.channel, tmp_path, options("ubl"))


def test_a_complete_list_cancels_the_open_invoices_that_it_lacks_and_names_them(client, tmp_path, capsys):
    pool = asset_pb2.ReceivablePool(invoice_feed="invoiceFeeds/listing")
    asset = asset_pb2.Asset(owner="Acme", asset_class="receivable.trade", currency_code="USD", receivable_pool=pool)
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="listed"))
    header, first = "debtor,number,amount,currency,issued\n", "delta,A-1,10,USD,2021-12-20\n"
    second = "delta,A-2,5,USD,2021-12-20\n"
    path = tmp_path / "open.csv"
    path.write_text(header + first + second)
    assert import_invoices(client.channel, path, options("listing", "listed")) == 0
    receivables = receivable_pb2_grpc.ReceivableServiceStub(client.channel)
    of_pool = receivable_pb2.ListInvoicesRequest(parent="assets/listed", filter="state = OPEN")
    wait_until(lambda: len(receivables.ListInvoices(of_pool).invoices) == 2)
    path.write_text(header + first)
    capsys.readouterr()

    assert import_invoices(client.channel, path, replace(options("listing", "listed"), is_complete=True)) == 0

    assert capsys.readouterr().out.splitlines() == [
        "invoices: 0 booked, 1 already known, 0 rejected, 0 refused",
        "complete list: 1 open invoices are not in it and are cancelled",
        "cancelled: open listed delta A-2",
        "invoices: 1 booked, 0 already known, 0 rejected, 0 refused",
    ]
    wait_until(lambda: [one.invoice_number for one in receivables.ListInvoices(of_pool).invoices] == ["A-1"])


def test_a_complete_list_with_a_refused_row_cancels_nothing(client, tmp_path, capsys):
    path = tmp_path / "open.csv"
    path.write_text("debtor,number,amount,currency,issued\ndelta,A-1,10,USD,2021-12-20\ndelta,A-2,-5,USD,2021-12-20\n")

    assert import_invoices(client.channel, path, replace(options("partly", "partly"), is_complete=True)) == 1
    assert "no invoice is cancelled before every row is booked" in capsys.readouterr().err


def test_a_document_that_another_firm_than_the_owner_of_the_pool_issued_is_refused(client, tmp_path, capsys):
    owner = ParseDict(
        {"identifiers": [{"scheme": "IDENTIFIER_SCHEME_VAT", "value": "FR83404833048"}], "display_name": "Owner"},
        debtor_pb2.Debtor(),
    )
    request = debtor_pb2.CreateDebtorRequest(debtor=owner, debtor_id="supplying")
    debtor_pb2_grpc.DebtorServiceStub(client.channel).CreateDebtor(request)
    pool = asset_pb2.ReceivablePool(owner_debtor="debtors/supplying")
    asset = asset_pb2.Asset(owner="Acme", asset_class="receivable.trade", currency_code="EUR", receivable_pool=pool)
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="supplied"))
    (tmp_path / "other.xml").write_bytes(ubl("B-1", supplier=named("Globex")))
    (tmp_path / "own.xml").write_bytes(ubl())

    assert import_invoices(client.channel, tmp_path, options("supplied", "supplied")) == 1
    printed = capsys.readouterr()
    assert printed.out == "invoices: 1 booked, 0 already known, 0 rejected, 1 refused\n"
    assert printed.err.startswith("other.xml: AccountingSupplierParty: got Globex (no identifier), want")
    assert import_invoices(client.channel, tmp_path, options("supplied", "supplied", "Globex")) == 1
    assert capsys.readouterr().out == "invoices: 1 booked, 0 already known, 0 rejected, 1 refused\n"
