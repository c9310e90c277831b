"""Calls the server for the commands of verification."""

from __future__ import annotations

import uuid
from pathlib import Path

import grpc
from google.type.decimal_pb2 import Decimal

from collateral_registry.cli.assignments.calls import amount_of
from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_line
from collateral_registry.cli.common.file_schemas import SCHEMAS, Row as FileRow
from collateral_registry.cli.common.formatting import (
    date_message,
    format_amount,
    format_percent,
    resource_name,
    to_decimal,
)
from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Row, Table, label, text
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import verification_pb2 as pb, verification_pb2_grpc
from valuation.tables.reader import read_file

OUTCOME = "VERIFICATION_OUTCOME_"
REASON = "TARGET_REASON_"

SAMPLE = Table(
    "sampled_invoices",
    (
        Column("debtor", Kind.TEXT),
        Column("invoice", Kind.TEXT),
        Column("open", Kind.AMOUNT),
        Column("currency", Kind.CURRENCY),
        Column("units", Kind.COUNT, importance=Importance.LOW),
        Column("outcome", Kind.CODE, styles={"DENIED": "bold red", "DIFFERS": "bold yellow"}),
        Column("confirmed", Kind.AMOUNT, importance=Importance.HIGH),
        Column("other_proof", Kind.FLAG, "other\nproof", Importance.LOW),
        Column("document", Kind.TEXT, importance=Importance.DETAIL),
        Column("reasons", Kind.TEXT, importance=Importance.USUAL),
    ),
)


def plan_verification(
    channel: grpc.Channel,
    pool: str,
    verification: str,
    actor: str,
    tolerable: str,
    confidence: str,
    seed: int,
    targets: int,
    layout: Layout,
) -> None:
    """Plans a verification and shows its targets and its sample."""
    plan = pb.Verification(
        tolerable_amount=amount_of("--tolerable", tolerable) if tolerable else None,
        confidence=Decimal(value=confidence) if confidence else None,
        seed=seed,
        target_count=targets,
    )
    request = pb.PlanVerificationRequest(
        parent=resource_name("assets", pool),
        verification_id=verification,
        verification=plan,
        actor=actor,
        request_id=uuid.uuid4().hex,
    )
    _show(verification_pb2_grpc.VerificationServiceStub(channel).PlanVerification(request), layout)


def show_verification(channel: grpc.Channel, pool: str, verification: str, layout: Layout) -> None:
    """Shows the sample of a verification with its outcomes."""
    stub = verification_pb2_grpc.VerificationServiceStub(channel)
    _show(stub.GetVerification(pb.GetVerificationRequest(name=_name(pool, verification))), layout)


def record_answers(channel: grpc.Channel, pool: str, verification: str, path: Path, actor: str) -> None:
    """Records the answers in a file, all or none; raises ValueError if a row cannot be read."""
    table = read_file(path, SCHEMAS["answers"])
    for refused in table.refused:
        raise ValueError(f"{path.name}:{refused.line}: {refused.reason}")
    answers = [_answer(path, row.line, row.values) for row in table.rows()]
    request = pb.RecordVerificationRequest(
        name=_name(pool, verification), answers=answers, actor=actor, request_id=uuid.uuid4().hex
    )
    recorded = verification_pb2_grpc.VerificationServiceStub(channel).RecordVerification(request)
    print_line(f"{len(answers)} answers recorded; {_bound(recorded)}")


def _answer(path: Path, line: int, row: FileRow) -> pb.VerificationAnswer:
    name = OUTCOME + row["outcome"].upper()
    if name not in pb.VerificationOutcome.DESCRIPTOR.values_by_name or name.endswith("UNSPECIFIED"):
        wanted = "CONFIRMED, DIFFERS, DENIED or NO_ANSWER"
        raise ValueError(f"{path.name}:{line}: outcome: got {row['outcome'][:40]!r}, want {wanted}")
    return pb.VerificationAnswer(
        debtor=row["debtor"],
        invoice_number=row["invoice"],
        outcome=pb.VerificationOutcome.Value(name),
        confirmed_amount=money(row.get("confirmed", ""), row.get("currency", ""), "confirmed"),
        other_proof=row.get("proof", "").lower() == "yes",
        document=row.get("document", ""),
    )


def record_closing(channel: grpc.Channel, pool: str, date: str, amount: str, actor: str) -> None:
    """Records a closing amount and prints how the entries lead to it."""
    closing = pb.Closing(date=date_message("--date", date), closing_amount=amount_of("amount", amount))
    request = pb.RecordClosingRequest(
        parent=resource_name("assets", pool), closing=closing, actor=actor, request_id=uuid.uuid4().hex
    )
    _print_closing(verification_pb2_grpc.VerificationServiceStub(channel).RecordClosing(request))


def check_ledger(channel: grpc.Channel, pool: str, actor: str) -> int:
    """Compares a ledger with the other records, prints the findings, and returns 1 if it opened one."""
    request = pb.CheckLedgerRequest(name=resource_name("assets", pool), actor=actor, request_id=uuid.uuid4().hex)
    done = verification_pb2_grpc.VerificationServiceStub(channel).CheckLedger(request)
    for word, findings in (("opened", done.opened_findings), ("resolved", done.resolved_findings)):
        for finding in findings:
            print_line(f"{word} {finding.name}: {finding.summary}")
    if done.HasField("closing"):
        _print_closing(done.closing)
    return EXIT_SOME_REFUSED if done.opened_findings else 0


def _show(found: pb.Verification, layout: Layout) -> None:
    show_table(SAMPLE, ListedRows([*map(_target_row, found.targets), *map(_row, found.invoices)]), layout)
    if layout.form is Format.TABLE:
        interval = f"{format_amount(found.interval)} {found.interval.currency_code}"
        seed = f"{'random ' if found.random_seed else ''}seed {found.seed}"
        print_line(f"{found.sample_size} units, one of every {interval}, {seed}", to_stderr=True)
        print_line(_bound(found), to_stderr=True)


def _bound(found: pb.Verification) -> str:
    if not found.HasField("misstated_share"):
        missing = sum(not one.HasField("answer") for one in found.invoices)
        waiting = f"{missing} of {len(found.invoices)} invoices have no outcome yet"
        if not found.HasField("least_misstated_share"):
            return waiting
        return f"{waiting}; the bound will be at least {format_percent(found.least_misstated_share.value)} of the book"
    return f"at most {format_percent(found.misstated_share.value)} of the book is misstated"


def _row(one: pb.SampledInvoice) -> Row:
    return (*_invoice(one), one.unit_count, *_outcome(one), None)


def _target_row(one: pb.TargetedInvoice) -> Row:
    reasons = (pb.TargetReason.Name(reason).removeprefix(REASON) for reason in one.reasons)
    return (*_invoice(one), None, *_outcome(one), ", ".join(reasons))


def _invoice(one: pb.SampledInvoice | pb.TargetedInvoice) -> Row:
    return one.debtor, one.invoice_number, to_decimal(one.open_amount), one.open_amount.currency_code


def _outcome(one: pb.SampledInvoice | pb.TargetedInvoice) -> Row:
    answer = one.answer
    return (
        label(pb.VerificationOutcome.Name(answer.outcome), OUTCOME),
        to_decimal(answer.confirmed_amount) if answer.HasField("confirmed_amount") else None,
        answer.other_proof if one.HasField("answer") else None,
        text(answer.document),
    )


def _print_closing(found: pb.Closing) -> None:
    lines = (
        ("opening", found.opening_amount, ""),
        ("sales", found.sales, "+"),
        ("debit notes", found.debit_notes, "+"),
        ("payments", found.payments, "-"),
        ("credit notes", found.credit_notes, "-"),
        ("write-offs", found.write_offs, "-"),
        ("corrections", found.corrections, "+"),
        ("computed closing", found.computed_amount, "="),
        ("stated closing", found.closing_amount, ""),
        ("gap", found.gap, ""),
        ("unreconciled", found.unreconciled_amount, ""),
    )
    for name, amount, sign in lines:
        print_line(f"{sign:1} {name:17} {format_amount(amount):>22} {amount.currency_code}")


def _name(pool: str, verification: str) -> str:
    return f"{resource_name('assets', pool)}/verifications/{verification}"
