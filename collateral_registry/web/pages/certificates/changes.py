"""Changes by forms: submitting, approving and returning a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from google.type.money_pb2 import Money
from starlette.exceptions import HTTPException

from collateral_registry.v1 import certificate_pb2 as pb, loan_pb2
from collateral_registry.web.pages.certificates.columns import Columns, Line
from collateral_registry.web.pages.certificates.statement_table import STATEMENT, statement_of
from collateral_registry.web.pages.numbers import all_digits, parsed_money, value_of
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.visit import Visit, address_of, invalid
from valuation.errors import InvalidInput
from valuation.tables.reader import read_source
from valuation.tables.source import Format, Source

STEPS = ("submit", "approve", "return")
LINES_OF_TERM: Mapping[int, str] = {
    pb.STATEMENT_TERM_GROSS: "gross",
    pb.STATEMENT_TERM_RATE: "rate",
    pb.STATEMENT_TERM_RESERVES: "reserves",
}
"""Lines that a borrower states, by the term of a step; the line of an exclusion is that of its rule."""


async def take_certificate_step(visit: Visit, form: Mapping[str, str]) -> str:
    """Takes a step of a certificate and returns the address that shows it; raises grpc.aio.AioRpcError or HttpError."""
    loan, certificate, step = (visit.parameters[name] for name in ("loan", "certificate", "step"))
    name = f"loans/{loan}/certificates/{certificate}"
    service, call = visit.book.services.certificates, visit.book.call
    stated = {field: form.get(field, "") for field in ("actor", "request_id")}
    match step:
        case "submit":
            request = loan_pb2.GetLoanRequest(name=f"loans/{loan}")
            found = await call(visit.book.services.loans.GetLoan, request)
            statement = _statement(form.get("statement", ""), found.currency_code)
            await call(service.SubmitCertificate, pb.SubmitCertificateRequest(name=name, statement=statement, **stated))
        case "approve":
            amount, reason = _approved_base(form), form.get("reason", "")
            await call(
                service.ApproveCertificate,
                pb.ApproveCertificateRequest(name=name, approved_base=amount, reason=reason, **stated),
            )
        case "return":
            lines = _failing_lines(form.get("failing_lines", ""))
            await call(
                service.ReturnCertificate,
                pb.ReturnCertificateRequest(name=name, failing_lines=lines, reason=form.get("reason", ""), **stated),
            )
        case _:
            raise HTTPException(404)
    return address_of(f"/{name}", {"done": step})


def failing_line(field: str, line: str) -> pb.FailingLine:
    """Returns a line that fails, given as class:line:note; raises InvalidInput that names the field."""
    asset_class, _, rest = line.strip().partition(":")
    name, _, note = rest.partition(":")
    if not note.strip():
        raise InvalidInput(field, ascii(line[:80]), "class:line:note, such as 'ip:rate:two per cent too high'")
    return pb.FailingLine(asset_class=asset_class.strip(), line=name.strip(), note=note.strip())


def failing_text(texts: Texts, certificate: pb.Certificate) -> str:
    """Returns the lines of a statement that change the base when they are recomputed, as a person may return them."""
    columns = Columns(certificate)
    lines = [(one.asset_class, line) for one in columns.classes for line in one.lines]
    lines += [("", line) for line in columns.base]
    named = [(step.asset_class, step.rule or LINES_OF_TERM.get(step.term, "")) for step in certificate.steps]
    changing = {name for name, step in zip(named, certificate.steps, strict=True) if value_of(step.change)}
    return "\n".join(
        f"{asset_class}:{line.name}:{texts('certificates.differs', submitted=submitted, recomputed=recomputed)}"
        for asset_class, line in lines
        if (asset_class, line.name) in changing
        for submitted, recomputed in [(_shown(line, line.submitted), _shown(line, line.recomputed))]
    )


def _shown(line: Line, cell: Decimal | None) -> str:
    return f"{cell or 0}" if line.is_ratio else all_digits(cell or Decimal(0))


def _failing_lines(text: str) -> list[pb.FailingLine]:
    try:
        return [failing_line("failing_lines", line) for line in text.splitlines() if line.strip()]
    except InvalidInput as error:
        raise invalid(str(error)) from None


def _statement(text: str, currency: str) -> pb.BaseStatement:
    try:
        return statement_of(read_source(Source("statement", text.encode(), Format.TEXT), STATEMENT), currency)
    except ValueError as error:
        raise invalid(str(error)) from None


def _approved_base(form: Mapping[str, str]) -> Money | None:
    text = form.get("approved_base", "").strip()
    if not text:
        return None
    found = parsed_money(text, form.get("currency_code", ""))
    if found is None:
        raise invalid(f"approved_base: got {text[:40]!r}, want an amount such as 1000.50")
    return found
