"""Reads the loan-to-value report as a stream of Arrow batches, one batch at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from collateral_registry.cli.common.table_files import rows_of, schema_of
from collateral_registry.cli.common.tables import COVERAGE_STYLES, LEVEL_STYLES, Column, Importance, Kind, Row, Table
from collateral_registry.v1 import report_pb2

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import WriteableBuffer

READ_BYTES = 1 << 20

HIGH, USUAL, LOW, DETAIL = Importance.HIGH, Importance.USUAL, Importance.LOW, Importance.DETAIL

LTV = Table(
    "loans",
    (
        Column("loan", Kind.TEXT),
        Column("borrower", Kind.TEXT, importance=LOW),
        Column("currency", Kind.CODE, "ccy"),
        Column("exposure", Kind.AMOUNT),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue", USUAL),
        Column("market_value", Kind.AMOUNT, "market\nvalue", LOW),
        Column("ltv", Kind.SHARE, "LTV"),
        Column("level", Kind.CODE, styles=LEVEL_STYLES),
        Column("coverage", Kind.CODE, "cover", styles=COVERAGE_STYLES),
        Column("cash_cure", Kind.AMOUNT, "cash\ncure", HIGH),
        Column("price_fall_to_next_level", Kind.SHARE, "fall to\nnext", USUAL),
        Column("next_level", Kind.CODE, "next\nlevel", DETAIL),
        Column("breach", Kind.COUNT, importance=LOW),
        Column("deadline_date", Kind.DATE, "deadline", USUAL),
        Column("unknown_reasons", Kind.LABELS, "unknown\nbecause", DETAIL),
        Column("quality_flags", Kind.LABELS, "flags", DETAIL),
        Column("last_good_ltv", Kind.SHARE, "last good\nLTV", DETAIL),
        Column("ltv_basis", Kind.CODE, "LTV\nbasis", DETAIL),
        Column("distance_to_next_level", Kind.SHARE, "distance\nto next", DETAIL),
        Column("collateral_cure", Kind.AMOUNT, "collateral\ncure", DETAIL),
        Column("last_good_market_value", Kind.AMOUNT, "last good\nmarket value", DETAIL),
        Column("last_good_lendable_value", Kind.AMOUNT, "last good\nlendable value", DETAIL),
        Column("decision_market_value", Kind.AMOUNT, "decision\nmarket value", DETAIL),
        Column("decision_lendable_value", Kind.AMOUNT, "decision\nlendable value", DETAIL),
        Column("used", Kind.AMOUNT, "used\nof base", DETAIL),
        Column("borrowing_base", Kind.AMOUNT, "borrowing\nbase", DETAIL),
        Column("unknown_asset_count", Kind.COUNT, "unknown\nassets", DETAIL),
        Column("oldest_input_date", Kind.DATE, "oldest\ninput", DETAIL),
        Column("market_date", Kind.DATE, "judged\non", DETAIL),
        Column("sequence", Kind.COUNT, "commit", DETAIL),
        Column("ltv_infinite", Kind.FLAG, "LTV\ninfinite", DETAIL),
    ),
)


class Answers(Protocol):
    """A stream of responses that can be ended early."""

    def __next__(self) -> report_pb2.StreamLtvReportResponse: ...

    def cancel(self) -> bool:
        """Ends the call."""
        ...


class StreamedRows:
    """The first rows of a stream, or all of them if the limit is 0; leaving the context ends the call.

    The progress is shown while the batches are read.
    """

    def __init__(self, answers: Answers, limit: int, progress: AbstractContextManager[Callable[[int], None]]) -> None:
        self._answers = answers
        self._limit = limit
        self._progress = progress

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answers.cancel()

    def rows(self) -> Iterator[Row]:
        """Yields the rows."""
        return rows_of(self.batches(schema_of(LTV)))

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yields the rows as record batches."""
        import pyarrow as pa

        from collateral_registry.exports.ltv_rows import ltv_batch

        source = io.BufferedReader(_ResponseStream(self._answers), READ_BYTES)
        left = self._limit
        with self._progress as advance, pa.ipc.open_stream(source) as reader:
            for batch in reader:
                some = batch.slice(0, left) if self._limit else batch
                yield ltv_batch(some, schema)
                advance(some.num_rows)
                left -= some.num_rows
                if self._limit and not left:
                    return


class _ResponseStream(io.RawIOBase):
    """A readable stream of the Arrow bytes in successive responses."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer)
        while not self._rest:
            try:
                answer = next(self._answers)
            except StopIteration:
                return 0
            self._rest = memoryview(answer.arrow)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
