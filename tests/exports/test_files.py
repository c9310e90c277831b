"""Independent readers find in every format what the report has, and texts stay texts."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from datetime import date, datetime, time as clock
from decimal import Decimal

import openpyxl
import pyarrow.parquet as pq
import pypdf
import pytest
from openpyxl.utils.escape import unescape

from collateral_registry.exports import document
from collateral_registry.exports.report import Form
from collateral_registry.exports.typesetting import REPLACEMENT, characters, printable
from collateral_registry.exports.writing import PDF_ROWS_LIMIT, check_rows, file_name, write_file
from collateral_registry.web.pages.texts import LANGUAGES, texts_of
from tests.exports.reports import COLUMNS, DAY, HOSTILE, ROWS, report_of, spooled
from valuation.errors import InvalidInput

HEAD_LINES = 7
MIDNIGHT = clock()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The report in every format."""
    folder = tmp_path_factory.mktemp("exports")
    report, path = spooled(folder)
    for form in Form:
        write_file(form, report, path, folder / f"report.{form}")
    return folder


def csv_lines(folder):
    """Returns the cells of the CSV file."""
    with (folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def facts_of(folder):
    """Returns what the CSV file states of itself."""
    return dict(line[0].removeprefix("# ").split(": ", 1) for line in csv_lines(folder)[:HEAD_LINES])


def part_of(found, *names):
    """Returns a part of an object of a PDF."""
    for name in names:
        found = found[name].get_object()
    return found


def elements_of(element):
    """Yields the elements of the structure of a PDF below one of them."""
    children = element.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        found = child.get_object()
        if isinstance(found, dict) and "/S" in found:
            yield found
            yield from elements_of(found)


def restored(cell):
    """Returns a text of a CSV file without the apostrophe that keeps it from being a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@\t\r\n\uff1d'") else cell


def test_a_csv_file_has_every_row_and_no_cell_that_begins_like_a_formula(folder):
    head, *lines = csv_lines(folder)[HEAD_LINES:]

    assert head == [column.name for column in COLUMNS]
    assert [restored(line[0]) for line in lines] == [*HOSTILE, "Unknown Ltd"]
    assert all(line[0][0] not in "=+-@\t\r\n\uff1d" for line in lines)
    assert lines[0][4:7] == ["-1234567.89", "0.861", "2022-07-13"]
    assert lines[-1][4:] == ["0.001", "", "", "NO_PRICE", "", ""]
    assert (folder / "report.csv").read_bytes().startswith(b"\xef\xbb\xbf# report: ltv\n")


def test_parquet_has_types_and_the_facts(folder):
    table = pq.read_table(folder / "report.parquet")

    assert table["borrower"].to_pylist()[:-1] == HOSTILE
    assert table["exposure"].to_pylist()[0] == Decimal("-1234567.89")
    assert table["deadline_date"].to_pylist()[0] == DAY
    assert table["ltv"].to_pylist()[-1] is None
    assert {key.decode(): value.decode() for key, value in table.schema.metadata.items() if key != b"ARROW:schema"} == (
        facts_of(folder)
    )


def test_every_format_states_the_count_and_the_digest_of_its_rows(folder):
    facts = facts_of(folder)
    rows = pq.read_table(folder / "report.parquet")
    lines = [rows.column_names, *(list(row.values()) for row in rows.to_pylist())]
    found = hashlib.sha256()
    for line in lines:
        cells = [
            format(cell.normalize(), "f") if isinstance(cell, Decimal) else cell.isoformat() if isinstance(cell, date)
            else cell for cell in line
        ]  # fmt: skip
        found.update(json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    assert facts["sha256"] == found.hexdigest()
    assert facts["rows"] == str(len(ROWS))
    about = openpyxl.load_workbook(folder / "report.xlsx")["About"]
    assert [cell.value for cell in about["B"]][-2:] == [str(len(ROWS)), facts["sha256"]]
    assert facts["sha256"] in pypdf.PdfReader(folder / "report.pdf").pages[0].extract_text()


def test_a_workbook_has_numbers_dates_and_texts_and_no_formula(folder):
    book = openpyxl.load_workbook(folder / "report.xlsx")
    head, first, *rest = book["Loans"].iter_rows()

    assert book.sheetnames == ["Loans", "Totals", "About"]
    assert [cell.value for cell in head] == [column.title for column in COLUMNS]
    assert [cell.data_type for cell in first] == ["s", "s", "s", "s", "n", "n", "d", "n", "n", "s"]
    assert [cell.value for cell in first[1:]] == [
        "0" * 20, "处置", "KNOWN", -1234567.89, 0.861, datetime.combine(DAY, MIDNIGHT), None, 0, "no",
    ]  # fmt: skip
    assert [cell.value for cell in rest[-1]][2:7] == [None, "Unknown", 0.001, "∞", None]
    names = [row[0].value for row in (first, *rest)]
    assert [unescape(name) for name in names] == [*HOSTILE, "Unknown Ltd"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" and cell.hyperlink is None for cell in cells)
    assert book["Totals"]["A2"].value == 9999999999999.99
    assert book.properties.created == datetime.combine(DAY, MIDNIGHT)


def test_a_pdf_has_its_texts_its_date_and_both_standards(folder):
    reader = pypdf.PdfReader(folder / "report.pdf")
    text = "\n".join(page.extract_text() for page in reader.pages)

    for shown in (
        "华东铜业有限公司",
        "贷款 Loans",
        "处置",
        "=HYPERLINK",
        "#[let x = 1] $a$ \\ *b*",
        "\u22121,234,567.89",
        "∞",
    ):
        assert shown in text
    assert f"copper {REPLACEMENT}" in text
    assert "A square stands for" in text
    assert reader.metadata.creation_date.date() == DAY
    assert reader.metadata.title == "贷款 Loans"
    metadata = reader.xmp_metadata.stream.get_data().decode()
    for claim in ("pdfaid:part>2<", "pdfaid:conformance>B<", "pdfuaid:part>1<"):
        assert claim in metadata
    assert reader.root_object["/Lang"] == "en"
    assert part_of(reader.root_object, "/MarkInfo", "/Marked")


def test_a_screen_reader_finds_headings_tables_and_a_text_for_each_chart(folder):
    root = part_of(pypdf.PdfReader(folder / "report.pdf").root_object, "/StructTreeRoot")
    found = list(elements_of(root))
    kinds = {one.get("/S") for one in found}

    assert {"/H1", "/H2", "/Table", "/TR", "/TH", "/TD", "/Figure"} <= kinds
    assert [one["/Alt"] for one in found if one.get("/S") == "/Figure"] == ["Levels: 处置 1"]


def test_no_glyph_of_a_pdf_is_missing(folder):
    """None is glyph 0, which is an empty box; the fonts are those of this package."""
    reader = pypdf.PdfReader(folder / "report.pdf")
    fonts = [
        font.get_object()["/BaseFont"]
        for page in reader.pages
        for font in part_of(page, "/Resources", "/Font").values()
    ]
    shown = [
        piece.original_bytes
        for page in reader.pages
        for operands, operator in page.get_contents().operations
        for piece in (operands[0] if operator == b"TJ" else operands if operator == b"Tj" else ())
        if hasattr(piece, "original_bytes")
    ]
    glyphs = [text[place : place + 2] for text in shown for place in range(0, len(text), 2)]

    assert {re.sub(r"^/\w+\+|-.*", "", font) for font in fonts} == {"SourceSans3", "SourceSerif4", "NotoSansCJKsc"}
    assert len(glyphs) > 1000
    assert b"\x00\x00" not in glyphs


def test_a_pdf_with_a_missing_glyph_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "printable", lambda text: text)
    report, path = spooled(tmp_path)

    with pytest.raises(RuntimeError):
        write_file(Form.PDF, report, path, tmp_path / "report.pdf")


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="left out: needs pdftoppm (apt-get install poppler-utils)")
def test_a_pdf_shows_chinese_and_its_charts(tmp_path):
    """The picture of the page has the colour of the chart; without the Chinese names it has less ink."""
    program, ink = str(shutil.which("pdftoppm")), {}
    for name, rows in {"with": ROWS, "without": [(" ", *row[1:]) for row in ROWS]}.items():
        report, path = spooled(tmp_path, rows)
        write_file(Form.PDF, report, path, tmp_path / "report.pdf")
        subprocess.run(
            [program, "-r", "40", "-f", "1", "-l", "1", tmp_path / "report.pdf", tmp_path / name], check=True
        )
        (picture,) = tmp_path.glob(f"{name}-*.ppm")
        pixels = picture.read_bytes()[15:]
        ink[name] = sum(one < 128 for one in pixels[::3])
        assert bytes.fromhex("b5382c") in pixels
    assert ink["with"] > ink["without"]


@pytest.mark.parametrize("form", Form)
def test_the_same_report_has_the_same_bytes_whatever_the_time_and_the_zone(folder, tmp_path, form, monkeypatch):
    report, path = spooled(tmp_path)
    mask = os.umask(0o077)
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        write_file(form, report, path, tmp_path / "again")
    finally:
        os.umask(mask)
        monkeypatch.undo()
        time.tzset()

    assert (tmp_path / "again").read_bytes() == (folder / f"report.{form}").read_bytes()


@pytest.mark.parametrize("form", Form)
def test_a_report_without_rows_is_a_file(tmp_path, form):
    report, path = spooled(tmp_path, [])

    assert write_file(form, report, path, tmp_path / "empty") == 0
    assert (tmp_path / "empty").stat().st_size > 0


def test_too_many_rows_are_refused_with_what_to_do():
    with pytest.raises(
        InvalidInput, match="rows: got 2,001, want at most 2,000 in a file of pdf; narrow the filter, or take xlsx, csv"
    ):
        check_rows(Form.PDF, PDF_ROWS_LIMIT + 1)
    check_rows(Form.CSV, PDF_ROWS_LIMIT + 1)
    with pytest.raises(InvalidInput, match="want at most 1,000,000 in a file of csv"):
        check_rows(Form.CSV, 1_000_001)


def test_a_file_is_named_after_its_moment():
    assert file_name(Form.XLSX, report_of()[0]) == "collateral-ltv-2022-07-13-271.xlsx"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fonts_have_every_character_of_the_texts(language):
    lacking = {one for text in texts_of(language).by_key.values() for one in text if one not in characters()}

    assert lacking == set()


def test_every_listed_character_has_a_glyph(tmp_path):
    """A PDF of all of them is made, which Typst refuses where a glyph is missing."""
    listed = sorted(characters())
    names = ["".join(listed[start : start + 100]) for start in range(0, len(listed), 100)]
    report, path = spooled(tmp_path, [(name, *ROWS[0][1:]) for name in names])

    assert write_file(Form.PDF, report, path, tmp_path / "report.pdf") == len(names)
    assert len(listed) > 7445  # the characters of GB 2312


def test_a_character_that_the_fonts_lack_is_a_square():
    assert printable("a\n b\t喆🔥") == f"a b {REPLACEMENT}{REPLACEMENT}"
