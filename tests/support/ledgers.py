"""Entries of invoice ledgers for tests, a feed that books them, and a plain model of a ledger."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime

from collateral_registry.commands.feeds.intake import CALL, Batch
from collateral_registry.commands.receivables.entry_intake import book_entries
from collateral_registry.domain.feeds.items import item_of, joined
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource, InvoiceFlag
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.store.engine.database import Database
from collateral_registry.store.receivables.ledger import ledger_at, ledgers_of, pool_keys_of

MOMENT = datetime(2022, 3, 1, 12, tzinfo=UTC)
MOMENT_US = int(MOMENT.timestamp()) * 1_000_000
DAY_US = 86_400_000_000
TODAY = day_of(date(2022, 3, 1))
SUMS = {
    EntryKind.PAYMENT: "paid",
    EntryKind.CREDIT_NOTE: "credited",
    EntryKind.WRITE_OFF: "written_off",
    EntryKind.DEBIT_NOTE: "debited",
    EntryKind.INVOICE: "face",
}
NUMBERS = ("A", "B", "C")
STEP_KINDS = (
    *("INVOICE", "INVOICE", "PAYMENT", "PAYMENT", "ACCOUNT", "ACCOUNT", "CREDIT_NOTE", "DEBIT_NOTE", "WRITE_OFF"),
    *("UNAPPLIED", "CORRECTION", "CORRECTION"),
)
"""Kinds of random entries, by frequency."""


def entry(entry_id: str, kind: str, amount_minor: int = 0, number: str = "", **fields: object) -> dict[str, object]:
    """Returns an entry of the pool acme about the debtor delta, in USD, of noon today unless ``day`` is given."""
    day = fields.pop("day", TODAY)
    empty = {
        "entry_id": entry_id, "kind": int(EntryKind[kind]), "effective_us": day * DAY_US + DAY_US // 2, "pool": "acme",
        "debtor": "delta", "invoice_number": number, "type_code": 0, "amount_minor": amount_minor,
        "currency": "USD" if amount_minor else "", "issue_day": NO_DAY, "due_day": NO_DAY, "delivery_day": NO_DAY,
        "flags": 0, "to_pool": "", "corrects": "", "document": "", "source": int(EntrySource.LEDGER),
    }  # fmt: skip
    if kind == "CORRECTION":
        empty |= {"pool": "", "debtor": "", "effective_us": 0}
    return empty | fields


def from_account(entry_id: str, amount_minor: int, number: str = "", **fields: object) -> dict[str, object]:
    """Returns a payment that the collection account reports."""
    return entry(entry_id, "PAYMENT", amount_minor, number, source=int(EntrySource.ACCOUNT), **fields)


def entries_of(items: list[dict[str, object]]) -> Entries:
    """Returns entries as a batch."""
    return joined([item_of(Entries, item) for item in items])


class LedgerFeed:
    """A feed of entries that are booked on a database in single calls."""

    def __init__(self, database: Database, feed: str = "erp") -> None:
        self.database, self.feed = database, feed

    def report(self, *items: dict[str, object]) -> list[str]:
        """Books entries and returns the reasons of the rejected ones."""
        (outcome,) = book_entries(self.database, [Batch(self.feed, CALL, CALL, "", entries_of(list(items)))])
        return [f"{one.item_id}: {one.description}" for one in outcome.rejected]

    def ledger(self, pool: str = "acme"):
        """Returns the present ledger of a pool, after comparing it with a replay of its entries."""
        with self.database.read() as connection:
            (key,) = pool_keys_of(connection, [pool]).values()
            present = ledgers_of(connection, [key])[key]
            replayed = ledger_at(connection, key, present.entry_number)
        assert as_dict(present) == as_dict(replayed)
        return present

    def ledger_as_of(self, number: int, pool: str = "acme"):
        """Returns the ledger of a pool as of one of its entries."""
        with self.database.read() as connection:
            (key,) = pool_keys_of(connection, [pool]).values()
            return ledger_at(connection, key, number)


def as_dict(ledger) -> dict[str, object]:
    """Returns a ledger with lists in place of arrays."""
    values = vars(ledger)
    return {name: one.tolist() if hasattr(one, "tolist") else one for name, one in values.items()}


def flags_of(ledger, number: str) -> InvoiceFlag:
    """Returns the flags of an invoice."""
    return InvoiceFlag(int(ledger.flags[ledger.invoice_number.tolist().index(number)]))


def open_amounts(ledger) -> dict[str, int]:
    """Returns the open amount of each invoice by number."""
    return dict(zip(ledger.invoice_number.tolist(), ledger.open_minor.tolist(), strict=True))


def unapplied(ledger) -> dict[str, int]:
    """Returns the unapplied amount of each debtor that has one."""
    pairs = zip(ledger.balance_debtor.tolist(), ledger.unapplied_minor.tolist(), strict=True)
    return {debtor: amount for debtor, amount in pairs if amount}


def items_of(drawn):
    """Returns the entries of drawn steps."""
    items = []
    for at, (kind, number, amount, back, named) in enumerate(drawn):
        name = f"e-{at}"
        if kind == "ACCOUNT":
            item = from_account(name, 100 * amount, number if named else "")
        elif kind == "CORRECTION":
            corrected = items[-1 - back % len(items)] if items else {"entry_id": "none", "source": 1}
            if corrected.get("corrects"):
                continue
            item = entry(
                name, kind, 100 * (amount - 1), corrects=corrected["entry_id"], source=corrected["source"],
                currency="USD" if amount > 1 else "",
            )  # fmt: skip
        else:
            item = entry(name, kind, 100 * amount, "" if kind == "UNAPPLIED" else number)
        items.append(item)
    return items


class PlainLedger:
    """A plain model: the accepted entries with their present amounts, from which everything is computed again.

    It has no moves. A payment is a group of the entries of one or both records, on an invoice or unapplied.
    """

    def __init__(self):
        self.amounts, self.groups = {}, []

    def take(self, item):
        """Adds an entry; returns whether it can be booked."""
        kind, name = EntryKind(item["kind"]), item["entry_id"]
        if kind == EntryKind.CORRECTION:
            if item["corrects"] not in self.amounts or self.amounts[item["corrects"]]["source"] != item["source"]:
                return False
            self.amounts[item["corrects"]]["amount"] = item["amount_minor"]
            self.amounts[item["corrects"]]["corrected"] = True
            if not item["amount_minor"]:
                self._end_match(self.amounts[item["corrects"]])
            return True
        number = item["invoice_number"]
        exists = any(one["kind"] == EntryKind.INVOICE and one["number"] == number for one in self.amounts.values())
        of_account = item["source"] == EntrySource.ACCOUNT
        if kind == EntryKind.INVOICE and exists:
            return False
        if kind not in {EntryKind.INVOICE, EntryKind.UNAPPLIED} and not exists and not of_account:
            return False
        self.amounts[name] = found = {
            "kind": kind, "number": number, "amount": item["amount_minor"], "source": item["source"],
            "corrected": False, "stated": item["amount_minor"], "on": number if exists else "", "at": len(self.amounts),
        }  # fmt: skip
        if kind in {EntryKind.PAYMENT, EntryKind.UNAPPLIED}:
            self._pay(found)
        return True

    def _pay(self, found):
        free = [
            group
            for group in self.groups
            if len(group) == 1
            and group[0]["source"] != found["source"]
            and not group[0]["corrected"]
            and group[0]["stated"] == found["stated"]
            and (not group[0]["number"] or not found["number"] or group[0]["number"] == found["number"])
        ]
        if not free:
            self.groups.append([found])
            return
        group = min(free, key=lambda group: (group[0]["number"] != found["number"], group[0]["at"]))
        before = group[0]
        of_ledger = found if found["source"] == EntrySource.LEDGER else before
        if of_ledger["kind"] == EntryKind.PAYMENT:
            before["on"] = of_ledger["number"]
        elif of_ledger is before:
            before["on"] = ""
        group.append(found)

    def _end_match(self, found):
        for group in [group for group in self.groups if len(group) == 2 and any(one is found for one in group)]:
            self.groups.remove(group)
            self.groups += [[one] for one in group]
            for one in group:
                one["on"] = group[0]["on"]

    def open_amounts(self):
        """Returns the open amount of each invoice, and the unapplied amount of the debtor."""
        sums = {one["number"]: defaultdict(int) for one in self.amounts.values() if one["kind"] == EntryKind.INVOICE}
        for one in self.amounts.values():
            if one["kind"] in SUMS and one["kind"] != EntryKind.PAYMENT:
                sums[one["number"]][SUMS[one["kind"]]] += one["amount"]
        unapplied = 0
        for group in self.groups:
            amount = max(one["amount"] for one in group)
            if group[0]["on"]:
                sums[group[0]["on"]]["paid"] += amount
            else:
                unapplied += amount
        found = {}
        for number, one in sums.items():
            rest = one["face"] + one["debited"] - one["paid"] - one["credited"] - one["written_off"]
            found[number] = max(0, rest)
            unapplied += max(0, -rest)
        return found, unapplied
