"""Reads ledger entries of invoices from a table, or from invoices and credit notes of UBL 2.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from collateral_partner.invoices.entries import Entry
from collateral_partner.invoices.entry_files import read_entry_file, read_entry_mapping
from collateral_partner.invoices.suppliers import WantedSupplier
from collateral_partner.invoices.ubl import SUFFIX, read_ubl
from collateral_registry.cli.importing.suppliers import wanted_supplier
from collateral_registry.v1 import invoice_feed_pb2 as pb


@dataclass(frozen=True)
class EntryFileOptions:
    """How a file is read: pool, currency, mapping and time zone of rows that state none.

    ``supplier`` names the one supplier whose documents are read.
    """

    pool: str
    currency: str
    columns: Path | None
    time_zone: str
    supplier: str


@dataclass
class FileEntries:
    """The entries of a file, the place of each in it by its id, and the problems with their places.

    ``suppliers`` are those of documents that were compared with no firm.
    """

    entries: Sequence[Entry]
    place_of: Mapping[str, str]
    problems: list[str] = field(default_factory=list)
    suppliers: list[str] = field(default_factory=list)

    def rejected(self, one: pb.RejectedInvoiceItem) -> str:
        """Returns why the server rejects an entry, with its place."""
        reason = pb.EntryRejectionReason.Name(one.reason).removeprefix("ENTRY_REJECTION_REASON_")
        return f"{self.place_of.get(one.entry_id, 'file')}: entry {one.entry_id}: {reason}: {one.description}"


def is_ubl(path: Path) -> bool:
    """Returns whether a path holds documents of UBL: an XML file, or a folder of them."""
    return path.is_dir() or path.suffix.lower() == SUFFIX


def read_entries(
    channel: grpc.Channel, path: Path, options: EntryFileOptions, pool: str, owner_debtor: str = ""
) -> FileEntries:
    """Returns the entries of a table, an XML file or a folder of XML files.

    Documents count for ``pool``. The identifiers of the owner, as a debtor, decide which documents are its own, unless
    the options name a supplier. Raises ValueError if the file is refused as a whole.
    """
    if not is_ubl(path):
        return _table(path, options)
    return _ubl(path, pool, wanted_supplier(channel, options.supplier, options.pool, owner_debtor))


def _table(path: Path, options: EntryFileOptions) -> FileEntries:
    mapping = read_entry_mapping(options.columns, options.time_zone, pool=options.pool, currency=options.currency)
    rows = read_entry_file(path, mapping)
    places = {entry_id: f"{path.name}:{line}" for entry_id, line in rows.line_of.items()}
    return FileEntries(rows.items, places, [f"{path.name}:{line}: {reason}" for line, reason in rows.refused])


def _ubl(path: Path, pool: str, wanted: WantedSupplier | None) -> FileEntries:
    if not pool:
        raise ValueError("pool: got nothing, want --pool with the id of the pool, which an XML file does not state")
    files = read_ubl(path, pool, wanted)
    problems = [f"{name}: {reason}" for name, reason in files.refused]
    labels = [one.label for one in files.suppliers] if wanted is None else []
    return FileEntries(files.entries, files.file_of, problems, labels)
