"""What a policy says of each asset class: its own numbers, inherited ones, and their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.book.policy import Policy, SourcedNumber, lineage
from collateral_registry.domain.filters.expressions import Expression, matches
from collateral_registry.domain.filters.fields import Enum, FieldType, Text
from collateral_registry.domain.receivables.rule_numbers import RULE_NUMBERS
from collateral_registry.domain.shared.errors import NotFound

DESCRIPTIONS: Mapping[str, str] = {
    "cap": "Largest share of the market value that may be lent.",
    "haircut_floor": "Minimum haircut.",
    "confidence": "One-tailed confidence of the market part of the haircut.",
    "liquidation_days": "Business days that a sale takes; a part of the horizon of the haircut.",
    "cure_days": "Business days that the borrower has to cure a breach; a part of the horizon.",
    "revaluation_days": "Business days between valuations; a part of the horizon.",
    "value_haircut": "Haircut part for the uncertainty of the value.",
    "market_haircut": "Market part of assets without a price series or without a haircut curve.",
    "liquidity_haircut": "Haircut part for the effect of the sale on the price.",
    "cost_haircut": "Haircut part for the costs of the sale.",
    "legal_haircut": "Haircut part for legal risks.",
    "unregistered_legal_haircut": "Legal part of a pledge without a registration in force; not stated: UNKNOWN.",
    "inspection_max_age_days": "Age in days after which an inspection no longer counts; not stated: none is required.",
    "insurance_required": "More than 0: an asset that is not insured on the day is UNKNOWN.",
    "olv_factor": "Share of the market value that an orderly sale yields.",
    "flv_factor": "Share of the market value that a forced sale yields.",
    "sale_cost_share": "Costs of the sale as a share of the proceeds.",
    "removal_cost_share": "Costs of removal as a share of the proceeds.",
    "life_refused_years": "Years by which an IP asset must outlive the loan, else a pledge is refused.",
    "life_flagged_years": "Years by which an IP asset must outlive the loan, else a finding is opened.",
    "loan_refused_years": "Longest remaining term in years of a loan on an IP asset; a longer one is refused.",
    "loan_flagged_years": "Longest remaining term in years of a loan on an IP asset without a finding.",
    "scrap_share": "Value of a machine for scrap as a share of its price new.",
    "salvage_share": "Value of a machine at the end of its life as a share of its price new.",
    "hours_elasticity": "Effect of hours above or below the expected ones on the value of a machine.",
    **{
        f"condition_{name}": f"Factor on the value of a machine in {name} condition."
        for name in ("unknown", "excellent", "good", "fair", "poor", "scrap")
    },
    **{name: number.meaning for name, number in RULE_NUMBERS.items()},
}
"""The meaning of each parameter of a class."""

KIND_FIELD = {
    Kind.INVENTORY: "inventory",
    Kind.EQUIPMENT: "equipment",
    Kind.INTELLECTUAL_PROPERTY: "intellectual_property",
    Kind.RECEIVABLE: "receivable",
    Kind.PURCHASE_ORDER: "purchase_order",
    Kind.RECEIVABLE_POOL: "receivable_pool",
}
"""The field of an asset that holds the detail of a kind."""

CLASS_FILTER: Mapping[str, FieldType] = {
    "asset_class": Text(),
    "kind": Enum({name: name for name in KIND_FIELD.values()}, ""),
}
"""Fields by which asset classes can be filtered."""


@dataclass(frozen=True)
class ClassNumber:
    """A number that a class uses, with the class that states it."""

    parameter: str
    number: SourcedNumber
    stated_by: str


@dataclass(frozen=True)
class AssetClass:
    """A class with the numbers and the price index that it states or inherits."""

    asset_class: str
    kind: Kind | None
    is_stated: bool
    numbers: tuple[ClassNumber, ...]
    index: str
    index_stated_by: str

    @property
    def kind_field(self) -> str | None:
        """The field of an asset that holds the detail of its kind; None for a class of no kind."""
        return None if self.kind is None else KIND_FIELD[self.kind]


def asset_class_in(policy: Policy, asset_class: str) -> AssetClass:
    """Returns what a policy says of a class, which it may not state itself.

    Raises NotFound if neither the policy nor a kind of asset has such classes.
    """
    found = _described(policy, asset_class)
    if found.kind is None and not found.is_stated:
        raise NotFound(f"assetClasses/{asset_class}")
    return found


def asset_classes(policy: Policy, wanted: Expression, after: str, limit: int) -> list[AssetClass]:
    """Returns a page of the classes that a policy states and a filter selects, ordered by name."""
    later = (_described(policy, name) for name in sorted(policy.stated_classes) if name > after)
    return [one for one in later if matches(wanted, {"asset_class": one.asset_class, "kind": one.kind_field})][:limit]


def _described(policy: Policy, asset_class: str) -> AssetClass:
    line = lineage(asset_class)
    stated = {name: one for one in line for name in policy.classes.get(one, {})}
    numbers = [ClassNumber(name, policy.classes[one][name], one) for name, one in stated.items()]
    order = list(DESCRIPTIONS)
    return AssetClass(
        asset_class=asset_class,
        kind=next((kind for kind, root in CLASS_ROOT.items() if root == line[0]), None),
        is_stated=asset_class in policy.stated_classes,
        numbers=tuple(sorted(numbers, key=lambda one: order.index(one.parameter))),
        index=policy.index_of(asset_class),
        index_stated_by=next((one for one in reversed(line) if one in policy.indices), ""),
    )
