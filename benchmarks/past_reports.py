"""Records the reports of past commits and compares the records of two versions of the code.

Use it to check that a migration or a refactoring leaves past reports unchanged. ``write`` starts a server of the code
on the Python path and records the LTV report, its Arrow stream and the breach report as of several commits. ``compare``
compares two records, restricted to the fields that the first one has.

    python -m benchmarks.past_reports write old sqlite:////path/book.db
    python -m benchmarks.past_reports write new sqlite:////path/copy-of-book.db --as-in old
    python -m benchmarks.past_reports compare old new

To record the reports of an earlier version without this program, run this file by its path, with the folder of that
version as working directory and as PYTHONPATH. Starting a server migrates the database, so give the later version a
copy.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collateral_registry.v1 import business_date_pb2, business_date_pb2_grpc, report_pb2, report_pb2_grpc

COMMITS = 5
"""Default number of commits, spread evenly over the log."""

PAGE_ROWS = 20
"""Rows of a page, few enough for several pages of the sample book."""

CONCENTRATION_LIMIT = 10_000
"""The largest limit of the contract, so that every concentration is listed."""

Request = report_pb2.GenerateLtvReportRequest | report_pb2.GenerateBreachReportRequest

START_SECONDS = 120.0

ANY_DATE = "2021-12-31"
"""A business date that is not the wall clock's. A server with such a date keeps the stored date of its book."""


def write_reports(folder: Path, url: str, commits: int = COMMITS, as_in: Path | None = None) -> list[int]:
    """Records the reports as of several commits, a subfolder each, and returns the sequences of these commits.

    Without ``as_in`` the commits are spread evenly over the log and end with the newest one. With ``as_in`` they are
    those of an earlier record.
    """
    with _server(url) as channel:
        sequences = recorded_sequences(as_in) if as_in else _spread(_newest_sequence(channel), commits)
        for sequence in sequences:
            target = folder / str(sequence)
            target.mkdir(parents=True)
            _write_commit(channel, sequence, target)
    return sequences


def recorded_sequences(folder: Path) -> list[int]:
    """Returns the sequences of the commits in a record, in ascending order."""
    return sorted(int(path.name) for path in folder.iterdir())


def compare_reports(first: Path, second: Path) -> tuple[list[str], int]:
    """Returns the differences of two records, and the number of files that are equal byte by byte.

    Values are compared for the fields of the first record only: fields that the second version added do not count.
    """
    names = _files(first)
    differences = [f"{name}: in one record only" for name in sorted(set(names) ^ set(_files(second)))]
    identical = 0
    for name in names:
        if not (second / name).exists():
            continue
        one, other = (first / name).read_bytes(), (second / name).read_bytes()
        identical += one == other
        if name.endswith(".json") and one != other:
            differences += _differences(json.loads(one), json.loads(other), name)
    return differences, identical


@contextmanager
def _server(url: str) -> Iterator[grpc.Channel]:
    """Provides a channel to a server that runs on the database until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    arguments = ["serve", "--address", address, "--database", url, "--business-date", ANY_DATE]
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "collateral_registry", *arguments]
        environment = {**os.environ, "COLLATERAL_ALLOW_UNSAFE_STORAGE": "true"}  # a copy that may be lost
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            with grpc.insecure_channel(address) as channel:
                deadline = time.monotonic() + START_SECONDS
                while not _is_serving(channel):
                    if process.poll() is not None or time.monotonic() > deadline:
                        output.seek(0)
                        raise RuntimeError(f"the server did not start: {output.read().decode()}")
                    time.sleep(0.1)
                yield channel
        finally:
            process.terminate()
            process.wait()


def _is_serving(channel: grpc.Channel) -> bool:
    try:
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
    except grpc.RpcError:
        return False
    return bool(health.status == health_pb2.HealthCheckResponse.SERVING)


def _newest_sequence(channel: grpc.Channel) -> int:
    stub = business_date_pb2_grpc.BusinessDateServiceStub(channel)
    return int(stub.GetBusinessDate(business_date_pb2.GetBusinessDateRequest()).sequence)


def _spread(newest: int, commits: int) -> list[int]:
    """Returns sequences at equal distances that end with the newest."""
    return sorted({max(1, newest * part // commits) for part in range(1, commits + 1)})


def _write_commit(channel: grpc.Channel, sequence: int, folder: Path) -> None:
    """Records the reports as of one commit."""
    stub = report_pb2_grpc.ReportServiceStub(channel)
    moment = report_pb2.AsOf(sequence=sequence)
    ltv = report_pb2.GenerateLtvReportRequest(
        as_of=moment, page_size=PAGE_ROWS, concentration_limit=CONCENTRATION_LIMIT
    )
    _write_pages(stub.GenerateLtvReport, ltv, folder, "ltv")
    breaches = report_pb2.GenerateBreachReportRequest(as_of=moment, page_size=PAGE_ROWS)
    _write_pages(stub.GenerateBreachReport, breaches, folder, "breaches")
    pieces = list(stub.StreamLtvReport(report_pb2.StreamLtvReportRequest(as_of=moment)))
    arrow = b"".join(piece.arrow for piece in pieces)
    (folder / "ltv.arrow").write_bytes(arrow)
    head = fields_of(pieces[0]) | {"arrow": pa.ipc.open_stream(arrow).read_all().to_pylist()}
    _write_json(folder / "stream.json", head)


def _write_pages(call: Callable[[Request], Any], request: Request, folder: Path, name: str) -> None:
    """Records every page of a report, both as serialised message and as JSON."""
    number = 0
    while not number or request.page_token:
        number += 1
        page = call(request)
        request.page_token = page.next_page_token
        page.next_page_token = "more" if page.next_page_token else ""  # tokens are opaque and may change
        (folder / f"{name}-{number}.pb").write_bytes(page.SerializeToString(deterministic=True))
        _write_json(folder / f"{name}-{number}.json", fields_of(page))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True, default=str) + "\n", encoding="utf-8")


def fields_of(message: Message) -> dict[str, Any]:
    """Returns the value of every field of a message by name, None for unset fields that have presence.

    ``MessageToDict`` omits unset fields, which would make an unset field look like one that does not exist yet.
    """
    return {field.name: _value(message, field) for field in message.DESCRIPTOR.fields}


def _value(message: Message, field: FieldDescriptor) -> object:
    if field.has_presence and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_single_value(one, field) for one in value]
    return _single_value(value, field)


def _single_value(value: object, field: FieldDescriptor) -> object:
    if isinstance(value, Message):
        return fields_of(value)
    if field.enum_type is not None and isinstance(value, int):
        return field.enum_type.values_by_number[value].name
    return value


def _differences(one: object, other: object, path: str) -> list[str]:
    """Returns the paths at which two JSON values differ; keys that only ``other`` has are ignored."""
    if isinstance(one, dict) and isinstance(other, dict):
        missing = [f"{path}.{key}: missing" for key in one if key not in other]
        shared = [key for key in one if key in other]
        return missing + [line for key in shared for line in _differences(one[key], other[key], f"{path}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for number, (a, b) in pairs for line in _differences(a, b, f"{path}[{number}]")]
    return [] if one == other else [f"{path}: {one!r} before, {other!r} after"]


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))


def _bytes_of(folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in _files(folder))


def main() -> int:
    """Runs one of the two commands; returns 1 if the compared records differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write", help="record the reports of a book")
    write.add_argument("folder", type=Path, help="new folder of the record")
    write.add_argument("database", help="SQLAlchemy URL of the book")
    write.add_argument("--commits", type=int, default=COMMITS, help="number of commits, spread evenly over the log")
    write.add_argument("--as-in", type=Path, help="folder of an earlier record; its commits are recorded")
    compare = commands.add_parser("compare", help="compare two records")
    compare.add_argument("first", type=Path, help="record that determines the compared fields")
    compare.add_argument("second", type=Path, help="record of the later version")
    arguments = parser.parse_args()
    if arguments.command == "write":
        sequences = write_reports(arguments.folder, arguments.database, arguments.commits, arguments.as_in)
        print(f"recorded {len(sequences)} sequences up to {sequences[-1]}, {_bytes_of(arguments.folder)} bytes")
        return 0
    differences, identical = compare_reports(arguments.first, arguments.second)
    for line in differences:
        print(line)
    sequences, names = recorded_sequences(arguments.first), _files(arguments.first)
    print(
        f"compared {len(sequences)} sequences from {sequences[0]} to {sequences[-1]}: {len(names)} files, "
        f"{_bytes_of(arguments.first)} bytes, {identical} files identical, {len(differences)} differences"
    )
    return 1 if differences or not names else 0


if __name__ == "__main__":
    sys.exit(main())
