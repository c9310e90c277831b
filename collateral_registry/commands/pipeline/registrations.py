"""What the registration of pledges means for their claims, by the policy of each asset class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.loans.registrations import (
    registration_in_force,
    registration_unknown,
    unregistered_share_ppm,
)
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.store.engine.bulk import Columns, Source
from collateral_registry.store.valuations.valuation_inputs import read_classes
from valuation._typing import Float, Int


@dataclass(frozen=True)
class Registrations:
    """Pledges [p]: bits of ``UnknownReason``, and the share of the lendable value that each may claim."""

    unknown: Int
    share_ppm: Int


def registrations_of(source: Source, pledges: Columns, policy: Policy, day: int) -> Registrations:
    """Returns the effect of the registration of each pledge [p] on a day."""
    registered = pledges["is_registered"] > 0
    in_force = registration_in_force(registered, pledges["registration_expire_day"], day)
    legal, unregistered_legal = np.full(len(registered), np.nan), np.full(len(registered), np.nan)
    rows = np.flatnonzero(~in_force)
    if len(rows):
        legal[rows], unregistered_legal[rows] = _legal_haircuts(source, pledges["asset_key"][rows], policy)
    unknown = registration_unknown(registered, in_force, unregistered_legal)
    return Registrations(unknown, unregistered_share_ppm(pledges["share_ppm"], legal, unregistered_legal))


def _legal_haircuts(source: Source, asset_keys: Int, policy: Policy) -> tuple[Float, Float]:
    """Returns the legal haircuts of a registered and of an unregistered pledge of each asset [n]."""
    found = read_classes(source, np.unique(asset_keys))
    classes, code = codes_of(found["asset_class"])
    table = policy.table(classes)
    row = code[np.searchsorted(found["asset_key"], asset_keys)]
    return np.nan_to_num(table["legal_haircut"][row]), table["unregistered_legal_haircut"][row]
