"""Reads CSV rows with their line numbers, and groups messages into batches."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from collateral_registry.cli.common.csv_columns import check_header

Row = Mapping[str, str]

LENGTH_PREFIX_BYTES = 8  # tag and length of a repeated message


@dataclass(frozen=True)
class NumberedRow:
    """A row with its line number, and the number of cells by which it is longer than the header."""

    line: int
    values: Row
    surplus: int = 0

    @property
    def fitting(self) -> Row:
        """The values of the row; raises ValueError if the row has more cells than the header."""
        if self.surplus:
            wanted = len(self.values)
            raise ValueError(
                f"row: got {wanted + self.surplus} cells, want {wanted} as in the header; quote a cell with a comma"
            )
        return self.values


def read_rows(file: TextIO, file_kind: str) -> Iterator[NumberedRow]:
    """Yields the rows of a CSV file; lines before the header that begin with # are comments.

    Raises ValueError if the file is not CSV, or its header lacks a column or has an unknown one.
    """
    first, reader = _after_comments(file)
    try:
        header = [name.strip() for name in next(reader, [])]
        check_header(file_kind, header)
        for cells in reader:
            if cells:
                values = dict.fromkeys(header, "") | {
                    name: cell.strip() for name, cell in zip(header, cells, strict=False)
                }
                yield NumberedRow(first + reader.line_num, values, max(0, len(cells) - len(header)))
    except csv.Error as error:
        raise ValueError(f"line {first + reader.line_num}: {error}; check for an unclosed quote") from None


def _after_comments(file: TextIO) -> tuple[int, Any]:
    """Returns the number of comment lines, and a CSV reader of the lines after them."""
    comments = 0
    for line in file:
        if line.strip() and not line.startswith("#"):
            return comments, csv.reader(itertools.chain([line], file))
        comments += 1
    return comments, csv.reader([])


def batches(messages: Sequence[tuple[int, Any]], max_messages: int, max_bytes: int) -> Iterator[list[tuple[int, Any]]]:
    """Yields batches of messages with their lines, within both limits; a message above ``max_bytes`` forms its own."""
    batch: list[tuple[int, Any]] = []
    free_bytes = max_bytes
    for line, message in messages:
        size = message.ByteSize() + LENGTH_PREFIX_BYTES
        if batch and (len(batch) == max_messages or size > free_bytes):
            yield batch
            batch, free_bytes = [], max_bytes
        batch.append((line, message))
        free_bytes -= size
    if batch:
        yield batch
