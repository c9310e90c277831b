"""Stores the claims of inventory assets on a good in a warehouse, and reads the stock available there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Select,
    Subquery,
    Text,
    case,
    cast,
    func,
    insert,
    select,
    true,
    update,
)

from collateral_registry.domain.assets.kinds import Asset, Inventory, Status
from collateral_registry.domain.findings.over_pledging import Claim, millionths_of
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.loans.agreements import PledgeState
from collateral_registry.store.engine.asset_documents import asset_from_document
from collateral_registry.store.engine.bulk import ColumnUpdate, read_keys, summed, wide_sum
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, RecordSet, is_one_of
from collateral_registry.store.engine.rows import from_row
from collateral_registry.store.schema.assets import IS_NEWEST_OF_ASSET, AssetRevisionRow, AssetRow, InventoryRow
from collateral_registry.store.schema.loans import LoanRow, PledgeRow
from collateral_registry.store.schema.stock import (
    LOT_IDENTITY,
    PlaceClaimRow,
    StockCountRow,
    StockLotRow,
    StockReserveRow,
    StockWarehouseRow,
)
from collateral_registry.store.stock.counts import COUNTED_OF_GOOD, IS_COMPARABLE
from collateral_registry.store.stock.lot_links import holdings_of
from valuation._typing import Int
from valuation.money import PPM

Place = tuple[str, str]
"""Folded name of a warehouse, and a good."""

BACKFILL_ROWS = 10_000


@dataclass(frozen=True)
class Available:
    """The available quantity of a good in millionths of a unit, and its source: ``feed`` or ``count``."""

    quantity: int
    unit: str
    source: str


@dataclass
class ReportedStock:
    """Reported stock of one place: its sums by unit and source, and the quantity that feeds report for each asset."""

    sums: dict[tuple[str, str], int] = field(default_factory=dict)
    of_assets: dict[int, Available] = field(default_factory=dict)

    def add(self, available: Available, asset_key: int) -> None:
        """Adds the quantity of the lot registered as this asset, or of lots without an asset if the key is 0."""
        key = (available.unit, available.source)
        self.sums[key] = self.sums.get(key, 0) + available.quantity
        if asset_key and available.source == "feed":
            self.of_assets[asset_key] = available

    def replace(self, asset_key: int, quantity: int) -> None:
        """Sets the quantity of an asset that has goods in several lots, if it is here."""
        if asset_key in self.of_assets:
            self.of_assets[asset_key] = replace(self.of_assets[asset_key], quantity=quantity)

    @property
    def available(self) -> list[Available]:
        """The available quantities: those that feeds report, or the counted quantities if no feed reports any."""
        by_feed = {key: quantity for key, quantity in self.sums.items() if key[1] == "feed"}
        return [Available(quantity, unit, by) for (unit, by), quantity in sorted((by_feed or self.sums).items())]


def write_claim(connection: Connection, asset_key: int, asset: Asset) -> None:
    """Stores the claim of an inventory asset; an existing claim keeps its declared quantity."""
    if not isinstance(asset.detail, Inventory):
        return
    row = _row(asset.detail)
    stated = row.pop("stated")
    changed = connection.execute(update(PlaceClaimRow).where(PlaceClaimRow.asset_key == asset_key).values(**row))
    if not changed.rowcount:
        connection.execute(insert(PlaceClaimRow).values(asset_key=asset_key, stated=stated, **row))


def set_declared(write: Write, asset_key: int, asset: Asset) -> None:
    """Sets the declared quantity of an asset to its present quantity."""
    if isinstance(asset.detail, Inventory):
        values = {"stated": millionths_of(asset.detail.quantity)}
        write.connection.execute(update(PlaceClaimRow).where(PlaceClaimRow.asset_key == asset_key).values(**values))


def reduce_declared(write: Write, asset_key: int, taken: int) -> None:
    """Subtracts the ``taken`` millionths that left under a pick-up from an asset's declared quantity, down to 0."""
    left = case((PlaceClaimRow.stated > taken, PlaceClaimRow.stated - taken), else_=0)
    write.connection.execute(update(PlaceClaimRow).where(PlaceClaimRow.asset_key == asset_key).values(stated=left))


def quantity_of(connection: Connection, asset_key: int) -> int:
    """Returns the quantity of an inventory asset in millionths of its unit."""
    statement = select(PlaceClaimRow.quantity).where(PlaceClaimRow.asset_key == asset_key)
    return int(connection.execute(statement).scalar_one())


def places_of_assets(connection: Connection, asset_keys: Int) -> list[Place]:
    """Returns the sorted distinct places of the assets."""
    return [(row[0], row[1]) for row in connection.execute(_PLACES_OF_ASSETS, {"keys": asset_keys})]


_PLACES_OF_ASSETS = (
    select(PlaceClaimRow.place, PlaceClaimRow.good)
    .where(is_one_of(PlaceClaimRow.asset_key, KEYS))
    .distinct()
    .order_by(PlaceClaimRow.place, PlaceClaimRow.good)
)


def places_of_lots(connection: Connection, lot_keys: Int) -> dict[int, Place]:
    """Returns the place of each lot."""
    rows = connection.execute(_PLACES_OF_LOTS, {"keys": lot_keys}).all()
    names = {name: folded(name) for name in {row.warehouse for row in rows}}
    return {row.lot_key: (names[row.warehouse], row.good) for row in rows}


_PLACES_OF_LOTS = select(StockLotRow.lot_key, StockLotRow.warehouse, StockLotRow.good).where(
    is_one_of(StockLotRow.lot_key, KEYS)
)


def assets_at(connection: Connection, place: Place) -> Int:
    """Returns the assets with a claim at a place."""
    at_place = (PlaceClaimRow.place == place[0], PlaceClaimRow.good == place[1])
    return read_keys(connection, select(PlaceClaimRow.asset_key).where(*at_place).order_by(PlaceClaimRow.asset_key))


def claimed_among(connection: Connection, places: Collection[Place]) -> set[Place]:
    """Returns the places among ``places`` at which an asset has a claim."""
    claimed = connection.execute(_CLAIMED, {"texts": {place for place, _ in places}})
    return {(row[0], row[1]) for row in claimed}.intersection(places)


_CLAIMED = select(PlaceClaimRow.place, PlaceClaimRow.good).where(is_one_of(PlaceClaimRow.place, TEXTS)).distinct()


def claims_at(connection: Connection, places: Sequence[Place]) -> dict[Place, list[Claim]]:
    """Returns the claims of assets that are not retired, with their loans, ordered by asset key, for each place.

    The given places must be distinct; places without claims are omitted.
    """
    rows = connection.execute(_CLAIMS, {"records": places, "texts": {place for place, _ in places}}).all()
    keys = [row.asset_key for row in rows]
    holders, pledged = _holders(connection, keys), _pledged_ppm_of(connection, keys)
    found: dict[Place, list[Claim]] = {}
    for row in rows:
        claim = from_row(
            Claim,
            row,
            receipted=bool(row.receipted),
            pledged_ppm=pledged.get(row.asset_key, 0),
            holders=holders.get(row.asset_key, ""),
            reported=None,
        )
        found.setdefault((row.place, row.good), []).append(claim)
    return found


_PLACES = RecordSet({"place": Text, "good": Text}).rows

_CLAIMS = (
    select(PlaceClaimRow.__table__, AssetRow.asset_id)
    .join_from(
        _PLACES, PlaceClaimRow, (PlaceClaimRow.place == _PLACES.c.place) & (PlaceClaimRow.good == _PLACES.c.good)
    )
    .join(AssetRow, AssetRow.asset_key == PlaceClaimRow.asset_key)
    # The names are repeated, because PostgreSQL cannot estimate how many records a JSON list has.
    .where(AssetRow.status != int(Status.RETIRED), is_one_of(PlaceClaimRow.place, TEXTS))
    .order_by(PlaceClaimRow.asset_key)
)


_WAREHOUSES = select(StockWarehouseRow.warehouse)
"""The warehouses that have reported or been counted."""


def spellings_of(connection: Connection, places: Collection[str]) -> dict[str, list[str]]:
    """Returns, by folded name, the sorted spellings of each warehouse that has reported or been counted."""
    found: dict[str, list[str]] = {place: [] for place in places}
    for name in sorted(connection.execute(_WAREHOUSES).scalars()):
        if (place := folded(name)) in found:
            found[place].append(name)
    return found


def reported_stock_at(connection: Connection, places: Collection[Place]) -> dict[Place, ReportedStock]:
    """Returns the reported stock of each place: lots less their reserves, or last counts for lots without a feed.

    Places without any lot are omitted. The sums and the quantities of single assets are read by one statement,
    because stock may change between two statements.
    """
    spellings = spellings_of(connection, {place for place, _ in places})
    lots_at = [(warehouse, good) for place, good in places for warehouse in spellings[place]]
    named = {"records": lots_at, "texts": {warehouse for warehouse, _ in lots_at}}
    found: dict[Place, ReportedStock] = {}
    for warehouse, good, unit, source, key, *sums in connection.execute(_AVAILABLE, named):
        reported = found.setdefault((folded(warehouse), good), ReportedStock())
        reported.add(Available(summed(*sums), unit, source), key)
    assets = np.array(sorted({key for reported in found.values() for key in reported.of_assets}), dtype=np.int64)
    for key, quantity in holdings_of(connection, assets, assets[:0]).of_asset.items():
        for reported in found.values():
            reported.replace(key, quantity)
    return found


def _available() -> Select[Any]:
    """Selects available quantities as sums of ``wide_sum`` by warehouse, good, unit, source and asset (0 for none)."""
    here = RecordSet({"warehouse": Text, "good": Text}).rows
    fed = StockLotRow.quantity - func.coalesce(StockReserveRow.quantity, 0)
    last_count = (
        select(COUNTED_OF_GOOD)
        .where(StockCountRow.lot_key == StockLotRow.lot_key, IS_COMPARABLE)
        .order_by(StockCountRow.counted_us.desc(), StockCountRow.count_key.desc())
        .limit(1)
        .correlate(StockLotRow)
        .scalar_subquery()
    )
    # A lot of version 0 was opened by a count, and no feed has reported it.
    quantity = case((StockLotRow.version > 0, fed), else_=func.coalesce(last_count, fed))
    source = case((StockLotRow.version > 0, "feed"), else_="count")
    asset_key = func.coalesce(AssetRow.asset_key, 0)
    lot = (StockLotRow.warehouse, StockLotRow.good, StockLotRow.unit)
    each = (
        select(*lot, source.label("source"), asset_key.label("asset_key"), quantity.label("quantity"))
        .join_from(here, StockLotRow, (StockLotRow.warehouse == here.c.warehouse) & (StockLotRow.good == here.c.good))
        .outerjoin(StockReserveRow, StockReserveRow.lot_key == StockLotRow.lot_key)
        .outerjoin(AssetRow, AssetRow.identity == LOT_IDENTITY)
        .where(is_one_of(StockLotRow.warehouse, TEXTS))
        .subquery()
    )
    by = (each.c.warehouse, each.c.good, each.c.unit, each.c.source, each.c.asset_key)
    # A lot with a negative quantity must not reduce the sum of the others.
    positive = wide_sum("quantity", case((each.c.quantity > 0, each.c.quantity), else_=0))
    return select(*by, *positive).group_by(*by)


_AVAILABLE = _available()


def write_counted(write: Write, rows: Sequence[dict[str, Any]]) -> Int:
    """Stores counted shares and quality flags that differ from the stored ones; returns the changed assets' keys."""
    stored = write.connection.execute(_COUNTED, {"keys": [row["asset_key"] for row in rows]})
    before = {row[0]: (row[1], row[2]) for row in stored}
    changed = [row for row in rows if before.get(row["asset_key"]) != (row["counted_share"], row["stock_quality"])]
    names = ("asset_key", "counted_share", "stock_quality")
    keys, shares, qualities = ([row[name] for row in changed] for name in names)
    _SET_COUNTED.run(write.connection, keys, shares, qualities)
    return np.array(keys, dtype=np.int64)


_COUNTED = select(InventoryRow.asset_key, InventoryRow.counted_share, InventoryRow.stock_quality).where(
    is_one_of(InventoryRow.asset_key, KEYS)
)
_SET_COUNTED = ColumnUpdate(InventoryRow, "asset_key", ("counted_share", "stock_quality"))


def write_missing_claims(connection: Connection) -> None:
    """Stores the missing claims of inventory assets that were imported in bulk."""
    has = select(PlaceClaimRow.asset_key).where(PlaceClaimRow.asset_key == InventoryRow.asset_key).exists()
    statement = (
        select(AssetRow.asset_key, AssetRevisionRow.document)
        .join(InventoryRow, InventoryRow.asset_key == AssetRow.asset_key)
        .join(AssetRevisionRow, IS_NEWEST_OF_ASSET)
        .where(~has)
        .limit(BACKFILL_ROWS)
    )
    while rows := connection.execute(statement).all():
        found = [(row[0], asset_from_document(row[1]).detail) for row in rows]
        values = [{"asset_key": key, **_row(lot)} for key, lot in found if isinstance(lot, Inventory)]
        connection.execute(insert(PlaceClaimRow), values)


def _row(lot: Inventory) -> dict[str, Any]:
    quantity = millionths_of(lot.quantity)
    return {
        "place": folded(lot.warehouse),
        "good": lot.good,
        "unit": lot.unit,
        "quantity": quantity,
        "stated": quantity,
        "receipted": int(bool(lot.receipt_number.strip())),
    }


def _pledged_ppm(condition: ColumnElement[bool]) -> Subquery:
    """Selects the pledged share of each asset in ppm.

    The shares of the active pledges of each rank are added up; the largest of these sums is the pledged share.
    """
    # Shares of the same rank add up. Ranks overlap, because a lower rank claims what the higher ranks leave.
    at_rank = (
        select(PledgeRow.asset_key, PledgeRow.rank, func.sum(PledgeRow.share_ppm).label("ppm"))
        .where(PledgeRow.state == int(PledgeState.ACTIVE), condition)
        .group_by(PledgeRow.asset_key, PledgeRow.rank)
        .subquery()
    )
    return select(at_rank.c.asset_key, func.max(at_rank.c.ppm).label("ppm")).group_by(at_rank.c.asset_key).subquery()


def _pledged_ppm_of(connection: Connection, asset_keys: Sequence[int]) -> dict[int, int]:
    """Returns the pledged share in ppm of each asset that has an active pledge, by asset."""
    return {row[0]: int(row[1]) for row in connection.execute(_PLEDGED_SHARES, {"keys": asset_keys})}


_PLEDGED_SHARES: Select[Any] = select(_pledged_ppm(is_one_of(PledgeRow.asset_key, KEYS)))


def _holders(connection: Connection, asset_keys: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for key, loan_id in connection.execute(_LOANS_ON, {"keys": asset_keys}):
        found[key] = f"{found[key]}, loans/{loan_id}" if key in found else f"loans/{loan_id}"
    return found


_LOANS_ON = (
    select(PledgeRow.asset_key, LoanRow.loan_id)
    .join(LoanRow, LoanRow.loan_key == PledgeRow.loan_key)
    .where(PledgeRow.state == int(PledgeState.ACTIVE), is_one_of(PledgeRow.asset_key, KEYS))
    .order_by(LoanRow.loan_id)
)


def places_over_pledged(connection: Connection) -> list[Place]:
    """Returns the places where claims may exceed the stock; each place still needs an exact check.

    Claims and stock are compared as sums over the whole book. Places with a reduced or
    reserved lot are always included. In this comparison, stock covers only claims in its own unit.
    """
    pledged = _pledged_ppm(true())
    part = cast(PlaceClaimRow.quantity, Float) * func.coalesce(pledged.c.ppm, 0) / PPM
    claim = case((PlaceClaimRow.receipted > 0, cast(PlaceClaimRow.stated, Float)), else_=part)
    statement = (
        select(PlaceClaimRow.place, PlaceClaimRow.good, PlaceClaimRow.unit, func.sum(claim).label("claimed"))
        .join(AssetRow, AssetRow.asset_key == PlaceClaimRow.asset_key)
        .outerjoin(pledged, pledged.c.asset_key == PlaceClaimRow.asset_key)
        .where(AssetRow.status != int(Status.RETIRED))
        .group_by(PlaceClaimRow.place, PlaceClaimRow.good, PlaceClaimRow.unit)
    )
    claimed = {(row[0], row[1], row[2]): row[3] or 0.0 for row in connection.execute(statement)}
    stock: dict[tuple[str, str, str], float] = {}
    lots = select(StockLotRow.warehouse, StockLotRow.good, StockLotRow.unit, func.sum(StockLotRow.quantity))
    for warehouse, good, unit, quantity in connection.execute(
        lots.group_by(StockLotRow.warehouse, StockLotRow.good, StockLotRow.unit)
    ):
        key = (folded(warehouse), good, unit)
        stock[key] = stock.get(key, 0.0) + float(quantity)
    reported = {key[:2] for key in stock}
    short = {key[:2] for key, sum_ in claimed.items() if key[:2] in reported and sum_ > stock.get(key, 0.0)}
    return sorted(short | _places_reduced(connection) | _places_reserved(connection))


def _places_reduced(connection: Connection) -> set[Place]:
    """Returns the places that hold a lot whose counted share is below 1."""
    statement = (
        select(PlaceClaimRow.place, PlaceClaimRow.good)
        .join(InventoryRow, InventoryRow.asset_key == PlaceClaimRow.asset_key)
        .where(InventoryRow.counted_share < 1.0)
        .distinct()
    )
    return {(place, good) for place, good in connection.execute(statement)}


def _places_reserved(connection: Connection) -> set[Place]:
    """Returns the places that hold a lot with a reserve, or a lot known only from a count."""
    reserved = select(StockReserveRow.lot_key).where(StockReserveRow.quantity > 0)
    chosen = StockLotRow.lot_key.in_(reserved) | (StockLotRow.version == 0)
    statement = select(StockLotRow.warehouse, StockLotRow.good).where(chosen).distinct()
    return {(folded(row[0]), row[1]) for row in connection.execute(statement)}
