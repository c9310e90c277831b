"""The bases of value of a machine that its valuation leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.valuations.base_values import Model


@dataclass(frozen=True)
class MachineBases:
    """Values in minor units; ``forced`` is None where the policy does not say what a forced sale brings."""

    fair: int
    orderly: int
    forced: int | None
    net: int


def machine_bases(row: Mapping[str, Any], asset_class: str, policy: Policy) -> MachineBases | None:
    """FMV, OLV, FLV and NOLV from the steps of a valuation's row; none for what is no machine or worth a stated 0.

    A row has no step to the FLV: it is the policy's ``flv_factor`` of the FMV, and at most the OLV.
    """
    if row["model"] not in {Model.EQUIPMENT, Model.COMPARABLES} or row["zero"]:
        return None
    fair = row["market_minor"]
    orderly = round(fair * (1.0 - row["h_liquidity"]))
    factor = policy.numbers_of(asset_class).get("flv_factor")
    forced = None if factor is None else min(orderly, round(fair * float(factor.value)))
    return MachineBases(fair, orderly, forced, round(orderly * (1.0 - row["h_cost"])))
