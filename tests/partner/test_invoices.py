"""Entries of invoice ledgers from tables and UBL documents, and their push through an outbox."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import iso4217
import pytest
from typer.testing import CliRunner

from collateral_partner.invoices.entries import BILL, CERTIFICATE, DIGITS, INVOICES, OTHER_PAYEE, Entry
from collateral_partner.invoices.entry_files import read_entry_file, read_entry_mapping
from collateral_partner.invoices.suppliers import WantedSupplier
from collateral_partner.invoices.ubl import CREDIT_CODES, document_of, read_ubl
from collateral_partner.main import app
from collateral_partner.outbox import Outbox
from collateral_registry.domain.receivables.ledgers import entries
from tests.support.invoicing import LedgerClient

RUNNER = CliRunner()
HEADER = "entry,kind,time,pool,debtor,number,amount,currency\n"
LEDGER = HEADER + (
    "i-1,INVOICE,2021-12-20T08:00:00Z,acme,delta,A-1,900.50,USD\n"
    "p-1,payment,2021-12-21T08:00:00Z,acme,delta,A-1,100,USD\n"
    "p-2,PAYMENT,2021-12-21T08:00:00Z,acme,delta,A-9,100,USD\n"
)
UBL = (
    '<{root} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2" '
    'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" '
    'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">'
    "<cbc:ID>{number}</cbc:ID><cbc:IssueDate>2021-12-02</cbc:IssueDate>{more}"
    "<cac:AccountingSupplierParty><cac:Party>{supplier}</cac:Party></cac:AccountingSupplierParty>"
    "<cac:AccountingCustomerParty><cac:Party>{party}</cac:Party></cac:AccountingCustomerParty>"
    '<cac:LegalMonetaryTotal><cbc:PayableAmount currencyID="EUR">{amount}</cbc:PayableAmount></cac:LegalMonetaryTotal>'
    "</{root}>"
)
VAT = "<cac:PartyTaxScheme><cbc:CompanyID>DE123456789</cbc:CompanyID></cac:PartyTaxScheme>"
LEI = '<cbc:EndpointID schemeID="0199">529900T8BM49AURSDO55</cbc:EndpointID>'
OWNER = "<cac:PartyTaxScheme><cbc:CompanyID>FR 83.404.833.048</cbc:CompanyID></cac:PartyTaxScheme>"
ABOUT_A_1 = (
    "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>A-1</cbc:ID></cac:InvoiceDocumentReference>"
    "</cac:BillingReference>"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, in which the commands keep their outboxes."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def file_of(text, name="ledger.csv"):
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def named(name):
    return f"<cac:PartyName><cbc:Name>{name}</cbc:Name></cac:PartyName>"


def delivery(day=""):
    return f"<cac:Delivery>{f'<cbc:ActualDeliveryDate>{day}</cbc:ActualDeliveryDate>' if day else ''}</cac:Delivery>"


def ubl(number="A-1", root="Invoice", more="", party=VAT, amount="12.50", supplier=OWNER):
    return UBL.format(root=root, number=number, more=more, party=party, amount=amount, supplier=supplier).encode()


def entry_of(document, pool):
    return document_of(document, pool).entry


def test_a_pushed_ledger_is_booked_once_and_its_rejected_entries_stay_listed(client, server):
    file = file_of(LEDGER)
    arguments = ["invoices", "push", str(file), "--source", "erp-push", "--server", server.address]
    first, again = RUNNER.invoke(app, arguments), RUNNER.invoke(app, arguments)
    listed = RUNNER.invoke(app, ["invoices", "rejected", "--source", "erp-push"])

    assert first.exit_code == again.exit_code == 1
    assert first.stdout == "invoices: 2 booked, 0 already known, 1 rejected\n"
    assert again.stdout == "invoices: 0 booked, 2 already known, 1 rejected\n"
    assert first.stderr.startswith("ledger.csv:4: entry p-2: UNKNOWN_INVOICE: invoice_number: got 'A-9'")
    assert "UNKNOWN_INVOICE" in listed.stdout
    booked = LedgerClient(client).entries("feed = erp-push")
    assert [(one.entry.entry_id, one.entry.amount.units, one.entry.amount.nanos) for one in booked] == [
        ("p-1", 100, 0),
        ("i-1", 900, 500_000_000),
    ]
    assert {one.entry.debtor for one in booked} == {"debtors/delta"}


def test_an_outbox_of_stock_does_not_take_invoices_of_a_feed_with_the_same_id(folder):
    Outbox(folder / "one.db", "acme").close()

    with pytest.raises(ValueError, match=re.escape("holds the invoices of acme, want invoiceFeeds/acme")):
        Outbox(folder / "one.db", "acme", INVOICES)


def test_a_list_of_open_invoices_needs_neither_ids_nor_kinds():
    mapping = file_of(
        '[columns]\nnumber = "doc_id"\ndebtor = "customer"\namount = "total_open_amount"\n'
        'currency = "invoice_currency"\n'
        'issued = "document_date"\ndue = "due_in_date"\n',
        "map.toml",
    )
    file = file_of(
        "business_code,customer,doc_id,document_date,due_in_date,invoice_currency,total_open_amount\n"
        "U001,C84aa5869,1930534354,2020-02-27,2020-03-30,USD,21240.06\n"
        "U001,C529d8a66,1930548387,2020-02-27,,USD,-5\n"
    )
    rows = read_entry_file(file, read_entry_mapping(mapping, "", pool="acme"))

    assert rows.items == [
        Entry(
            entry_id="open acme C84aa5869 1930534354",
            kind="INVOICE",
            happened=datetime(2020, 2, 27, tzinfo=UTC),
            pool="acme",
            debtor="debtors/c84aa5869",
            number="1930534354",
            amount=Decimal("21240.06"),
            currency="USD",
            issued=date(2020, 2, 27),
            due=date(2020, 3, 30),
        )
    ]
    assert rows.refused == [(3, "total_open_amount: got -5, want 0 or more, with at most 2 decimals in USD")]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", ""])
def test_a_day_is_booked_on_that_day_in_every_time_zone(zone):
    file = file_of(HEADER + "p-1,PAYMENT,2021-12-21,acme,delta,A-1,100,USD\n")
    rows = read_entry_file(file, read_entry_mapping(None, zone))

    assert [one.happened for one in rows.items] == [datetime(2021, 12, 21, tzinfo=UTC)]


def test_a_local_time_of_an_entry_is_one_of_the_stated_zone():
    file = file_of(HEADER + "p-1,PAYMENT,2021-12-21 09:00,acme,delta,A-1,100,USD\n")
    rows = read_entry_file(file, read_entry_mapping(None, "Asia/Shanghai"))

    assert [one.happened for one in rows.items] == [datetime(2021, 12, 21, 1, tzinfo=UTC)]


def test_a_row_states_a_certificate_a_bill_and_another_payee_of_an_invoice():
    file = file_of(
        "number,debtor,amount,currency,issued,certificate,bill,other_payee\n"
        "A-1,delta,1,USD,2021-12-20,yes,no,\nA-2,delta,1,USD,2021-12-20,,TRUE,Yes\nA-3,delta,1,USD,2021-12-20,,,x\n"
    )
    rows = read_entry_file(file)

    assert [one.flags for one in rows.items] == [CERTIFICATE, BILL | OTHER_PAYEE]
    assert rows.refused == [(4, "other_payee: got 'x', want yes or no")]


def test_a_payment_states_no_fact_of_an_invoice():
    rows = read_entry_file(
        file_of(HEADER.strip() + ",bill\np-1,PAYMENT,2021-12-21T08:00:00Z,acme,delta,A-1,100,USD,yes\n")
    )

    assert rows.refused == [(2, "bill: got 'yes' in a PAYMENT, want it in an INVOICE only")]


def test_rows_that_state_too_little_are_refused_by_the_name_of_their_column():
    rows = read_entry_file(
        file_of(
            HEADER + ",PAYMENT,2021-12-20T08:00:00Z,acme,delta,A-1,1,USD\n"
            "x,PAYMENT,,acme,delta,A-1,1,USD\n"
            "y,PAID,2021-12-20T08:00:00Z,acme,delta,A-1,1,USD\n"
            "z,CORRECTION,,,,,,\n"
        )
    )

    assert [line for line, _ in rows.refused] == [2, 3, 4, 5]
    assert [reason.partition(":")[0] for _, reason in rows.refused] == ["entry", "time", "kind", "amount"]


def test_a_contra_of_nothing_keeps_its_currency_and_an_amount_of_any_exponent_is_refused_or_read():
    rows = read_entry_file(file_of(HEADER + "c-1,CONTRA,2021-12-20T08:00:00Z,acme,delta,,0,USD\n"))

    assert [(one.amount, one.currency) for one in rows.items] == [(0, "USD")]
    with pytest.raises(ValueError, match="amount: got 9E"):
        Entry("e", "CONTRA", datetime.now(UTC), "acme", "delta", amount=Decimal("9E999998"), currency="USD")


def test_an_invoice_of_ubl_opens_an_invoice_with_its_facts():
    more = (
        "<cbc:DueDate>2022-01-01</cbc:DueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cac:PayeeParty/>"
        "<cac:Delivery><cbc:ActualDeliveryDate>2021-12-01</cbc:ActualDeliveryDate></cac:Delivery>"
    )
    entry = entry_of(ubl(more=more, party=VAT + LEI), "acme")

    assert (entry.kind, entry.number, entry.debtor) == ("INVOICE", "A-1", "lei:529900T8BM49AURSDO55")
    assert (entry.amount, entry.currency, entry.type_code, entry.flags) == (Decimal("12.50"), "EUR", 380, OTHER_PAYEE)
    assert (entry.issued, entry.due, entry.delivered) == (date(2021, 12, 2), date(2022, 1, 1), date(2021, 12, 1))
    assert entry.document.startswith("sha256:")


@pytest.mark.parametrize(
    ("document", "kind", "number"),
    [
        (ubl("C-1", "CreditNote", ABOUT_A_1), "CREDIT_NOTE", "A-1"),
        (ubl("C-1", "CreditNote"), "UNAPPLIED", ""),
        (ubl("C-1", more=f"<cbc:InvoiceTypeCode>381</cbc:InvoiceTypeCode>{ABOUT_A_1}"), "CREDIT_NOTE", "A-1"),
        (ubl("C-1", more="<cbc:InvoiceTypeCode>381</cbc:InvoiceTypeCode>"), "UNAPPLIED", ""),
        (ubl("D-1", more=f"<cbc:InvoiceTypeCode>383</cbc:InvoiceTypeCode>{ABOUT_A_1}"), "DEBIT_NOTE", "A-1"),
        (ubl("A-2", more=f"<cbc:InvoiceTypeCode>384</cbc:InvoiceTypeCode>{ABOUT_A_1}"), "CORRECTION", ""),
        (ubl("A-2", more=f"<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>{ABOUT_A_1}"), "INVOICE", "A-2"),
    ],
)
def test_a_document_about_an_invoice_becomes_an_entry_of_that_invoice(document, kind, number):
    entry = entry_of(document, "acme")

    assert (entry.kind, entry.number, entry.debtor or "none") == (
        kind,
        number,
        "none" if kind == "CORRECTION" else "vat:DE123456789",
    )
    assert entry.corrects == ("invoice vat:DE123456789 A-1" if kind == "CORRECTION" else "")
    assert (entry.issued is None) == (kind != "INVOICE")
    assert entry.type_code == {"INVOICE": 380, "UNAPPLIED": 381}.get(kind, 0)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "file: got a document type declaration"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "file: got a document type declaration"),
        (ubl()[:-3], "file: got XML that is not well-formed"),
        (b'<?xml version="1.0" encoding="foo"?><a/>', "file: got an encoding that is not known"),
        (ubl(more="<cbc:InvoiceTypeCode>99999999999</cbc:InvoiceTypeCode>"), "InvoiceTypeCode: got '99999999999'"),
        (b"<a>" * 70 + b"</a>" * 70, "elements: got more than 64"),
        (b"<a/>", "root: got 'a'"),
        (ubl(amount="NaN"), "PayableAmount: got 'NaN'"),
        (ubl(amount="9E999998"), "PayableAmount: got '9E999998'"),
        (ubl(amount="1_000.50"), "PayableAmount: got '1_000.50'"),
        (ubl(amount="9" * 1_000), "amount: got 999"),
        (ubl(more="<cbc:DueDate>2024-W18-4</cbc:DueDate>"), "DueDate: got '2024-W18-4'"),
        (ubl(more="<cbc:DueDate>1900-01-01</cbc:DueDate>"), "due: got 1900-01-01, want a date after 1970-01-01"),
        (ubl(amount="1.005"), "amount: got 1.005"),
        (ubl(number=""), "ID: got nothing"),
        (ubl(party=""), "AccountingCustomerParty: got no identifier"),
        (ubl(supplier=""), "AccountingSupplierParty: got no identifier"),
        (ubl().replace(b"AccountingSupplierParty", b"SellerSupplierParty"), "AccountingSupplierParty: got nothing"),
        (b"a" * (10 * 1024 * 1024 + 1), "file: got 10485761 bytes"),
    ],
)
def test_a_document_that_cannot_be_an_invoice_is_refused_with_its_reason(document, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        entry_of(document, "acme")


def test_a_folder_is_read_with_invoices_before_what_refers_to_them(folder):
    (folder / "a.xml").write_bytes(ubl("C-1", "CreditNote", ABOUT_A_1, amount="2"))
    (folder / "b.XML").write_bytes(ubl())
    (folder / "c.xml").write_bytes(ubl())
    (folder / "d.xml").write_bytes(b"<a/>")
    (folder / "e.xml").mkdir()
    (folder / "notes.txt").write_text("not an invoice")
    found = read_ubl(folder, "acme")

    assert [one.kind for one in found.entries] == ["INVOICE", "CREDIT_NOTE"]
    assert [name for name, _ in found.refused] == ["c.xml", "d.xml", "e.xml"]


@pytest.mark.parametrize(
    ("deliveries", "day"),
    [
        ([delivery("2021-11-30"), delivery("2021-12-01"), delivery("2021-11-29")], date(2021, 12, 1)),
        ([delivery("2021-11-30"), delivery()], None),
        ([delivery("2021-11-30"), f"<cac:InvoiceLine>{delivery('2021-12-09')}</cac:InvoiceLine>"], date(2021, 12, 9)),
        ([delivery("2021-11-30"), f"<cac:InvoiceLine>{delivery()}</cac:InvoiceLine>"], None),
        ([f"<cac:InvoiceLine>{delivery('2021-12-09')}</cac:InvoiceLine>"], None),
    ],
)
def test_an_invoice_is_delivered_once_the_last_of_its_deliveries_is_and_not_if_one_has_no_day(deliveries, day):
    assert entry_of(ubl(more="".join(deliveries)), "acme").delivered == day


@pytest.mark.parametrize(
    ("supplier", "wanted", "is_read"),
    [
        (OWNER, "vat:FR83404833048", True),
        (OWNER, "fr83404833048", True),
        (OWNER, "FR83404833049", False),
        (OWNER + LEI, "lei:529900T8BM49AURSDO55", True),
        (OWNER + LEI, "lei:5493001KJTIIGC8Y1R12", False),
        (OWNER + named("Acme"), "acme", True),
        (named("Acme"), "FR83404833048", False),
    ],
)
def test_a_document_of_another_supplier_than_the_wanted_one_is_refused(folder, supplier, wanted, is_read):
    (folder / "a.xml").write_bytes(ubl(supplier=supplier))
    found = read_ubl(folder, "acme", WantedSupplier((wanted,)))

    assert len(found.entries) == is_read
    assert [reason.partition(": got")[0] for _, reason in found.refused] == ["AccountingSupplierParty"] * (not is_read)


def test_documents_of_several_suppliers_are_refused_together_unless_one_of_them_is_wanted(folder):
    (folder / "a.xml").write_bytes(ubl())
    (folder / "b.xml").write_bytes(ubl("B-1", supplier=named("Globex")))

    with pytest.raises(ValueError, match=re.escape("got no name (FR83404833048) and Globex (no identifier), want one")):
        read_ubl(folder, "acme")
    assert [one.number for one in read_ubl(folder, "acme", WantedSupplier(("Globex",))).entries] == ["B-1"]


def test_the_decimals_of_every_currency_are_those_of_iso_4217():
    listed = {one.code: one.exponent for one in iso4217.Currency if one.exponent is not None}

    assert {code: digits for code, digits in listed.items() if digits != 2} == DIGITS


def test_the_program_knows_the_same_codes_of_credit_notes_as_the_service():
    assert frozenset(entries.CREDIT_CODES) == CREDIT_CODES
