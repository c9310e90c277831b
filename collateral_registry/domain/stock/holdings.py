"""Computes which part of the goods in a lot belongs to which asset, after splits and merges within a warehouse.

Quantities are whole millionths of the unit of the lots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LotLink:
    """A lot that holds goods of an asset which is registered as lot ``own_key``; they came from ``after_key`` on."""

    lot_key: int
    asset_key: int
    own_key: int
    after_key: int


@dataclass(frozen=True)
class Flow:
    """Goods that a movement took from one lot to another; a correction may make it negative."""

    movement_key: int
    from_lot: int
    to_lot: int
    quantity: int


@dataclass(frozen=True)
class Holdings:
    """The quantity of each asset, and the quantity that each asset brought to each of its other lots.

    ``brought`` is by asset and lot. It is not reduced when goods leave the lot to a place outside of the asset's lots.
    """

    of_asset: Mapping[int, int]
    brought: Mapping[tuple[int, int], int]


NO_HOLDINGS = Holdings({}, {})


def holdings(
    registered: Mapping[int, int], links: Sequence[LotLink], flows: Sequence[Flow], counted: Mapping[int, int]
) -> Holdings:
    """Divides the counted quantities of lots among assets.

    ``registered`` is the lot of each asset, and ``counted`` the quantity of each lot less its reserve. If that is
    negative, goods that a count missed were moved on: they count in no other lot of the asset either. In a lot that an
    asset is linked to, it has what it brought there, at most what its registered lot gave away, and at most what is
    there. If several assets brought more than is there, each has its part in proportion, rounded down. What remains of
    a lot belongs to the asset that is registered as the lot.
    """
    own_links: dict[int, list[LotLink]] = {asset: [] for asset in registered}
    for link in links:
        own_links[link.asset_key].append(link)
    brought: dict[tuple[int, int], int] = {}
    parts: dict[tuple[int, int], int] = {}
    for asset, lot in registered.items():
        came = _brought(lot, own_links[asset], flows)
        brought.update({(asset, key): quantity for key, quantity in came.items()})
        rest = -came[lot] - sum(max(-counted.get(key, 0), 0) for key in came)
        for link in own_links[asset]:
            part = max(min(came[link.lot_key], counted.get(link.lot_key, 0), rest), 0)
            parts[asset, link.lot_key] = part
            rest -= part
    parts = _divided(parts, counted)
    taken: dict[int, int] = {}
    of_asset = dict.fromkeys(registered, 0)
    for (asset, lot), part in parts.items():
        taken[lot] = taken.get(lot, 0) + part
        of_asset[asset] += part
    for asset, lot in registered.items():
        of_asset[asset] += max(counted.get(lot, 0) - taken.get(lot, 0), 0)
    return Holdings(of_asset, brought)


def _brought(registered: int, links: Sequence[LotLink], flows: Sequence[Flow]) -> dict[int, int]:
    """Returns what came to each lot of an asset from its other lots, less what went back; negative for what it gave."""
    since = {registered: 0, **{link.lot_key: link.after_key for link in links}}
    came = dict.fromkeys(since, 0)
    for flow in flows:
        ends = (flow.from_lot, flow.to_lot)
        if all(lot in since and flow.movement_key >= since[lot] for lot in ends):
            came[flow.from_lot] -= flow.quantity
            came[flow.to_lot] += flow.quantity
    return came


def _divided(parts: Mapping[tuple[int, int], int], counted: Mapping[int, int]) -> dict[tuple[int, int], int]:
    """Reduces the parts in a lot in proportion if their sum exceeds what is there."""
    wanted: dict[int, int] = {}
    for (_, lot), part in parts.items():
        wanted[lot] = wanted.get(lot, 0) + part
    there = {lot: max(counted.get(lot, 0), 0) for lot in wanted}
    return {
        (asset, lot): part if wanted[lot] <= there[lot] else part * there[lot] // wanted[lot]
        for (asset, lot), part in parts.items()
    }
