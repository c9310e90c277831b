"""A table is read the same from every dialect, encoding and format, or refused with the file, the line and the cell."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from valuation.errors import InvalidInput
from valuation.tables.reader import Table, read_file
from valuation.tables.schema import CellKind, Notation, Schema

PRICES = Schema(
    {"date": CellKind.QUOTE_DATE, "price": CellKind.PRICE},
    {"series": CellKind.TEXT, "note": CellKind.TEXT},
    closed=False,
)
CLOSED = Schema({"series": CellKind.TEXT, "date": CellKind.DATE, "price": CellKind.NUMBER})
TEXT = "series,date,price\ncopper,2021-01-04,5037.5\ntin,2021-01-05,20100\n"
EXPECTED = {"series": ["copper", "tin"], "date": ["2021-01-04", "2021-01-05"], "price": ["5037.5", "20100"]}


def read(folder: Path, content: str | bytes, schema: Schema = PRICES, name: str = "f.csv") -> Table:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(folder / name, schema)


def refused(folder: Path, content: str | bytes, schema: Schema = PRICES) -> list[str]:
    """Returns the lines and reasons of the refused rows."""
    return [f"{row.line}: {row.reason}" for row in read(folder, content, schema).refused]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        gzip.compress(TEXT.encode(), mtime=0),
        TEXT.replace(",", ";").encode("utf-8-sig"),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace(",", "|").encode(),
        b"sep=;\r\n" + TEXT.replace(",", ";").encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r\n", 1).replace("\n", "\n\n").encode(),
        TEXT.replace("series,date,price", " Series ,DATE,  Price").encode(),
        TEXT.replace("\n", ",\n").encode(),
        TEXT.replace("\n", ",,,\n").replace("price,,,", "price").encode(),
        (TEXT + ",,\n,,\n\n").encode(),
        ("# source: an exchange\n\n" + TEXT).encode(),
        (",,\n ; ;\n" + TEXT).encode(),
        ("\uff10" + TEXT).replace("\uff10", "").replace("2021", "\uff12\uff10\uff12\uff11").encode(),
    ],
)
def test_every_dialect_and_encoding_gives_the_same_table(tmp_path, content):
    table = read(tmp_path, content)

    assert table.columns == EXPECTED
    assert not table.refused


@pytest.mark.parametrize("owner", ["上海镕鑫金属有限公司", "铜", "宁波"])
def test_chinese_text_in_gbk_is_read(tmp_path, owner):
    text = f"品种,日期,价格(元/吨)\n{owner},2021年1月4日,5037\n"
    schema = Schema({"品种": CellKind.TEXT, "日期": CellKind.DATE, "价格(元/吨)": CellKind.NUMBER})

    assert read(tmp_path, text.encode("gbk"), schema).columns == {
        "品种": [owner],
        "日期": ["2021-01-04"],
        "价格(元/吨)": ["5037"],
    }


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Müller Größe", "cp1252"),
        ("Société Générale", "cp1252"),
        ("ÄÖ", "cp1252"),
        ("한국금속 주식회사", "euc-kr"),
        ("株式会社カネ", "shift_jis"),
        ("有限公司 銅", "big5"),
        ("Медь России", "cp1251"),
        ("медь", "koi8-r"),
    ],
)
def test_text_in_another_encoding_is_refused_with_what_to_do(tmp_path, text, encoding):
    content = TEXT.replace("tin", text).encode(encoding)

    with pytest.raises(InvalidInput, match=r'f.csv:3: got text in an unknown encoding, .* save it as "CSV UTF-8"'):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", "an Excel workbook of an old format"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<html><table>", "a web page or XML document"),
        (b"PK\x03\x04 broken", "f.csv: got File is not a zip file"),
        (b"PAR1 broken", "a damaged parquet file"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "a complete gzip file"),
        (TEXT.encode().replace(b"tin", b"t\0n"), "f.csv:3: got a zero byte"),
        (TEXT.encode("utf-16")[:-1], "bytes that are not utf-16"),
        (b"", "header: got no column 'date' among no names"),
        ("series\uff0cdate\uff0cprice\n".encode(), "separated by comma, semicolon or tab"),
        (b"date,price,Price\n", "header: got column 'Price' twice"),
        (b"date,date,price\n", "header: got column 'date' twice"),
        (b"date,close\n", "header: got no column 'price' among 'date', 'close'"),
        (TEXT.encode() + b'tin,2021-01-06,"5\n', r"f.csv:4: got unexpected end of data"),
        (b'series,date,price\ntin,2021-01-06,"5\ntin,2021-01-07,6\n', "f.csv:2: got unexpected end of data"),
        (b'series,date,price\n"tin,2021-01-06,5\n"zinc",2021-01-07,6\n', "f.csv:2: got ',' expected"),
        (b'date,price,note\n2021-01-06,5,"a\n2021-01-07,6,b"\n', "f.csv:2: got a quote that is open until line 3"),
        (b"date,price\n2021-01-06," + b"9" * 140_000, "f.csv:2: got field larger"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(tmp_path, content, message):
    with pytest.raises(InvalidInput, match=message):
        read(tmp_path, content)


def test_a_file_beyond_a_limit_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="more than 1 rows"):
        read(tmp_path, TEXT, Schema(PRICES.required, closed=False, max_rows=1))
    small = Schema(PRICES.required, closed=False, max_bytes=200)
    for content in (TEXT * 9, gzip.compress(TEXT.encode() * 9, mtime=0), workbook(SHEET)):
        with pytest.raises(InvalidInput, match="more than 200 bytes"):
            read(tmp_path, content, small)


def test_a_row_with_more_or_fewer_cells_is_refused_with_its_line(tmp_path):
    found = refused(tmp_path, "series,date,price\ncu,2021-01-04,5,037.00\ncu,2021-01-05\ncu,2021-01-06,5.5\n")

    assert found == [
        "2: row: got 4 cells, want 3 as in the header; quote a cell that contains a comma",
        "3: row: got 2 cells, want 3 as in the header",
    ]
    assert refused(tmp_path, "series,date,price,\ncu,2021-01-04,5,037.00\n")[0].startswith("2: row: got 4 cells")


def test_lines_are_counted_through_comments_blank_rows_and_line_breaks_in_cells(tmp_path):
    table = read(tmp_path, 'sep=,\n# one\nnote,date,price\n\n"a\nb",2021-01-04,5\n,,\nc,2021-01-05,soon\n')

    assert (table.lines, table.columns["note"]) == ([5], ["a\nb"])
    assert [row.line for row in table.refused] == [8]


@pytest.mark.parametrize(
    "titles", ["上海一号库 2024年5月出入库明细\n\n制表日期 2024-05-31,,\n", '"Prices, May",,\n', "# note\nStock;;\n"]
)
def test_titles_above_the_header_are_skipped_and_counted_as_lines(tmp_path, titles):
    found = read(tmp_path, f"{titles}{TEXT}lead,2021-01-05,x\n", CLOSED)

    assert found.columns == EXPECTED
    assert found.refused[0].line == len(titles.splitlines()) + 4


def test_a_line_that_may_be_a_row_is_never_skipped_as_a_title(tmp_path):
    with pytest.raises(InvalidInput, match=r"no column .series. among .copper., .2021-01-04."):
        read(tmp_path, f"copper,2021-01-04,5037.5\n{TEXT}", CLOSED)


def test_an_identifier_that_is_written_as_a_formula_is_its_text(tmp_path):
    found = read(tmp_path, 'series,date,price\n="007",2021-01-04,1\n"=""0,8""",2021-01-04,1\n=A1,2021-01-04,1\n')

    assert found.columns["series"] == ["007", "0,8", "=A1"]


def test_all_refused_cells_of_a_row_are_listed(tmp_path):
    (found,) = refused(tmp_path, "date,price\nsoon,much\n")

    assert found.startswith("2: date: got 'soon', want a date such as 2020-01-05; price: got 'much', want a number")


def test_a_closed_schema_refuses_other_columns_and_values_without_a_name(tmp_path):
    with pytest.raises(InvalidInput, match="header: got column 'pirce', want only series, date, price"):
        read(tmp_path, "series,date,price,pirce\n", CLOSED)
    with pytest.raises(InvalidInput, match="header: got no name in column 1"):
        read(tmp_path, ",series,date,price\n1,cu,2021-01-04,5\n", CLOSED)
    assert read(tmp_path, ",series,date,price\n,cu,2021-01-04,5\n", CLOSED).lines == [2]


def workbook(*sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


OPENING = datetime.combine(date(2021, 1, 4), time())
SHEET: list[list[object]] = [
    ["Series", "date", "price"],
    ["copper", OPENING, 5037.5],
    ["tin", date(2021, 1, 5), 20100],
    [],
]


def test_a_workbook_is_read_by_the_values_of_its_cells(tmp_path):
    assert read(tmp_path, workbook([["notes"]], SHEET)).columns == EXPECTED
    assert read(tmp_path, workbook([[], *SHEET])).lines == [3, 4]
    found = refused(tmp_path, workbook([SHEET[0], ["tin", 44200, 5.0], ["tin", date(2021, 1, 4), date(2021, 1, 5)]]))
    assert ["spreadsheet's serial number" in found[0], "price: got '2021-01-05'" in found[1]] == [True, True]


@pytest.mark.parametrize("stated_range", [b'<dimension ref="A1"/>', b""])
def test_the_range_of_cells_that_a_workbook_states_is_ignored(tmp_path, stated_range):
    content, stream = workbook([["date", "price", "note"], [OPENING, 5.5, None], [OPENING, 6.5, "x"]]), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as original, zipfile.ZipFile(stream, "w") as changed:
        for part in original.namelist():
            changed.writestr(part, re.sub(rb"<dimension[^>]*/>", stated_range, original.read(part)))

    found = read(tmp_path, stream.getvalue())

    assert (found.columns["price"], found.columns["note"], found.refused) == (["5.5", "6.5"], ["", "x"], [])


def test_numbers_of_a_binary_format_have_one_reading(tmp_path):
    stream = io.BytesIO()
    pq.write_table(pa.table({"date": pa.array(EXPECTED["date"]), "price": pa.array([8.512, 100.0])}), stream)

    for content in (stream.getvalue(), workbook([["date", "price"], [OPENING, 8.512], [OPENING, 100]])):
        assert read(tmp_path, content).columns["price"] == ["8.512", "100"]


def test_a_workbook_with_two_such_sheets_or_none_or_damaged_is_refused(tmp_path):
    for content, message in (
        (workbook(SHEET, SHEET), "several sheets with the columns"),
        (workbook([["a"]]), "header: got no column 'date'"),
        (workbook([]), "no column 'date'"),
    ):
        with pytest.raises(InvalidInput, match=message):
            read(tmp_path, content)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(InvalidInput, match="a damaged workbook"):
        read(tmp_path, stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("prices.csv", TEXT)
    with pytest.raises(InvalidInput, match="a ZIP archive"):
        read(tmp_path, stream.getvalue())


SHEET_PART = "xl/worksheets/sheet1.xml"


def rezipped(old: str, new: str) -> bytes:
    """Returns a workbook in whose sheet a text is replaced."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(SHEET))) as before, zipfile.ZipFile(stream, "w") as archive:
        for part in before.namelist():
            text = before.read(part).decode()
            assert part != SHEET_PART or old in text
            archive.writestr(part, text.replace(old, new) if part == SHEET_PART else text)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('<row r="3">', '<row r="9999999999">', "a line after 1048576"),
        ('r="C3"', 'r="ZZZ3"', "a cell in column 18278 of line 3"),
        ('<row r="3">', '<row r="1e400">', "a damaged workbook"),
    ],
)
def test_a_workbook_with_a_cell_far_outside_of_the_table_is_refused_at_once(tmp_path, old, new, message):
    with pytest.raises(InvalidInput, match=message):
        read(tmp_path, rezipped(old, new))


def test_a_workbook_with_a_password_or_a_damaged_part_is_refused(tmp_path):
    content = bytearray(workbook(SHEET))
    start = content.index(SHEET_PART.encode()) + len(SHEET_PART)
    content[start : start + 20] = b"\xff" * 20
    with pytest.raises(InvalidInput, match="a damaged workbook"):
        read(tmp_path, bytes(content))
    locked = bytearray(workbook(SHEET))
    at = -1
    while (at := locked.find(b"PK\x01\x02", at + 1)) >= 0:
        locked[at + 8] |= 1
    with pytest.raises(InvalidInput, match="a damaged workbook"):
        read(tmp_path, bytes(locked))


def test_parquet_that_decodes_to_more_than_the_limit_is_refused(tmp_path):
    stream = io.BytesIO()
    pq.write_table(pa.table({"date": ["2021-01-04"] * 20_000, "price": ["5" * 1_000] * 20_000}), stream)
    with pytest.raises(InvalidInput, match="more than 1000000 bytes"):
        read(tmp_path, stream.getvalue(), replace(PRICES, max_bytes=1_000_000))


@pytest.mark.parametrize(
    "dates",
    [
        pa.array(EXPECTED["date"]),
        pa.array([date(2021, 1, 4), date(2021, 1, 5)]),
        pa.array(np.array(EXPECTED["date"], dtype="datetime64[ns]")),
        pa.array(
            np.array(["2021-01-03T16", "2021-01-04T16"], dtype="datetime64[ms]"), pa.timestamp("ms", "Asia/Shanghai")
        ),
    ],
)
def test_parquet_is_read_and_days_are_those_of_their_zone(tmp_path, dates):
    stream = io.BytesIO()
    series = pa.array(EXPECTED["series"]).dictionary_encode()
    pq.write_table(pa.table({"series": series, "date": dates, "price": pa.array([5037.5, 20100.0])}), stream)

    assert read(tmp_path, stream.getvalue()).columns == EXPECTED


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-8", "utf-16", "cp1252"])
def test_a_stated_encoding_is_read_and_another_one_refused(tmp_path, encoding):
    path = tmp_path / "stated.csv"
    text = "name;amount\nMüller;1,5\n"
    path.write_bytes(text.encode(encoding))
    schema = Schema({"name": CellKind.TEXT, "amount": CellKind.NUMBER})
    table = read_file(path, schema, Notation(encoding.removesuffix("-sig"), ";", ","))

    assert table.columns == {"name": ["Müller"], "amount": ["1.5"]}
    if encoding != "cp1252":
        path.write_bytes(b"name;amount\nM\xfc\xff\xff;1,5\n")
        with pytest.raises(InvalidInput, match=r"stated\.csv:[12]: .* as stated; state the encoding of the file"):
            read_file(path, schema, Notation(encoding.removesuffix("-sig"), ";", ","))


def test_a_byte_order_mark_that_contradicts_the_stated_encoding_refuses_the_file(tmp_path):
    path = tmp_path / "stated.csv"
    path.write_text("name\nMüller\n", encoding="utf-8-sig")
    with pytest.raises(InvalidInput, match=r"stated\.csv: got the byte order mark of utf-8, want gb18030 as stated"):
        read_file(path, Schema({"name": CellKind.TEXT}), Notation("gb18030"))


def test_a_stated_separator_is_used_where_another_one_would_be_recognised(tmp_path):
    path = tmp_path / "stated.csv"
    path.write_text("name|note,more\na|1,2\n")
    table = read_file(path, Schema({"name": CellKind.TEXT, "note,more": CellKind.TEXT}), Notation(separator="|"))

    assert list(table.columns.values()) == [["a"], ["1,2"]]
