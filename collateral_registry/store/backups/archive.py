"""The file of a backup: the parts one after the other, then the manifest, then a footer of fixed length.

The manifest comes last, because it states digests of parts that are written only once. A SQLite backup has one part, a
database file at the start of the archive; one of PostgreSQL has a part for each table, in COPY's binary format.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from collateral_registry.domain.shared.errors import Refused

FORMAT = 1
FOOTER = struct.Struct(">8sQ32s")
"""The mark, the length of the manifest and its SHA-256."""

MARK = b"COLLBKUP"
CHUNK_BYTES = 1 << 20
PARTIAL_SUFFIX = ".collateral-partial"
"""End of the name of an archive that is being written."""

Progress = Callable[[float], None]
"""Gets the share of the work that is done, from 0 to 1."""


class Part(BaseModel):
    """A file or table in an archive: where it is, and the SHA-256 of its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    offset: int
    bytes: int
    sha256: str
    columns: tuple[str, ...] = ()
    rows: int = 0


class Manifest(BaseModel):
    """What a backup holds: the book up to and including the commit ``sequence``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    engine: str
    release: str
    schema_version: str
    sequence: int
    business_date: str
    loans: int
    created: str
    parts: tuple[Part, ...]
    counters: dict[str, int] = {}
    """The last number of each counter of PostgreSQL that numbers rows."""


@contextmanager
def new_archive(path: Path) -> Iterator[Path]:
    """Yields the name under which to write an archive; gives it its own name at the end, when it is on disk.

    Nothing is left after an error. A killed process leaves a file that the next backup in the folder removes. Raises
    Refused if there is such a file already, and OSError.
    """
    _refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_abandoned(path.parent)
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    with open(partial, "xb", opener=_private) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield partial
            sync_to_disk(partial)
            _refuse_existing(path)
            partial.rename(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    sync_to_disk(path.parent)


def append_manifest(file: BinaryIO, manifest: Manifest) -> None:
    """Appends the manifest and the footer."""
    text = manifest.model_dump_json(indent=1).encode()
    file.write(text + FOOTER.pack(MARK, len(text), hashlib.sha256(text).digest()))


def manifest_of(path: Path) -> Manifest:
    """Returns the manifest of an archive; raises Refused if the file is none or is damaged, and OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - FOOTER.size))
        footer = file.read()
        mark, length, digest = FOOTER.unpack(footer) if len(footer) == FOOTER.size else (b"", 0, b"")
        if mark != MARK or length > size - FOOTER.size:
            raise Refused("NO_BACKUP", f"file: got {path}, want a complete file of collateral backup")
        file.seek(size - FOOTER.size - length)
        text = file.read(length)
    if hashlib.sha256(text).digest() != digest:
        raise Refused("DAMAGED_BACKUP", f"file: got {path} with a changed manifest, want another copy of the backup")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError:
        raise Refused("NEWER_BACKUP", f"file: got {path}, want a backup that this or an older program wrote") from None


def check_parts(path: Path, manifest: Manifest, progress: Progress) -> None:
    """Raises Refused if a part of an archive does not have the digest of the manifest."""
    whole, done = sum(part.bytes for part in manifest.parts) or 1, 0
    for part in manifest.parts:
        digest = hashlib.sha256()
        for chunk in chunks_of(path, part):
            digest.update(chunk)
            done += len(chunk)
            progress(done / whole)
        if digest.hexdigest() != part.sha256:
            message = f"file: got {path} with damaged data ({part.name}), want another copy of the backup"
            raise Refused("DAMAGED_BACKUP", message)


def chunks_of(path: Path, part: Part) -> Iterator[bytes]:
    """Yields the bytes of a part."""
    with path.open("rb") as file:
        file.seek(part.offset)
        left = part.bytes
        while left and (chunk := file.read(min(left, CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise Refused("BACKUP_EXISTS", f"file: got {path}, which exists, want a new name")


def _remove_abandoned(folder: Path) -> None:
    """Removes what killed backups have left in a folder: files of the name that no process locks."""
    for partial in folder.glob(f".*{PARTIAL_SUFFIX}"):
        with suppress(OSError), partial.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            partial.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync_to_disk(path: Path) -> None:
    """Returns when a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
