"""Feeds of invoice ledgers: the protocol of streams, single calls, lists, and rejected entries."""

import hashlib
import json

import grpc
import pytest

from collateral_registry.v1 import invoice_feed_pb2 as pb, stock_ledger_pb2 as ledger
from tests.support.invoicing import InvoicePush, LedgerClient, invoice_batch, invoice_entry
from tests.support.server import Server, connected, details_of

TOKEN = "a-token-of-a-partner"


def reason_of(call, *args, **named):
    """Returns the reason of the error of a call."""
    with pytest.raises(grpc.RpcError) as error:
        call(*args, **named)
    return details_of(error.value)[0].reason


def resolve(client, name, state, **fields):
    request = pb.ResolveRejectedEntryRequest(name=name, state=state, actor="Ana", note="checked", **fields)
    return LedgerClient(client).stub.ResolveRejectedEntry(request)


def test_batches_are_acknowledged_once_in_order_and_a_gap_is_rewound(client):
    push = InvoicePush(client)
    assert push.hear().opened.last_sequence == 0
    push.send(*(invoice_batch(number, (f"A-{number}", 100)) for number in (2, 3, 1, 2, 1)))
    answers = [push.hear() for _ in range(4)]

    assert answers[0].rewind.expected_sequence == 1
    assert [(one.acknowledged.sequence, one.acknowledged.repeated_batch) for one in answers[1:]] == [
        (1, False),
        (2, False),
        (1, True),
    ]
    assert push.close() == []
    assert InvoicePush(client).hear().opened.last_sequence == 2
    assert [one.entry.invoice_number for one in LedgerClient(client).entries()] == ["A-2", "A-1"]


def test_a_durable_sequence_with_other_content_ends_the_stream(client):
    push = InvoicePush(client)
    push.send(invoice_batch(1, ("A", 100)), invoice_batch(1, ("A", 99)))
    assert [push.hear().WhichOneof("message") for _ in range(2)] == ["opened", "acknowledged"]

    with pytest.raises(grpc.RpcError) as error:
        push.hear()
    detail = details_of(error.value)[0]
    assert detail.reason == "SEQUENCE_REUSED"
    assert "invoiceFeeds/erp" in error.value.details()


def test_a_new_stream_ends_the_older_one_of_its_feed(client):
    older = InvoicePush(client)
    older.hear()
    newer = InvoicePush(client)
    newer.hear()

    with pytest.raises(grpc.RpcError) as error:
        older.hear()
    assert details_of(error.value)[0].reason == "STREAM_SUPERSEDED"
    assert dict(details_of(error.value)[0].metadata) == {"invoice_feed": "invoiceFeeds/erp"}


def test_a_call_is_booked_once_for_its_request_id_and_a_validation_books_nothing(client):
    calls, entries = LedgerClient(client), [invoice_entry("i-1", "INVOICE", 900, "A")]

    assert calls.record(*entries, validate_only=True).booked_count == 1
    assert calls.entries() == []
    first = calls.record(*entries, request_id="r-1")
    assert calls.record(*entries, request_id="r-1") == first
    assert reason_of(calls.record, invoice_entry("i-2", "INVOICE", 1, "B"), request_id="r-1") == "REQUEST_ID_REUSED"
    assert calls.record(*entries).known_count == 1
    feed = calls.stub.GetInvoiceFeed(pb.GetInvoiceFeedRequest(name="invoiceFeeds/erp"))
    assert (feed.call_count, feed.last_sequence) == (2, 0)


def test_entries_are_listed_as_reported_with_what_they_changed(client):
    calls = LedgerClient(client)
    stated = invoice_entry(
        "i-1", "INVOICE", 900, "A", type_code=380, issue_date={"year": 2021, "month": 12, "day": 1}, certificate=True
    )
    calls.record(stated, invoice_entry("p-1", "PAYMENT", 300, "A", document="T-7"))
    calls.record(invoice_entry("x-1", "CORRECTION", 250, corrects="p-1"))
    correction, payment, invoice = calls.entries()

    assert invoice.entry == invoice_entry(
        "i-1",
        "INVOICE",
        900,
        "A",
        type_code=380,
        issue_date={"year": 2021, "month": 12, "day": 1},
        certificate=True,
        source="INVOICE_ENTRY_SOURCE_LEDGER",
    )
    assert [one.number for one in (invoice, payment, correction)] == [1, 2, 3]
    assert (payment.change.units, correction.change.units) == (300, -50)
    assert (correction.entry.pool, correction.entry.invoice_number) == ("assets/acme", "A")
    assert calls.entries('debtor = "debtors/delta" AND amount >= "300.00 USD" AND document = "T-7"') == [payment]


def test_a_payment_in_the_account_is_listed_with_the_same_payment_of_the_ledger(client):
    calls = LedgerClient(client)
    calls.record(invoice_entry("i-1", "INVOICE", 900, "A"))
    calls.record(invoice_entry("a-1", "PAYMENT", 300, "A", source="INVOICE_ENTRY_SOURCE_ACCOUNT"), feed="bank")
    calls.record(invoice_entry("p-1", "PAYMENT", 300, "A"))
    of_ledger, of_account, _ = calls.entries()

    assert (of_account.change.units, of_account.same_payment_number) == (300, 0)
    assert (of_ledger.change.units, of_ledger.same_payment_number) == (0, of_account.number)


def test_a_rejected_entry_is_booked_as_corrected_or_dismissed_and_stays_settled(client):
    calls = LedgerClient(client)
    taken = calls.record(invoice_entry("p-1", "PAYMENT", 300, "B"), invoice_entry("i-1", "INVOICE", 900, "A"))
    assert [(one.row, one.entry_id, one.reason) for one in taken.rejected_items] == [
        (0, "p-1", pb.ENTRY_REJECTION_REASON_UNKNOWN_INVOICE)
    ]
    (open_one,) = calls.rejected("state = OPEN AND reason = UNKNOWN_INVOICE")
    assert open_one.entry.amount.units == 300

    assert reason_of(resolve, client, open_one.name, ledger.REJECTION_STATE_BOOKED) == "ENTRY_REJECTED"
    right = invoice_entry("p-1", "PAYMENT", 300, "A")
    booked = resolve(client, open_one.name, ledger.REJECTION_STATE_BOOKED, entry=right)
    assert (booked.state, booked.resolver) == (ledger.REJECTION_STATE_BOOKED, "Ana")
    assert resolve(client, open_one.name, ledger.REJECTION_STATE_BOOKED, entry=right) == booked
    assert reason_of(resolve, client, open_one.name, ledger.REJECTION_STATE_DISMISSED) == "REJECTION_SETTLED"
    assert [one.entry.entry_id for one in calls.entries()] == ["p-1", "i-1"]


def test_a_rejected_entry_is_resolved_under_its_own_id_and_by_an_entry_that_is_not_booked(client):
    calls, booked = LedgerClient(client), ledger.REJECTION_STATE_BOOKED
    calls.record(invoice_entry("d-9", "DEBIT_NOTE", 20, "A"), invoice_entry("i-1", "INVOICE", 100, "A"))
    (open_one,) = calls.rejected()

    with pytest.raises(grpc.RpcError) as error:
        resolve(client, open_one.name, booked, entry=invoice_entry("d-9-fixed", "DEBIT_NOTE", 20, "A"))
    assert "entry.entry_id: got 'd-9-fixed', want 'd-9', the id of the rejected item" in error.value.details()
    resolve(client, open_one.name, booked, entry=invoice_entry("d-9", "DEBIT_NOTE", 20, "A"))
    assert calls.record(invoice_entry("d-9", "DEBIT_NOTE", 20, "A")).known_count == 1

    calls.record(invoice_entry("i-1", "DEBIT_NOTE", 7, "A"))
    (reused,) = calls.rejected("state = OPEN")
    known = invoice_entry("i-1", "INVOICE", 100, "A")
    assert reason_of(resolve, client, reused.name, booked, entry=known) == "ENTRY_REJECTED"
    resolve(client, reused.name, booked, entry=invoice_entry("d-10", "DEBIT_NOTE", 7, "A"))
    assert [one.entry.entry_id for one in calls.entries()] == ["d-10", "d-9", "i-1"]


def test_a_correction_in_a_stream_without_amounts_is_rejected_and_corrects_nothing(client):
    calls, push = LedgerClient(client), InvoicePush(client)
    calls.record(invoice_entry("i-1", "INVOICE", 100, "A"), invoice_entry("p-1", "PAYMENT", 90, "A"))
    push.hear()
    correction = {"entry_ids": ["x-1"], "kinds": [pb.INVOICE_ENTRY_KIND_CORRECTION], "corrects": ["p-1"]}
    push.send(pb.InvoiceBatch(sequence=1, **correction, documents=["R-2"], currency_codes=["USD"]))
    push.send(pb.InvoiceBatch(sequence=2, **correction | {"entry_ids": ["x-2"]}, amounts_minor=[0]))
    without, cancelled = push.hear().acknowledged, push.hear().acknowledged

    assert [one.reason for one in without.rejected_items] == [pb.ENTRY_REJECTION_REASON_INVALID_FIELD]
    assert without.rejected_items[0].description.startswith("amount: got nothing, want ")
    assert not calls.rejected()[0].entry.HasField("amount")
    assert (cancelled.booked_count, calls.entries()[0].change.units) == (1, -90)


@pytest.mark.parametrize("column", ["issue_days", "due_days", "delivery_days"])
def test_a_day_after_the_year_9999_is_rejected_and_listed_without_it(client, column):
    calls, push = LedgerClient(client), InvoicePush(client)
    push.hear()
    batch = invoice_batch(1, ("A", 100))
    getattr(batch, column).append(2_932_897)
    push.send(batch)

    assert push.hear().acknowledged.rejected_items[0].reason == pb.ENTRY_REJECTION_REASON_INVALID_FIELD
    (kept,) = calls.rejected()
    assert kept.description.startswith(f"{column.removesuffix('_days')}_date: got 10000-01-01, want ")
    assert resolve(client, kept.name, ledger.REJECTION_STATE_DISMISSED).state == ledger.REJECTION_STATE_DISMISSED


def test_fields_that_cannot_be_read_are_named_from_the_root_of_the_request(client):
    calls = LedgerClient(client)

    def message_of(entry):
        with pytest.raises(grpc.RpcError) as error:
            calls.record(entry)
        return error.value.details()

    assert message_of(invoice_entry("x", "CORRECTION", 1, corrects="p", amount=None)).startswith(
        "entries[0].amount: got nothing, want the correct amount"
    )
    assert message_of(invoice_entry("i", "INVOICE", 0, "A", amount={"currency_code": "USD", "nanos": 1})).startswith(
        "entries[0].amount"
    )


@pytest.mark.slow
def test_a_partner_reports_its_own_pools_and_record_only(tmp_path, sqlite_url):
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    path = tmp_path / "partners.json"
    path.write_text(json.dumps({"erp": {"token_sha256": digest, "pools": ["acme"]}}))
    server = Server(sqlite_url, environment={"COLLATERAL_PARTNERS_FILE": str(path)}).start()
    bearer = [("authorization", f"Bearer {TOKEN}")]
    with connected(server) as guarded:
        stub = LedgerClient(guarded).stub
        request = pb.RecordInvoiceEntriesRequest(
            invoice_feed="invoiceFeeds/erp",
            entries=[
                invoice_entry("i-1", "INVOICE", 5, "A"),
                invoice_entry("i-2", "INVOICE", 5, "A", pool="assets/other"),
                invoice_entry("a-1", "PAYMENT", 5, "A", source="INVOICE_ENTRY_SOURCE_ACCOUNT"),
            ],
        )
        taken = stub.RecordInvoiceEntries(request, metadata=bearer)
        without = reason_of(stub.RecordInvoiceEntries, request)
        request.invoice_feed = "invoiceFeeds/bank"
        other = reason_of(stub.RecordInvoiceEntries, request, metadata=bearer)
    server.stop()

    assert taken.booked_count == 1
    assert [one.reason for one in taken.rejected_items] == [
        pb.ENTRY_REJECTION_REASON_FOREIGN_POOL,
        pb.ENTRY_REJECTION_REASON_FOREIGN_SOURCE,
    ]
    assert (without, other) == ("UNAUTHENTICATED", "NOT_PERMITTED")
