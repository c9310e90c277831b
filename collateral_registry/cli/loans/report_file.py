"""Streams the loan-to-value report into an Arrow, Parquet or CSV file, one batch at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from collateral_registry.cli.common.formatting import escape_formula
from collateral_registry.cli.loans.report import as_of_message
from collateral_registry.v1 import report_pb2, report_pb2_grpc

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BYTES = 1 << 20


class _Writer(Protocol):
    """Writes record batches."""

    def write_batch(self, batch: pa.RecordBatch) -> None: ...


class _ResponseStream(io.RawIOBase):
    """A readable stream of the Arrow bytes in successive responses."""

    def __init__(self, answers: Iterator[report_pb2.StreamLtvReportResponse], first: bytes) -> None:
        self._answers = answers
        self._rest = memoryview(first)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer)
        while not self._rest:
            answer = next(self._answers, None)
            if answer is None:
                return 0
            self._rest = memoryview(answer.arrow)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def save_ltv_report(channel: grpc.Channel, as_of: str, filter_: str, order_by: str, form: str, path: Path) -> None:
    """Writes all rows of the report to a file; the file appears only when it is complete."""
    request = report_pb2.StreamLtvReportRequest(as_of=as_of_message(as_of), filter=filter_, order_by=order_by)
    answers = report_pb2_grpc.ReportServiceStub(channel).StreamLtvReport(request)
    first = next(answers)
    part = path.with_name(path.name + ".part")
    try:
        source = io.BufferedReader(_ResponseStream(answers, first.arrow), READ_BYTES)
        with pa.ipc.open_stream(source) as reader, _writer(form, part, reader.schema) as writer:
            _copy(reader, writer, form, first.row_count)
        part.replace(path)
    finally:
        answers.cancel()
        part.unlink(missing_ok=True)


def _copy(reader: pa.RecordBatchReader, writer: _Writer, form: str, rows: int) -> None:
    """Copies record batches; shows a progress bar on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("loans", total=rows)
        for batch in reader:
            writer.write_batch(_without_formulas(batch) if form == "csv" else batch)
            progress.advance(task, batch.num_rows)


def _writer(form: str, path: Path, schema: pa.Schema) -> AbstractContextManager[Any]:
    """Returns a writer for the given file format."""
    makers: dict[str, Any] = {
        "arrow": lambda: pa.ipc.new_file(str(path), schema),
        "parquet": lambda: pa.parquet.ParquetWriter(str(path), schema),
        "csv": lambda: pa.csv.CSVWriter(str(path), schema),
    }
    writer: AbstractContextManager[Any] = makers[form]()
    return writer


def _without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the batch; strings that a spreadsheet would read as formulas are escaped."""
    columns = [
        pa.array([escape_formula(text) for text in column.to_pylist()]) if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=batch.schema)
