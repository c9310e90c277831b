"""Reads the bytes of a file within a limit, decompresses them, and recognises their format."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from valuation.errors import InvalidInput
from valuation.tables.schema import BYTES_LIMIT

GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORKBOOK_PART = "xl/workbook.xml"
SAVE_AS_CSV = 'a table; save it as "CSV UTF-8", as xlsx or as parquet'

OTHER_FORMATS = {
    OLD_WORKBOOK: "an Excel workbook of an old format, or one with a password",
    b"%PDF": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"ORC": "an ORC file",
    b"BZh": "a file compressed by bzip2",
    b"\xfd7zXZ": "a file compressed by xz",
    b"\x28\xb5\x2f\xfd": "a file compressed by zstd",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
}
"""Formats that are recognised and refused, by their first bytes."""


class Format(Enum):
    """Format of a table."""

    TEXT = "text"
    WORKBOOK = "workbook"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Source:
    """The decompressed content of a file, and its name for error messages."""

    name: str
    content: bytes
    format: Format


def load(path: Path, limit: int = BYTES_LIMIT) -> Source:
    """Returns the content of a file, plain or gzipped.

    Raises InvalidInput if it is larger than ``limit`` bytes or no table, and OSError if it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if content.startswith(GZIP) and len(content) <= limit:
        content = _decompressed(path.name, content, limit)
    if len(content) > limit:
        raise _too_large(path.name, limit)
    return Source(path.name, content, _format(path.name, content, limit))


def _decompressed(name: str, content: bytes, limit: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            return file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(name, str(error), "a complete gzip file") from None


def _format(name: str, content: bytes, limit: int) -> Format:
    if content.startswith(PARQUET):
        return Format.PARQUET
    if content.startswith(ZIP):
        return _workbook(name, content, limit)
    for start, found in OTHER_FORMATS.items():
        if content.startswith(start):
            raise InvalidInput(name, found, SAVE_AS_CSV)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        raise InvalidInput(name, "a web page or XML document", SAVE_AS_CSV)
    return Format.TEXT


def _workbook(name: str, content: bytes, limit: int) -> Format:
    """Returns the format of a ZIP archive that is an Excel workbook; raises InvalidInput for any other archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError) as error:
        raise InvalidInput(name, str(error), "a complete workbook or a table as text") from None
    if WORKBOOK_PART not in {part.filename for part in parts}:
        raise InvalidInput(name, "a ZIP archive", SAVE_AS_CSV)
    if sum(part.file_size for part in parts) > limit:
        raise _too_large(name, limit)
    return Format.WORKBOOK


def _too_large(name: str, limit: int) -> InvalidInput:
    return InvalidInput(name, f"more than {limit} bytes", "a smaller file; divide it")
