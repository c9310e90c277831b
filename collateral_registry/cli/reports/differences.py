"""Shows what changed between two moments of the book."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain

import grpc
from google.type.money_pb2 import Money

from collateral_registry.cli.common.formatting import format_date, level_name, to_decimal
from collateral_registry.cli.common.moments import as_of_message
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import Section, show_table
from collateral_registry.cli.common.tables import (
    COVERAGE_STYLES,
    LEVEL_STYLES,
    Cell,
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    label,
)
from collateral_registry.v1 import common_pb2, difference_pb2 as pb, difference_pb2_grpc, loan_pb2

STEPS = [pb.ChangeStep.Name(step).removeprefix("CHANGE_STEP_") for step in list(pb.ChangeStep.values())[1:]]
VALUE_STEPS = [step for step in STEPS if step != "BALANCE"]
"""Steps that change values; the balance changes the exposure only."""


def _step_columns(amount: str, header: str) -> tuple[Column, ...]:
    return tuple(
        Column(
            f"{amount}_{step.lower()}", Kind.AMOUNT, f"{header} by\n{step.lower().replace('_', ' ')}", Importance.DETAIL
        )
        for step in VALUE_STEPS
    )


DIFFERENCES = Table(
    "loans",
    (
        Column("loan", Kind.TEXT),
        Column("borrower", Kind.TEXT, importance=Importance.LOW),
        Column("currency", Kind.CODE, "ccy"),
        Column("change", Kind.CODE, importance=Importance.HIGH),
        Column("level_before", Kind.CODE, "level\nbefore", Importance.HIGH, LEVEL_STYLES),
        Column("level", Kind.CODE, styles=LEVEL_STYLES),
        Column("coverage_before", Kind.CODE, "cover\nbefore", Importance.DETAIL, COVERAGE_STYLES),
        Column("coverage", Kind.CODE, "cover", Importance.LOW, COVERAGE_STYLES),
        Column("exposure_before", Kind.AMOUNT, "exposure\nbefore", Importance.DETAIL),
        Column("exposure", Kind.AMOUNT, importance=Importance.DETAIL),
        Column("exposure_change", Kind.AMOUNT, "change of\nexposure"),
        Column("market_value_before", Kind.AMOUNT, "market\nvalue before", Importance.DETAIL),
        Column("market_value", Kind.AMOUNT, "market\nvalue", Importance.DETAIL),
        Column("market_value_change", Kind.AMOUNT, "change of\nmarket value", Importance.LOW),
        Column("lendable_value_before", Kind.AMOUNT, "lendable\nvalue before", Importance.DETAIL),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue", Importance.USUAL),
        Column("lendable_value_change", Kind.AMOUNT, "change of\nlendable value"),
        *_step_columns("lendable_value", "lendable"),
        *_step_columns("market_value", "market"),
        Column("notes", Kind.LABELS, importance=Importance.DETAIL),
    ),
)
BY_STEP = Table(
    "steps",
    (
        Column("currency", Kind.CODE, "ccy"),
        Column("step", Kind.CODE),
        Column("exposure", Kind.AMOUNT),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue"),
        Column("market_value", Kind.AMOUNT, "market\nvalue", Importance.USUAL),
    ),
)


def show_differences(channel: grpc.Channel, before: str, after: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows one row per loan that differs; for a person also the totals of each currency by step."""
    if not before:
        raise ValueError("--from: got an empty text, want a commit number, a time or a date such as 2022-07-01")
    request = pb.GenerateDifferenceReportRequest(
        before=as_of_message(before, "--from"), after=as_of_message(after, "--to"), filter=filter_
    )
    stub = difference_pb2_grpc.DifferenceServiceStub(channel)
    report = fetch_all(stub.GenerateDifferenceReport, request, "rows", limit)
    totals = chain.from_iterable(map(_total_rows, report.totals))
    title = f"Differences from {_moment(report.before)}, to {_moment(report.after)}"
    below = (Section("Totals by step, loans without a difference included", BY_STEP, ListedRows(totals)),)
    show_table(DIFFERENCES, ListedRows(map(_row, report.rows)), layout, title, below)


def _moment(moment: pb.DifferenceMoment) -> str:
    """Returns a moment; before the first commit there is no business date."""
    if not moment.market_date.year:
        return "the beginning of the book"
    return f"{format_date(moment.market_date)}, commit {moment.sequence}"


def _row(row: pb.DifferenceRow) -> Row:
    steps = {pb.ChangeStep.Name(one.step).removeprefix("CHANGE_STEP_"): one for one in row.steps}
    sides = (row.before if row.HasField("before") else None, row.after if row.HasField("after") else None)
    levels = [level_name(one.level) if one else None for one in sides]
    covers = [label(common_pb2.Coverage.Name(one.coverage), "COVERAGE_") if one else None for one in sides]
    notes = dict.fromkeys(note for one in row.steps for note in one.notes)
    return (
        row.loan.removeprefix("loans/"),
        row.borrower,
        row.steps[0].exposure.currency_code,
        label(pb.LoanChange.Name(row.change), "LOAN_CHANGE_"),
        *levels,
        *covers,
        *_amounts(sides, "exposure"),
        *_amounts(sides, "market_value"),
        *_amounts(sides, "lendable_value"),
        *(to_decimal(steps[step].lendable_value) for step in VALUE_STEPS),
        *(to_decimal(steps[step].market_value) for step in VALUE_STEPS),
        [pb.ChangeNote.Name(note).removeprefix("CHANGE_NOTE_") for note in notes],
    )


def _amounts(sides: tuple[loan_pb2.LoanCover | None, loan_pb2.LoanCover | None], name: str) -> list[Cell]:
    """Returns an amount before and after, empty where the loan is not open, and its change."""
    before, after = (to_decimal(getattr(one, name)) if one else None for one in sides)
    return [before, after, (after or Decimal(0)) - (before or Decimal(0))]


def _total_rows(total: pb.DifferenceTotal) -> Iterator[Row]:
    """Yields the amounts at both moments of a currency, with the steps between them."""
    code = total.currency_code

    def row(name: str, amounts: pb.DifferenceAmounts | pb.StepChange) -> Row:
        values: tuple[Money, ...] = (amounts.exposure, amounts.lendable_value, amounts.market_value)
        return (code, name, *map(to_decimal, values))

    yield row("BEFORE", total.before)
    for one in total.steps:
        yield row(pb.ChangeStep.Name(one.step).removeprefix("CHANGE_STEP_"), one)
    yield row("AFTER", total.after)
