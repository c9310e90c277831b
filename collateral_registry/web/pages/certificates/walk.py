"""The walk from the submitted to the recomputed base: a table that sums to the difference, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from collateral_registry.v1 import certificate_pb2 as pb
from collateral_registry.web.pages.certificates.columns import rule_of
from collateral_registry.web.pages.charts.bridge import Part, bridge
from collateral_registry.web.pages.numbers import grouped, value_of
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts

PARTS_DRAWN = 12
"""Steps of the picture, the largest ones; the table has all of them."""


@dataclass(frozen=True)
class WalkRow:
    """A step with its number and the base after it.

    ``rule`` is the name of the line of an exclusion, empty for other terms.
    """

    number: int
    term: int
    asset_class: str
    rule: str
    change: Decimal
    base_after: Decimal


def walk_of(certificate: pb.Certificate) -> list[WalkRow]:
    """Returns the steps, whose changes sum to the difference; none until a base is recomputed."""
    rows, base = [], value_of(certificate.submitted.base)
    for number, step in enumerate(certificate.steps, start=1):
        change = value_of(step.change)
        base += change
        rows.append(WalkRow(number, step.term, step.asset_class, step.rule, change, base))
    return rows


def rule_name(texts: Texts, rule: str) -> str:
    """Returns the short name of a line of an exclusion; a name that is no rule stands for itself."""
    number, is_unknown = rule_of(rule)
    if not number:
        return rule
    name = word(texts, "rule", number)
    return texts("certificates.unknown_by", rule=name) if is_unknown else name


def walk_chart(texts: Texts, rows: Sequence[WalkRow]) -> Markup | str:
    """Returns the picture of the steps that change the base, with their numbers; empty if none does."""
    changing = [row for row in rows if row.change]
    if not changing:
        return ""
    drawn = sorted(sorted(changing, key=lambda row: -abs(row.change))[:PARTS_DRAWN], key=changing.index)
    parts = [_part(f"{row.number} {step_name(texts, row)}", row.change) for row in drawn]
    whole = sum((row.change for row in changing), Decimal(0))
    rest = whole - sum((row.change for row in drawn), Decimal(0))
    if len(drawn) < len(changing):
        parts.append(_part(texts("certificates.other_steps"), rest))
    return bridge(parts, _part(texts("certificates.difference"), whole), texts("certificates.walk_label"))


def step_name(texts: Texts, row: WalkRow) -> str:
    """Returns what a step replaces: a rule or a term."""
    return rule_name(texts, row.rule) if row.rule else word(texts, "statement_term", row.term)


def _part(label: str, change: Decimal) -> Part:
    return Part(label, float(change), f"{'+' if change > 0 else ''}{grouped(change)}")
