"""The three statements of a certificate line by line: submitted, recomputed and approved, aligned by class and rule.

An approval is of the recomputed lines, so its column has them; what the approver takes off is a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from collateral_registry.domain.borrowing_base.base import ClassAmount, under_sublimits
from collateral_registry.domain.shared.money import Money
from collateral_registry.rpc.common.convert import read_money
from collateral_registry.v1 import certificate_pb2 as pb, receivable_pb2
from collateral_registry.web.pages.numbers import value_of
from valuation.money import PPM

UNKNOWN_PREFIX = "UNKNOWN_"
"""Begin of the name of a line for what is unknown by a rule."""

RULES = {
    name.removeprefix("ELIGIBILITY_RULE_"): number for name, number in receivable_pb2.EligibilityRule.items() if number
}
"""Numbers of the rules by their names in statements."""


@dataclass(frozen=True)
class Line:
    """A line of the statements; a cell is None where a statement does not have it.

    ``name`` is that of files: a field such as gross, or the name of a rule, of which ``is_rule`` is true.
    """

    name: str
    submitted: Decimal | None
    recomputed: Decimal | None
    approved: Decimal | None
    is_rule: bool = False

    @property
    def cells(self) -> tuple[Decimal | None, ...]:
        """The cells in the order of the columns."""
        return self.submitted, self.recomputed, self.approved

    @property
    def is_ratio(self) -> bool:
        """Whether the cells are ratios, not amounts."""
        return self.name in {"rate", "share_limit"}

    @property
    def is_deduction(self) -> bool:
        """Whether the cells are deducted from what stands above them."""
        return self.is_rule or self.name in {"sublimits", "reserves", "reduction"}

    @property
    def is_sum(self) -> bool:
        """Whether the cells sum up what stands above them."""
        return self.name in {"rest", "lendable_value", "classes", "before_reserves", "base"}


@dataclass(frozen=True)
class ClassLines:
    """The lines of an asset class."""

    asset_class: str
    lines: Sequence[Line]


class _Column:
    """A statement with the amounts that follow from its lines."""

    def __init__(self, statement: pb.BaseStatement, reduction: Decimal | None = None) -> None:
        self.statement = statement
        self.reduction = reduction
        self.classes = {one.asset_class: one for one in statement.classes}

    @cached_property
    def counted(self) -> dict[str, Decimal]:
        """What each class counts under the sublimits."""
        amounts = [_class_amount(one) for one in self.statement.classes]
        currency = self.statement.base.currency_code
        kept = under_sublimits(amounts)
        return {one.name: Money(int(minor), currency).major for one, minor in zip(amounts, kept, strict=True)}

    def class_cell(self, asset_class: str, name: str, *, is_rule: bool) -> Decimal | None:
        """Returns a line of a class; None if the statement does not have it."""
        one = self.classes.get(asset_class)
        if one is None:
            return None
        excluded = {each.rule: value_of(each.amount) for each in one.exclusions}
        return excluded.get(name) if is_rule else self._fields(one, sum(excluded.values(), Decimal(0)))[name]

    def _fields(self, one: pb.StatedClass, excluded: Decimal) -> dict[str, Decimal | None]:
        gross = value_of(one.gross)
        return {
            "gross": gross,
            "rest": max(gross - excluded, Decimal(0)),
            "rate": Decimal(one.rate.value or 0),
            "lendable_value": value_of(one.lendable_value),
            "amount_limit": value_of(one.amount_limit) if one.HasField("amount_limit") else None,
            "share_limit": Decimal(one.share_limit.value) if one.HasField("share_limit") else None,
            "counted": self.counted[one.asset_class],
        }

    def base_cell(self, line: str) -> Decimal | None:
        """Returns a line of the whole base; None for what an approver takes off in another column."""
        classes = sum((value_of(one.lendable_value) for one in self.statement.classes), Decimal(0))
        before, reserves = sum(self.counted.values(), Decimal(0)), value_of(self.statement.reserves)
        return {
            "classes": classes,
            "sublimits": classes - before,
            "before_reserves": before,
            "reserves": reserves,
            "floor": max(reserves - before, Decimal(0)),
            "reduction": self.reduction,
            "base": value_of(self.statement.base) - (self.reduction or Decimal(0)),
        }[line]


class Columns:
    """The three statements of a certificate; one that does not exist yet has no cells."""

    def __init__(self, certificate: pb.Certificate) -> None:
        self._submitted = _Column(certificate.submitted) if certificate.HasField("submitted") else None
        self._recomputed = _Column(certificate.recomputed) if certificate.HasField("recomputed") else None
        self._approved = _approved(certificate)
        self._columns = (self._submitted, self._recomputed, self._approved)

    @property
    def classes(self) -> list[ClassLines]:
        """The classes of the recomputed statement, then those of the submitted one alone."""
        names = dict.fromkeys(
            one.asset_class
            for column in (self._recomputed, self._submitted)
            if column is not None
            for one in column.statement.classes
        )
        return [ClassLines(name, self._class_lines(name)) for name in names]

    @property
    def base(self) -> list[Line]:
        """The lines from the sum of the classes to the base; those that change nothing are left out."""
        names = ("classes", "sublimits", "before_reserves", "reserves", "floor", "reduction", "base")
        lines = [
            self._line(name, [None if one is None else one.base_cell(name) for one in self._columns]) for name in names
        ]
        return [line for line in lines if line.name not in {"sublimits", "floor", "reduction"} or any(line.cells)]

    def _class_lines(self, asset_class: str) -> list[Line]:
        rules = _in_order(
            rule
            for column in (self._recomputed, self._submitted)
            if column is not None and asset_class in column.classes
            for rule in (one.rule for one in column.classes[asset_class].exclusions)
        )
        lines = [self._class_line(asset_class, "gross")]
        lines += [self._class_line(asset_class, rule, is_rule=True) for rule in rules]
        rest = ("rest",) if rules else ()
        lines += [self._class_line(asset_class, name) for name in (*rest, "rate", "lendable_value")]
        limits = [self._class_line(asset_class, name) for name in ("amount_limit", "share_limit")]
        limits = [line for line in limits if line.cells != (None, None, None)]
        return [*lines, *limits, *([self._class_line(asset_class, "counted")] if limits else [])]

    def _class_line(self, asset_class: str, name: str, *, is_rule: bool = False) -> Line:
        cells = [None if one is None else one.class_cell(asset_class, name, is_rule=is_rule) for one in self._columns]
        return self._line(name, cells, is_rule=is_rule)

    def _line(self, name: str, cells: Sequence[Decimal | None], *, is_rule: bool = False) -> Line:
        submitted, recomputed, approved = cells
        return Line(name, submitted, recomputed, approved, is_rule)


def rule_of(name: str) -> tuple[int, bool]:
    """Returns the number of the rule of a line, 0 for a line of no rule, and whether it is of what is unknown by it."""
    is_unknown = name.startswith(UNKNOWN_PREFIX)
    return RULES.get(name.removeprefix(UNKNOWN_PREFIX), 0), is_unknown


def _approved(certificate: pb.Certificate) -> _Column | None:
    if not certificate.HasField("approved_base"):
        return None
    recomputed = certificate.recomputed
    return _Column(recomputed, value_of(recomputed.base) - value_of(certificate.approved_base))


def _class_amount(one: pb.StatedClass) -> ClassAmount:
    limit = read_money("amount_limit", one.amount_limit).minor if one.HasField("amount_limit") else None
    share = int(Decimal(one.share_limit.value) * PPM) if one.HasField("share_limit") else PPM
    return ClassAmount(one.asset_class, read_money("lendable_value", one.lendable_value).minor, limit, share)


def _in_order(rules: Iterable[str]) -> list[str]:
    """Returns rules in the order of their numbers, what is unknown after what is excluded, and other names last."""

    def place(rule: str) -> tuple[bool, int, bool, str]:
        number, is_unknown = rule_of(rule)
        return not number, number, is_unknown, rule

    return sorted(set(rules), key=place)
