"""Conversion of ledger entries to columns and back. Batches are converted by column, which is faster than by item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collateral_registry.domain.feeds.items import NOT_STATED
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource, InvoiceFlag
from collateral_registry.domain.receivables.ledgers.entries import LAST_DAY, Entries, is_currency
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.shared.names import id_of, is_id
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.rpc.feeds.columns import BATCH_ITEMS_LIMIT, TIME_LIMIT_US, kept_texts, stated_numbers
from collateral_registry.store.feeds.rejections import printable
from collateral_registry.v1 import invoice_feed_pb2 as pb
from valuation.errors import InvalidInput

POOLS, DEBTORS = "assets/", "debtors/"

FLAGS = {"certificate": InvoiceFlag.CERTIFICATE, "bill": InvoiceFlag.BILL, "other_payee": InvoiceFlag.OTHER_PAYEE}
"""The flag of each field that states a fact of an invoice."""

DAY_FIELDS = {"issue_day": "issue_date", "due_day": "due_date", "delivery_day": "delivery_date"}
"""The field of a date in the message, by its column."""


def read_batch(message: pb.InvoiceBatch) -> Entries:
    """Returns the entries of a batch; raises as ``read_columns`` does."""
    return read_columns("batch", message, BATCH_ITEMS_LIMIT)


def read_columns(field: str, message: pb.InvoiceBatch, limit: int) -> Entries:
    """Returns the entries in a field. Absent columns are filled with empty values.

    Raises InvalidInput for no items, for more items than the limit, and for columns of different lengths.
    """
    check_count(f"{field}.entry_ids", message.entry_ids, limit)
    count = len(message.entry_ids)

    def texts(column: Sequence[str], prefix: str = "") -> list[str]:
        return _without(prefix, column) or [""] * count

    def numbers(column: Sequence[Any]) -> list[int]:
        return list(column) or [0] * count

    def days(column: Sequence[int]) -> list[int]:
        return [day if day > 0 else NO_DAY for day in column] or [NO_DAY] * count

    kinds = numbers(message.kinds)
    try:
        return Entries(
            entry_id=kept_texts(message.entry_ids),
            kind=kinds,
            effective_us=numbers(message.effective_times_us),
            pool=texts(message.pools, POOLS),
            debtor=texts(message.debtors, DEBTORS),
            invoice_number=texts(message.invoice_numbers),
            type_code=numbers(message.type_codes),
            amount_minor=stated_numbers(message.amounts_minor, kinds, EntryKind.CORRECTION),
            currency=texts(message.currency_codes),
            issue_day=days(message.issue_days),
            due_day=days(message.due_days),
            delivery_day=days(message.delivery_days),
            flags=numbers(message.flags),
            to_pool=texts(message.to_pools, POOLS),
            corrects=texts(message.corrects),
            document=texts(message.documents),
            source=[source or int(EntrySource.LEDGER) for source in numbers(message.sources)],
        )
    except InvalidInput as error:
        raise error.named(lambda name: f"{field}.{name.removeprefix('batch.')}") from None


def read_entries(field: str, messages: Sequence[pb.InvoiceEntry]) -> Entries:
    """Returns the entries in messages of one item each; raises InvalidInput with the index of an invalid item."""
    check_count(field, messages, BATCH_ITEMS_LIMIT)
    amounts = [_amount(f"{field}[{row}].amount", one) for row, one in enumerate(messages)]
    days = {
        column: [day_of(convert.read_date(f"{field}[{row}].{name}", one, name)) for row, one in enumerate(messages)]
        for column, name in DAY_FIELDS.items()
    }
    return Entries(
        entry_id=kept_texts([one.entry_id for one in messages]),
        kind=[one.kind for one in messages],
        effective_us=[
            convert.read_time(f"{field}[{row}].effective_time", one, "effective_time") or 0
            for row, one in enumerate(messages)
        ],
        pool=[_pool(f"{field}[{row}].pool", one.pool) for row, one in enumerate(messages)],
        debtor=_without(DEBTORS, [one.debtor for one in messages]),
        invoice_number=kept_texts([one.invoice_number for one in messages]),
        type_code=[one.type_code for one in messages],
        amount_minor=[minor for minor, _ in amounts],
        currency=[currency for _, currency in amounts],
        flags=[sum(int(flag) for name, flag in FLAGS.items() if getattr(one, name)) for one in messages],
        to_pool=[_pool(f"{field}[{row}].to_pool", one.to_pool) for row, one in enumerate(messages)],
        corrects=kept_texts([one.corrects for one in messages]),
        document=kept_texts([one.document for one in messages]),
        source=[one.source or int(EntrySource.LEDGER) for one in messages],
        **days,
    )


def entry_message(entries: Entries) -> pb.InvoiceEntry:
    """Returns the only entry in the columns as a message, without the values that it cannot represent."""
    item: dict[str, Any] = entries.item(0)
    flags = item["flags"]
    message = pb.InvoiceEntry(
        entry_id=printable(item["entry_id"]),
        kind=item["kind"] if item["kind"] in pb.InvoiceEntryKind.values() else pb.INVOICE_ENTRY_KIND_UNSPECIFIED,
        pool=_name(POOLS, item["pool"]),
        debtor=debtor_name(item["debtor"]),
        to_pool=_name(POOLS, item["to_pool"]),
        type_code=item["type_code"],
        source=item["source"] if item["source"] in pb.InvoiceEntrySource.values() else 0,
        **{name: printable(item[name]) for name in ("invoice_number", "corrects", "document")},
        **{name: bool(flags & flag) for name, flag in FLAGS.items()},
    )
    for column, name in DAY_FIELDS.items():
        if NO_DAY < item[column] <= LAST_DAY:
            getattr(message, name).CopyFrom(convert.day(item[column]))
    if is_currency(item["currency"]) and item["amount_minor"] != NOT_STATED:
        message.amount.CopyFrom(convert.money(item["amount_minor"], item["currency"]))
    if 0 < item["effective_us"] <= TIME_LIMIT_US:
        message.effective_time.FromMicroseconds(item["effective_us"])
    return message


def debtor_name(stated: str) -> str:
    """Returns a debtor as the contract names it: an id as a resource name, an identifier as it is."""
    return _name(DEBTORS, stated) if is_id(stated) else printable(stated)


def _name(prefix: str, stated: str) -> str:
    return f"{prefix}{printable(stated)}" if stated else ""


def _without(prefix: str, column: Sequence[str]) -> list[str]:
    return [text.removeprefix(prefix) for text in kept_texts(column)]


def _pool(field: str, name: str) -> str:
    """Returns the id of a pool; empty if none is stated."""
    return id_of(field, name, "assets")[0] if name else ""


def _amount(field: str, message: pb.InvoiceEntry) -> tuple[int, str]:
    """Returns an amount in minor units and its currency; raises InvalidInput also for a correction without one."""
    if message.HasField("amount"):
        amount = convert.read_money(field, message.amount)
        return amount.minor, amount.currency
    if message.kind == pb.INVOICE_ENTRY_KIND_CORRECTION:
        raise InvalidInput(field, "nothing", "the correct amount; 0 cancels the entry")
    return 0, ""
