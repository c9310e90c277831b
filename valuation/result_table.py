"""A table of results that opens in pandas, polars, or any library that reads Arrow streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from valuation.extras import extra_module

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_ROWS, HTML_ROWS = 10, 50
"""Most rows that the table shows as text and as HTML; the rest is counted."""

TEXT_WIDTH = 110
"""Most characters in a line of the text form; columns beyond it are named below the table."""

POLARS_ENUM = "_PL_ENUM_VALUES2"
"""Metadata by which polars recognises an Enum: each name after its length in bytes and a semicolon."""

EXTRA = "notebook"
"""Extra that installs pandas and polars."""


class ResultTable:
    """Rows of results in Arrow columns.

    ``polars.DataFrame``, ``pyarrow.table`` and DuckDB read the table directly, because it exports an Arrow stream;
    pandas reads it by ``to_pandas``. Ordered categories keep their order in all of them.
    """

    def __init__(self, arrow: pa.Table) -> None:
        self._arrow = _with_polars_enums(arrow)

    def __len__(self) -> int:
        return int(self._arrow.num_rows)

    def __repr__(self) -> str:
        return _as_text(self._arrow)

    def _repr_html_(self) -> str:
        return _as_html(self._arrow)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._arrow.column_names)

    @property
    def metadata(self) -> dict[str, str]:
        """The schema's metadata."""
        return {key.decode(): text.decode() for key, text in (self._arrow.schema.metadata or {}).items()}

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Exports the table by the Arrow PyCapsule protocol."""
        return self._arrow.__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pa.Table:
        """Returns the table as a pyarrow Table."""
        return self._arrow

    def to_dict(self) -> dict[str, list[Any]]:
        """Returns the columns as lists of Python values."""
        columns: dict[str, list[Any]] = self._arrow.to_pydict()
        return columns

    def to_pandas(self, **options: Any) -> Any:  # noqa: ANN401 - pandas is optional and has no types here
        """Returns a pandas DataFrame.

        Dates become ``datetime64``, decimals stay exact ``Decimal`` objects, ordered categories become ordered
        Categoricals, and the metadata becomes ``attrs``. ``options`` are passed to ``pyarrow.Table.to_pandas``, for
        example ``types_mapper=pandas.ArrowDtype`` for decimals in Arrow columns; categories stay Categoricals. Raises
        MissingExtra without pandas.
        """
        extra_module(EXTRA, "pandas")
        chosen = options.get("types_mapper")
        if chosen is not None:  # ArrowDtype would compare ordered categories by the alphabet
            options["types_mapper"] = lambda kind: None if getattr(kind, "ordered", False) else chosen(kind)
        frame = self._arrow.to_pandas(**{"date_as_object": False, **options})
        for field in self._arrow.schema:
            if frame[field.name].dtype == object and str(field.type).startswith("list"):
                frame[field.name] = self._arrow.column(field.name).to_pylist()
        frame.attrs.update(self.metadata)
        return frame

    def to_polars(self) -> Any:  # noqa: ANN401 - polars is optional
        """Returns a polars DataFrame; ordered categories become Enums. Raises MissingExtra without polars."""
        polars = extra_module(EXTRA, "polars")
        return polars.from_arrow(self._arrow)


def _with_polars_enums(arrow: pa.Table) -> pa.Table:
    """Returns a table whose ordered dictionaries are marked as Enums for polars.

    Without the mark, ``polars.DataFrame`` reads them as categories that compare by the alphabet.
    """
    for place, field in enumerate(arrow.schema):
        column = arrow.column(place)
        if getattr(field.type, "ordered", False) and column.num_chunks:
            column = column.unify_dictionaries()
            names = column.chunk(0).dictionary.to_pylist()
            mark = "".join(f"{len(name.encode())};{name}" for name in names)
            marked = field.with_metadata({**(field.metadata or {}), POLARS_ENUM: mark})
            arrow = arrow.set_column(place, marked, column)
    return arrow


def _cells(arrow: pa.Table, rows: int) -> Iterator[tuple[str, bool, list[str]]]:
    """Yields the name of each column, whether it holds numbers, and the texts of its first rows."""
    for field, column in zip(arrow.schema, arrow.slice(0, rows).columns, strict=True):
        number = str(field.type).startswith(("int", "uint", "double", "float", "decimal"))
        yield field.name, number, [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        shown = ", ".join(_text(one) for one in value[:4])
        return f"{shown}, … ({len(value)})" if len(value) > 4 else shown
    return str(value)


def _as_text(arrow: pa.Table) -> str:
    lines = [""] * (min(TEXT_ROWS, arrow.num_rows) + 1)
    left_out: list[str] = []
    for name, number, texts in _cells(arrow, TEXT_ROWS):
        width = max(len(text) for text in [name, *texts])
        if left_out or len(lines[0]) + width > TEXT_WIDTH:
            left_out.append(name)
            continue
        align: Callable[[str, int], str] = str.rjust if number else str.ljust
        lines = [line + align(text, width) + "  " for line, text in zip(lines, [name, *texts], strict=True)]
    shown = [line.rstrip() for line in lines]
    if arrow.num_rows > TEXT_ROWS:
        shown.append("…")
    shown.append(_size(arrow))
    if left_out:
        shown.append(f"not shown: {', '.join(left_out)}")
    return "\n".join(shown)


def _as_html(arrow: pa.Table) -> str:
    columns = list(_cells(arrow, HTML_ROWS))
    head = "".join(f"<th>{escape(name)}</th>" for name, _, _ in columns)
    rows = []
    for row in range(min(HTML_ROWS, arrow.num_rows)):
        cells = "".join(
            f'<td style="text-align: {"right" if number else "left"}">{escape(texts[row])}</td>'
            for _, number, texts in columns
        )
        rows.append(f"<tr>{cells}</tr>")
    more = f"the first {HTML_ROWS} of " if arrow.num_rows > HTML_ROWS else ""
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<table>{body}</table><p>{escape(more + _size(arrow))}</p>"


def _size(arrow: pa.Table) -> str:
    """Returns the number of rows and columns, and what the table describes."""
    described = [f"{key.decode()} {text.decode()}" for key, text in (arrow.schema.metadata or {}).items()]
    size = f"{arrow.num_rows:,} rows, {arrow.num_columns} columns"
    return f"{size}: {', '.join(described)}" if described else size
