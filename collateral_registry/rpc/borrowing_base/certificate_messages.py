"""Conversion between certificates and messages."""

from __future__ import annotations

from collateral_registry.domain.borrowing_base.canonical import canonical_text, digest_of
from collateral_registry.domain.borrowing_base.certificates import Certificate, FailingLine, Recomputation
from collateral_registry.domain.borrowing_base.walk import ClassStatement, Statement
from collateral_registry.domain.loans.agreements import check_loan_currency, ppm_of
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.store.borrowing_base.certificates import StoredCertificate
from collateral_registry.v1 import borrowing_base_pb2, certificate_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM

LINES_LIMIT = 100
"""Most classes of a statement, exclusions of a class, and failing lines."""


def read_statement(message: pb.BaseStatement, currency: str) -> Statement:
    """Returns a statement with amounts in a currency; raises InvalidInput with the names of the fields."""
    check_count("statement.classes", message.classes, LINES_LIMIT, 0)
    read = convert.read_all(
        classes=lambda: convert.read_each(
            "statement.classes", message.classes, lambda one: (one.asset_class, _read_class(one, currency))
        ),
        reserves_minor=lambda: _optional_amount("statement.reserves", message, "reserves", currency),
    )
    classes = dict(read["classes"])
    if len(classes) < len(read["classes"]):
        raise InvalidInput("statement.classes", ", ".join(name for name, _ in read["classes"]), "each class once")
    return Statement(classes, read["reserves_minor"] or 0)


def _read_class(message: pb.StatedClass, currency: str) -> ClassStatement:
    check_count("exclusions", message.exclusions, LINES_LIMIT, 0)
    read = convert.read_all(
        asset_class=lambda: checked_text("asset_class", message.asset_class),
        gross_minor=lambda: _amount("gross", message, "gross", currency),
        excluded=lambda: convert.read_each("exclusions", message.exclusions, lambda one: _exclusion(one, currency)),
        rate_ppm=lambda: ppm_of("rate", convert.read_decimal("rate", message.rate), PPM, low=0),
        limit_minor=lambda: _optional_amount("amount_limit", message, "amount_limit", currency),
        share_ppm=lambda: _share_limit(message),
    )
    excluded = dict(read["excluded"])
    if len(excluded) < len(read["excluded"]):
        raise InvalidInput("exclusions", ", ".join(rule for rule, _ in read["excluded"]), "each rule once")
    return ClassStatement(read["gross_minor"], excluded, read["rate_ppm"], read["limit_minor"], read["share_ppm"])


def _exclusion(message: pb.StatedExclusion, currency: str) -> tuple[str, int]:
    read = convert.read_all(
        rule=lambda: checked_text("rule", message.rule), amount=lambda: _amount("amount", message, "amount", currency)
    )
    return read["rule"], read["amount"]


def _amount(field: str, message: pb.StatedClass | pb.StatedExclusion, name: str, currency: str) -> int:
    amount = convert.read_money(field, getattr(message, name))
    check_loan_currency(field, amount, currency)
    return amount.minor


def _optional_amount(field: str, message: pb.StatedClass | pb.BaseStatement, name: str, currency: str) -> int | None:
    amount = convert.read_optional_money(field, message, name)
    check_loan_currency(field, amount, currency)
    return amount.minor if amount else None


def _share_limit(message: pb.StatedClass) -> int:
    share = convert.read_optional_decimal("share_limit", message, "share_limit")
    return PPM if share is None else ppm_of("share_limit", share, PPM, low=0)


def read_failing_lines(request: pb.ReturnCertificateRequest) -> tuple[FailingLine, ...]:
    """Returns the failing lines of a request; raises InvalidInput with the names of the fields."""
    check_count("failing_lines", request.failing_lines, LINES_LIMIT, 0)
    return tuple(convert.read_each("failing_lines", request.failing_lines, _failing_line))


def _failing_line(message: pb.FailingLine) -> FailingLine:
    return FailingLine(message.asset_class, message.line, message.note)


def certificate_message(stored: StoredCertificate) -> pb.Certificate:
    """Returns a stored certificate as a message."""
    certificate, currency = stored.certificate, stored.currency
    approved = certificate.approved_minor
    message = pb.Certificate(
        name=certificate.name,
        period_end_date=convert.calendar_date(certificate.period_end),
        due_date=convert.calendar_date(certificate.due),
        state=certificate.state,
        submitted=_statement_message(certificate.submitted, currency),
        submitted_by=certificate.submitted_by,
        submit_time=convert.optional_timestamp(certificate.submitted_us),
        approved_base=None if approved is None else convert.money(approved, currency),
        approved_by=certificate.approved_by,
        approve_time=convert.optional_timestamp(certificate.approved_us),
        approval_reason=certificate.approval_reason,
        returned_by=certificate.returned_by,
        return_time=convert.optional_timestamp(certificate.returned_us),
        return_reason=certificate.return_reason,
        failing_lines=[convert.message_of(pb.FailingLine, one) for one in certificate.failing_lines],
        create_time=convert.timestamp(stored.created_us),
        submitting_principal=certificate.submitting_principal,
        approving_principal=certificate.approving_principal,
    )
    if certificate.recomputed is not None:
        _add_recomputed(message, certificate, certificate.recomputed, currency)
    return message


def _add_recomputed(message: pb.Certificate, certificate: Certificate, found: Recomputation, currency: str) -> None:
    """Sets the recomputed base, its difference from the submitted one, and its canonical text."""
    message.recomputed.CopyFrom(_statement_message(found.statement, currency))
    message.sequence = found.seq
    message.used.CopyFrom(convert.money(found.used_minor, currency))
    message.availability.CopyFrom(convert.money(found.availability_minor, currency))
    message.difference.CopyFrom(convert.money(certificate.difference_minor, currency))
    for step in certificate.steps:
        change = convert.money(step.change_minor, currency)
        message.steps.add(term=step.term, asset_class=step.class_name, rule=step.rule, change=change)
    for reserve in found.reserves:
        message.reserves.add(
            reserve="" if reserve.source else f"loans/{certificate.loan_id}/reserves/{reserve.reserve_id}",
            source=reserve.source,
            kind=borrowing_base_pb2.ReserveKind.Value(f"RESERVE_KIND_{reserve.kind}"),
            deduction=convert.money(reserve.amount_minor, currency),
        )
    message.canonical_text = canonical_text(certificate.loan_id, currency, found)
    message.canonical_sha256 = digest_of(message.canonical_text)


def _statement_message(statement: Statement | None, currency: str) -> pb.BaseStatement | None:
    if statement is None:
        return None
    return pb.BaseStatement(
        classes=[_class_message(name, one, currency) for name, one in statement.classes.items()],
        reserves=convert.money(statement.reserves_minor, currency),
        base=convert.money(statement.base_minor, currency),
    )


def _class_message(name: str, one: ClassStatement, currency: str) -> pb.StatedClass:
    return pb.StatedClass(
        asset_class=name,
        gross=convert.money(one.gross_minor, currency),
        exclusions=[
            pb.StatedExclusion(rule=rule, amount=convert.money(amount, currency))
            for rule, amount in one.excluded_minor.items()
        ],
        rate=convert.of_millionths(one.rate_ppm),
        amount_limit=None if one.limit_minor is None else convert.money(one.limit_minor, currency),
        share_limit=None if one.share_ppm == PPM else convert.of_millionths(one.share_ppm),
        lendable_value=convert.money(one.amount_minor, currency),
    )
