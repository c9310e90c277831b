"""The lending policy: every parameter that is neither computed nor observed, each with its source.

A class such as ``inventory.base_metal`` inherits the numbers of ``inventory`` and overrides those it states itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import IntEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.assets.field_checks import EXPECTED_HOURS_RANGE
from collateral_registry.domain.loans.agreements import LTV_LIMIT_PPM, LtvLimits, ppm_of
from collateral_registry.domain.loans.judge import JudgementRules
from collateral_registry.domain.loans.levels import Level, LtvBasis
from collateral_registry.domain.receivables.rule_numbers import (
    COMMON_DEFAULTS,
    NUMBER_OF_PLACE,
    RULE_NUMBERS,
    ReceivableNumbers,
)
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_id, checked_text
from collateral_registry.domain.stock.warehouse_score import ReliabilityRules
from valuation.depreciation.classes import equipment_classes
from valuation.errors import InvalidInput, check_all
from valuation.money import PPM

_SHARE = ("0", "1")
_DAYS = ("0", "3650")

_CLASS_RANGES = {
    "confidence": ("0.5", "0.9999"),
    "revaluation_days": ("1", "3650"),
    **dict.fromkeys(("liquidation_days", "cure_days", "inspection_max_age_days"), _DAYS),
    **dict.fromkeys(("life_refused_years", "life_flagged_years"), ("0", "100")),
    **dict.fromkeys(("loan_refused_years", "loan_flagged_years"), ("0", "100")),
}

_COMMON_PARAMETERS: Mapping[str, tuple[str, str]] = {
    name: _CLASS_RANGES.get(name, _SHARE)
    for name in (
        "cap", "haircut_floor", "confidence", "liquidation_days", "cure_days", "revaluation_days",
        "value_haircut", "market_haircut", "liquidity_haircut", "cost_haircut", "legal_haircut",
        "unregistered_legal_haircut",
        "inspection_max_age_days", "insurance_required",
        "olv_factor", "flv_factor", "sale_cost_share", "removal_cost_share",
        "life_refused_years", "life_flagged_years", "loan_refused_years", "loan_flagged_years",
        "scrap_share", "salvage_share", "hours_elasticity",
        "condition_unknown", "condition_excellent", "condition_good", "condition_fair", "condition_poor",
        "condition_scrap",
    )
}  # fmt: skip

CLASS_PARAMETERS: Mapping[str, tuple[str, str]] = {
    **_COMMON_PARAMETERS,
    **{name: (number.low, number.high) for name, number in RULE_NUMBERS.items()},
}
"""Lowest and highest value of each parameter of an asset class. Only classes of receivables have RULE_NUMBERS."""

LEVEL_PARAMETERS = ("watch", "margin_call", "stop_draw", "liquidation")
"""The LTV limits, in rising order."""

RULE_PARAMETERS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(LEVEL_PARAMETERS, ("0.000001", "10")),
    "buffer": ("0", "0.5"),
    "ltv_basis": ("1", "2"),
    "grace_days": _DAYS,
    "unknown_grace_days": _DAYS,
    "missed_deadline_level": ("2", "4"),
    "simulated_horizon_days": ("1", "250"),
    "estimate_refresh_days": ("1", "250"),
    "estimate_shock_sigmas": ("1", "100"),
    "fx_max_age_days": _DAYS,
    "count_tolerance": _SHARE,
    "warehouse_statistics_days": ("1", "3650"),
    "warehouse_shrinkage_multiple": ("1", "100"),
    "warehouse_lateness_weight": _SHARE,
    "warehouse_haircut_limit": _SHARE,
    "certificate_grace_days": _DAYS,
}
"""Lowest and highest value of each parameter of the whole book. A policy must state all of them except those in
LATER_RULES."""

WEEKMASK = "Mon Tue Wed Thu Fri"


class PolicyState(IntEnum):
    """State of a version; the numeric values are sent."""

    DRAFT = 1
    ACTIVE = 2
    SUPERSEDED = 3


@dataclass(frozen=True)
class SourcedNumber:
    """A number with the source it is taken from."""

    value: Decimal
    source: str


Numbers = Mapping[str, SourcedNumber]

LATER_NUMBERS: Mapping[str, Numbers] = {
    CLASS_ROOT[Kind.RECEIVABLE_POOL]: {
        **{name: SourcedNumber(Decimal(one.default), one.source) for name, one in RULE_NUMBERS.items()},
        **{name: SourcedNumber(Decimal(value), source) for name, (value, source) in COMMON_DEFAULTS.items()},
    }
}
"""Defaults by class root of numbers that were introduced later, for stored policies that lack them."""

LATER_RULES: Numbers = {
    "count_tolerance": SourcedNumber(Decimal("0.005"), "Expert default; set your own"),
    "warehouse_statistics_days": SourcedNumber(Decimal(365), "House rule: counts of one year"),
    "warehouse_shrinkage_multiple": SourcedNumber(Decimal(2), "House rule: shrinkage may recur before the sale"),
    "warehouse_lateness_weight": SourcedNumber(Decimal("0.02"), "Expert default; set your own"),
    "warehouse_haircut_limit": SourcedNumber(Decimal("0.25"), "Expert default; set your own"),
    "certificate_grace_days": SourcedNumber(Decimal(5), "House rule: as the days to cure a breach"),
}
"""Defaults of rules that were introduced later, for stored policies that lack them."""


@dataclass(frozen=True)
class Policy:
    """A version of the policy.

    ``indices`` maps asset classes of machines to the series that updates their price new. ``expected_hours`` are the
    meter hours a year of a typical machine, by equipment class.
    """

    policy_id: str
    display_name: str
    effective: date
    classes: Mapping[str, Numbers]
    rules: Numbers
    minimum_cures: Sequence[Money] = ()
    holidays: Sequence[date] = ()
    indices: Mapping[str, str] = field(default_factory=dict)
    expected_hours: Numbers = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validates each number's name, range and source, and the order of the levels; raises InvalidInput."""
        hours = dict.fromkeys(equipment_classes(), EXPECTED_HOURS_RANGE)
        check_all(
            lambda: checked_text("display_name", self.display_name),
            *(
                partial(_check_numbers, f"classes[{name}].numbers", numbers, _parameters_of(name))
                for name, numbers in self.classes.items()
            ),
            *(partial(_check_index, name, series_id) for name, series_id in self.indices.items()),
            lambda: _check_numbers("expected_hours", self.expected_hours, hours),
            lambda: _check_numbers("rules", self.rules, RULE_PARAMETERS),
        )
        missing = sorted(set(RULE_PARAMETERS) - set(self.rules) - set(LATER_RULES))
        if missing:
            raise InvalidInput("rules", "no " + ", ".join(missing), "every rule of the book")
        currencies = [money.currency for money in self.minimum_cures]
        if len(set(currencies)) < len(currencies):
            raise InvalidInput("minimum_cures", ", ".join(currencies), "one amount per currency")
        self._check_limits()
        for asset_class in self.classes:
            _check_realisation(asset_class, self.numbers_of(asset_class))

    @property
    def limits(self) -> LtvLimits:
        """LTV limits of the loans that state none."""
        return LtvLimits(*self._limits_ppm())

    def _check_limits(self) -> None:
        """Raises InvalidInput unless the levels rise."""
        try:
            LtvLimits(*self._limits_ppm())
        except InvalidInput as error:
            raise InvalidInput("rules", error.got, error.want) from None

    def _limits_ppm(self) -> list[int]:
        return [ppm_of(f"rules[{name}].value", self.rules[name].value, LTV_LIMIT_PPM) for name in LEVEL_PARAMETERS]

    @property
    def basis(self) -> LtvBasis:
        """LTV basis of the loans that state none."""
        return LtvBasis(int(self.rules["ltv_basis"].value))

    @property
    def buffer_ppm(self) -> int:
        """Distance below a limit at which a loan leaves its level, in millionths."""
        return int(self.rules["buffer"].value * PPM)

    @property
    def judgement_rules(self) -> JudgementRules:
        """Rules for judging loans."""
        return JudgementRules(
            grace_days=self.rule_days("grace_days"),
            unknown_grace_days=self.rule_days("unknown_grace_days"),
            missed_deadline_level=Level(int(self.rules["missed_deadline_level"].value)),
            weekmask=WEEKMASK,
            holidays=np.array(sorted(self.holidays), dtype="datetime64[D]"),
        )

    @property
    def count_tolerance_ppm(self) -> int:
        """Tolerated difference between a count and the booked quantity, in millionths of the booked quantity."""
        return int(self._rule("count_tolerance") * PPM)

    @property
    def reliability_rules(self) -> ReliabilityRules:
        """Rules that turn the record of a warehouse into a haircut."""
        return ReliabilityRules(
            shrinkage_multiple=float(self._rule("warehouse_shrinkage_multiple")),
            lateness_weight=float(self._rule("warehouse_lateness_weight")),
            haircut_limit=float(self._rule("warehouse_haircut_limit")),
        )

    def rule_days(self, name: str) -> int:
        """Returns a rule that is a whole number of days."""
        return int(self._rule(name))

    def _rule(self, name: str) -> Decimal:
        return self.rules[name].value if name in self.rules else LATER_RULES[name].value

    def minimum_cure_minor(self, currency: str) -> int:
        """Returns the smallest cash cure in minor units that raises a notice; 0 if the policy states none."""
        return next((money.minor for money in self.minimum_cures if money.currency == currency), 0)

    def numbers_of(self, asset_class: str) -> dict[str, SourcedNumber]:
        """Returns the numbers of a class: the inherited ones, unless the class states its own."""
        line = lineage(asset_class)
        merged = dict(LATER_NUMBERS.get(line[0], {}))
        for name in line:
            merged.update(self.classes.get(name, {}))
        return merged

    def receivable_numbers(self, asset_class: str) -> ReceivableNumbers:
        """Returns the numbers of a class of receivables."""
        return ReceivableNumbers({name: number.value for name, number in self.numbers_of(asset_class).items()})

    def index_of(self, asset_class: str) -> str:
        """Returns the id of a class's price index; empty if there is none.

        A class that states no index inherits it.
        """
        return next((self.indices[name] for name in reversed(lineage(asset_class)) if name in self.indices), "")

    def expected_hours_of(self, equipment_class: str) -> float:
        """Returns the meter hours a year of a typical machine of an equipment class; NaN if the policy has none."""
        stated = self.expected_hours.get(equipment_class)
        return float("nan") if stated is None else float(stated.value)

    @property
    def stated_classes(self) -> frozenset[str]:
        """The classes for which the policy states numbers or a price index."""
        return frozenset({*self.classes, *self.indices})

    def table(self, classes: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Returns each parameter that all classes may have as a column [classes]; NaN where the policy states none."""
        merged = [self.numbers_of(asset_class) for asset_class in classes]
        return {
            name: np.array([float(row[name].value) if name in row else np.nan for row in merged], dtype=np.float64)
            for name in _COMMON_PARAMETERS
        }


def check_dilution(policy: Policy) -> None:
    """Raises Refused if a class of receivables states a number for dilution in a place where it does not act.

    Dilution lowers the value, the advance rate or the base, and never two of them.
    """
    for name, numbers in policy.classes.items():
        if lineage(name)[0] != CLASS_ROOT[Kind.RECEIVABLE_POOL]:
            continue
        place = policy.receivable_numbers(name).dilution_place
        for number, acts_in in NUMBER_OF_PLACE.items():
            if number in numbers and place is not acts_in:
                raise Refused(
                    "DILUTION_TWICE",
                    f"classes[{name}].numbers[{number}] is for dilution_place {int(acts_in)} ({acts_in.name}), and the"
                    f" class has {int(place)} ({place.name}); state one of them",
                )


def _parameters_of(asset_class: str) -> Mapping[str, tuple[str, str]]:
    is_receivable = lineage(asset_class)[0] == CLASS_ROOT[Kind.RECEIVABLE_POOL]
    return CLASS_PARAMETERS if is_receivable else _COMMON_PARAMETERS


def check_class(policy: Policy, asset_class: str) -> None:
    """Raises InvalidInput unless the policy states a class."""
    if asset_class not in policy.stated_classes:
        root = asset_class.partition(".")[0]
        known = sorted(one for one in policy.stated_classes if one.partition(".")[0] == root)
        want = ", ".join(known or sorted(policy.stated_classes))
        raise InvalidInput("asset_class", repr(asset_class[:80]), f"a class of policies/{policy.policy_id}: {want}")


def lineage(asset_class: str) -> list[str]:
    """Returns a class and the classes from which it inherits, most general first."""
    parts = asset_class.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _check_index(asset_class: str, series_id: str) -> None:
    """Raises InvalidInput if the class is not an equipment class or the series id is malformed."""
    field, equipment = f"classes[{asset_class}].price_index", CLASS_ROOT[Kind.EQUIPMENT]
    if lineage(asset_class)[0] != equipment:
        raise InvalidInput(field, repr(series_id[:80]), f"nothing: only classes of {equipment} have a price new")
    checked_id(field, series_id)


def _check_realisation(asset_class: str, numbers: Numbers) -> None:
    """Raises InvalidInput if a forced sale yields more than an orderly one, or if selling costs exceed the proceeds."""

    def value(name: str) -> Decimal:
        return numbers[name].value if name in numbers else Decimal(0)

    if {"olv_factor", "flv_factor"} <= set(numbers) and value("flv_factor") > value("olv_factor"):
        want = f"at most the olv_factor {value('olv_factor')}"
        raise InvalidInput(f"classes[{asset_class}].numbers[flv_factor]", value("flv_factor"), want)
    costs = value("sale_cost_share") + value("removal_cost_share")
    if costs > 1:
        raise InvalidInput(
            f"classes[{asset_class}].numbers[sale_cost_share]", costs, "at most 1 together with removal_cost_share"
        )


def _check_numbers(field: str, numbers: Numbers, known: Mapping[str, tuple[str, str]]) -> None:
    check_all(*(partial(_check_number, field, name, number, known) for name, number in numbers.items()))


def _check_number(field: str, name: str, number: SourcedNumber, known: Mapping[str, tuple[str, str]]) -> None:
    if name not in known:
        raise InvalidInput(field, repr(name[:80]), "one of " + ", ".join(known))
    low, high = known[name]
    if not number.value.is_finite() or not Decimal(low) <= number.value <= Decimal(high):
        raise InvalidInput(f"{field}[{name}].value", number.value, f"{low} to {high}")
    checked_text(f"{field}[{name}].source", number.source)
