"""Observation dates: when an IP asset's technology life was stated, and when a machine's meter was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import assert_never

from collateral_registry.domain.assets.claims import PurchaseOrder, Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Asset, Equipment, IntellectualProperty, Inventory
from valuation.errors import InvalidInput

HOURS_PER_DAY = 24


def with_observation_dates(asset: Asset, before: Asset | None, today: date) -> Asset:
    """Returns the asset with the date of its technology life or meter reading set; None if it has no such value.

    A new or changed value gets the date that is given with it, or today if none is given. A value that has not changed
    since ``before`` keeps its date, so that an update of other fields does not restart it.
    """
    old = before.detail if before else None
    match asset.detail:
        case IntellectualProperty() as ip_asset:
            day = _technology_life_date(ip_asset, old if isinstance(old, IntellectualProperty) else None, today)
            return replace(asset, detail=replace(ip_asset, technology_life_date=day))
        case Equipment() as machine:
            day = _hours_date(asset, machine, before, old if isinstance(old, Equipment) else None, today)
            return replace(asset, detail=replace(machine, hours_date=day))
        case Inventory() | Receivable() | PurchaseOrder() | ReceivablePool():
            return asset
        case _:
            assert_never(asset.detail)


def check_hours(asset: Asset, before: Asset | None) -> None:
    """Raises InvalidInput if a new or changed meter reading exceeds 24 hours a day since the machine was built."""
    machine, old = asset.detail, before.detail if before else None
    if not isinstance(machine, Equipment) or machine.hours is None or not machine.built or not machine.hours_date:
        return
    if isinstance(old, Equipment) and (old.hours, old.built) == (machine.hours, machine.built):
        return
    days = (machine.hours_date - machine.built).days + 1
    # A reading before the build date is a finding of its own.
    if 0 < HOURS_PER_DAY * days < machine.hours:
        want = f"at most {HOURS_PER_DAY} hours a day from build_date {machine.built} to {machine.hours_date}"
        raise InvalidInput("equipment.hours", machine.hours, f"{want}: {HOURS_PER_DAY * days}")


def _technology_life_date(new: IntellectualProperty, old: IntellectualProperty | None, today: date) -> date | None:
    if new.technology_life_years is None:
        return None
    kept, given = old.technology_life_date if old else None, new.technology_life_date
    if old and old.technology_life_years == new.technology_life_years:
        return given or kept or today
    # A client that updates only the life sends the old date back, which does not belong to the new value.
    return given if given and given != kept else today


def _hours_date(
    asset: Asset, machine: Equipment, before: Asset | None, old: Equipment | None, today: date
) -> date | None:
    """Returns the date of the meter reading: the given date, the date of a new inspection, or today.

    A new inspection counts as a reading even if the hours are unchanged.
    """
    if machine.hours is None:
        return None
    kept, given = old.hours_date if old else None, machine.hours_date
    if given and given != kept:
        return given
    inspected = asset.last_inspection
    is_inspected = inspected is not None and inspected != (before.last_inspection if before else None)
    if old and old.hours == machine.hours and not is_inspected:
        return kept or inspected or today
    return inspected if is_inspected else today
