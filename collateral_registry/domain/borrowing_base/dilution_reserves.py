"""Reserves for the dilution of pools, by the shares that are recorded with the values of the pools."""

from __future__ import annotations

from datetime import date

import numpy as np

from collateral_registry.domain.borrowing_base.base import Reserve, ReserveKind
from valuation._typing import Int
from valuation.money import PPM


def reserved_minor(claims_minor: Int, ppm: Int) -> Int:
    """Returns what claims [p] reserve by their shares in millionths, each rounded up."""
    found = np.zeros_like(claims_minor)
    for row in np.flatnonzero(ppm).tolist():
        found[row] = reserved_of(int(claims_minor[row]), int(ppm[row]))
    return found


def reserved_of(claim_minor: int, ppm: int) -> int:
    """Returns what a claim reserves, in integers of any size, because the product may exceed 64 bits."""
    return -(-claim_minor * ppm // PPM)


def dilution_reserve(owner: str, reserved: int, day: date) -> Reserve:
    """Returns the reserve of a base for what a claim reserves; ``owner`` is the name of the pool."""
    reason = "expected dilution of the pool, stressed by the policy"
    return Reserve(ReserveKind.DILUTION, owner, reason, day, amount_minor=reserved)
