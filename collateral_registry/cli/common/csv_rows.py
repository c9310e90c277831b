"""Rows of CSV files, each with its line, and batches of what was made of them."""

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
    """A row with its line number in the file and the number of cells it has beyond the header."""

    line: int
    values: Row
    surplus: int = 0

    @property
    def fitting(self) -> Row:
        """The values; raises ValueError when the row has more cells than the header."""
        if self.surplus:
            raise ValueError(f"row: got {self.surplus} cells too many, want as many as the header; quote a comma")
        return self.values


def read_rows(file: TextIO, facts: str) -> Iterator[NumberedRow]:
    """The rows of a CSV file of these facts; lines before the header that begin with # are comments.

    Raises ValueError when the file is not CSV, or its header lacks a column or has one that is not known.
    """
    first, reader = _after_comments(file)
    try:
        header = [name.strip() for name in next(reader, [])]
        check_header(facts, header)
        for cells in reader:
            if cells:
                values = dict.fromkeys(header, "") | {
                    name: cell.strip() for name, cell in zip(header, cells, strict=False)
                }
                yield NumberedRow(first + reader.line_num, values, max(0, len(cells) - len(header)))
    except csv.Error as error:
        raise ValueError(f"line {first + reader.line_num}: {error}; is a quote left open?") from None


def _after_comments(file: TextIO) -> tuple[int, Any]:
    """The number of comment lines, and a reader of what follows them."""
    comments = 0
    for line in file:
        if line.strip() and not line.startswith("#"):
            return comments, csv.reader(itertools.chain([line], file))
        comments += 1
    return comments, csv.reader([])


def batches(
    messages: Sequence[tuple[int, Any]], most_messages: int, most_bytes: int
) -> Iterator[list[tuple[int, Any]]]:
    """Messages, each with its line, in batches that keep to both limits."""
    batch: list[tuple[int, Any]] = []
    room = most_bytes
    for line, message in messages:
        size = message.ByteSize() + LENGTH_PREFIX_BYTES
        if batch and (len(batch) == most_messages or size > room):
            yield batch
            batch, room = [], most_bytes
        batch.append((line, message))
        room -= size
    if batch:
        yield batch
