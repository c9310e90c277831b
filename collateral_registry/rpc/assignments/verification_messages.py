"""Conversion between verifications, closing amounts and messages."""

from __future__ import annotations

from collections.abc import Sequence

from google.type.money_pb2 import Money as MoneyMessage

from collateral_registry.domain.assignments.verification import (
    LEAST_CONFIDENCE_PPM,
    Answer,
    Outcome,
    SampledInvoice,
    least_misstated_share,
    misstated_share,
)
from collateral_registry.domain.assignments.verification_targets import TargetedInvoice
from collateral_registry.domain.loans.agreements import ppm_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.checks import check_count
from collateral_registry.store.assignments.agreement import StoredClosing
from collateral_registry.store.assignments.verifications import StoredVerification
from collateral_registry.v1 import verification_pb2 as pb
from valuation.errors import InvalidInput
from valuation.money import PPM

ANSWERS_LIMIT = 1_000
_SUMS = ("sales", "debit_notes", "payments", "credit_notes", "write_offs", "corrections")


def read_confidence(message: pb.Verification) -> int:
    """Returns the confidence of a plan in millionths, the least one if none is stated; raises InvalidInput."""
    stated = convert.read_optional_decimal("confidence", message, "confidence")
    if stated is None:
        return LEAST_CONFIDENCE_PPM
    found = ppm_of("confidence", stated, PPM)
    if not LEAST_CONFIDENCE_PPM <= found < PPM:
        raise InvalidInput("confidence", stated, "at least 0.95 and less than 1")
    return found


def read_answers(messages: Sequence[pb.VerificationAnswer]) -> list[Answer]:
    """Returns the answers in a repeated field; raises InvalidInput with the name of the field."""
    check_count("answers", messages, ANSWERS_LIMIT)
    return convert.read_each("answers", messages, _read_answer)


def _read_answer(message: pb.VerificationAnswer) -> Answer:
    return convert.read_record(
        Answer,
        "",
        message,
        outcome=lambda: convert.member("outcome", Outcome, message.outcome),
        confirmed=lambda: convert.read_optional_money("confirmed_amount", message, "confirmed_amount"),
        has_proof=lambda: message.other_proof,
    )


def verification_message(stored: StoredVerification, *, with_invoices: bool = True) -> pb.Verification:
    """Returns a verification as a message."""
    plan = stored.plan
    share = misstated_share(plan, stored.answers)
    least = None if share is not None else least_misstated_share(plan, stored.answers)

    def money(minor: int) -> MoneyMessage:
        return convert.money(minor, plan.currency)

    return convert.message_of(
        pb.Verification,
        plan,
        name=stored.name,
        date=convert.calendar_date(plan.day),
        confidence=convert.of_millionths(plan.confidence_ppm),
        tolerable_amount=money(plan.tolerable_minor),
        book_amount=money(plan.book_minor),
        sample_size=plan.sample,
        interval=money(plan.interval_minor),
        first_unit=money(plan.first_minor),
        invoices=[_invoice(stored, one) for one in plan.invoices] if with_invoices else [],
        target_count=len(plan.targets),
        targets=[_target(stored, one) for one in plan.targets] if with_invoices else [],
        misstated_share=convert.ratio(share),
        least_misstated_share=convert.ratio(least),
        actor=stored.actor,
        create_time=convert.timestamp(stored.known_us),
    )


def _invoice(stored: StoredVerification, invoice: SampledInvoice) -> pb.SampledInvoice:
    answer = stored.answers.get((invoice.debtor, invoice.invoice_number))
    return convert.message_of(
        pb.SampledInvoice,
        invoice,
        open_amount=convert.money(invoice.open_minor, stored.plan.currency),
        unit_count=invoice.units,
        answer=None if answer is None else _answer(answer),
    )


def _target(stored: StoredVerification, target: TargetedInvoice) -> pb.TargetedInvoice:
    answer = stored.answers.get((target.debtor, target.invoice_number))
    return convert.message_of(
        pb.TargetedInvoice,
        target,
        open_amount=convert.money(target.open_minor, stored.plan.currency),
        reasons=map(int, target.reasons),
        answer=None if answer is None else _answer(answer),
    )


def _answer(answer: Answer) -> pb.VerificationAnswer:
    return convert.message_of(
        pb.VerificationAnswer,
        answer,
        confirmed_amount=convert.optional_money(answer.confirmed),
        other_proof=answer.has_proof,
    )


def closing_message(stored: StoredClosing) -> pb.Closing:
    """Returns a closing amount as a message."""
    closing, sums = stored.closing, stored.closing.sums

    def money(minor: int) -> MoneyMessage:
        return convert.money(minor, closing.currency)

    return pb.Closing(
        name=stored.name,
        date=convert.calendar_date(closing.day),
        closing_amount=money(sums.stated),
        previous_date=convert.calendar_date(closing.after),
        opening_amount=money(sums.opening),
        **{name: money(getattr(sums, name)) for name in _SUMS},
        computed_amount=money(sums.closing),
        gap=money(sums.gap),
        unreconciled_amount=money(closing.unreconciled_minor),
        actor=stored.actor,
        create_time=convert.timestamp(stored.known_us),
    )
