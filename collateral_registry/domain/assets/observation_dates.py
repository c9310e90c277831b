"""The days that a fact counts from: a right's technology life, the hours on a machine's meter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from collateral_registry.domain.assets.kinds import Asset, Equipment, IntellectualProperty


def with_observation_dates(asset: Asset, before: Asset | None, today: date) -> Asset:
    """The asset with the day on which its technology life was stated, or its meter was read; none without the fact.

    A fact that is new counts from today unless another day is given with it; one that stays as it was ``before`` keeps
    its day, so that a change of something else does not begin it again.
    """
    detail, old = asset.detail, before.detail if before else None
    if isinstance(detail, IntellectualProperty):
        stated = _stated(detail, old if isinstance(old, IntellectualProperty) else None, today)
        return replace(asset, detail=replace(detail, technology_life_date=stated))
    if isinstance(detail, Equipment):
        read = _read(asset, detail, before, old if isinstance(old, Equipment) else None, today)
        return replace(asset, detail=replace(detail, hours_date=read))
    return asset


def _stated(right: IntellectualProperty, old: IntellectualProperty | None, today: date) -> date | None:
    if right.technology_life_years is None:
        return None
    kept, given = old.technology_life_date if old else None, right.technology_life_date
    if old and old.technology_life_years == right.technology_life_years:
        return given or kept or today
    return given if given and given != kept else today


def _read(asset: Asset, machine: Equipment, before: Asset | None, old: Equipment | None, today: date) -> date | None:
    """The day of a reading: given, that of an inspection told with it, else today; an inspection is a reading."""
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
