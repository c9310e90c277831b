"""Files of reports: the filter and the moment of a page, in a format for people or for programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import grpc
from starlette.responses import Response, StreamingResponse

from collateral_registry.domain.shared.errors import Busy, InvalidInput, Overdue, TooLarge
from collateral_registry.exports.report import Form, Report, Selection
from collateral_registry.rpc.common.errors import status_of
from collateral_registry.runtime.model_work.pool import ModelPool
from collateral_registry.v1 import breach_pb2, report_pb2 as pb
from collateral_registry.web.gateway.errors import HttpError, refusal
from collateral_registry.web.pages.views.common.report import policy_limits
from collateral_registry.web.pages.views.loans import breaches as breaches_view, loans as loans_view
from collateral_registry.web.pages.visit import Visit

EXPORTS_LIMIT = 1
"""Files that are written at once in one server process, each in a process of its own."""

EXPORTS_WAITING_LIMIT = 8
"""Exports that wait for it; further ones are refused."""

EXPORT_SECONDS = 300.0
"""Longest time of an export, from its turn to the complete file."""

EXPORT_MEMORY_BYTES = 2 << 30
PAGE_ROWS = 1_000
CONCENTRATIONS = 10_000
"""Keys of a dimension and currency, the most that the service lists."""

PIECE_BYTES = 1 << 18


class Exports:
    """Answers requests for files. Rows are read in this process and written in another one."""

    def __init__(self) -> None:
        self._pool = ModelPool(EXPORTS_LIMIT, EXPORT_MEMORY_BYTES, EXPORTS_WAITING_LIMIT, EXPORT_SECONDS)

    async def file(self, visit: Visit, name: str, extension: str) -> Response:
        """Returns a report as a file; raises HttpError."""
        if name not in REPORTS or extension not in set(Form):
            message = f"got an unknown file {name}.{extension[:40]}, want {', '.join(Form)} of {', '.join(REPORTS)}"
            raise refusal(grpc.StatusCode.NOT_FOUND, "UNKNOWN_PATH", message, HTTPStatus.NOT_FOUND)
        try:
            return await self._file(visit, name, Form(extension))
        except (Busy, InvalidInput, Overdue, TooLarge) as error:
            raise HttpError(status_of(error)[1]) from error

    async def written(self, write: Callable[[Path], object]) -> Iterator[bytes]:
        """Returns the pieces of a file that a process of its own writes; ``write`` is picklable. Raises HttpError."""
        try:
            with TemporaryDirectory(prefix="collateral-") as folder:
                out = Path(folder, "file")
                async with self._pool.place() as place:
                    await place.compute(partial(write, out))
                return _pieces(out.open("rb"))
        except (Busy, InvalidInput, Overdue, TooLarge) as error:
            raise HttpError(status_of(error)[1]) from error

    def close(self) -> None:
        """Ends the process that writes files."""
        self._pool.close()

    async def _file(self, visit: Visit, name: str, form: Form) -> Response:
        from collateral_registry.exports.writing import MEDIA_TYPES, file_name, write_file

        with TemporaryDirectory(prefix="collateral-") as folder:
            rows, out = Path(folder, "rows"), Path(folder, "report")
            async with self._pool.place() as place:
                report = await REPORTS[name](visit, form, rows)
                await place.compute(partial(write_file, form, report, rows, out))
            file = out.open("rb")
        headers = {
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{file_name(form, report)}"',
            "content-language": visit.texts.language,
        }
        return StreamingResponse(_pieces(file), media_type=MEDIA_TYPES[form], headers=headers)


async def _loans(visit: Visit, form: Form, rows: Path) -> Report:
    """Reads all rows of the loan-to-value report and returns it."""
    from collateral_registry.exports.writing import check_rows
    from collateral_registry.web.pages.exports.reports import ltv_report

    selected = Selection(*await loans_view.selection_of(visit))
    request = pb.StreamLtvReportRequest(as_of=visit.as_of, filter=selected.filter, order_by=selected.order_by)
    stream = visit.book.stream(visit.book.services.reports.StreamLtvReport, request, EXPORT_SECONDS)
    try:
        responses = aiter(stream)
        first = await anext(responses)
        check_rows(form, first.row_count)
        with rows.open("wb") as file:
            file.write(first.arrow)
            async for response in responses:
                file.write(response.arrow)
    finally:
        stream.cancel()
    sums = await _sums(visit, pb.AsOf(sequence=first.sequence), selected, 1)
    return ltv_report(visit.texts, selected, first, sums, await policy_limits(visit, first.policy))


async def _concentrations(visit: Visit, _: Form, rows: Path) -> Report:
    from collateral_registry.web.pages.exports.reports import concentration_report

    selected = Selection("")
    sums = await _sums(visit, visit.as_of, selected, CONCENTRATIONS)
    report, data = concentration_report(visit.texts, selected, sums)
    rows.write_bytes(data)
    return report


async def _breaches(visit: Visit, form: Form, rows: Path) -> Report:
    """Reads all pages of the breach report, which show one commit, and returns it."""
    from collateral_registry.exports.writing import check_rows
    from collateral_registry.web.pages.exports.reports import breach_report

    filter_, order = breaches_view.selection_of(visit.query)
    selected = Selection(filter_, breaches_view.ORDERS[order])
    request = pb.GenerateBreachReportRequest(
        as_of=visit.as_of, filter=selected.filter, order_by=selected.order_by, page_size=PAGE_ROWS
    )
    generate = visit.book.services.reports.GenerateBreachReport
    page: pb.GenerateBreachReportResponse = await visit.book.call(generate, request)
    found: list[breach_pb2.Breach] = list(page.breaches)
    while page.next_page_token:
        request.page_token = page.next_page_token
        page = await visit.book.call(generate, request)
        found += page.breaches
        check_rows(form, len(found))
    report, data = breach_report(visit.texts, selected, page, found)
    rows.write_bytes(data)
    return report


REPORTS: dict[str, Callable[[Visit, Form, Path], Awaitable[Report]]] = {
    "loans": _loans,
    "breaches": _breaches,
    "reports": _concentrations,
}
"""What reads each report, by the path of its page."""


async def _sums(visit: Visit, as_of: pb.AsOf, selected: Selection, keys: int) -> pb.GenerateLtvReportResponse:
    request = pb.GenerateLtvReportRequest(as_of=as_of, filter=selected.filter, page_size=1, concentration_limit=keys)
    found: pb.GenerateLtvReportResponse = await visit.book.call(visit.book.services.reports.GenerateLtvReport, request)
    return found


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
