"""Reads ledger entries of invoices from a table, or from invoices and credit notes of UBL 2.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collateral_partner.invoices.entries import Entry
from collateral_partner.invoices.entry_files import read_entry_file, read_entry_mapping
from collateral_partner.invoices.ubl import SUFFIX, read_ubl
from collateral_registry.v1 import invoice_feed_pb2 as pb


@dataclass(frozen=True)
class EntryFileOptions:
    """How a file is read: pool, currency, mapping and time zone of rows that state none."""

    pool: str
    currency: str
    columns: Path | None
    time_zone: str


@dataclass
class FileEntries:
    """The entries of a file, the place of each in it by its id, and the problems with their places."""

    entries: Sequence[Entry]
    place_of: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def rejected(self, one: pb.RejectedInvoiceItem) -> str:
        """Returns why the server rejects an entry, with its place."""
        reason = pb.EntryRejectionReason.Name(one.reason).removeprefix("ENTRY_REJECTION_REASON_")
        return f"{self.place_of.get(one.entry_id, 'file')}: entry {one.entry_id}: {reason}: {one.description}"


def read_entries(path: Path, options: EntryFileOptions) -> FileEntries:
    """Returns the entries of a table, an XML file or a folder of XML files.

    Raises ValueError if the file is refused as a whole.
    """
    return _ubl(path, options) if path.is_dir() or path.suffix.lower() == SUFFIX else _table(path, options)


def _table(path: Path, options: EntryFileOptions) -> FileEntries:
    mapping = read_entry_mapping(options.columns, options.time_zone, pool=options.pool, currency=options.currency)
    rows = read_entry_file(path, mapping)
    places = {entry_id: f"{path.name}:{line}" for entry_id, line in rows.line_of.items()}
    return FileEntries(rows.items, places, [f"{path.name}:{line}: {reason}" for line, reason in rows.refused])


def _ubl(path: Path, options: EntryFileOptions) -> FileEntries:
    if not options.pool:
        raise ValueError("pool: got nothing, want --pool with the id of the pool, which an XML file does not state")
    files = read_ubl(path, options.pool)
    return FileEntries(files.entries, files.file_of, [f"{name}: {reason}" for name, reason in files.refused])
