"""Measures exports of the loan-to-value report: processor time and memory of the process that writes a file.

``python -m benchmarks.exports [ROWS]`` prints a JSON line for each format. Each is written in a new process, as the
service does, from rows as ``StreamLtvReport`` sends them; a PDF has the most rows that it may have.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from google.type.date_pb2 import Date

from benchmarks.measured import Measured, peak_mb
from collateral_registry.exports.report import Form, Selection
from collateral_registry.exports.writing import PDF_ROWS_LIMIT, write_file
from collateral_registry.rpc.reports.arrow_rows import SCHEMA, STREAM_BATCH_ROWS
from collateral_registry.v1 import report_pb2 as pb
from collateral_registry.web.pages.exports.reports import ltv_report
from collateral_registry.web.pages.texts import texts_of

ROWS = 100_000
SECONDS_LIMIT = 300.0
LIMITS: Mapping[str, Decimal] = {"watch": Decimal("0.9"), "margin_call": Decimal(1), "liquidation": Decimal("1.2")}
FIXED = {
    "borrower": "华东铜业有限公司 Huadong Copper", "currency_code": "USD", "minor_unit_digits": 2, "coverage": "KNOWN",
    "ltv_basis": "LENDABLE", "unknown_reasons": "", "quality_flags": "STOCK_UNVERIFIED SMOOTHED", "next_level": "WATCH",
    "level": "MARGIN_CALL", "market_date": date(2022, 7, 13), "oldest_input_date": date(2022, 7, 1),
    "deadline_date": date(2022, 7, 20), "unknown_asset_count": 0, "breach_number": 1, "sequence": 918,
}  # fmt: skip
"""Columns that have the same value in all rows."""


def rows_of(count: int) -> bytes:
    """Returns the stream of a report."""
    random = np.random.default_rng(5)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        for start in range(0, count, STREAM_BATCH_ROWS):
            size = min(STREAM_BATCH_ROWS, count - start)
            columns = {name: [value] * size for name, value in FIXED.items()}
            columns["loan_id"] = [f"loan-{start + place:07d}" for place in range(size)]
            for field in SCHEMA:
                if field.name not in columns and pa.types.is_int64(field.type):
                    columns[field.name] = random.integers(0, 10**9, size).tolist()
                elif field.name not in columns:
                    columns[field.name] = random.random(size).tolist()
            writer.write_batch(pa.record_batch([pa.array(columns[f.name], f.type) for f in SCHEMA], schema=SCHEMA))
    return sink.getvalue()


def measure(form: Form, count: int, path: Path, out: Connection) -> None:
    """Writes a file and sends its measures."""
    day = Date(year=2022, month=7, day=13)
    first = pb.StreamLtvReportResponse(sequence=918, market_date=day, policy="policies/default-2021")
    report = ltv_report(texts_of("zh"), Selection(), first, pb.GenerateLtvReportResponse(), LIMITS)
    start = time.process_time()
    write_file(form, report, path, path.with_name("report"))
    seconds = time.process_time() - start
    size = path.with_name("report").stat().st_size
    out.send(Measured(f"{count:,} rows as {form}, {size / 1e6:.1f} MB", seconds, "s", SECONDS_LIMIT, peak_mb()))


def measure_files(wanted: int) -> None:
    """Prints the measures of every format."""
    context = get_context("spawn")
    for form in Form:
        count = min(wanted, PDF_ROWS_LIMIT) if form is Form.PDF else wanted
        with TemporaryDirectory() as folder:
            path = Path(folder, "rows")
            path.write_bytes(rows_of(count))
            received, sent = context.Pipe()
            process = context.Process(target=measure, args=(form, count, path, sent))
            process.start()
            print(json.dumps(asdict(received.recv())), flush=True)
            process.join()


if __name__ == "__main__":
    measure_files(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
