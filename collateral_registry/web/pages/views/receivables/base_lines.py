"""The lines of a borrowing base as the pages show them: their names, their sentences, and the invoices behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from google.type.money_pb2 import Money

from collateral_registry.v1 import borrowing_base_pb2 as pb
from collateral_registry.web.pages.numbers import exact, identifier, percent, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.receivables.ledger import invoices_address, rule_name
from collateral_registry.web.pages.visit import Visit

POOLS_SHOWN = 5
"""Pools of a line that are linked, those with the largest amounts."""

Key = tuple[str, int, int, str]
"""Class, step, rule and subject of a line, which name it at every moment; sorted, they are in the order of the steps.

The class of a step of the whole base is WHOLE.
"""

WHOLE = "~"
"""Sorts after every class."""


@dataclass(frozen=True)
class PoolLink:
    """A pool that bears a line, with the address of its invoices that do."""

    pool: str
    address: str
    amount: Money
    invoices: int


@dataclass(frozen=True)
class Line:
    """A line with what it takes or brings, why, and the pools that bear it."""

    is_total: ClassVar[bool] = False
    key: Key
    label: str
    sentence: str
    amount: Decimal
    pools: Sequence[PoolLink] = ()
    more_pools: int = 0


@dataclass(frozen=True)
class Total:
    """What the lines before it leave."""

    is_total: ClassVar[bool] = True
    label: str
    amount: Decimal


Rows = Sequence[Line | Total]


@dataclass(frozen=True)
class Section:
    """The rows of a class, from its gross amount to what it lends, or those of the whole base."""

    title: str
    rows: Rows


def sections(visit: Visit, found: pb.BorrowingBase) -> list[Section]:
    """Returns the sections of a base. Its lines sum to its availability, and those before the line's to the base."""
    texts = visit.texts
    classes = [Section(class_name(texts, one.asset_class), _class_rows(visit, one)) for one in found.classes]
    return [*classes, Section(texts("base.whole"), _whole_rows(texts, found))]


def lines_of(found: Iterable[Section]) -> list[Line]:
    """Returns the lines of sections without their totals."""
    return [row for section in found for row in section.rows if isinstance(row, Line)]


def class_name(texts: Texts, asset_class: str) -> str:
    """Returns the name of a class of a base; that of a subclass has its code."""
    root, _, rest = asset_class.partition(".")
    name = texts.by_key.get(f"base_class.{root}", root)
    return f"{name} ({asset_class})" if rest else name


def line_label(texts: Texts, line: pb.ClassLine) -> str:
    """Returns the name of a line of a class: that of its rule, or of its step."""
    if not line.rule:
        return word(texts, "class_step", line.step)
    rule = word(texts, "rule", line.rule)
    return texts("base.unknown_by", rule=rule) if line.step == pb.CLASS_STEP_UNKNOWN else capital(rule)


def reserve_label(reserve: pb.DeductedReserve) -> str:
    """Returns the id of a reserve; a computed one has that of its pool."""
    return identifier(reserve.reserve or reserve.source)


def capital(label: str) -> str:
    """Returns a label that begins a row."""
    return label[:1].upper() + label[1:]


def _class_rows(visit: Visit, one: pb.BaseClass) -> Rows:
    texts = visit.texts
    taken = [line for line in one.lines if line.step <= pb.CLASS_STEP_UNKNOWN]
    rows: list[Line | Total] = [_class_line(visit, one.asset_class, line) for line in taken]
    if len(taken) > 1:
        eligible = sum((value_of(line.amount) for line in taken), Decimal(0))
        rows.append(Total(texts("base.eligible"), eligible))
    rows += [_class_line(visit, one.asset_class, line) for line in one.lines[len(taken) :]]
    name = class_name(texts, one.asset_class)
    return [*rows, Total(texts("base.lends", name=name), value_of(one.lendable_value))]


def _class_line(visit: Visit, asset_class: str, line: pb.ClassLine) -> Line:
    shares = sorted(line.pools, key=lambda one: -abs(value_of(one.amount)))
    links = [] if line.step > pb.CLASS_STEP_UNKNOWN else [_pool_link(visit, line, one) for one in shares[:POOLS_SHOWN]]
    return Line(
        key=(asset_class, line.step, line.rule, ""),
        label=line_label(visit.texts, line),
        sentence=_sentence(visit.texts, line),
        amount=value_of(line.amount),
        pools=links,
        more_pools=len(shares) - len(links) if links else 0,
    )


def _sentence(texts: Texts, line: pb.ClassLine) -> str:
    """Returns the sentence of the rule of a line, or of its step."""
    of_rule = line.sentence_zh if texts.language == "zh" else line.sentence_en
    if of_rule:
        is_unknown = line.step == pb.CLASS_STEP_UNKNOWN
        return texts("certificates.unknown_sentence", sentence=of_rule) if is_unknown else of_rule
    step = pb.ClassStep.Name(line.step).removeprefix("CLASS_STEP_").lower()
    if line.step == pb.CLASS_STEP_GROSS and line.pools:
        of_pools = sum(value_of(one.amount) for one in line.pools)
        step = "gross_pools" if of_pools == value_of(line.amount) else "gross_both"
    return texts.by_key.get(f"base.why_{step}", "")


def _pool_link(visit: Visit, line: pb.ClassLine, share: pb.PoolShare) -> PoolLink:
    rule = rule_name(line.rule) if line.rule else ""
    counts = ""
    if line.step == pb.CLASS_STEP_UNKNOWN:
        counts = "unknown" if rule else "eligible"  # what the rules leave of a pool that is unknown as a whole
    address = invoices_address(visit, share.asset, rule=rule, counts=counts)
    return PoolLink(identifier(share.asset), address, share.amount, share.invoice_count)


def _whole_rows(texts: Texts, found: pb.BorrowingBase) -> Rows:
    """Returns the rows from what the classes lend to the availability."""
    by_step: dict[int, list[Line]] = {step: [] for step in pb.BaseStep.values()}
    for line in found.lines:
        if line.step not in {pb.BASE_STEP_CLASS, pb.BASE_STEP_RESERVE}:
            by_step[line.step].append(_whole_line(texts, found, line))
    by_step[pb.BASE_STEP_RESERVE] = [_reserve_line(texts, one) for one in found.reserves]
    cuts = by_step[pb.BASE_STEP_SUBLIMIT]
    lent = sum((value_of(one.lendable_value) for one in found.classes), Decimal(0))
    before = [Total(texts("base.before_reserves"), value_of(found.base_before_reserves))] if cuts else []
    return [
        *([Total(texts("base.all_classes"), lent)] if len(found.classes) != 1 else []),
        *cuts,
        *before,
        *by_step[pb.BASE_STEP_RESERVE],
        *by_step[pb.BASE_STEP_RESERVES_ABOVE_BASE],
        Total(texts("base.title"), value_of(found.base)),
        *by_step[pb.BASE_STEP_ABOVE_LINE],
        *by_step[pb.BASE_STEP_USED],
        *by_step[pb.BASE_STEP_BLOCK],
        Total(texts("base.availability"), value_of(found.availability)),
    ]


def _whole_line(texts: Texts, found: pb.BorrowingBase, line: pb.BaseLine) -> Line:
    label, sentence = word(texts, "base_step", line.step), ""
    match line.step:
        case pb.BASE_STEP_SUBLIMIT:
            label = texts("base.sublimit", name=class_name(texts, line.subject))
            (limited,) = (one for one in found.classes if one.asset_class == line.subject)
            sentence = _sublimit(texts, limited)
        case pb.BASE_STEP_ABOVE_LINE:
            sentence = texts("base.why_above_line", line=exact(found.line))
        case pb.BASE_STEP_USED:
            sentence = texts("base.why_used", exposure=exact(found.exposure), contingent=exact(found.contingent))
        case pb.BASE_STEP_BLOCK:
            sentence = texts("base.why_block")
        case pb.BASE_STEP_RESERVES_ABOVE_BASE:
            sentence = texts("base.why_reserves_above_base")
    return Line((WHOLE, line.step, 0, line.subject), label, sentence, value_of(line.amount))


def _sublimit(texts: Texts, one: pb.BaseClass) -> str:
    parts = []
    if one.HasField("amount_limit"):
        parts.append(exact(one.amount_limit))
    if one.HasField("share_limit"):
        parts.append(texts("base.share_of_base", share=percent(one.share_limit)))
    return texts("base.at_most", most=texts("base.and").join(parts))


def _reserve_line(texts: Texts, one: pb.DeductedReserve) -> Line:
    name = reserve_label(one)
    label = texts("base.reserve", kind=word(texts, "reserve_kind", one.kind))
    return Line((WHOLE, pb.BASE_STEP_RESERVE, 0, name), label, name, -value_of(one.deduction))
