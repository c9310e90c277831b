"""The names of the lines and steps of a certificate, as its page and its files show them."""

from __future__ import annotations

from collateral_registry.web.pages.certificates.columns import Line
from collateral_registry.web.pages.certificates.walk import WalkRow, rule_name, step_name
from collateral_registry.web.pages.texts import Texts
from collateral_registry.web.pages.views.receivables.base_lines import capital, class_name


def line_label(texts: Texts, line: Line) -> str:
    """Returns the name of a line of a statement."""
    return capital(rule_name(texts, line.name)) if line.is_rule else texts(f"certificates.line_{line.name}")


def step_label(texts: Texts, row: WalkRow) -> str:
    """Returns the number and the name of a step, with its class."""
    label = f"{row.number} {capital(step_name(texts, row))}"
    return f"{label} \u00b7 {class_name(texts, row.asset_class)}" if row.asset_class else label
