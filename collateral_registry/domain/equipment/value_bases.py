"""The bases of value of a machine, derived from its valuation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.valuations.base_values import Model


@dataclass(frozen=True)
class MachineBases:
    """Values of a machine in minor units. ``forced`` is None if the policy has no ``flv_factor``."""

    fair: int
    orderly: int
    forced: int | None
    net: int


def machine_bases(row: Mapping[str, Any], asset_class: str, policy: Policy) -> MachineBases | None:
    """Returns FMV, OLV, FLV and NOLV computed from the haircut parts of a valuation.

    A valuation has no part for the FLV: it is ``flv_factor`` x FMV, at most the OLV. Returns None for an asset that is
    not a machine, and for one whose status makes it worth 0.
    """
    if row["model"] not in {Model.EQUIPMENT, Model.COMPARABLES} or row["zero"]:
        return None
    fair = row["market_minor"]
    orderly = round(fair * (1.0 - row["h_liquidity"]))
    factor = policy.numbers_of(asset_class).get("flv_factor")
    forced = None if factor is None else min(orderly, round(fair * float(factor.value)))
    return MachineBases(fair, orderly, forced, round(orderly * (1.0 - row["h_cost"])))
