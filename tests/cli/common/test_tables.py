"""Every format of a table follows from its columns, and no terminal is too narrow for a figure."""

import csv
import datetime as dt
import io
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from pyarrow import parquet

from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.table_text import cell_text, print_grid
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Table

NOON = dt.datetime(2022, 7, 1, 12, tzinfo=dt.UTC)
TABLE = Table(
    "samples",
    (
        Column("name", Kind.TEXT),
        Column("level", Kind.CODE),
        Column("reasons", Kind.LABELS),
        Column("rows", Kind.COUNT),
        Column("exposure", Kind.AMOUNT),
        Column("quantity", Kind.NUMBER),
        Column("rate", Kind.FACTOR),
        Column("ltv", Kind.SHARE, "LTV"),
        Column("due_date", Kind.DATE),
        Column("known_time", Kind.TIME),
        Column("seen", Kind.FLAG),
    ),
)
ROWS = [
    (
        "=Acme",
        "NONE",
        ["A", "B"],
        12_345,
        Decimal("1234567.5"),
        Decimal("1500.250"),
        Decimal("0.12345678901234567"),
        0.25,
        NOON.date(),
        NOON,
        True,
    ),
    ("Bäcker", "WATCH", [], 0, Decimal(0), None, None, math.inf, None, None, False),
]


def written(form, path):
    """The bytes of the table in a format."""
    show_table(TABLE, ListedRows(ROWS), Layout(form, path, wide=False))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table"


def test_csv_has_plain_numbers_iso_dates_and_escaped_formulas(path):
    first, second = csv.DictReader(io.StringIO(written(Format.CSV, path).decode()))

    assert list(first) == [column.name for column in TABLE.columns]
    assert (first["exposure"], first["quantity"], first["ltv"], first["rows"]) == (
        "1234567.50",
        "1500.25",
        "0.25",
        "12345",
    )
    assert first["rate"] == "0.12345678901234567"
    assert (first["due_date"], first["known_time"]) == ("2022-07-01", "2022-07-01T12:00:00Z")
    assert (first["name"], first["reasons"], first["seen"]) == ("'=Acme", "A B", "true")
    assert (second["ltv"], second["due_date"], second["quantity"]) == ("", "", "")


def test_json_has_the_same_columns_with_all_digits(path):
    first, second = json.loads(written(Format.JSON, path), parse_float=Decimal)

    assert list(first) == [column.name for column in TABLE.columns]
    assert (first["exposure"], first["quantity"], first["rows"]) == (Decimal("1234567.50"), Decimal("1500.25"), 12_345)
    assert (first["reasons"], first["seen"], first["name"]) == (["A", "B"], True, "=Acme")
    assert (second["ltv"], second["reasons"], second["known_time"]) == (None, [], None)


@pytest.mark.parametrize("form", [Format.ARROW, Format.PARQUET])
def test_columns_of_arrow_and_parquet_have_types(form, path):
    written(form, path)
    table = pa.ipc.open_file(path).read_all() if form is Format.ARROW else parquet.read_table(path)

    assert table.column_names == [column.name for column in TABLE.columns]
    assert pa.types.is_decimal(table.schema.field("exposure").type)
    assert table["exposure"].to_pylist() == [Decimal("1234567.5"), Decimal(0)]
    assert table["ltv"].to_pylist() == [0.25, None]
    assert table["rate"].to_pylist() == [0.12345678901234567, None]
    assert table["due_date"].to_pylist() == [NOON.date(), None]


@pytest.mark.parametrize("form", list(Format))
def test_a_file_has_the_bytes_that_would_be_printed(form, path, capfdbinary):
    show_table(TABLE, ListedRows(ROWS), Layout(form, None, wide=False), "Samples")
    printed = capfdbinary.readouterr().out
    show_table(TABLE, ListedRows(ROWS), Layout(form, path, wide=False), "Samples")

    assert path.read_bytes() == printed
    assert capfdbinary.readouterr().err.decode() == f"wrote 2 samples to {path}\n"


def test_a_file_that_cannot_be_completed_leaves_the_one_before(path):
    class Failing(ListedRows):
        def rows(self):
            yield ROWS[0]
            raise ValueError("lost")

    path.write_text("before")
    with pytest.raises(ValueError, match="lost"):
        show_table(TABLE, Failing([]), Layout(Format.CSV, path, wide=False))

    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


def test_a_named_pipe_is_written_in_place(path):
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(path.read_text)
        show_table(TABLE, ListedRows(ROWS), Layout(Format.CSV, path, wide=False))

    assert read.result().startswith("name,level")
    assert path.is_fifo()


def test_a_link_still_leads_to_the_file_that_was_written(path):
    link = path.with_name("link")
    link.symlink_to(path)
    show_table(TABLE, ListedRows(ROWS), Layout(Format.CSV, link, wide=False))

    assert link.is_symlink()
    assert path.read_text().startswith("name,level")


def test_an_error_of_the_destination_names_the_path_as_given(tmp_path):
    missing = tmp_path / "none" / "table.csv"
    with pytest.raises(FileNotFoundError) as error:
        show_table(TABLE, ListedRows(ROWS), Layout(Format.CSV, missing, wide=False))

    assert error.value.filename == str(missing)


columns_and_cells = st.lists(
    st.tuples(
        st.sampled_from([Kind.TEXT, Kind.CODE, Kind.AMOUNT, Kind.SHARE, Kind.DATE]),
        st.sampled_from(Importance),
        st.integers(min_value=1, max_value=60),
    ),
    min_size=1,
    max_size=12,
)


def cell(kind, size):
    """A cell of a kind and about so many characters."""
    return {
        Kind.TEXT: "n" * size,
        Kind.CODE: "C" * (size % 14 + 1),
        Kind.AMOUNT: Decimal(10) ** (size % 13),
        Kind.SHARE: 10.0 ** (size % 5 - 2),
        Kind.DATE: dt.date(2022, 1, 1),
    }[kind]


@given(columns_and_cells, st.integers(min_value=40, max_value=200))
def test_what_is_printed_is_never_cut_and_what_is_left_out_is_named(made, width):
    columns = [Column(f"column_{n}", kind, importance=rank) for n, (kind, rank, _) in enumerate(made)]
    row = tuple(cell(kind, size) for kind, _, size in made)
    file = io.StringIO()
    print_grid(columns, [row], width=width, file=file)
    text = file.getvalue()
    joined = "".join(text.split())

    assert "…" not in text
    for column, one in zip(columns, row, strict=True):
        header = column.printed_header
        if column.kind is Kind.TEXT:
            continue
        named = f"Left out: {header}" in text or header.replace(" ", "") in joined.partition("Leftout:")[2]
        assert named or cell_text(column, one) in text, text
    keys = [column for column in columns if column.importance is Importance.KEY]
    if not keys:
        assert max(map(len, text.splitlines())) <= width
