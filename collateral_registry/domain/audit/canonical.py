"""Digests of rows, which depend on neither the engine nor the path by which the rows were written.

The bytes of rows are their columns in the order of their shape: integers, then whether integers are missing, then
numbers, then texts and bytes with their lengths. Rows are in the order of their sequence and key. A missing number and
NaN are the same, and so are both zeros, because SQLite does not distinguish them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

BLOCK_ROWS = 4_096
"""Rows of a block. A digest folds the digests of its blocks, so that it can be computed from a stream."""

_ROWS = b"collateral rows v1\0"
_MISSING = -1
_NAN = np.frombuffer(np.float64(np.nan).tobytes(), dtype=np.float64)[0]


class Kind(StrEnum):
    """What the values of a column are."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    BYTES = "bytes"


@dataclass(frozen=True)
class Column:
    """A column of a shape."""

    name: str
    kind: Kind
    nullable: bool = False


def framed(*parts: bytes) -> bytes:
    """Returns the parts one after the other, each after its length, so that no other parts give the same bytes."""
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


@dataclass(frozen=True)
class Shape:
    """The name of a set of facts and its columns, which are part of every digest."""

    name: str
    columns: tuple[Column, ...]

    @cached_property
    def header(self) -> bytes:
        """The bytes with which a digest of this shape begins."""
        described = (f"{one.name} {one.kind}{' or null' if one.nullable else ''}".encode() for one in self.columns)
        return _ROWS + framed(self.name.encode(), framed(*described))

    @cached_property
    def integers(self) -> tuple[str, ...]:
        """Names of the columns of integers."""
        return tuple(one.name for one in self.columns if one.kind is Kind.INTEGER)

    @cached_property
    def optional_integers(self) -> frozenset[str]:
        """Names of the columns of integers that may be missing."""
        return frozenset(one.name for one in self.columns if one.kind is Kind.INTEGER and one.nullable)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns of numbers."""
        return tuple(one.name for one in self.columns if one.kind is Kind.NUMBER)

    @cached_property
    def texts(self) -> tuple[Column, ...]:
        """The columns of texts and bytes."""
        return tuple(one for one in self.columns if one.kind in {Kind.TEXT, Kind.BYTES})

    def block(self, columns: Mapping[str, Any], rows: int) -> bytes:
        """Returns the bytes of at most BLOCK_ROWS rows, given as columns; a scalar is the value of every row.

        Raises ValueError, TypeError or OverflowError if a value is not of its kind.
        """
        integers = np.empty((len(self.integers), rows), dtype="<i8")
        missing = b""
        for place, name in enumerate(self.integers):
            values = columns[name]
            if name in self.optional_integers and not isinstance(values, np.ndarray):
                listed = [values] * rows if values is None or isinstance(values, int) else values
                missing += bytes(value is None for value in listed)
                values = [0 if value is None else value for value in listed]
            elif name in self.optional_integers:
                missing += bytes(rows)
            integers[place] = values
        numbers = np.empty((len(self.numbers), rows), dtype="<f8")
        for place, name in enumerate(self.numbers):
            numbers[place] = columns[name]
        numbers += 0.0  # makes zeros positive
        numbers[np.isnan(numbers)] = _NAN
        texts = [_joined(columns[one.name], rows, one.kind) for one in self.texts]
        return b"".join([rows.to_bytes(8, "little"), integers.tobytes(), missing, numbers.tobytes(), *texts])

    def digest(self, columns: Mapping[str, Any], rows: int) -> bytes:
        """Returns the digest of rows in order, given as columns; a scalar is the value of every row."""
        fold = Fold(self)
        if rows <= BLOCK_ROWS:
            fold.add(columns, rows)
            return fold.digest()
        for start in range(0, rows, BLOCK_ROWS):
            end = min(rows, start + BLOCK_ROWS)
            fold.add({name: _part(values, start, end) for name, values in columns.items()}, end - start)
        return fold.digest()

    def digest_of_rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """Returns the digest of rows in order, each with a value for every column.

        Raises ValueError, TypeError or OverflowError if a value is not of its kind.
        """
        fold = Fold(self)
        for start in range(0, len(rows), BLOCK_ROWS):
            fold.add_rows(rows[start : start + BLOCK_ROWS])
        return fold.digest()


class Fold:
    """The digest of a stream of rows: all blocks but the last one have BLOCK_ROWS rows."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._hash = hashlib.sha256(shape.header)

    def add(self, columns: Mapping[str, Any], rows: int) -> None:
        """Adds a block of rows, given as columns."""
        self._hash.update(hashlib.sha256(self._shape.block(columns, rows)).digest())

    def add_rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """Adds a block of rows."""
        values = zip(*rows, strict=True)
        self.add({one.name: list(column) for one, column in zip(self._shape.columns, values, strict=True)}, len(rows))

    def digest(self) -> bytes:
        """Returns the digest of the rows that were added."""
        return self._hash.digest()


def _part(values: object, start: int, end: int) -> object:
    return values[start:end] if isinstance(values, np.ndarray | list | tuple) else values


def _joined(values: object, rows: int, kind: Kind) -> bytes:
    """Returns the lengths of texts, and then the texts; a missing text has a length that no text has."""
    listed: Any = values if isinstance(values, np.ndarray | list | tuple) else [values] * rows
    if len(listed) != rows:
        raise ValueError(f"got {len(listed)} texts, want {rows}")
    if (plain := _ascii(listed, kind)) is not None:
        return np.fromiter(map(len, listed), "<i8", rows).tobytes() + plain
    encoded = [None if value is None else _encoded(value, kind) for value in listed]
    lengths = [_MISSING if value is None else len(value) for value in encoded]
    return np.array(lengths, dtype="<i8").tobytes() + b"".join(filter(None, encoded))


def _ascii(values: Sequence[Any], kind: Kind) -> bytes | None:
    """Returns texts one after the other; None if a value is missing, of another kind, or has other characters.

    The bytes of an ASCII text are as many as its characters, so that texts need not be encoded one by one.
    """
    if kind is not Kind.TEXT:
        return None
    try:
        joined = "".join(values)
    except TypeError:
        return None
    return joined.encode() if joined.isascii() else None


def _encoded(value: object, kind: Kind) -> bytes:
    if kind is Kind.TEXT and isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")  # a damaged text may not be UTF-8
    if kind is Kind.BYTES and isinstance(value, bytes):
        return value
    raise TypeError(f"got {type(value).__name__}, want {kind}")
