"""What inventory assets claim of a place, and what the warehouses say is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Float, case, cast, func, insert, select, true, update

from collateral_registry.domain.assets import Asset, Inventory, Status
from collateral_registry.domain.conservation import Claim, millionths_of
from collateral_registry.domain.facts import Int
from collateral_registry.domain.identities import folded
from collateral_registry.domain.lending import PledgeState
from collateral_registry.store.bulk import in_keys, listed_texts, text_rows
from collateral_registry.store.database import Write
from collateral_registry.store.documents import from_document
from collateral_registry.store.pledge_tables import HoldingRow
from collateral_registry.store.stock_tables import StockCountRow, StockLotRow, StockReserveRow, StockWarehouseRow
from collateral_registry.store.tables import AssetRevisionRow, AssetRow, InventoryRow, LoanRow, PledgeRow
from valuation.money import PPM

Place = tuple[str, str]
"""A warehouse, folded, and a good."""

BACKFILL_ROWS = 10_000


@dataclass(frozen=True)
class There:
    """What a warehouse says is there of a good: millionths of a unit, and what tells it; none tells nothing."""

    quantity: int
    unit: str
    told_by: str


def write_holding(connection: Connection, asset_key: int, asset: Asset) -> None:
    """Keeps the holding of an inventory asset; a quantity that merely moved leaves what was stated as it was."""
    if not isinstance(asset.detail, Inventory):
        return
    row = _row(asset.detail)
    stated = row.pop("stated")
    changed = connection.execute(update(HoldingRow).where(HoldingRow.asset_key == asset_key).values(**row))
    if not changed.rowcount:
        connection.execute(insert(HoldingRow).values(asset_key=asset_key, stated=stated, **row))


def state_holding(write: Write, asset_key: int, asset: Asset) -> None:
    """Takes the quantity of an asset for what its owner states."""
    if isinstance(asset.detail, Inventory):
        values = {"stated": millionths_of(asset.detail.quantity)}
        write.connection.execute(update(HoldingRow).where(HoldingRow.asset_key == asset_key).values(**values))


def lower_statement(write: Write, asset_key: int, taken: int) -> None:
    """Takes from what an asset states the millionths that left by authorisation."""
    left = case((HoldingRow.stated > taken, HoldingRow.stated - taken), else_=0)
    write.connection.execute(update(HoldingRow).where(HoldingRow.asset_key == asset_key).values(stated=left))


def quantity_of(connection: Connection, asset_key: int) -> int:
    """The quantity of an inventory asset, in millionths of its unit."""
    statement = select(HoldingRow.quantity).where(HoldingRow.asset_key == asset_key)
    return int(connection.execute(statement).scalar_one())


def places_of_assets(connection: Connection, asset_keys: Int | None) -> list[Place]:
    """The places of the assets, each once, in order; no keys means every asset."""
    statement = (
        select(HoldingRow.place, HoldingRow.good)
        .where(in_keys(connection, HoldingRow.asset_key, asset_keys))
        .distinct()
        .order_by(HoldingRow.place, HoldingRow.good)
    )
    return [(row[0], row[1]) for row in connection.execute(statement)]


def claimed_places_of_lots(connection: Connection, lot_keys: Int) -> list[Place]:
    """Those of the places of lots of which an asset claims something, each once, in order."""
    wanted = in_keys(connection, StockLotRow.lot_key, lot_keys)
    statement = select(StockLotRow.warehouse, StockLotRow.good).where(wanted).distinct()
    places = {(folded(row[0]), row[1]) for row in connection.execute(statement)}
    names = text_rows(connection.dialect.name)
    held = select(HoldingRow.place, HoldingRow.good).where(HoldingRow.place.in_(select(names.c.value))).distinct()
    named = {"texts": listed_texts(sorted({place for place, _ in places}))}
    return sorted(places & {(row[0], row[1]) for row in connection.execute(held, named)})


def claims_at(connection: Connection, place: Place) -> list[Claim]:
    """What the assets of a place that are not retired claim, with the loans that hold them, in order of the assets."""
    here = (HoldingRow.place == place[0], HoldingRow.good == place[1])
    pledged = _pledged_ppm(PledgeRow.asset_key.in_(select(HoldingRow.asset_key).where(*here)))
    statement = (
        select(HoldingRow.__table__, AssetRow.asset_id, func.coalesce(pledged.c.ppm, 0).label("ppm"))
        .join(AssetRow, AssetRow.asset_key == HoldingRow.asset_key)
        .outerjoin(pledged, pledged.c.asset_key == HoldingRow.asset_key)
        .where(*here, AssetRow.status != int(Status.RETIRED))
        .order_by(HoldingRow.asset_key)
    )
    rows = connection.execute(statement).all()
    holders = _holders(connection, np.array([row.asset_key for row in rows], dtype=np.int64))
    return [
        Claim(
            asset_key=row.asset_key,
            asset_id=row.asset_id,
            unit=row.unit,
            quantity=row.quantity,
            stated=row.stated,
            receipted=bool(row.receipted),
            pledged_ppm=row.ppm,
            holders=holders.get(row.asset_key, ""),
        )
        for row in rows
    ]


def spellings_of(connection: Connection, place: str) -> list[str]:
    """The warehouses that speak of themselves by this name, however they write it."""
    told = connection.execute(select(StockWarehouseRow.warehouse)).scalars()
    return sorted(name for name in told if folded(name) == place)


def there_at(connection: Connection, place: Place) -> list[There]:
    """What is there by the unit it is told in: lots less their reserves, else the last counts; none tells nothing.

    Where a feed tells, a lot that only a count has found does not count: the smaller figure does.
    """
    fed = StockLotRow.quantity - func.coalesce(StockReserveRow.quantity, 0)
    last_count = (
        select(StockCountRow.counted)
        .where(StockCountRow.lot_key == StockLotRow.lot_key)
        .order_by(StockCountRow.counted_us.desc(), StockCountRow.count_key.desc())
        .limit(1)
        .scalar_subquery()
    )
    quantity = case((StockLotRow.version > 0, fed), else_=func.coalesce(last_count, fed))
    told_by = case((StockLotRow.version > 0, "feed"), else_="count")
    each = (
        select(StockLotRow.unit, told_by.label("told_by"), quantity.label("quantity"))
        .outerjoin(StockReserveRow, StockReserveRow.lot_key == StockLotRow.lot_key)
        .where(StockLotRow.warehouse.in_(spellings_of(connection, place[0])), StockLotRow.good == place[1])
        .subquery()
    )
    positive = func.sum(case((each.c.quantity > 0, each.c.quantity), else_=0))
    statement = select(each.c.unit, each.c.told_by, positive).group_by(each.c.unit, each.c.told_by)
    sums = {(unit, by): int(millionths) for unit, by, millionths in connection.execute(statement)}
    by_feed = {key: quantity for key, quantity in sums.items() if key[1] == "feed"}
    return [There(quantity, unit, by) for (unit, by), quantity in sorted((by_feed or sums).items())]


def write_counted(write: Write, rows: Sequence[dict[str, Any]]) -> Int:
    """Writes counted share and flags of lots where they differ; returns the keys of the assets that changed."""
    keys = np.array([row["asset_key"] for row in rows], dtype=np.int64)
    statement = select(InventoryRow.asset_key, InventoryRow.counted_share, InventoryRow.stock_quality)
    found = write.connection.execute(statement.where(in_keys(write.connection, InventoryRow.asset_key, keys)))
    before = {row[0]: (row[1], row[2]) for row in found}
    changed = [row for row in rows if before.get(row["asset_key"]) != (row["counted_share"], row["stock_quality"])]
    for row in changed:
        own = InventoryRow.asset_key == row["asset_key"]
        values = {"counted_share": row["counted_share"], "stock_quality": row["stock_quality"]}
        write.connection.execute(update(InventoryRow).where(own).values(**values))
    return np.array([row["asset_key"] for row in changed], dtype=np.int64)


def write_missing_holdings(connection: Connection) -> None:
    """Writes the holdings of inventory assets that were brought in without them."""
    newest = (AssetRevisionRow.asset_key == AssetRow.asset_key) & (AssetRevisionRow.revision == AssetRow.revision)
    has = select(HoldingRow.asset_key).where(HoldingRow.asset_key == InventoryRow.asset_key).exists()
    statement = (
        select(AssetRow.asset_key, AssetRevisionRow.document)
        .join(InventoryRow, InventoryRow.asset_key == AssetRow.asset_key)
        .join(AssetRevisionRow, newest)
        .where(~has)
        .limit(BACKFILL_ROWS)
    )
    while rows := connection.execute(statement).all():
        found = [(row[0], from_document(Asset, row[1]).detail) for row in rows]
        values = [{"asset_key": key, **_row(lot)} for key, lot in found if isinstance(lot, Inventory)]
        connection.execute(insert(HoldingRow), values)


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


def _pledged_ppm(among: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a subquery
    """The share of each of those assets that is pledged: the largest sum of the shares at one rank."""
    at_rank = (
        select(PledgeRow.asset_key, PledgeRow.rank, func.sum(PledgeRow.share_ppm).label("ppm"))
        .where(PledgeRow.state == int(PledgeState.ACTIVE), among)
        .group_by(PledgeRow.asset_key, PledgeRow.rank)
        .subquery()
    )
    return select(at_rank.c.asset_key, func.max(at_rank.c.ppm).label("ppm")).group_by(at_rank.c.asset_key).subquery()


def _holders(connection: Connection, asset_keys: Int) -> dict[int, str]:
    statement = (
        select(PledgeRow.asset_key, LoanRow.loan_id)
        .join(LoanRow, LoanRow.loan_key == PledgeRow.loan_key)
        .where(PledgeRow.state == int(PledgeState.ACTIVE), in_keys(connection, PledgeRow.asset_key, asset_keys))
        .order_by(LoanRow.loan_id)
    )
    found: dict[int, str] = {}
    for key, loan_id in connection.execute(statement):
        found[key] = f"{found[key]}, loans/{loan_id}" if key in found else f"loans/{loan_id}"
    return found


def places_over_pledged(connection: Connection) -> list[Place]:
    """Places where claims may exceed what is there, by sums over the whole book; to be weighed exactly.

    A place told in several units is always among them, and so is one that was short before.
    """
    pledged = _pledged_ppm(true())
    part = cast(HoldingRow.quantity, Float) * func.coalesce(pledged.c.ppm, 0) / PPM
    claim = case((HoldingRow.receipted > 0, cast(HoldingRow.stated, Float)), else_=part)
    statement = (
        select(HoldingRow.place, HoldingRow.good, HoldingRow.unit, func.sum(claim).label("claimed"))
        .join(AssetRow, AssetRow.asset_key == HoldingRow.asset_key)
        .outerjoin(pledged, pledged.c.asset_key == HoldingRow.asset_key)
        .where(AssetRow.status != int(Status.RETIRED))
        .group_by(HoldingRow.place, HoldingRow.good, HoldingRow.unit)
    )
    claimed = {(row[0], row[1], row[2]): row[3] or 0.0 for row in connection.execute(statement)}
    there: dict[tuple[str, str, str], float] = {}
    lots = select(StockLotRow.warehouse, StockLotRow.good, StockLotRow.unit, func.sum(StockLotRow.quantity))
    for warehouse, good, unit, quantity in connection.execute(
        lots.group_by(StockLotRow.warehouse, StockLotRow.good, StockLotRow.unit)
    ):
        key = (folded(warehouse), good, unit)
        there[key] = there.get(key, 0.0) + float(quantity)
    told = {key[:2] for key in there}
    short = {key[:2] for key, sum_ in claimed.items() if key[:2] in told and sum_ > there.get(key, 0.0)}
    return sorted(short | _places_cut(connection) | _places_reserved(connection))


def _places_cut(connection: Connection) -> set[Place]:
    """Places with a lot of which not everything counts."""
    statement = (
        select(HoldingRow.place, HoldingRow.good)
        .join(InventoryRow, InventoryRow.asset_key == HoldingRow.asset_key)
        .where(InventoryRow.counted_share < 1.0)
        .distinct()
    )
    return {(row[0], row[1]) for row in connection.execute(statement)}


def _places_reserved(connection: Connection) -> set[Place]:
    """Places with a lot of which something is reserved, or that was only counted."""
    reserved = select(StockReserveRow.lot_key).where(StockReserveRow.quantity > 0)
    wanted = StockLotRow.lot_key.in_(reserved) | (StockLotRow.version == 0)
    statement = select(StockLotRow.warehouse, StockLotRow.good).where(wanted).distinct()
    return {(folded(row[0]), row[1]) for row in connection.execute(statement)}
