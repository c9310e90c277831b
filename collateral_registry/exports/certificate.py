"""A certificate of a borrowing base as a PDF that a committee reads and signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from collateral_registry.exports.report import Chart
from collateral_registry.exports.typesetting import REGIONS, dated_values, is_printable, printable, typeset


@dataclass(frozen=True)
class FigureRow:
    """A row of a table: its label with a note below it, and its cells as they are printed.

    One without cells is the heading of the rows below it; a ``strong`` one sums up those above it.
    """

    label: str
    cells: tuple[str, ...] = ()
    note: str = ""
    strong: bool = False


@dataclass(frozen=True)
class FigureTable:
    """A table with a heading, the titles of its columns, of which the first is that of the labels, and a note."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[FigureRow, ...]
    note: str = ""


@dataclass(frozen=True)
class Signature:
    """A place to sign: for whom, and who has acted as the book records it."""

    role: str
    recorded: str


@dataclass(frozen=True)
class CertificateDocument:
    """What a certificate prints, in the language of its reader.

    ``dated`` is the day that the file states as that of its creation, and ``facts`` and ``sources`` are pairs of a
    label and a value.
    """

    language: str
    product: str
    title: str
    subtitle: str
    dated: date
    facts: tuple[tuple[str, str], ...]
    columns: FigureTable
    walk: FigureTable | None
    chart: Chart | None
    reserves: FigureTable | None
    signatures: tuple[Signature, ...]
    signing: tuple[str, ...]
    """Titles of the block of signatures, and of its lines for a signature, a name and a day."""
    sources: tuple[tuple[str, str], ...]
    sources_title: str
    page: str
    footer: str
    missing: str

    @property
    def _tables(self) -> tuple[FigureTable, ...]:
        return tuple(table for table in (self.columns, self.walk, self.reserves) if table)

    @property
    def is_printable(self) -> bool:
        """Whether the fonts have all characters of the names and labels."""
        rows = [text for table in self._tables for row in table.rows for text in (row.label, row.note)]
        named = [text for pair in (*self.facts, *self.sources) for text in pair]
        return all(map(is_printable, [self.subtitle, *rows, *named, *(one.recorded for one in self.signatures)]))


def write_certificate(document: CertificateDocument, out: Path) -> None:
    """Writes a certificate as a PDF; raises RuntimeError if Typst cannot."""
    chart = document.chart
    data = {
        "language": document.language,
        "region": REGIONS.get(document.language),
        "product": document.product,
        "title": printable(document.title),
        "subtitle": printable(document.subtitle),
        "date": dated_values(document.dated),
        "facts": _pairs(document.facts),
        "columns": _table(document.columns),
        "walk": document.walk and _table(document.walk),
        "chart": chart and {"title": chart.title, "svg": printable(chart.svg), "text": printable(chart.text)},
        "reserves": document.reserves and _table(document.reserves),
        "signatures": [
            {"role": printable(one.role), "recorded": printable(one.recorded)} for one in document.signatures
        ],
        "signing": document.signing,
        "sources": _pairs(document.sources),
        "sources_title": document.sources_title,
        "page": document.page,
        "footer": printable(document.footer),
        "missing": "" if document.is_printable else document.missing,
    }
    typeset("certificate.typ", data, document.dated, out)


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(printable(label), printable(value)) for label, value in pairs]


def _table(table: FigureTable) -> dict[str, object]:
    return {
        "title": table.title,
        "columns": table.columns,
        "rows": [
            {"label": printable(row.label), "cells": row.cells, "note": printable(row.note), "strong": row.strong}
            for row in table.rows
        ],
        "note": table.note,
    }
