"""Checks the members of a pool to be quoted: each exists or could be registered, and none is stated twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from collateral_registry.commands.findings.double_pledge import registered_as
from collateral_registry.commands.pipeline.stated_assets import checked_new_asset
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.findings.references import identities_of, is_same_thing
from collateral_registry.domain.shared.errors import AlreadyExists, located
from collateral_registry.store.assets.repository import StoredAsset, assets_of
from collateral_registry.store.engine.database import Connection
from valuation.errors import InvalidInput, check_all, joined


@dataclass(frozen=True)
class Member:
    """An asset of a pool. The key of a draft, which is not registered, is negative and rises with its place."""

    key: int
    asset: Asset


def checked_members(connection: Connection, members: Sequence[str | Asset], day: int) -> list[Member]:
    """Returns the members of a pool, each of them the id of an asset or a draft.

    Raises one InvalidInput that lists the violations of all drafts and the members that are stated twice, NotFound for
    an unknown id, and AlreadyExists for a draft that is registered.
    """
    ids = [one for one in members if isinstance(one, str)]
    stored = {row.asset.asset_id: row for row in assets_of(connection, [*dict.fromkeys(ids)])}
    found: dict[int, Member] = {}
    check_all(
        *(partial(_read, connection, at, one, stored, day, found, len(members)) for at, one in enumerate(members)),
        *(partial(_check_named_once, at, one, members) for at, one in enumerate(members)),
    )
    drafts = {at: member.asset for at, member in found.items() if member.key < 0}
    _check_drafts_once(drafts)
    for at, draft in drafts.items():
        _check_not_registered(connection, at, draft)
    return [found[at] for at in range(len(members))]


def place_of(at: int, field: str) -> str:
    """Returns the place of a member in the request."""
    return f"assets[{at}].{field}"


def _read(
    connection: Connection,
    at: int,
    member: str | Asset,
    stored: dict[str, StoredAsset],
    day: int,
    into: dict[int, Member],
    count: int,
) -> None:
    if isinstance(member, str):
        into[at] = Member(stored[member].key, stored[member].asset)
        return
    with located(place_of(at, "draft")):
        into[at] = Member(at - count, checked_new_asset(connection, member, day))


def _check_named_once(at: int, member: str | Asset, members: Sequence[str | Asset]) -> None:
    first = members.index(member) if isinstance(member, str) else at
    if first != at:
        raise InvalidInput(place_of(at, "name"), f"assets/{member}", f"each asset once: it is assets[{first}] already")


def _check_drafts_once(drafts: Mapping[int, Asset]) -> None:
    """Raises one InvalidInput for the drafts that are the same thing as an earlier one."""
    places: dict[object, list[int]] = {}
    twice = []
    for at, draft in drafts.items():
        shared = _comparable(draft)
        earlier = sorted({place for key in shared for place in places.get(key, [])})
        first = next((place for place in earlier if is_same_thing(draft, drafts[place])), None)
        if first is not None:
            want = f"each asset once: it is assets[{first}] already"
            twice.append(InvalidInput(place_of(at, "draft"), draft.identity[:80], want))
        for key in shared:
            places.setdefault(key, []).append(at)
    if twice:
        raise joined(twice)


def _comparable(draft: Asset) -> list[object]:
    """Returns forms of the numbers of a draft; two drafts that are the same thing share one of them."""
    numbers = [(one.kind, one.scope, one.writing) for one in identities_of(draft)]
    forms = [(kind, scope, form) for kind, scope, one in numbers for form in (one.skeleton, one.grouped)]
    return [draft.identity, *dict.fromkeys(forms)]


def _check_not_registered(connection: Connection, at: int, draft: Asset) -> None:
    holder = registered_as(connection, draft)
    if holder:
        with located(place_of(at, "draft")):
            raise AlreadyExists(draft.identity, holder)
