"""``collateral import invoices``: entries of tables and UBL documents, and what the server rejects of them."""

import pytest

from collateral_registry.cli.receivables.import_invoices import ImportOptions, import_invoices
from tests.partner.test_invoices import ABOUT_A_1, LEDGER, ubl
from tests.support.invoicing import LedgerClient

pytestmark = pytest.mark.slow


def options(feed, pool=""):
    return ImportOptions(pool, "", None, "", feed)


def test_a_table_is_imported_once_and_its_rejected_rows_are_named(client, tmp_path, capsys):
    path = tmp_path / "ledger.csv"
    path.write_text(LEDGER + "p-3,REBATE,2021-12-21T08:00:00Z,acme,delta,A-1,1,USD\n")

    assert import_invoices(client.channel, path, options("table")) == 1
    first = capsys.readouterr()
    assert first.out == "invoices: 2 booked, 0 already known, 1 rejected, 1 refused\n"
    assert [line.partition(": ")[0] for line in first.err.splitlines()] == ["ledger.csv:5", "ledger.csv:4"]
    import_invoices(client.channel, path, options("table"))
    assert capsys.readouterr().out == "invoices: 0 booked, 2 already known, 1 rejected, 1 refused\n"


def test_a_folder_of_ubl_documents_becomes_invoices_and_credit_notes_of_a_pool(client, tmp_path, capsys):
    (tmp_path / "credit.xml").write_bytes(ubl("C-1", "CreditNote", ABOUT_A_1, amount="2"))
    (tmp_path / "invoice.xml").write_bytes(ubl())

    assert import_invoices(client.channel, tmp_path, options("ubl", "ubl-pool")) == 0
    assert capsys.readouterr().out == "invoices: 2 booked, 0 already known, 0 rejected, 0 refused\n"
    booked = LedgerClient(client).entries("pool = ubl-pool")
    assert [(one.entry.invoice_number, one.change.units) for one in booked] == [("A-1", 2), ("A-1", 12)]
    with pytest.raises(ValueError, match="want --pool"):
        import_invoices(client.channel, tmp_path, options("ubl"))
