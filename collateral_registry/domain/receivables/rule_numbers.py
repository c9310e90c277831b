"""Numbers of a policy for the classes of receivables: their ranges, defaults, sources and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

from valuation.money import PPM
from valuation.receivables.concentration import ConcentrationMode
from valuation.receivables.rules import Rule


class DilutionPlace(IntEnum):
    """Where dilution reduces what a pool lends; the numeric values are numbers of the policy."""

    VALUE = 1
    ADVANCE = 2
    RESERVE = 3


NUMBER_OF_PLACE: Mapping[str, DilutionPlace] = {
    "dilution_threshold": DilutionPlace.ADVANCE,
    "dilution_stress": DilutionPlace.RESERVE,
}
"""Numbers that have a meaning for one place of dilution only."""


class RuleNumber(NamedTuple):
    """A number of the policy: lowest and highest value, default with its source, and meaning."""

    low: str
    high: str
    default: str
    source: str
    meaning: str


_EXPERT = "Expert default; set your own"
_HOUSE = "House rule"

CONCENTRATION_MODES = (
    ConcentrationMode.GROSS,
    ConcentrationMode.ELIGIBLE,
    ConcentrationMode.FIXED_POINT,
    ConcentrationMode.NONE,
)
"""The modes in the order of their numbers, which start at 1."""

ORDERED_RULES = tuple(rule for rule in Rule if rule < Rule.CROSS_AGE and rule is not Rule.TERMS_BEYOND_LAW)
"""The rules that exclude whole invoices by facts of the invoice and its debtor; the policy orders them."""


def _days(default: str, source: str, meaning: str) -> RuleNumber:
    return RuleNumber("0", "3650", default, source, meaning)


def _share(default: str, source: str, meaning: str) -> RuleNumber:
    return RuleNumber("0", "1", default, source, meaning)


_WITHOUT_TEXT = {
    "silent": "registered without a notice to the debtor",
    "notified": "whose debtor was notified",
    "acknowledged": "that the debtor acknowledged",
}

RULE_NUMBERS: Mapping[str, RuleNumber] = {
    "over_age_days": _days("90", "US bank practice: 90 days from invoice", "OVER_AGE: most days since the issue."),
    "over_age_government_days": _days(
        "120", "A published credit agreement: 120 days for government", "OVER_AGE of invoices to a government."
    ),
    "past_due_days": _days("60", "US bank practice: 60 days past due", "PAST_DUE: most days after the due day."),
    "tenor_days": _days("180", _EXPERT, "TENOR: most days from issue to due day."),
    "delivery_grace_days": _days("0", _HOUSE, "NOT_DELIVERED: days from issue until a delivery must be stated."),
    "cross_age_share": _share("0.10", "US bank practice: 10 %", "CROSS_AGE: largest late share of a debtor."),
    "concentration_share": _share("0.25", _EXPERT, "CONCENTRATION: largest share of a debtor or its group."),
    "concentration_mode": RuleNumber(
        "1", "4", "2", _HOUSE, "CONCENTRATION of: 1 the open, 2 the eligible, 3 the resulting amount; 4 no limit."
    ),
    "attestation_max_age_days": _days("30", _HOUSE, "Age in days after which a search of the registry is too old."),
    "contra_max_age_days": _days("35", _HOUSE, "CONTRA: age in days after which a balance owed is too old."),
    "ledger_max_age_days": _days("3", _HOUSE, "Age in days of the newest entry after which a pool is UNKNOWN."),
    "affiliate_parent_required": _share("0", _HOUSE, "AFFILIATE: more than 0: unknown without a stated parent."),
    "government_consent_required": _share("0", _HOUSE, "GOVERNMENT: more than 0: excludes invoices to a government."),
    "bar_statement_required": _share("0", _HOUSE, "ASSIGNMENT_BARRED: more than 0: unknown if it is not stated."),
    "advance_silent": _share("0.70", "Market practice 70-80 %", "Most lent of the eligible, silently assigned."),
    "advance_notified": _share("0.80", "Market practice 70-80 %", "Most lent of the eligible, notified debtor."),
    "advance_acknowledged": _share("0.85", "Market practice 80-90 %", "Most lent of the eligible, acknowledged."),
    "advance_core_firm": _share("0.90", "Market practice 80-90 %", "Most lent, acknowledged by a core firm."),
    **{
        f"{part}_{state}": _share(value, _EXPERT, f"Haircut part {part} of invoices {text}.")
        for part, values in (("legal", ("0.05", "0.02", "0")), ("liquidity", ("0.08", "0.05", "0.03")))
        for (state, text), value in zip(_WITHOUT_TEXT.items(), values, strict=True)
    },
    "dilution_place": RuleNumber(
        "1", "3", "1", _HOUSE, "Dilution reduces 1 the value, 2 the advance rate, 3 the base by a reserve."
    ),
    "dilution_stand_in": _share("0.05", _EXPERT, "Dilution of a pool without enough months of its own."),
    "dilution_threshold": _share("0.05", "Published credit agreements: 5 %", "Dilution above it lowers the advance."),
    "dilution_stress": RuleNumber("1", "5", "2.25", "Published credit agreements", "Stress of the expected dilution."),
    "dilution_lag_months": RuleNumber("0", "12", "1", "Published credit agreements", "Months from sale to reduction."),
    "lgd": _share("0.40", "Basel II: 40 % for other receivables", "Share lost when a debtor defaults."),
    "pd_stand_in": _share("0.05", _EXPERT, "Default probability in a year of a debtor without one."),
    "default_correlation": _share("0.15", _EXPERT, "Common part of the defaults of debtors."),
    "discount_rate": _share("0.06", _EXPERT, "Yearly rate by which expected payments are discounted."),
    "tail_days": _days("10", _EXPERT, "Days added to the expected day of payment."),
    "verification_max_age_days": _days("180", _HOUSE, "Age in days after which a verification is too old."),
    "verification_tolerable_share": _share("0.05", _HOUSE, "Misstated share that a verification must exclude."),
    "roll_forward_tolerance": _share("0.005", _HOUSE, "Gap of a roll-forward as a share of the closing amount."),
    "certificate_tolerance": _share("0.02", _HOUSE, "Difference of a certificate that opens a finding."),
    **{
        f"rule_order_{int(rule)}": RuleNumber(
            "0", "1000", str(int(rule)), _HOUSE, f"Place of {rule.name} in the order in which rules exclude."
        )
        for rule in ORDERED_RULES
    },
}
"""The numbers that only classes of receivables have. A policy that states none of them uses the defaults."""

COMMON_DEFAULTS: Mapping[str, tuple[str, str]] = {
    "confidence": ("0.99", "Basel comprehensive approach, CRR Art. 225: 99th percentile, one-tailed"),
    "liquidation_days": ("60", _EXPERT),
    "cure_days": ("5", "House rule: grace period of a margin call"),
    "revaluation_days": ("1", "House rule: the book is valued every business day"),
    "value_haircut": ("0.05", "Expert default until a verification bounds the misstatement"),
    "market_haircut": ("0", "House rule: invoices have no price"),
    "cost_haircut": ("0.02", "Expert default; set your own: collection"),
}
"""Defaults, with their sources, of numbers that other classes have as well."""


@dataclass(frozen=True)
class ReceivableNumbers:
    """The numbers of a class of receivables by name."""

    values: Mapping[str, Decimal]

    def days(self, name: str) -> int:
        """Returns a number of days."""
        return int(self.values[name])

    def share(self, name: str) -> float:
        """Returns a share or a rate."""
        return float(self.values[name])

    def ppm(self, name: str) -> int:
        """Returns a share in millionths."""
        return int(self.values[name] * PPM)

    def requires(self, name: str) -> bool:
        """Returns whether a requirement is on, which is a number above 0."""
        return self.values[name] > 0

    @property
    def mode(self) -> ConcentrationMode:
        """How the share of a debtor is measured."""
        return CONCENTRATION_MODES[int(self.values["concentration_mode"]) - 1]

    @property
    def dilution_place(self) -> DilutionPlace:
        """Where dilution acts."""
        return DilutionPlace(int(self.values["dilution_place"]))

    @property
    def order(self) -> tuple[Rule, ...]:
        """The rules that exclude whole invoices, in the order in which they are attributed."""
        return tuple(sorted(ORDERED_RULES, key=lambda rule: (self.values[f"rule_order_{int(rule)}"], rule)))


DEFAULT_VALUES: Mapping[str, Decimal] = {
    **{name: Decimal(number.default) for name, number in RULE_NUMBERS.items()},
    **{name: Decimal(value) for name, (value, _) in COMMON_DEFAULTS.items()},
}
"""The default of each number that the value of a pool needs."""
