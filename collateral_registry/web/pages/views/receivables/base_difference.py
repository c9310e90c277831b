"""What the change of a borrowing base between two moments comes from: line by line, and by cause."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import grpc
from markupsafe import Markup

from collateral_registry.v1 import borrowing_base_pb2 as pb, difference_pb2, report_pb2
from collateral_registry.web.pages.charts.bridge import Part, bridge
from collateral_registry.web.pages.numbers import calendar, grouped, identifier, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.common.filters import equals
from collateral_registry.web.pages.views.common.since import WHOLE_BOOK, day_before, fetch_differences
from collateral_registry.web.pages.views.receivables.base_lines import (
    WHOLE,
    Key,
    Line,
    class_name,
    lines_of,
    sections,
)
from collateral_registry.web.pages.views.receivables.pool_statements import fetch_statements, pools_of, pools_of_class
from collateral_registry.web.pages.visit import Moment, Visit, address_of, invalid

WITHOUT_BASE = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)
"""Codes of a moment at which the loan was not registered or had no base."""

BELOW_BASE: Key = (WHOLE, pb.BASE_STEP_ABOVE_LINE, 0, "")
"""The first key of the lines from the base to the availability."""

POOLS_READ = 20
"""Most pools whose ledgers explain the change of their open amount."""

BARS_SHOWN = 10
"""Largest changes that the picture shows; the table has all."""


@dataclass(frozen=True)
class Change:
    """The change of a line: what it was, what it is, and parts of it."""

    label: str
    section: str
    before: Decimal
    after: Decimal
    parts: Sequence[tuple[str, Decimal]] = ()

    @property
    def amount(self) -> Decimal:
        """The later amount less the earlier one."""
        return self.after - self.before


@dataclass(frozen=True)
class BaseDifference:
    """The changes of the lines up to the base, and of those after it.

    The ``lines`` sum to the change of the base, and so do the ``causes`` where they are read.
    """

    before: pb.BorrowingBase
    base: Change
    lines: Sequence[Change]
    availability: Change
    later_lines: Sequence[Change]
    causes: Sequence[tuple[str, Decimal]]
    picture: Markup
    report: str


@dataclass(frozen=True)
class LedgerChange:
    """What was newly invoiced in a pool between two moments, and what was settled, in its currency."""

    invoiced: Decimal
    settled: Decimal


@dataclass(frozen=True)
class _Moments:
    """The moments of two bases, as calls state them."""

    before: report_pb2.AsOf
    after: report_pb2.AsOf

    @property
    def query(self) -> dict[str, str]:
        """The moments as the address of a page states them."""
        return {"from": _text(self.before), "to": _text(self.after)}


def _text(moment: report_pb2.AsOf) -> str:
    day = calendar(moment.market_date)
    return day.isoformat() if day else str(moment.sequence)


async def difference_of(
    visit: Visit, found: pb.BorrowingBase, moment: Moment, loan_count: int
) -> BaseDifference | None:
    """Returns the difference since the moment in ``from``, by default the end of the business date before.

    None if the loan had no base then. Causes are left out of a large book, because their report reads it twice.
    """
    stated = visit.moment("from")
    before = day_before(moment.day) if stated.WhichOneof("moment") is None else stated
    moments = _Moments(before, report_pb2.AsOf(sequence=moment.sequence))
    earlier = await _earlier_base(visit, found, before)
    if earlier is None:
        return None
    bases = (earlier, found)
    ledgers = await _ledger_changes(visit, bases, moments)
    causes = await _causes(visit, bases, moments) if loan_count <= WHOLE_BOOK else ()
    changes = changed_lines(visit, bases, ledgers)
    whole = {
        name: Change(visit.texts(f"base.{label}"), "", *(value_of(getattr(one, name)) for one in bases))
        for label, name in (("title", "base"), ("availability", "availability"))
    }
    own = [change for key, change in changes if key < BELOW_BASE]
    if causes:
        others = sum((change.amount for key, change in changes if key[0] == WHOLE and key < BELOW_BASE), Decimal(0))
        causes = [*causes, (visit.texts("base.other_causes"), others)]
    filter_ = equals("loan", identifier(found.loan))
    return BaseDifference(
        before=earlier,
        base=whole["base"],
        lines=own,
        availability=whole["availability"],
        later_lines=[change for key, change in changes if key >= BELOW_BASE],
        causes=causes,
        picture=_picture(visit.texts, own, whole["base"]),
        report=address_of("/reports/differences", {**moments.query, "filter": filter_}),
    )


async def _earlier_base(visit: Visit, found: pb.BorrowingBase, moment: report_pb2.AsOf) -> pb.BorrowingBase | None:
    """Returns the base at the first moment; None if the loan had none then. Raises HttpError for a later moment."""
    request = pb.GetBorrowingBaseRequest(name=found.loan, as_of=moment)
    try:
        earlier: pb.BorrowingBase = await visit.book.call(visit.book.services.borrowing_bases.GetBorrowingBase, request)
    except grpc.aio.AioRpcError as error:
        if error.code() not in WITHOUT_BASE:
            raise
        return None
    if earlier.sequence > found.sequence:
        raise invalid(f"from: got {_text(moment)}, want a moment that is not after that of the base")
    return earlier


def changed_lines(
    visit: Visit, bases: Sequence[pb.BorrowingBase], ledgers: Mapping[str, LedgerChange]
) -> list[tuple[Key, Change]]:
    """Returns the lines that differ between two bases, in the order of the steps.

    A line that a base does not have is 0 in it. ``ledgers`` divide the change of the gross amount of receivables.
    """
    earlier, later = (_by_key(lines_of(sections(visit, one))) for one in bases)
    found = []
    for key in sorted(earlier.keys() | later.keys()):
        one: Line = later.get(key) or earlier[key]
        before, after = (lines[key].amount if key in lines else Decimal(0) for lines in (earlier, later))
        if before != after:
            section = "" if key[0] == WHOLE else class_name(visit.texts, key[0])
            change = Change(one.label, section, before, after)
            is_gross = key[0] != WHOLE and key[1] == pb.CLASS_STEP_GROSS
            parts = _ledger_parts(visit.texts, _pools(bases, key[0]), ledgers, change.amount) if is_gross else ()
            found.append((key, replace(change, parts=parts)))
    return found


def _by_key(lines: Iterable[Line]) -> dict[Key, Line]:
    """Returns lines by their keys; those with the same key are one, with the sum of their amounts.

    A base has a line for each sentence of a rule, and pools of a class whose limits differ have different sentences.
    """
    found: dict[Key, Line] = {}
    for line in lines:
        same = found.get(line.key)
        found[line.key] = replace(same, amount=same.amount + line.amount) if same else line
    return found


def _pools(bases: Sequence[pb.BorrowingBase], asset_class: str) -> set[str]:
    """Returns the pools of a class in either base."""
    return {
        pool for base in bases for one in base.classes if one.asset_class == asset_class for pool in pools_of_class(one)
    }


def _ledger_parts(
    texts: Texts, pools: Collection[str], ledgers: Mapping[str, LedgerChange], change: Decimal
) -> Sequence[tuple[str, Decimal]]:
    """Returns what was invoiced and what was settled in the pools of a class.

    Nothing unless both sum to the change of its gross amount: other assets may have changed it, or a rate, or a pledge.
    """
    known = [ledgers[pool] for pool in pools if pool in ledgers]
    invoiced = sum((one.invoiced for one in known), Decimal(0))
    settled = sum((one.settled for one in known), Decimal(0))
    if not known or invoiced - settled != change:
        return ()
    return ((texts("base.invoiced"), invoiced), (texts("base.settled"), -settled))


async def _ledger_changes(
    visit: Visit, bases: Sequence[pb.BorrowingBase], moments: _Moments
) -> Mapping[str, LedgerChange]:
    """Returns the changes of the ledgers of the pools that both bases have; none if these are many."""
    earlier, later = (pools_of(one) for one in bases)
    pools = [pool for pool in earlier if pool in later]
    if len(pools) > POOLS_READ:
        return {}
    before, after = await asyncio.gather(
        fetch_statements(visit, pools, moments.before), fetch_statements(visit, pools, moments.after)
    )

    def change(at: int, name: str) -> Decimal:
        return value_of(getattr(after[at], name)) - value_of(getattr(before[at], name))

    return {
        pool: LedgerChange(change(at, "face_amount"), change(at, "settled_amount")) for at, pool in enumerate(pools)
    }


async def _causes(visit: Visit, bases: Sequence[pb.BorrowingBase], moments: _Moments) -> Sequence[tuple[str, Decimal]]:
    """Returns the change of what the classes lend by the steps of the report of differences; nothing without one."""
    if bases[0].sequence == bases[1].sequence:
        return ()
    filter_ = equals("loan", identifier(bases[0].loan))
    report = await fetch_differences(visit, moments.before, moments.after, filter=filter_, page_size=1)
    steps = [step for row in report.rows for step in row.steps if step.step != difference_pb2.CHANGE_STEP_BALANCE]
    return [(word(visit.texts, "change_step", step.step), value_of(step.lendable_value)) for step in steps]


def _picture(texts: Texts, changes: Sequence[Change], whole: Change) -> Markup:
    """Returns the bridge of the largest changes, in the order of the steps; empty if nothing changed.

    Lines of several classes with the same name share a bar, as they share a row of the picture of the base.
    """
    by_label: dict[str, Decimal] = {}
    for one in changes:
        by_label[one.label] = by_label.get(one.label, Decimal(0)) + one.amount
    if not by_label:
        return Markup()
    largest = sorted(by_label, key=lambda label: -abs(by_label[label]))[:BARS_SHOWN]
    parts = [_part(label, amount) for label, amount in by_label.items() if label in largest]
    others = sum((amount for label, amount in by_label.items() if label not in largest), Decimal(0))
    if others:
        parts.append(_part(texts("base.other_lines"), others))
    return bridge(parts, _part(texts("base.change"), whole.amount), texts("base.bridge_label"))


def _part(label: str, amount: Decimal) -> Part:
    return Part(label, float(amount), f"{'+' if amount > 0 else ''}{grouped(amount)}")
