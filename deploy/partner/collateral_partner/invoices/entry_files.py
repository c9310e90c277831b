"""Reads entries of invoice ledgers from tables: a ledger, or a plain list of open invoices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

from collateral_partner.feed_mapping import STANDARD, FeedMapping, MappedColumns, read_mapping
from collateral_partner.feeds.item_rows import SHOWN_LETTERS, ItemRows, repeated_row, times_of
from collateral_partner.invoices.entries import BILL, CERTIFICATE, KINDS, NO_AMOUNT, OTHER_PAYEE, Entry
from collateral_partner.tables.reader import read_file
from collateral_partner.tables.schema import CellKind, Schema

TEXT = CellKind.TEXT
DAYS = ("issued", "due", "delivered")
FLAGS = {"certificate": CERTIFICATE, "bill": BILL, "other_payee": OTHER_PAYEE}
"""Facts of an invoice by their columns."""

TEXTS = (
    "entry", "kind", "time", "pool", "number", "currency", "type", "to_pool", "corrects", "document", "source", *FLAGS,
)  # fmt: skip
ENTRIES = Schema(
    {"debtor": TEXT, "amount": CellKind.NUMBER},
    {**dict.fromkeys(TEXTS, TEXT), **dict.fromkeys(DAYS, CellKind.DATE)},
)
ENTRY_COLUMNS = MappedColumns(
    columns=("debtor", "amount", *TEXTS, *DAYS),
    single="amount",
    fixed=("kind", "pool", "debtor", "currency", "type", "source", *FLAGS),
    values=("kind", "pool", "debtor", "currency", "type", "to_pool", "source", *FLAGS),
    kinds=KINDS,
)
"""What a mapping of a file of entries may name."""

OPEN_INVOICE = "INVOICE"
"""Kind of a row that states none, in a list of open invoices."""

YES_OR_NO = {"": False, "no": False, "false": False, "yes": True, "true": True}
"""Whether a cell states a fact, by its text in small letters."""

STATES_ZERO = frozenset({"CONTRA", "CORRECTION"})
"""Kinds that state an amount of a currency also if it is 0: nothing is owed any more, or the entry is cancelled."""

WITHOUT_TIME = "CORRECTION"
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
FIELDS = {"entry_id": "entry", "type_code": "type"}
"""Columns of the fields of an entry that have another name."""


def read_entry_mapping(path: Path | None, time_zone: str, **fixed: str) -> FeedMapping:
    """Returns the mapping of a file, or that of standard files, in a time zone and with columns of one value.

    A fixed value that is empty adds nothing. Raises ValueError for an invalid file, zone or value.
    """
    try:
        mapping = (read_mapping(path, ENTRY_COLUMNS) if path else STANDARD).in_zone(time_zone)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}" if path else str(error)) from None
    return replace(mapping, fixed={**mapping.fixed, **{name: value for name, value in fixed.items() if value}})


def read_entry_file(path: Path, mapping: FeedMapping = STANDARD) -> ItemRows[Entry]:
    """Reads the entries of a table; raises ValueError if the file as a whole is invalid.

    A row without a kind is an open invoice. Without an id of its own an entry has one of its kind, pool, debtor and
    number, and without a time an invoice is effective on the day of its issue. A day is that day in UTC, by whose days
    the server counts entries, whatever the zone of local times. A row that repeats an earlier one is
    refused. Two rows with one id and different content make the file invalid.
    """
    table = read_file(path, mapping.schema(ENTRIES), mapping.notation)
    rows: ItemRows[Entry] = ItemRows(refused=[(one.line, one.reason) for one in table.refused])
    cells = mapping.cells(table, ENTRIES)
    times = times_of(table, cells.get("time", [""] * len(table.lines)), mapping, UTC)
    first: dict[str, Entry] = {}
    for at, line in enumerate(table.lines):
        if at in times.wrong:
            rows.refused.append((line, f"{mapping.label('time')}: {times.wrong[at]}"))
            continue
        try:
            entry = _entry({name: column[at] for name, column in cells.items()}, times.instants[at], mapping)
        except ValueError as error:
            rows.refused.append((line, str(error)))
            continue
        earlier = first.setdefault(entry.entry_id, entry)
        if earlier is entry:
            rows.take(entry, line)
        else:
            place = f"{table.name}:{line}: {mapping.label('entry')}"
            want = ("an id of its own for each entry; columns.entry can join several headers", "entry")
            rows.refused.append((line, repeated_row(place, entry, earlier, rows, want)))
    rows.refused.sort(key=lambda one: one[0])
    return rows


def _entry(cells: Mapping[str, str], happened: datetime | None, mapping: FeedMapping) -> Entry:
    """Converts a row to an entry; raises ValueError naming the column."""
    row = {name: mapping.value(name, cell) for name, cell in cells.items()}
    kind = row.get("kind", "").upper() or OPEN_INVOICE
    if not row["amount"] and kind not in NO_AMOUNT:
        want = "an amount; 0 in a correction cancels the entry, 0 of a dispute means the whole invoice"
        raise ValueError(f"{mapping.label('amount')}: got nothing, want {want}")
    days = {name: date.fromisoformat(row[name]) if row.get(name) else None for name in DAYS}
    if happened is None and kind == OPEN_INVOICE and days["issued"] is not None:
        happened = datetime.combine(days["issued"], time(), UTC)
    if happened is None and kind != WITHOUT_TIME:
        raise ValueError(f"{mapping.label('time')}: got nothing, want a time, or the day of issue of an invoice")
    amount = Decimal(row["amount"] or "0")
    try:
        return Entry(
            entry_id=row.get("entry", "") or _id_of(kind, row, mapping),
            kind=kind,
            happened=happened,
            pool=row.get("pool", "").removeprefix("assets/"),
            debtor=debtor_of(row["debtor"]),
            number=row.get("number", ""),
            amount=amount,
            currency=row.get("currency", "").upper() if amount or kind in STATES_ZERO else "",
            type_code=_type_code(row.get("type", "")),
            to_pool=row.get("to_pool", "").removeprefix("assets/"),
            source=row.get("source", "").upper() or "LEDGER",
            corrects=row.get("corrects", ""),
            document=row.get("document", ""),
            issued=days["issued"],
            due=days["due"],
            delivered=days["delivered"],
            flags=_flags(kind, row),
        )
    except ValueError as error:
        name, _, rest = str(error).partition(": ")
        raise ValueError(f"{mapping.label(FIELDS.get(name, name))}: {rest}") from None


def debtor_of(text: str) -> str:
    """Returns a debtor as the contract names it; an id in upper case letters is the same id."""
    plain = text.strip().removeprefix("debtors/")
    return f"debtors/{plain.lower()}" if ID.fullmatch(plain.lower()) else plain


def _id_of(kind: str, row: Mapping[str, str], mapping: FeedMapping) -> str:
    """Returns the id of an open invoice without one of its own; raises ValueError for other kinds."""
    if kind != OPEN_INVOICE or not row.get("number"):
        label = mapping.label("entry")
        raise ValueError(f"{label}: got nothing, want the id of the entry; only an invoice with a number may lack it")
    return f"open {row.get('pool', '')} {row['debtor']} {row['number']}"


def _type_code(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) <= len("9999")):
        raise ValueError(f"type_code: got {text[:SHOWN_LETTERS]!r}, want a code of UNTDID 1001 such as 380")
    return int(text or "0")


def _flags(kind: str, row: Mapping[str, str]) -> int:
    """Returns the facts that a row states; raises ValueError for another text than yes or no, and for other kinds."""
    flags = 0
    for name, flag in FLAGS.items():
        text = row.get(name, "")
        is_true = YES_OR_NO.get(text.lower())
        if is_true is None:
            raise ValueError(f"{name}: got {text[:SHOWN_LETTERS]!r}, want yes or no")
        if is_true and kind != OPEN_INVOICE:
            raise ValueError(f"{name}: got {text[:SHOWN_LETTERS]!r} in a {kind}, want it in an INVOICE only")
        flags |= flag * is_true
    return flags
