"""The day that the technology life of a right counts from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from collateral_registry.domain.assets import Asset, IntellectualProperty


def with_day_stated(asset: Asset, before: Asset | None, today: date) -> Asset:
    """The asset with the day on which its technology life was stated; none where no life is stated.

    A life that is new counts from today unless another day is given with it; one that stays as it was ``before`` keeps
    its day, so that a change of something else does not begin it again.
    """
    right = asset.detail
    if not isinstance(right, IntellectualProperty):
        return asset
    old = before.detail if before else None
    stated = _stated(right, old if isinstance(old, IntellectualProperty) else None, today)
    return replace(asset, detail=replace(right, technology_life_date=stated))


def _stated(right: IntellectualProperty, old: IntellectualProperty | None, today: date) -> date | None:
    if right.technology_life_years is None:
        return None
    kept, given = old.technology_life_date if old else None, right.technology_life_date
    if old and old.technology_life_years == right.technology_life_years:
        return given or kept or today
    return given if given and given != kept else today
