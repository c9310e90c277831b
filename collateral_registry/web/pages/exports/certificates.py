"""A certificate for files: its document for a committee, and its rows for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from collateral_registry.domain.borrowing_base.canonical import sources_of
from collateral_registry.exports.certificate import (
    CertificateDocument,
    FigureRow,
    FigureTable,
    Signature,
    write_certificate,
)
from collateral_registry.exports.ltv_rows import as_they_are
from collateral_registry.exports.program_files import spool, table_of as rows_table
from collateral_registry.exports.report import EARLIEST_DAY, Chart, Column, Fact, Form, Kind, Report, Row, Table
from collateral_registry.exports.writing import write_file
from collateral_registry.v1 import certificate_pb2 as pb, loan_pb2
from collateral_registry.web.pages.certificates.columns import Columns, Line
from collateral_registry.web.pages.certificates.sentences import Sentences, sentence
from collateral_registry.web.pages.certificates.walk import WalkRow, walk_chart, walk_of
from collateral_registry.web.pages.charts.svg import standalone
from collateral_registry.web.pages.exports.reports import labels_of, no_charts
from collateral_registry.web.pages.numbers import (
    NONE,
    all_digits,
    calendar,
    exact,
    identifier,
    percent,
    shown_day,
    shown_time,
    value_of,
)
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts, texts_of
from collateral_registry.web.pages.views.receivables.base_lines import capital, class_name, reserve_label
from collateral_registry.web.pages.views.receivables.certificate_labels import line_label, step_label
from valuation.errors import InvalidInput

FOOTER_DIGITS = 16
"""Digits of the digest in the footer of a page; the sources have all of them."""

COLUMNS = ("part", "asset_class", "line", "submitted", "recomputed", "approved", "change", "base_after")
"""Columns of the rows for programs; ratios and amounts are texts with all their digits."""


@dataclass(frozen=True)
class Certified:
    """A certificate with its loan, and the numbers of the rules by asset class."""

    certificate: pb.Certificate
    loan: loan_pb2.Loan
    numbers: Sentences


def check_stated(certificate: pb.Certificate) -> None:
    """Raises InvalidInput for a certificate without a statement, of which there is nothing to write."""
    if not certificate.HasField("submitted"):
        raise InvalidInput(certificate.name, "no statement", "a certificate with a submitted statement")


def write_certificate_file(form: str, language: str, found: Certified, out: Path) -> None:
    """Writes a certificate as a PDF in a language, or for programs as CSV."""
    texts = texts_of(language)
    if form == Form.PDF:
        write_certificate(certificate_document(texts, found), out)
        return
    report, data = _report(texts, found)
    with TemporaryDirectory(dir=out.parent) as folder:
        rows = Path(folder, "rows")
        rows.write_bytes(data)
        write_file(Form.CSV, report, rows, out)


def certificate_document(texts: Texts, found: Certified) -> CertificateDocument:
    """Returns what the PDF of a certificate prints."""
    certificate, walk = found.certificate, walk_of(found.certificate)
    chart, caption = walk_chart(texts, walk), texts("certificates.walk_caption")
    digest = certificate.canonical_sha256
    title = texts("certificates.title", period=shown_day(certificate.period_end_date, texts.language))
    return CertificateDocument(
        language=texts.language,
        product=texts("common.product"),
        title=title,
        subtitle=found.loan.borrower,
        dated=calendar(certificate.period_end_date) or EARLIEST_DAY,
        facts=_facts(texts, found),
        columns=_columns(texts, found),
        walk=_walk(texts, found, walk) if certificate.HasField("recomputed") else None,
        chart=Chart(texts("certificates.walk"), standalone(chart), caption) if chart else None,
        reserves=_reserves(texts, certificate) if certificate.reserves else None,
        signatures=_signatures(texts, found),
        signing=tuple(texts(f"certificates.{key}") for key in ("signatures", "signature", "name", "date")),
        sources=_sources(texts, certificate),
        sources_title=texts("certificates.sources"),
        page=texts("export.page"),
        footer=" \u00b7 ".join(filter(None, (certificate.name, digest and f"SHA-256 {digest[:FOOTER_DIGITS]}"))),
        missing=texts("certificates.missing_characters"),
    )


def _report(texts: Texts, found: Certified) -> tuple[Report, bytes]:
    """Returns the report of the rows of a certificate, and the rows as an Arrow stream."""
    certificate, sources = found.certificate, sources_of(found.certificate.canonical_text)
    day = calendar(certificate.period_end_date)
    facts = {
        "report": "certificate",
        "certificate": certificate.name,
        "period_end_date": f"{day}",
        "state": pb.CertificateState.Name(certificate.state).removeprefix("CERTIFICATE_STATE_"),
        "currency": found.loan.currency_code,
        "commit": str(certificate.sequence or ""),
        "policy": " ".join(sources.get("policy", ())),
        "text_sha256": certificate.canonical_sha256,
    }
    table = Table("certificate", tuple(Column(name, Kind.TEXT, name) for name in COLUMNS))
    stated = tuple(Fact(name, name, value) for name, value in facts.items())
    report = Report(
        "certificate", certificate.name, day, stated, table, (), labels_of(texts, ""), as_they_are, no_charts
    )
    return report, spool(rows_table(report, list(_rows(certificate))))


def _facts(texts: Texts, found: Certified) -> tuple[tuple[str, str], ...]:
    certificate, language = found.certificate, texts.language
    is_returned = certificate.state == pb.CERTIFICATE_STATE_RETURNED
    stated = (
        ("certificates.borrower", found.loan.borrower),
        ("certificates.loan", found.loan.name),
        ("certificates.certificate", identifier(certificate.name)),
        ("certificates.period_end", shown_day(certificate.period_end_date, language)),
        ("certificates.due", shown_day(certificate.due_date, language)),
        ("breaches.state", word(texts, "certificate_state", certificate.state)),
        ("certificates.currency", found.loan.currency_code),
        ("certificates.reason_for_less", certificate.approval_reason),
        ("certificates.return_reason", certificate.return_reason if is_returned else ""),
    )
    return tuple((texts(key), value) for key, value in stated if value)


def _columns(texts: Texts, found: Certified) -> FigureTable:
    columns, rows = Columns(found.certificate), []
    for one in columns.classes:
        rows.append(FigureRow(class_name(texts, one.asset_class)))
        for line in one.lines:
            note = sentence(texts, found.numbers, one.asset_class, line.name) if line.is_rule else ""
            rows.append(_line(texts, line, note))
    rows.append(FigureRow(texts("certificates.base")))
    rows += [_line(texts, line, "") for line in columns.base]
    names = ("line", "submitted", "recomputed", "approved")
    titles = tuple(texts(f"certificates.{name}") for name in names)
    return FigureTable(texts("certificates.columns"), titles, tuple(rows), texts("certificates.columns_note"))


def _line(texts: Texts, line: Line, note: str) -> FigureRow:
    return FigureRow(line_label(texts, line), tuple(_cell(line, cell) for cell in line.cells), note, line.is_sum)


def _cell(line: Line, cell: Decimal | None) -> str:
    if cell is None:
        return NONE
    if line.is_ratio:
        return percent(cell, 4)
    return all_digits(-cell if line.is_deduction else cell)


def _walk(texts: Texts, found: Certified, walk: list[WalkRow]) -> FigureTable:
    certificate = found.certificate
    rows = [FigureRow(texts("certificates.submitted"), ("", exact(certificate.submitted.base)), strong=True)]
    rows += [
        FigureRow(
            step_label(texts, row),
            (_signed(row.change), all_digits(row.base_after)),
            sentence(texts, found.numbers, row.asset_class, row.rule) if row.rule else "",
        )
        for row in walk
    ]
    total = (_signed(value_of(certificate.difference)), exact(certificate.recomputed.base))
    rows.append(FigureRow(texts("certificates.recomputed"), total, strong=True))
    titles = tuple(texts(f"certificates.{name}") for name in ("step", "change", "base"))
    return FigureTable(texts("certificates.walk"), titles, tuple(rows))


def _signed(change: Decimal) -> str:
    return f"{'+' if change > 0 else ''}{all_digits(change)}"


def _reserves(texts: Texts, certificate: pb.Certificate) -> FigureTable:
    rows = tuple(
        FigureRow(capital(word(texts, "reserve_kind", one.kind)), (exact(one.deduction),), reserve_label(one))
        for one in certificate.reserves
    )
    titles = (texts("certificates.reserve"), texts("certificates.amount"))
    used, availability = exact(certificate.used), exact(certificate.availability)
    note = texts("certificates.used", used=used, availability=availability)
    return FigureTable(texts("certificates.reserves"), titles, rows, note)


def _signatures(texts: Texts, found: Certified) -> tuple[Signature, ...]:
    certificate, language = found.certificate, texts.language
    submitted = (certificate.submitted_by, certificate.submit_time, "certificates.submitted_by")
    approved = (certificate.approved_by, certificate.approve_time, "certificates.approved_by")
    return tuple(
        Signature(texts(role), texts(key, who=who, time=shown_time(time, language)) if who else "")
        for role, (who, time, key) in (
            ("certificates.for_borrower", submitted),
            ("certificates.for_lender", approved),
        )
    )


def _sources(texts: Texts, certificate: pb.Certificate) -> tuple[tuple[str, str], ...]:
    found = sources_of(certificate.canonical_text)
    stated = [(texts(f"certificates.source_{name}"), ", ".join(values)) for name, values in found.items()]
    digest = [(texts("certificates.digest"), certificate.canonical_sha256)] if certificate.canonical_sha256 else []
    return tuple((label, value) for label, value in [*stated, *digest] if value)


def _rows(certificate: pb.Certificate) -> Iterator[Row]:
    columns = Columns(certificate)
    lines = [(one.asset_class, line) for one in columns.classes for line in one.lines]
    for asset_class, line in [*lines, *((None, line) for line in columns.base)]:
        yield ("statement", asset_class, line.name, *map(_plain, line.cells), None, None)
    for row in walk_of(certificate):
        term = row.rule or pb.StatementTerm.Name(row.term).removeprefix("STATEMENT_TERM_").lower()
        yield ("walk", row.asset_class or None, term, None, None, None, _plain(row.change), _plain(row.base_after))
    for one in certificate.reserves:
        yield ("reserve", None, reserve_label(one), None, _plain(value_of(one.deduction)), None, None, None)


def _plain(value: Decimal | None) -> str | None:
    """Returns an amount or a ratio with all its digits and no superfluous zeros."""
    return None if value is None else f"{value.normalize():f}"
