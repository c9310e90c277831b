"""The whole loan-to-value report as a file: Arrow, Parquet or CSV, a batch at a time as it arrives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import grpc
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from collateral_registry.cli.common.formatting import escape_formula
from collateral_registry.cli.loans.report import as_of_message
from collateral_registry.v1 import report_pb2, report_pb2_grpc

READ_BYTES = 1 << 20


class _Writer(Protocol):
    """Takes record batches."""

    def write_batch(self, batch: pa.RecordBatch) -> None: ...


class _Pieces(io.RawIOBase):
    """The bytes of the pieces of an answer as one stream to read."""

    def __init__(self, answers: Iterator[report_pb2.StreamLtvReportResponse], first: bytes) -> None:
        self._answers = answers
        self._left = memoryview(first)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - anything that can be filled
        while not self._left:
            answer = next(self._answers, None)
            if answer is None:
                return 0
            self._left = memoryview(answer.arrow)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def save_ltv_report(channel: grpc.Channel, as_of: str, filter_: str, order_by: str, form: str, path: Path) -> None:
    """Writes every row of the report to a file, which is there only once it is whole."""
    request = report_pb2.StreamLtvReportRequest(as_of=as_of_message(as_of), filter=filter_, order_by=order_by)
    answers = report_pb2_grpc.ReportServiceStub(channel).StreamLtvReport(request)
    first = next(answers)
    part = path.with_name(path.name + ".part")
    try:
        source = io.BufferedReader(_Pieces(answers, first.arrow), READ_BYTES)
        with pa.ipc.open_stream(source) as reader, _writer(form, part, reader.schema) as writer:
            _copy(reader, writer, form, first.row_count)
        part.replace(path)
    finally:
        answers.cancel()
        part.unlink(missing_ok=True)


def _copy(reader: Any, writer: _Writer, form: str, rows: int) -> None:  # noqa: ANN401 - pyarrow publishes no types
    """Copies batches, with a progress bar where somebody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("loans", total=rows)
        for batch in reader:
            writer.write_batch(_without_formulas(batch) if form == "csv" else batch)
            progress.advance(task, batch.num_rows)


def _writer(form: str, path: Path, schema: pa.Schema) -> AbstractContextManager[Any]:
    """What writes batches in a form."""
    makers: dict[str, Any] = {
        "arrow": lambda: pa.ipc.new_file(str(path), schema),
        "parquet": lambda: pa.parquet.ParquetWriter(str(path), schema),
        "csv": lambda: pa.csv.CSVWriter(str(path), schema),
    }
    writer: AbstractContextManager[Any] = makers[form]()
    return writer


def _without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with no text that a spreadsheet takes for a formula."""
    columns = [
        pa.array([escape_formula(text) for text in column.to_pylist()]) if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=batch.schema)
