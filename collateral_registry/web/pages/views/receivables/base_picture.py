"""The picture of a borrowing base: from the gross amounts of its classes to the availability."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from markupsafe import Markup

from collateral_registry.v1 import borrowing_base_pb2 as pb
from collateral_registry.web.pages.charts.cascade import Bar, cascade
from collateral_registry.web.pages.numbers import grouped, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.receivables.base_lines import capital, class_name

RULES_SHOWN = 6
"""Rules with a row of their own, those that exclude most; the others share one."""


class _Rows:
    """Rows of the picture, of which each begins where the one before it ended."""

    def __init__(self) -> None:
        self.bars: list[Bar] = []
        self.reached = Decimal(0)

    def change(self, label: str, amount: Decimal, kind: str = "wf-cut", rounding: str = ROUND_HALF_EVEN) -> None:
        """Adds a row from what was reached to the sum with an amount, unless it is 0."""
        if amount:
            end = self.reached + amount
            self.bars.append(Bar(label, float(self.reached), float(end), grouped(amount, 0, rounding), kind))
            self.reached = end

    def total(self, label: str, kind: str = "wf") -> None:
        """Adds a row from zero to what was reached."""
        shown = grouped(self.reached, 0, ROUND_FLOOR)
        self.bars.append(Bar(label, 0.0, float(self.reached), shown, kind, is_total=True))


def picture(texts: Texts, found: pb.BorrowingBase) -> Markup:
    """Returns the waterfall of a base in whole units; lines of several classes with the same cause share a row."""
    rows = _Rows()
    rows.change(texts("class_step.gross"), _sum(found, pb.CLASS_STEP_GROSS), "wf", ROUND_FLOOR)
    for label, amount in _exclusions(texts, found):
        rows.change(label, amount)
    unknown = _sum(found, pb.CLASS_STEP_UNKNOWN)
    rows.change(texts("class_step.unknown"), unknown, "fu")
    if len(rows.bars) > 1:
        rows.total(texts("base.eligible"))
    for step in (pb.CLASS_STEP_EXPECTED_LOSS, pb.CLASS_STEP_RATE, pb.CLASS_STEP_PLEDGE):
        rows.change(word(texts, "class_step", step), _sum(found, step))
    _add_classes(texts, found, rows)
    for line in found.lines:
        if line.step == pb.BASE_STEP_SUBLIMIT:
            rows.change(texts("base.sublimit", name=class_name(texts, line.subject)), value_of(line.amount))
    for kind in dict.fromkeys(one.kind for one in found.reserves):
        deducted = sum(value_of(one.deduction) for one in found.reserves if one.kind == kind)
        rows.change(texts("base.reserve", kind=word(texts, "reserve_kind", kind)), -Decimal(deducted))
    rows.change(texts("base_step.reserves_above_base"), _whole(found, pb.BASE_STEP_RESERVES_ABOVE_BASE))
    rows.total(texts("base.title"))
    rows.change(texts("base_step.above_line"), _whole(found, pb.BASE_STEP_ABOVE_LINE))
    rows.change(texts("base_step.used"), _whole(found, pb.BASE_STEP_USED), "mark", ROUND_FLOOR)
    rows.change(texts("base_step.block"), _whole(found, pb.BASE_STEP_BLOCK))
    rows.total(texts("base.availability"), "f3" if rows.reached < 0 else "wf")
    return cascade(rows.bars, texts("base.picture_label"))


def _add_classes(texts: Texts, found: pb.BorrowingBase, rows: _Rows) -> None:
    """Adds what each class lends, one after the other from zero; of a single class, a total."""
    lending = [one for one in found.classes if value_of(one.lendable_value)]
    if len(lending) < 2:
        rows.total(texts("loan.lendable"))
        return
    rows.reached = Decimal(0)
    for one in lending:
        root = one.asset_class.partition(".")[0]
        rows.change(texts.by_key.get(f"base_class.{root}", root), value_of(one.lendable_value), "wf", ROUND_FLOOR)


def _exclusions(texts: Texts, found: pb.BorrowingBase) -> Sequence[tuple[str, Decimal]]:
    """Returns the largest exclusions by rule, in the order of the rules, and the sum of the others."""
    by_rule: dict[int, Decimal] = {}
    for one in found.classes:
        for line in one.lines:
            if line.step == pb.CLASS_STEP_EXCLUSION:
                by_rule[line.rule] = by_rule.get(line.rule, Decimal(0)) + value_of(line.amount)
    largest = sorted(by_rule, key=lambda rule: by_rule[rule])[:RULES_SHOWN]
    shown = [(capital(word(texts, "rule", rule)), by_rule[rule]) for rule in sorted(largest)]
    others = sum((amount for rule, amount in by_rule.items() if rule not in largest), Decimal(0))
    return [*shown, (texts("base.other_rules"), others)]


def _sum(found: pb.BorrowingBase, step: int) -> Decimal:
    amounts = (value_of(line.amount) for one in found.classes for line in one.lines if line.step == step)
    return sum(amounts, Decimal(0))


def _whole(found: pb.BorrowingBase, step: int) -> Decimal:
    return sum((value_of(line.amount) for line in found.lines if line.step == step), Decimal(0))
